"""An import that relates events which exist already is held to the rules for changing them."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Event
from tests.canned_answers import copy_event
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]


async def add_family(tenant: Tenant, count: int) -> tuple[list[Event], list[JsonValue]]:
    """Create events, and return them with rows that are the same events, all of them children of the first."""
    events = [await tenant.add(f"event {number}") for number in range(count)]
    rows: list[JsonValue] = [
        {
            "category": "Phishing",
            "date": "2026-11-20T00:00:00Z",
            "event": f"event {number}",
            "tlp": "green",
            "ref": f"r{number}",
            **({"parent_ref": "r0"} if number else {}),
        }
        for number in range(count)
    ]
    return events, rows


@pytest.mark.parametrize("count", [4, 20])
async def test_more_relationships_between_existing_events_than_may_change_are_refused(
    tenant: Tenant, count: int
) -> None:
    _, rows = await add_family(tenant, count)
    async with tenant.server(tenant.allowed(mode="write", delete_datasets=(), max_change=2)) as client:
        words = await refused(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert words == (
        f"rows: a change of {count - 1} events at once is withheld by CF1_MAX_CHANGE (2): at most 2 events a call. Tell the person that the "
        "operator's setting forbids more."
    )
    assert tenant.changes_sent() == []


async def test_new_children_of_an_existing_event_are_not_limited(tenant: Tenant) -> None:
    _, rows = await add_family(tenant, 1)
    new: list[JsonValue] = [
        {**row, "event": f"new {number}", "ref": f"n{number}", "parent_ref": "r0"}
        for row in rows
        if isinstance(row, dict)
        for number in range(5)
    ]
    async with tenant.server(tenant.allowed(max_change=2)) as client:
        done = await ask(client, "import_threat_events", dataset_id=MINE, rows=[*rows, *new])
    assert (done["status"], done["events"], done["relationships"]) == ("done", 5, 5)


@pytest.mark.parametrize("copied", [0, 1])
async def test_a_relationship_to_an_event_with_a_copy_elsewhere_is_refused(tenant: Tenant, copied: int) -> None:
    events, rows = await add_family(tenant, 2)
    await copy_event(tenant, events[copied].uuid, MINE, YOURS)
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert words == (
        f"rows: event {events[copied].uuid} has a copy in a dataset that was not named, and the API might take that "
        "one. Use events without such copies."
    )
    assert tenant.changes_sent() == []


async def test_an_import_of_relationships_alone_does_not_promise_an_undo(tenant: Tenant) -> None:
    _, rows = await add_family(tenant, 30)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert (preview["change"], preview["undo"]) == snapshot(
        (
            "Create 0 events with 29 relationships, 29 of them between events that exist already, in dataset 'Mine'.",
            "Not by undo_change. Relationships between events that existed before stay.",
        )
    )
