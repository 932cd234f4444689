"""An undo acts on the events that are still there, and says that others are gone."""

from collections.abc import Awaitable, Callable

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Event, EventSearch
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
NEW: Json = {"category": "Phishing", "date": "2026-11-20T10:00:00Z", "tlp": "green"}
Vanish = Callable[[Tenant, list[str]], Awaitable[None]]


async def delete(tenant: Tenant, event_ids: list[str]) -> None:
    async with tenant.api() as api:
        await api.delete_events(tenant.dataset_id(), event_ids)
    tenant.log.clear()


async def move(tenant: Tenant, event_ids: list[str]) -> None:
    async with tenant.api() as api:
        await api.move_events(tenant.dataset_id(), tenant.dataset_id(YOURS), event_ids, True)
    tenant.log.clear()


@pytest.fixture(params=[delete, move])
def vanish(request: pytest.FixtureRequest) -> Vanish:
    function: Vanish = request.param
    return function


async def test_the_undo_of_an_import_deletes_what_is_left(tenant: Tenant, vanish: Vanish) -> None:
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}"} for number in range(5)]
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "import_threat_events", dataset_id=MINE, rows=rows)
        ids = [event.uuid for event in await stored(tenant)]
        await vanish(tenant, ids[:2])
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        result = await ask(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    assert str(undo["change"]).split(": ", 1)[1] == snapshot(
        "delete 3 events from dataset 'Mine' for good. 2 events are no longer in the dataset, and left out."
    )
    assert (undo["events"], undo["events_gone"], result["deleted"]) == (3, 2, 3)
    assert {event.dataset_id for event in await stored(tenant)} <= {tenant.dataset_id(YOURS)}


@pytest.mark.parametrize("undone", ["tag_threat_events", "untag_threat_events"])
async def test_the_undo_of_tags_changes_what_is_left(tenant: Tenant, vanish: Vanish, undone: str) -> None:
    tags: list[JsonValue] = ["wave"] if undone == "untag_threat_events" else []
    events = [await tenant.add("event", tags=tags) for _ in range(3)]
    call: Json = {"dataset_id": MINE, "event_ids": [event.uuid for event in events], "tags": ["wave"]}
    async with tenant.server(tenant.allowed()) as client:
        run = ask if undone == "tag_threat_events" else confirmed
        done = await run(client, undone, **call)
        await vanish(tenant, [events[0].uuid])
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        if undo["status"] == "confirmation_required":
            undo = await ask(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    assert "1 event is no longer in the dataset, and left out." in str(undo["change"])
    assert undo["status"] == "done" and len(tenant.changes_sent()) == 2


async def test_a_code_is_void_once_one_more_event_vanished(tenant: Tenant, vanish: Vanish) -> None:
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}"} for number in range(3)]
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "import_threat_events", dataset_id=MINE, rows=rows)
        ids = [event.uuid for event in await stored(tenant)]
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        await vanish(tenant, ids[:1])
        await refused(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    assert tenant.changes_sent() == []


async def test_nothing_is_undone_if_all_events_vanished(tenant: Tenant, vanish: Vanish) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_threat_event", dataset_id=MINE, **NEW, event="only")
        ids = [event.uuid for event in await stored(tenant)]
        await vanish(tenant, ids)
        words = await refused(client, "undo_change", change_id=done["change_id"])
    words = words.replace(str(done["change_id"]), "ID").replace(tenant.dataset_id(), "DATASET")
    assert words == snapshot(
        "change_id: no event of change ID is in dataset DATASET any more, so there is nothing to undo. Use list_changes to see what can be undone."
    )


async def test_an_undo_of_what_is_gone_speaks_of_the_change(tenant: Tenant) -> None:
    event = await tenant.add("event")
    async with tenant.server(tenant.allowed()) as client:
        call: Json = {"dataset_id": MINE, "event_id": event.uuid, "event": "renamed"}
        done = await ask(client, "update_threat_event", **call)
        await delete(tenant, [event.uuid])
        words = await refused(client, "undo_change", change_id=done["change_id"])
    assert words.replace(str(done["change_id"]), "ID") == snapshot(
        "change_id: what change ID concerns is no longer there, so it cannot be undone. Use list_changes to see what can be undone."
    )


async def stored(tenant: Tenant) -> list[Event]:
    async with tenant.api() as api:
        found = [event async for page in api.event_pages(EventSearch(dataset_id=["all"])) for event in page.result]
    tenant.log.clear()
    return found
