"""Answers about another object than the one asked about are refused, and leave unknown what a change did."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from cf1_mcp.api.asked import LOOK
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import UnexpectedAnswer
from cf1_mcp.models import EventChange, EventSearch, NewEvent, NewRaw, QueryAlertFields, RawChange, SavedQueryFields
from tests.upstreams import answer, upstream

pytestmark = pytest.mark.anyio

DATASET, OTHER = "d0000000-0000-4000-8000-00000000000a", "d0000000-0000-4000-8000-00000000000b"
EVENT, STRANGER = "e0000000-0000-4000-8000-00000000000a", "e0000000-0000-4000-8000-00000000000b"
NEW = NewEvent(
    category="Phishing", date="2026-11-01T00:00:00Z", event="x", raw=NewRaw(data=None), tlp="green", dataset_id=DATASET
)
LINK = {"parentId": STRANGER, "childId": EVENT, "relationshipType": "related_to"}
REVERTED = {"datasetId": OTHER, "minutesAgo": 5, "targetTimestamp": "2026-11-01T00:00:00Z"}


@dataclass
class Mixup:
    """A call, and an answer to another one."""

    call: Callable[[ThreatEventsClient], Awaitable[object]]
    answer: object
    is_change: bool = False


MIXUPS = {
    "event": Mixup(lambda api: api.read_event(DATASET, EVENT), {"uuid": STRANGER, "datasetId": DATASET}),
    "event anywhere": Mixup(lambda api: api.read_event_anywhere(EVENT), {"uuid": STRANGER}),
    "event without an id": Mixup(lambda api: api.read_event(DATASET, EVENT), {"uuid": ""}),
    "evidence": Mixup(lambda api: api.read_raw(EVENT, "raw-1"), {"id": "raw-2", "data": {}}),
    "evidence of a dataset": Mixup(
        lambda api: api.read_dataset_raw(DATASET, EVENT, "raw-1"), {"id": "raw-2", "data": "{}"}
    ),
    "saved query": Mixup(lambda api: api.read_query(7), {"id": 8}),
    "alert": Mixup(lambda api: api.read_alert(9), {"id": 7, "query_id": 9}),
    "update": Mixup(
        lambda api: api.update_event(EVENT, EventChange(dataset_id=DATASET)), {"uuid": STRANGER}, is_change=True
    ),
    "update in another dataset": Mixup(
        lambda api: api.update_event(EVENT, EventChange(dataset_id=DATASET)),
        {"uuid": EVENT, "datasetId": OTHER},
        is_change=True,
    ),
    "update of evidence": Mixup(
        lambda api: api.update_raw(EVENT, "raw-1", RawChange(source="x")), {"id": "raw-2"}, is_change=True
    ),
    "too many created": Mixup(lambda api: api.create_events(DATASET, [NEW]), {"createdEventsCount": 2}, is_change=True),
    "too many created by the older route": Mixup(
        lambda api: api.create_events_with_relationships(DATASET, [NEW]), {"createdEventsCount": 2}, is_change=True
    ),
    "relationships of another event": Mixup(
        lambda api: api.create_relationships(DATASET, EVENT, [STRANGER], "related_to"),
        {"success": True, "relationships": [LINK]},
        is_change=True,
    ),
    "too many moved": Mixup(lambda api: api.move_events(DATASET, OTHER, [EVENT]), {"moved": 2}, is_change=True),
    "a negative number moved": Mixup(lambda api: api.move_events(DATASET, OTHER, [EVENT]), -1, is_change=True),
    "too many deleted": Mixup(lambda api: api.delete_events(DATASET, [EVENT]), 2, is_change=True),
    "a negative number deleted": Mixup(lambda api: api.delete_events(DATASET, [EVENT]), -1, is_change=True),
    "revert of another dataset": Mixup(lambda api: api.revert_dataset(DATASET, 5), REVERTED, is_change=True),
    "update of a query": Mixup(
        lambda api: api.update_query(7, SavedQueryFields(name="x")), {"id": 8, "name": "x"}, is_change=True
    ),
    "alert on another query": Mixup(
        lambda api: api.create_alert(QueryAlertFields(query_id=7)), {"id": 9, "query_id": 8}, is_change=True
    ),
    "update of an alert": Mixup(
        lambda api: api.update_alert(9, QueryAlertFields(enabled=True)), {"id": 8, "query_id": 7}, is_change=True
    ),
}


@pytest.mark.parametrize("name", MIXUPS)
async def test_an_answer_about_something_else_is_refused(name: str) -> None:
    mixup = MIXUPS[name]
    async with upstream(answer({"success": True, "result": mixup.answer})) as server, server.client() as client:
        with pytest.raises(UnexpectedAnswer) as error:
            await mixup.call(client)
    assert (LOOK in str(error.value)) == mixup.is_change
    assert STRANGER not in str(error.value)


async def test_ids_compare_without_regard_to_case_and_keep_the_form_that_was_asked() -> None:
    found = {"uuid": EVENT.upper(), "datasetId": DATASET.upper()}
    async with upstream(answer({"success": True, "result": found})) as server, server.client() as client:
        event = await client.read_event(DATASET, EVENT)
        updated = await client.update_event(EVENT, EventChange(dataset_id=DATASET))
    assert (event.uuid, updated.uuid) == (EVENT, EVENT)


async def test_evidence_with_a_number_as_its_id_is_taken() -> None:
    async with upstream(answer({"id": 12, "data": "{}"})) as server, server.client() as client:
        assert (await client.read_raw(EVENT, "raw-1")).id == "12"


async def test_a_list_has_no_events_of_datasets_that_were_not_asked_for() -> None:
    found = [{"uuid": EVENT, "datasetId": DATASET.upper()}, {"uuid": STRANGER, "datasetId": OTHER}]
    async with upstream(answer({"success": True, "result": found})) as server, server.client() as client:
        named = await client.list_events(EventSearch(dataset_id=[DATASET]))
        anywhere = await client.list_events(EventSearch(dataset_id=["all"]))
    assert [event.uuid for event in named.result] == [EVENT]
    assert [event.uuid for event in anywhere.result] == [EVENT, STRANGER]
