"""Pages, orders, cursors and scope words."""

import base64
import json
from typing import Any

import pytest

from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from tests.sandbox.api_client import ApiClient, event_body

pytestmark = pytest.mark.anyio


async def list_page(api: ApiClient, **body: object) -> tuple[list[str], dict[str, Any]]:
    content = (await api.send("POST", "/events", body)).json()
    return [event["event"] for event in content["result"]], content["result_info"]


async def test_cursors_return_every_event_once_in_order(api: ApiClient) -> None:
    # Pairs share a date, so that the uuid has to break ties.
    bodies = [{**event_body(event=f"event {n}"), "date": f"2026-11-{1 + n // 2:02}T00:00:00Z"} for n in range(25)]
    load_records(
        api.database, [EventRecord(ref=str(n), dataset="Walk", body=dict(body)) for n, body in enumerate(bodies)]
    )
    seen, info = await list_page(api, datasetId=["all"], pageSize=4)
    assert info.keys() == {"count", "per_page", "cursor"}
    while info["cursor"]:
        more, info = await list_page(api, cursor=info["cursor"], pageSize=4)
        seen += more
    assert len(seen) == 25
    assert seen == await api.search()
    assert sorted(seen) == sorted(f"event {n}" for n in range(25))


@pytest.mark.parametrize("order_by", ["attacker", "killChain", "event", "createdAt", "tlp", "indicatorTypeId"])
async def test_cursors_work_with_any_order(api: ApiClient, order_by: str) -> None:
    await api.create_event(event="b", attacker="B", category="Campaign", tlp="red")
    await api.create_event(event="none")
    await api.create_event(event="a", attacker="A", category="DDoS", tlp="clear")
    whole, _ = await list_page(api, orderBy=order_by, order="asc")
    first, info = await list_page(api, orderBy=order_by, order="asc", pageSize=2)
    rest, _ = await list_page(api, cursor=info["cursor"])
    assert first + rest == whole
    assert (await list_page(api, orderBy=order_by, order="desc"))[0] == whole[::-1]


async def test_cursors_return_both_copies_of_an_event_in_two_datasets(api: ApiClient) -> None:
    created = await api.create_event()
    other = await api.create_dataset("Other")
    body = {"destDatasetId": other, "eventIds": [created["uuid"]]}
    await api("POST", f"/events/dataset/{created['datasetId']}/copy", body)
    first, info = await list_page(api, datasetId=["all"], pageSize=1)
    second, info = await list_page(api, cursor=info["cursor"], pageSize=1)
    assert (len(first), len(second), info["cursor"]) == (1, 1, None)


async def test_pages_are_numbered_from_one(api: ApiClient) -> None:
    for number in range(3):
        await api.create_event(event=f"event {number}", date=f"2026-11-0{number + 1}T00:00:00Z")
    assert await list_page(api, page=2, pageSize=2) == (
        ["event 0"],
        {"count": 1, "page": 2, "per_page": 2, "cursor": None},
    )


async def test_filters_beside_a_cursor_are_rejected(api: ApiClient) -> None:
    await api.create_event()
    await api.create_event()
    cursor = (await list_page(api, pageSize=1))[1]["cursor"]
    search = [{"field": "tlp", "op": "equals", "value": "red"}]
    message = await api("POST", "/events", {"cursor": cursor, "search": search}, status=400)
    assert message.startswith(
        "CursorFilterConflictError: the cursor contains the filters, so search cannot be sent with it"
    )
    assert "orderBy" in await api("GET", "/events", cursor=cursor, orderBy="date", status=400)


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
async def test_a_cursor_of_another_origin_is_rejected(api: ApiClient, cursor: str) -> None:
    assert (await api("GET", "/events", cursor=cursor, status=400)).startswith("InvalidCursorError: ")


async def test_scope_words_select_their_datasets(api: ApiClient) -> None:
    await api.create_event(event="default")
    other = await api.create_dataset("Other")
    await api.create_event(event="other", datasetId=other)
    telemetry = api.database.add_dataset("Telemetry", is_analytics=True).uuid
    await api.create_event(event="telemetry", datasetId=telemetry)

    async def found(*datasets: str) -> set[str]:
        return {event["event"] for event in await api("GET", "/events", datasetId=list(datasets))}

    assert await found() == {"default"}
    assert await found("all") == await found("*") == {"default", "other", "telemetry"}
    assert await found("operational") == {"default", "other"}
    assert await found("analytics") == {"telemetry"}
    assert await found(other, telemetry) == await found(f"{other},{telemetry}") == {"other", "telemetry"}


async def test_more_than_fifty_datasets_are_rejected(api: ApiClient) -> None:
    for number in range(50):
        await api.create_dataset(f"Dataset {number}")
    assert "includes 51 datasets; at most 50" in await api("GET", "/events", datasetId="all", status=400)
