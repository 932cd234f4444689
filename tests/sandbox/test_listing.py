"""Pages, order, cursors and scope words."""

import base64
import json
from typing import Any

import pytest

from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from tests.sandbox.talk import Talk, new_event

pytestmark = pytest.mark.anyio


async def page(talk: Talk, **body: object) -> tuple[list[str], dict[str, Any]]:
    content = (await talk.answer("POST", "/events", body)).json()
    return [event["event"] for event in content["result"]], content["result_info"]


async def test_cursors_walk_every_event_once_in_order(talk: Talk) -> None:
    # Pairs share a date, so that the uuid has to break ties.
    bodies = [{**new_event(event=f"event {n}"), "date": f"2026-11-{1 + n // 2:02}T00:00:00Z"} for n in range(25)]
    load_records(
        talk.store, [EventRecord(ref=str(n), dataset="Walk", body=dict(body)) for n, body in enumerate(bodies)]
    )
    seen, info = await page(talk, datasetId=["all"], pageSize=4)
    assert info.keys() == {"count", "per_page", "cursor"}
    while info["cursor"]:
        more, info = await page(talk, cursor=info["cursor"], pageSize=4)
        seen += more
    assert len(seen) == 25
    assert seen == await talk.found()
    assert sorted(seen) == sorted(f"event {n}" for n in range(25))


@pytest.mark.parametrize("order_by", ["attacker", "killChain", "event", "createdAt", "tlp", "indicatorTypeId"])
async def test_a_cursor_follows_any_order(talk: Talk, order_by: str) -> None:
    await talk.event(event="b", attacker="B", category="Campaign", tlp="red")
    await talk.event(event="none")
    await talk.event(event="a", attacker="A", category="DDoS", tlp="clear")
    whole, _ = await page(talk, orderBy=order_by, order="asc")
    first, info = await page(talk, orderBy=order_by, order="asc", pageSize=2)
    rest, _ = await page(talk, cursor=info["cursor"])
    assert first + rest == whole
    assert (await page(talk, orderBy=order_by, order="desc"))[0] == whole[::-1]


async def test_a_cursor_shows_both_copies_of_an_event_in_two_datasets(talk: Talk) -> None:
    made = await talk.event()
    other = await talk.dataset("Other")
    body = {"destDatasetId": other, "eventIds": [made["uuid"]]}
    await talk("POST", f"/events/dataset/{made['datasetId']}/copy", body)
    first, info = await page(talk, datasetId=["all"], pageSize=1)
    second, info = await page(talk, cursor=info["cursor"], pageSize=1)
    assert (len(first), len(second), info["cursor"]) == (1, 1, None)


async def test_pages_are_numbered_from_one(talk: Talk) -> None:
    for number in range(3):
        await talk.event(event=f"event {number}", date=f"2026-11-0{number + 1}T00:00:00Z")
    assert await page(talk, page=2, pageSize=2) == (
        ["event 0"],
        {"count": 1, "page": 2, "per_page": 2, "cursor": None},
    )


async def test_a_cursor_stands_alone(talk: Talk) -> None:
    await talk.event()
    await talk.event()
    cursor = (await page(talk, pageSize=1))[1]["cursor"]
    search = [{"field": "tlp", "op": "equals", "value": "red"}]
    says = await talk("POST", "/events", {"cursor": cursor, "search": search}, status=400)
    assert says.startswith("CursorFilterConflictError: cursor carries its filters, so search cannot stand beside it")
    assert "orderBy" in await talk("GET", "/events", cursor=cursor, orderBy="date", status=400)


def forged(**content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "%%%",
        forged(),
        forged(version=2, position={}, filters={}),
        forged(version=1, position={"date": "2026-11-01T00:00:00.000Z"}, filters={}),
        forged(version=1, position={"date": [], "uuid": "x", "number": 1}, filters={}),
        forged(version=1, position={"date": "x", "uuid": "x", "number": 1}, filters={"order": "up"}),
        forged(version=1, position={"date": "x", "uuid": "x", "number": 1}, filters={"datasetId": ["gone"]}),
    ],
)
async def test_a_foreign_cursor_is_refused(talk: Talk, cursor: str) -> None:
    assert (await talk("GET", "/events", cursor=cursor, status=400)).startswith("InvalidCursorError: ")


async def test_scope_words_reach_what_they_name(talk: Talk) -> None:
    await talk.event(event="default")
    other = await talk.dataset("Other")
    await talk.event(event="other", datasetId=other)
    telemetry = talk.store.add_dataset("Telemetry", is_analytics=True).uuid
    await talk.event(event="telemetry", datasetId=telemetry)

    async def found(*datasets: str) -> set[str]:
        return {event["event"] for event in await talk("GET", "/events", datasetId=list(datasets))}

    assert await found() == {"default"}
    assert await found("all") == await found("*") == {"default", "other", "telemetry"}
    assert await found("operational") == {"default", "other"}
    assert await found("analytics") == {"telemetry"}
    assert await found(other, telemetry) == await found(f"{other},{telemetry}") == {"other", "telemetry"}


async def test_more_than_fifty_datasets_are_too_many(talk: Talk) -> None:
    for number in range(50):
        await talk.dataset(f"Dataset {number}")
    assert "reaches 51 datasets; at most 50" in await talk("GET", "/events", datasetId="all", status=400)
