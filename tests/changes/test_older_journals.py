"""Journals of release 0.1: their entries are listed and undone like current ones."""

import pytest
from pydantic import JsonValue

from cf1_mcp.models import Event, EventChange, Raw
from cf1_mcp.store.journal_records import Intent
from cf1_mcp.store.stores import open_stores
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]


async def journal_change(tenant: Tenant, intent: Intent, result: Json) -> str:
    """Journal a change as release 0.1 did, and return its id."""
    journal = open_stores(tenant.allowed(), lambda: tenant.now).journal
    change_id = await journal.begin(intent)
    await journal.finish(change_id, "done", result)
    return change_id


def snapshot_of(event: Event, raw: Raw, links: list[JsonValue]) -> JsonValue:
    dumped = event.model_dump(mode="json", by_alias=True)
    return {"event": dumped, "raw": raw.model_dump(mode="json", by_alias=True), "links": links}


async def test_an_older_deletion_is_undone(tenant: Tenant) -> None:
    parent = await tenant.add("parent")
    event = await tenant.add("deleted", tags=["wave"], attacker="SOMEBODY")
    async with tenant.api() as api:
        raw = await api.read_dataset_raw(event.dataset_id, event.uuid)
        await api.delete_events(event.dataset_id, [event.uuid])
    link: JsonValue = {
        "type": "caused_by",
        "other": parent.uuid,
        "other_dataset": parent.dataset_id,
        "above": True,
    }
    arguments: Json = {"dataset_id": event.dataset_id, "event_ids": [event.uuid]}
    before: JsonValue = [snapshot_of(event, raw, [link])]
    intent = Intent("delete_threat_events", arguments, (event.dataset_id,), "Delete 1 events.", before)
    change_id = await journal_change(tenant, intent, {"deleted": 1})
    async with tenant.server(tenant.allowed()) as client:
        listed = await ask(client, "list_changes", change_id=change_id)
        undone = await ask(client, "undo_change", change_id=change_id)
    new_ids = undone["new_ids"]
    assert isinstance(new_ids, dict) and listed["change"] == "Delete 1 events."
    async with tenant.api() as api:
        back = await api.read_event(event.dataset_id, str(new_ids[event.uuid]))
        evidence = await api.read_dataset_raw(event.dataset_id, back.uuid)
        above = await api.list_relationships(back.uuid, event.dataset_id, "ancestors", 1, ["caused_by"], False)
    assert (back.event, back.attacker, back.tags) == ("deleted", "SOMEBODY", ["wave"])
    assert (evidence.data, [one.uuid for one in above]) == ({"of": "deleted"}, [parent.uuid])


async def test_an_older_update_of_an_event_and_its_evidence_is_undone(tenant: Tenant) -> None:
    event = await tenant.add("old title", attacker="Old")
    home = event.dataset_id
    async with tenant.api() as api:
        await api.update_event(event.uuid, EventChange(dataset_id=home, attacker="New", event="new title"))
    arguments: Json = {
        "event_id": event.uuid,
        "event": {"attacker": "New", "event": "new title", "datasetId": home},
        "raw_id": event.raw_id,
        "raw": {"source": ""},
    }
    before: Json = {
        "event": {"attacker": "Old", "event": "old title", "datasetId": home},
        "raw": {"source": "mail gateway"},
        "seen": [],
    }
    intent = Intent("update_threat_event", arguments, (home,), "Change attacker, event.", before)
    change_id = await journal_change(tenant, intent, {"event_id": event.uuid, "changed": ["attacker", "event", "raw"]})
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
        undone = await ask(client, "undo_change", change_id=change_id, confirm=preview["code"])
    assert undone["changed"] == ["attacker", "event", "raw"]
    async with tenant.api() as api:
        back, raw = await api.read_event(home, event.uuid), await api.read_raw(event.uuid, event.raw_id)
    assert (back.attacker, back.event, raw.source) == ("Old", "old title", "mail gateway")


async def test_an_older_tagging_is_undone(tenant: Tenant) -> None:
    first, second = await tenant.add("first", tags=["wave", "triaged"]), await tenant.add("second", tags=["Triaged"])
    ids: list[JsonValue] = [first.uuid, second.uuid]
    arguments: Json = {"dataset_id": first.dataset_id, "event_ids": ids, "tags": ["wave", "triaged"]}
    before: Json = {first.uuid: ["wave"], second.uuid: ["triaged"]}
    intent = Intent("tag_threat_events", arguments, (first.dataset_id,), "Tag 2 events.", before)
    change_id = await journal_change(tenant, intent, {"tagged": ids})
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
        await ask(client, "undo_change", change_id=change_id, confirm=preview["code"])
    async with tenant.api() as api:
        tags = [(await api.read_event(one.dataset_id, one.uuid)).tags for one in (first, second)]
    assert tags == [["triaged"], []]


async def test_an_older_untagging_is_undone(tenant: Tenant) -> None:
    event = await tenant.add("event", tags=["kept"])
    arguments: Json = {"dataset_id": event.dataset_id, "event_ids": [event.uuid], "tags": ["wave"]}
    before: Json = {event.uuid: ["kept", "Wave"]}
    intent = Intent("untag_threat_events", arguments, (event.dataset_id,), "Untag.", before)
    change_id = await journal_change(tenant, intent, {"untagged": [event.uuid]})
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "undo_change", change_id=change_id)
    async with tenant.api() as api:
        assert (await api.read_event(event.dataset_id, event.uuid)).tags == ["kept", "Wave"]


async def test_an_older_recreation_is_undone(tenant: Tenant) -> None:
    event = await tenant.add("created again")
    async with tenant.api() as api:
        raw = await api.read_dataset_raw(event.dataset_id, event.uuid)
    images: JsonValue = [snapshot_of(event, raw, [])]
    arguments: Json = {"dataset_id": event.dataset_id, "images": images, "undoes": "c-22222-22222"}
    intent = Intent("import_threat_events", arguments, (event.dataset_id,), "Make 1 deleted events anew.", None)
    result: Json = {"created": [{"row": 0, "uuid": event.uuid}], "new_ids": {}}
    change_id = await journal_change(tenant, intent, result)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
        undone = await ask(client, "undo_change", change_id=change_id, confirm=preview["code"])
    assert undone["deleted"] == 1


async def test_an_import_of_a_file_is_undone_by_the_ids_of_its_result(tenant: Tenant) -> None:
    event = await tenant.add("imported")
    arguments: Json = {"dataset_id": event.dataset_id, "rows": 1, "digest": "0" * 64}
    intent = Intent("import_threat_events", arguments, (event.dataset_id,), "Import 1 events.", None)
    change_id = await journal_change(tenant, intent, {"events": 1, "created": [{"row": 1, "uuid": event.uuid}]})
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
        undone = await ask(client, "undo_change", change_id=change_id, confirm=preview["code"])
    assert undone["deleted"] == 1


async def test_an_entry_that_cannot_be_read_is_left_alone(tenant: Tenant) -> None:
    intent = Intent("tag_threat_events", {"tags": 1}, (), "Tag.", None)
    change_id = await journal_change(tenant, intent, {"tagged": []})
    async with tenant.server(tenant.allowed(write_datasets=(MINE, YOURS))) as client:
        words = await refused(client, "undo_change", change_id=change_id)
    assert "this version cannot read what the journal holds" in words and tenant.changes_sent() == []
