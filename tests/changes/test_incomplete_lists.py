"""Lists of copies that are incomplete or refused: no guard believes them, and what is read instead is bounded."""

from collections.abc import Callable
from itertools import pairwise
from typing import cast

import pytest
from pydantic import JsonValue

from cf1_mcp.events import listed_events
from tests.canned_answers import copy_event
from tests.changes.changed_answers import Answer, ChangedAnswers
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Row = dict[str, JsonValue]
REFUSED = ['"field":"uuid"', '"field": "uuid"']


def leave_out(answer: Answer, dataset_id: str) -> Answer:
    rows = cast("list[Row]", answer["result"])
    return {**answer, "result": [row for row in rows if row["datasetId"] != dataset_id]}


def say_truncated(answer: Answer, dataset_id: str) -> Answer:
    return {**leave_out(answer, dataset_id), "result_info": {"truncated": 1}}


def fail_shards(answer: Answer, dataset_id: str) -> Answer:
    return {**leave_out(answer, dataset_id), "failedShards": ["a"]}


def fail_dataset(answer: Answer, dataset_id: str) -> Answer:
    return {**leave_out(answer, dataset_id), "completeness": {"failedDatasets": [{"id": dataset_id}]}}


def say_incomplete(answer: Answer, dataset_id: str) -> Answer:
    return {**leave_out(answer, dataset_id), "result_info": {"completeness": {"complete": "false"}}}


def count_more(answer: Answer, dataset_id: str) -> Answer:
    return {**leave_out(answer, dataset_id), "result_info": {"totalCount": 7}}


def blank_ids(answer: Answer, dataset_id: str) -> Answer:
    for row in cast("list[Row]", answer["result"]):
        row["uuid"] = row["uuid"] if row["datasetId"] != dataset_id else " "
    return answer


def send_words(answer: Answer, dataset_id: str) -> Answer:
    left = leave_out(answer, dataset_id)
    return {**left, "result": [*cast("list[JsonValue]", left["result"]), "unreadable"]}


CALLS: list[tuple[str, Row]] = [
    ("tag_threat_events", {"event_ids": ["A", "B"], "tags": ["new"]}),
    ("untag_threat_events", {"event_ids": ["A"], "tags": ["old"]}),
    ("relate_threat_events", {"event_id": "A", "related_ids": ["B"]}),
    ("update_threat_event", {"event_id": "A", "raw_source": "elsewhere"}),
]


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
@pytest.mark.parametrize(
    "change",
    [
        say_truncated,
        fail_shards,
        fail_dataset,
        say_incomplete,
        count_more,
        blank_ids,
        send_words,
    ],
)
async def test_a_list_that_may_lack_copies_stops_what_names_an_event_without_its_dataset(
    tenant: Tenant, change: Callable[[Answer, str], Answer], tool: str, arguments: Row
) -> None:
    ids = {name: (await tenant.add(name, tags=["old"])).uuid for name in "AB"}
    for event_id in ids.values():
        await copy_event(tenant, event_id, MINE, YOURS)
    named = {
        key: [ids.get(str(one), one) for one in value] if isinstance(value, list) else ids.get(str(value), value)
        for key, value in arguments.items()
    }
    yours = tenant.dataset_id(YOURS)

    def apply(path: str, answer: Answer) -> JsonValue:
        rows = answer.get("result") if path == "/events" else None
        return change(answer, yours) if isinstance(rows, list) and rows else answer

    async with ChangedAnswers(tenant, apply).server(tenant) as client:
        words = await refused(client, tool, dataset_id=MINE, **named)
    assert words.startswith("The list of these events is not complete, so a copy may be in a dataset")
    assert tenant.changes_sent() == []


async def test_a_total_of_all_events_is_no_sign_of_missing_copies(tenant: Tenant) -> None:
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(9)]

    def count_all(path: str, answer: Answer) -> JsonValue:
        return {**answer, "result_info": {"total_count": 9}} if path == "/events" else answer

    async with ChangedAnswers(tenant, count_all).server(tenant) as client:
        done = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=[*ids[:2]], tags=["new"])
    assert (done["status"], done["tagged"]) == ("done", 2)


async def test_events_are_changed_where_the_api_does_not_list_them_by_their_ids(tenant: Tenant) -> None:
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(100)]
    async with tenant.api() as api:
        for one, other in pairwise(ids):
            await api.create_relationships(tenant.dataset_id(), one, [other], "caused_by")
    app = ChangedAnswers(tenant, refuses=REFUSED)
    async with app.server(tenant) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        assert len(app.sent) <= 16 and preview["relationships_cut"] == 99
        app.sent.clear()
        done = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=[*ids], tags=["new"])
    assert (done["status"], done["tagged"]) == ("done", 100) and len(app.sent) <= 116
    await copy_event(tenant, ids[0], MINE, YOURS)
    async with ChangedAnswers(tenant, refuses=REFUSED).server(tenant) as client:
        words = await refused(client, "tag_threat_events", dataset_id=MINE, event_ids=[*ids], tags=["other"])
    assert "has a copy in a dataset that was not named" in words


@pytest.mark.parametrize("tool", ["delete_threat_events", "tag_threat_events"])
async def test_too_many_events_to_list_in_whole_are_refused_with_the_cause_and_few_requests(
    tenant: Tenant, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(60)]
    monkeypatch.setattr(listed_events, "MAX_COPIES", 10)
    app = ChangedAnswers(tenant, refuses=REFUSED)
    tags: Row = {"tags": ["new"]} if tool.startswith("tag") else {}
    async with app.server(tenant) as client:
        words = await refused(client, tool, dataset_id=MINE, event_ids=[*ids], **tags)
    assert words.startswith("The API does not list events by their ids (GET /events with uuid in)")
    assert "Name up to 10 events at a time" in words and len(app.sent) <= 16
