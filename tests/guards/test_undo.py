"""Taking changes back, under the rules as they are now."""

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.journal import Journal
from tests.conversations import ask, refused, told
from tests.guards.conftest import MINE, YOURS, Bench

pytestmark = pytest.mark.anyio


async def confirmed(client: Client, tool: str, **arguments: JsonValue) -> dict[str, JsonValue]:
    """A change that was previewed and made."""
    preview = await ask(client, tool, **arguments)
    return await ask(client, tool, **arguments, confirm=preview["code"])


async def test_deleted_events_come_back_with_evidence_tags_and_links(bench: Bench) -> None:
    campaign = await bench.add("campaign", tags=["wave"])
    step = await bench.add("step", indicator="198.51.100.7", indicatorType="ip", insight="why", tlp="amber")
    other = await bench.add("referenced")
    async with bench.api() as api:
        await api.create_relationships(campaign.dataset_id, campaign.uuid, [step.uuid], "caused_by")
        await api.relate_event(step.uuid, [other.uuid])
    async with bench.server(bench.allowed()) as client:
        ids: list[JsonValue] = [campaign.uuid, step.uuid]
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        undone = await ask(client, "undo_change", change_id=deleted["change_id"])
        new_ids = undone["new_ids"]
        assert isinstance(new_ids, dict)
        async with bench.api() as api:
            event = await api.read_event(step.dataset_id, str(new_ids[step.uuid]))
            raw = await api.read_dataset_raw(step.dataset_id, event.uuid)
            above = await api.list_relationships(
                event.uuid, step.dataset_id, "ancestors", 1, ["caused_by"], include_parent=False
            )
        changes = await told(client, "list_changes")
    changed = {"uuid", "raw_id", "dataset_id", "references_ids"}
    assert event.model_dump(exclude=changed) == {
        **step.model_dump(exclude=changed),
        "references": [other.uuid],
        "num_references": 1,
    }
    assert raw.data == {"of": "step"}
    assert [one.uuid for one in above] == [new_ids[campaign.uuid]]
    assert [line.split("\t")[2:5] for line in changes.split("\n")[3:]] == snapshot(
        [
            [
                "import_threat_events",
                "done",
                "Make 2 deleted events of dataset 'Mine' anew, with evidence, tags and links.",
            ],
            ["delete_threat_events", "done", "Delete 2 events from dataset 'Mine' for good."],
        ]
    )
    assert Journal(bench.folder / "journal.db").verify() == []


async def test_an_undo_can_be_undone(bench: Bench) -> None:
    event = await bench.add("back and forth")
    async with bench.server(bench.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        undone = await ask(client, "undo_change", change_id=deleted["change_id"])
        again = await confirmed(client, "undo_change", change_id=undone["change_id"])
        left = await ask(client, "search_threat_events", dataset_ids=[MINE])
    assert (again["status"], left["events"]) == ("done", 0)


async def test_a_change_is_undone_once(bench: Bench) -> None:
    event = await bench.add("once")
    async with bench.server(bench.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        await ask(client, "undo_change", change_id=deleted["change_id"])
        bench.sandbox.log.clear()
        words = await refused(client, "undo_change", change_id=deleted["change_id"])
    assert "is undone already" in words and bench.changes_sent() == []


async def test_an_undo_is_held_to_the_rules_of_now(bench: Bench) -> None:
    event = await bench.add("made when the list was wider")
    async with bench.server(bench.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    bench.sandbox.log.clear()
    for narrower in (
        {"write_datasets": (YOURS,)},
        {"write_datasets": ()},
        {"mode": "read"},
        {"read_datasets": (YOURS,)},
    ):
        async with bench.server(bench.allowed(**narrower)) as client:
            assert "withheld by CF1_" in await refused(client, "undo_change", change_id=deleted["change_id"])
    assert bench.changes_sent() == []


async def test_an_unknown_change_is_said(bench: Bench) -> None:
    async with bench.server(bench.allowed()) as client:
        assert await refused(client, "undo_change", change_id="c-none") == snapshot(
            "There is no change 'c-none' in the journal. Use an id that list_changes shows."
        )


async def test_a_change_is_shown_in_full(bench: Bench) -> None:
    event = await bench.add("shown")
    async with bench.server(bench.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        data = await ask(client, "list_changes", change_id=deleted["change_id"])
    assert {name: data[name] for name in ("tool", "outcome", "change", "result")} == snapshot(
        {
            "tool": "delete_threat_events",
            "outcome": "done",
            "change": "Delete 1 events from dataset 'Mine' for good.",
            "result": {"deleted": 1},
        }
    )
