"""Undoing changes, under the current rules."""

import re

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.models import Event, EventChange, EventSearch, Tlp
from cf1_mcp.sandbox.options import SandboxOptions
from tests.canned_answers import UnavailableAfterMove, copy_event, with_canned_answer
from tests.conversations import ask, ask_for_text, column, data_of, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio


async def confirmed(client: Client, tool: str, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Preview and confirm a change, and return its answer."""
    preview = await ask(client, tool, **arguments)
    return await ask(client, tool, **arguments, confirm=preview["code"])


@pytest.mark.both_moods
async def test_a_deleted_event_can_be_recreated_with_evidence_tags_and_links(tenant: Tenant) -> None:
    campaign = await tenant.add("campaign", tags=["wave"])
    step = await tenant.add("step", indicator="198.51.100.7", indicatorType="ip", insight="why", tlp="amber")
    other = await tenant.add("referenced")
    async with tenant.api() as api:
        await api.create_relationships(campaign.dataset_id, campaign.uuid, [step.uuid], "caused_by")
        await api.relate_event(step.uuid, [other.uuid])
    async with tenant.server(tenant.allowed()) as client:
        ids: list[JsonValue] = [campaign.uuid, step.uuid]
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        undone = await ask(client, "undo_change", change_id=deleted["change_id"])
        new_ids = undone["new_ids"]
        assert isinstance(new_ids, dict)
        async with tenant.api() as api:
            event = await api.read_event(step.dataset_id, str(new_ids[step.uuid]))
            raw = await api.read_dataset_raw(step.dataset_id, event.uuid)
            above = await api.list_relationships(
                event.uuid, step.dataset_id, "ancestors", 1, ["caused_by"], include_parent=False
            )
        changes = (await ask_for_text(client, "list_changes")).replace(str(deleted["change_id"]), "DELETION")
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
            ["tool", "outcome", "change"],
            [
                "import_threat_events",
                "done",
                "Undo change DELETION: create 2 deleted events again in dataset 'Mine', with raw evidence, tags and relationships.",
            ],
            ["delete_threat_events", "done", "Delete 2 events from dataset 'Mine' for good."],
            [],
        ]
    )
    assert await tenant.journal.verify() == []


async def delete_without_an_answer(tenant: Tenant, *events: Event) -> str:
    """Attempt a deletion to which the API answers 500 and does nothing, and return the id of the change."""
    failure: JsonValue = {"success": False, "errors": [{"message": "busy"}], "result": {}}
    arguments: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid for event in events]}
    async with with_canned_answer(tenant, f"/datasets/{tenant.dataset_id()}/events", failure, 500) as client:
        preview = await ask(client, "delete_threat_events", **arguments)
        told = await ask(client, "delete_threat_events", **arguments, confirm=preview["code"])
    assert told["status"] == "unknown"
    [change] = await tenant.journal.changes()
    assert change.outcome == "unknown"
    return change.id


async def test_a_deletion_of_unknown_outcome_that_deleted_nothing_is_not_undone(tenant: Tenant) -> None:
    change_id = await delete_without_an_answer(tenant, await tenant.add("first"), await tenant.add("second"))
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "undo_change", change_id=change_id)
    assert words.replace(change_id, "DELETION") == snapshot(
        "change_id: the events of change DELETION are still in dataset a9fa1f29-a64a-58a3-af35-67f963de9ab6, so nothing has to be undone. Use list_changes to see what can be undone."
    )
    assert tenant.changes_sent() == []


async def test_an_undo_recreates_only_the_events_that_are_no_longer_there(tenant: Tenant) -> None:
    gone, present = await tenant.add("gone"), await tenant.add("present")
    change_id = await delete_without_an_answer(tenant, gone, present)
    async with tenant.api() as api:
        await api.delete_events(gone.dataset_id, [gone.uuid])
    async with tenant.server(tenant.allowed()) as client:
        undone = await ask(client, "undo_change", change_id=change_id)
        left = await ask(client, "search_threat_events", dataset_ids=[MINE], fields=["event"])
    assert (str(undone["change"]).replace(change_id, "DELETION"), undone["status"]) == snapshot(
        (
            "Undo change DELETION: create 1 deleted event again in dataset 'Mine', with raw evidence, tags and relationships. 1 event is still there, and not created again.",
            "done",
        )
    )
    assert sorted(map(str, column(left, "event"))) == ["gone", "present"]


async def test_an_undo_can_be_undone(tenant: Tenant) -> None:
    event = await tenant.add("back and forth")
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        undone = await ask(client, "undo_change", change_id=deleted["change_id"])
        again = await confirmed(client, "undo_change", change_id=undone["change_id"])
        left = await ask(client, "search_threat_events", dataset_ids=[MINE])
    assert (again["status"], left["events"]) == ("done", 0)


async def test_a_change_is_undone_once(tenant: Tenant) -> None:
    event = await tenant.add("once")
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        await ask(client, "undo_change", change_id=deleted["change_id"])
        tenant.log.clear()
        words = await refused(client, "undo_change", change_id=deleted["change_id"])
    assert "is undone already" in words and tenant.changes_sent() == []


async def test_an_undo_is_held_to_the_current_rules(tenant: Tenant) -> None:
    event = await tenant.add("made when the list was wider")
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    tenant.log.clear()
    for narrower in (
        {"write_datasets": (YOURS,)},
        {"write_datasets": ()},
        {"mode": "read"},
        {"read_datasets": (YOURS,)},
    ):
        async with tenant.server(tenant.allowed(**narrower)) as client:
            assert "withheld by CF1_" in await refused(client, "undo_change", change_id=deleted["change_id"])
    assert tenant.changes_sent() == []


async def test_an_unknown_change_is_refused(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "undo_change", change_id="c-none") == snapshot(
            "There is no change 'c-none' in the journal. Use an id that list_changes shows."
        )


async def test_a_change_is_shown_in_full(tenant: Tenant) -> None:
    event = await tenant.add("shown")
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        data = await ask(client, "list_changes", change_id=deleted["change_id"])
    assert {name: data[name] for name in ("tool", "outcome", "change", "result")} == snapshot(
        {
            "tool": "delete_threat_events",
            "outcome": "done",
            "change": "Delete 1 event from dataset 'Mine' for good.",
            "result": {"deleted": 1},
        }
    )


@pytest.mark.both_moods
async def test_added_tags_are_taken_off_and_added_again(tenant: Tenant) -> None:
    first, second = await tenant.add("first", tags=["kept"]), await tenant.add("second", tags=["kept", "triaged"])
    async with tenant.server(tenant.allowed()) as client:
        ids: list[JsonValue] = [first.uuid, second.uuid]
        tagged = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=ids, tags=["triaged", "wave"])
        undone = await confirmed(client, "undo_change", change_id=tagged["change_id"])
        assert await read_tags(tenant, first, second) == [["kept"], ["kept", "triaged"]]
        await ask(client, "undo_change", change_id=undone["change_id"])
        assert await read_tags(tenant, first, second) == [["kept", "triaged", "wave"], ["kept", "triaged", "wave"]]


UNANSWERED: list[tuple[str, str, dict[str, JsonValue], str]] = [
    (
        "tag_threat_events",
        "/create",
        {"dataset_id": MINE, "event_ids": ["EVENT"], "tags": ["wave"]},
        snapshot("change_id: none of these events has 'wave'. Use other events."),
    ),
    (
        "create_saved_query",
        "/queries/create",
        {"name": "watched", "query_json": '{"datasetId": ["Mine"], "search": []}'},
        snapshot(
            "change_id: the outcome of change CHANGE is unknown: it may have been made, but its result has no query_id. Use a search or a list to show the person what is there now, and correct that."
        ),
    ),
]


@pytest.mark.parametrize(("tool", "route", "arguments", "words"), UNANSWERED, ids=[one[0] for one in UNANSWERED])
async def test_an_undo_of_a_change_of_unknown_outcome_asks_to_look_first(
    tenant: Tenant, tool: str, route: str, arguments: dict[str, JsonValue], words: str
) -> None:
    event = await tenant.add("event")
    failure: JsonValue = {"success": False, "errors": [{"message": "busy"}], "result": {}}
    call = {name: [event.uuid] if name == "event_ids" else value for name, value in arguments.items()}
    async with with_canned_answer(tenant, route, failure, 500) as client:
        answer = await client.call_tool(tool, call)
        [change] = await tenant.journal.changes()
        undo = await refused(client, "undo_change", change_id=change.id)
    assert (data_of(answer)["status"], change.outcome) == ("unknown", "unknown")
    assert undo.replace(change.id, "CHANGE") == words


async def test_tags_taken_off_are_added_again(tenant: Tenant) -> None:
    first, second = await tenant.add("first", tags=["a", "b"]), await tenant.add("second", tags=["b"])
    async with tenant.server(tenant.allowed()) as client:
        ids: list[JsonValue] = [first.uuid, second.uuid]
        untagged = await confirmed(client, "untag_threat_events", dataset_id=MINE, event_ids=ids, tags=["B"])
        assert await read_tags(tenant, first, second) == [["a"], []]
        await ask(client, "undo_change", change_id=untagged["change_id"])
    assert await read_tags(tenant, first, second) == [["a", "b"], ["b"]]


@pytest.mark.both_moods
async def test_fields_get_their_old_values_back(tenant: Tenant) -> None:
    event = await tenant.add("old title", attacker="SOMEBODY", tlp="green")
    async with tenant.server(tenant.allowed()) as client:
        changed = await ask(
            client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, event="new title", tlp="amber"
        )
        # It lowers the marking again, so it needs a code.
        await confirmed(client, "undo_change", change_id=changed["change_id"])
    async with tenant.api() as api:
        now = await api.read_event(event.dataset_id, event.uuid)
    assert (now.event, now.tlp, now.attacker) == ("old title", "green", "SOMEBODY")


async def test_an_undo_names_the_later_changes_that_it_overwrites(tenant: Tenant) -> None:
    event = await tenant.add("first title")
    async with tenant.server(tenant.allowed()) as client:
        changed = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, event="second title")
        async with tenant.api() as api:
            await api.update_event(event.uuid, EventChange(dataset_id=event.dataset_id, event="a colleague's title"))
        preview = await ask(client, "undo_change", change_id=changed["change_id"])
    assert (preview["status"], preview["overwritten"]) == ("confirmation_required", ["event"])
    assert "Later changes of event are overwritten." in str(preview["change"])


@pytest.mark.both_moods
async def test_moved_events_are_moved_back(tenant: Tenant) -> None:
    event = await tenant.add("moved")
    both = (MINE, YOURS)
    async with tenant.server(tenant.allowed(write_datasets=both, delete_datasets=both)) as client:
        moved = await confirmed(
            client, "move_threat_events", dataset_id=MINE, destination_dataset_id=YOURS, event_ids=[event.uuid]
        )
        await confirmed(client, "undo_change", change_id=moved["change_id"])
    async with tenant.api() as api:
        assert (await api.read_event(event.dataset_id, event.uuid)).event == "moved"
        assert (await api.read_dataset_raw(event.dataset_id, event.uuid)).data == {"of": "moved"}


async def test_an_undo_moves_back_only_the_events_that_were_moved(tenant: Tenant) -> None:
    moved, copied = await tenant.add("moved"), await tenant.add("copied")
    settings = tenant.allowed(write_datasets=(MINE, YOURS), delete_datasets=(MINE, YOURS))
    call: dict[str, JsonValue] = {"dataset_id": MINE, "destination_dataset_id": YOURS}
    call["event_ids"] = [moved.uuid, copied.uuid]
    async with tenant.server(settings) as client:
        preview = await ask(client, "move_threat_events", **call)
    await copy_event(tenant, copied.uuid, MINE, YOURS)
    tenant.options = SandboxOptions(middleware=[Middleware(UnavailableAfterMove)])
    async with tenant.server(settings) as client:
        done = await ask(client, "move_threat_events", **call, confirm=preview["code"])
    tenant.options = SandboxOptions()
    async with tenant.server(settings) as client:
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
        found = await ask(client, "search_threat_events", dataset_ids=[MINE, YOURS], fields=["event"])
    assert (done["status"], done["still_in_source"]) == ("unknown", "unknown: the search for them failed")
    assert str(undone["change"]).replace(str(done["change_id"]), "MOVE") == snapshot(
        "Undo change MOVE: move 1 event from dataset 'Yours' to 'Mine'."
    )
    assert undone["status"] == "done"
    assert sorted(map(str, column(found, "event"))) == ["copied", "copied", "moved"]
    async with tenant.api() as api:
        assert (await api.read_event(moved.dataset_id, moved.uuid)).event == "moved"


async def test_a_move_of_unknown_outcome_that_moved_nothing_is_not_undone(tenant: Tenant) -> None:
    event = await tenant.add("stayed")
    settings = tenant.allowed(write_datasets=(MINE, YOURS), delete_datasets=(MINE, YOURS))
    failure: JsonValue = {"success": False, "errors": [{"message": "busy"}], "result": {}}
    call: dict[str, JsonValue] = {"dataset_id": MINE, "destination_dataset_id": YOURS, "event_ids": [event.uuid]}
    async with with_canned_answer(tenant, "/move", failure, 500, settings) as client:
        preview = await ask(client, "move_threat_events", **call)
        assert (await ask(client, "move_threat_events", **call, confirm=preview["code"]))["status"] == "unknown"
        [change] = await tenant.journal.changes()
        words = await refused(client, "undo_change", change_id=change.id)
    assert (change.outcome, words.replace(change.id, "MOVE")) == snapshot(
        (
            "unknown",
            "change_id: no event of change MOVE is in dataset b4cd0ca2-028a-5732-bf16-8f3051ebbbfe and not in a9fa1f29-a64a-58a3-af35-67f963de9ab6, so there is none to move back. Use list_changes to see what can be undone.",
        )
    )


async def test_references_are_removed_and_added_again(tenant: Tenant) -> None:
    event, other = await tenant.add("event"), await tenant.add("other")
    async with tenant.server(tenant.allowed()) as client:
        related = await ask(
            client, "relate_threat_events", dataset_id=MINE, event_id=event.uuid, related_ids=[other.uuid]
        )
        undone = await confirmed(client, "undo_change", change_id=related["change_id"])
        async with tenant.api() as api:
            assert (await api.read_event(event.dataset_id, event.uuid)).references == []
        await ask(client, "undo_change", change_id=undone["change_id"])
    async with tenant.api() as api:
        assert (await api.read_event(event.dataset_id, event.uuid)).references == [other.uuid]


async def test_an_undo_of_typed_relationships_is_refused(tenant: Tenant) -> None:
    event, other = await tenant.add("event"), await tenant.add("other")
    async with tenant.server(tenant.allowed()) as client:
        related = await ask(
            client,
            "relate_threat_events",
            dataset_id=MINE,
            event_id=event.uuid,
            related_ids=[other.uuid],
            relationship_type="caused_by",
        )
        words = await refused(client, "undo_change", change_id=related["change_id"])
    assert "typed relationships, which the API cannot remove" in words


async def test_a_created_event_is_deleted_again(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        made = await ask(
            client,
            "create_threat_event",
            dataset_id=MINE,
            date="2026-11-20",
            category="Phishing",
            event="made by mistake",
            tlp="green",
        )
        await confirmed(client, "undo_change", change_id=made["change_id"])
        left = await ask(client, "search_threat_events", dataset_ids=[MINE])
    assert left["events"] == 0


async def read_tags(tenant: Tenant, *events: Event) -> list[list[str]]:
    async with tenant.api() as api:
        return [sorted((await api.read_event(event.dataset_id, event.uuid)).tags) for event in events]


QUERY: dict[str, JsonValue] = {"name": "watched", "query_json": '{"datasetId": ["Mine"], "search": []}'}


async def test_queries_and_alerts_are_undone_in_every_direction(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        query = await ask(client, "create_saved_query", **QUERY)
        alert = await confirmed(client, "create_query_alert", query_id=query["query_id"], frequency="daily")
        renamed = await confirmed(client, "update_saved_query", query_id=query["query_id"], name="renamed")
        hurried = await confirmed(client, "update_query_alert", alert_id=alert["alert_id"], frequency="immediate")
        for change in (renamed, hurried):
            await confirmed(client, "undo_change", change_id=change["change_id"])
        assert await list_names_and_frequencies(tenant) == (["watched"], ["daily"])
        gone = await confirmed(client, "delete_saved_query", query_id=query["query_id"])
        assert await list_names_and_frequencies(tenant) == ([], [])
        back = await confirmed(client, "undo_change", change_id=gone["change_id"])
        assert await list_names_and_frequencies(tenant) == (["watched"], ["daily"])
        await confirmed(client, "undo_change", change_id=back["change_id"])
        assert await list_names_and_frequencies(tenant) == ([], [])


async def test_a_deleted_alert_is_created_again(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        query = await ask(client, "create_saved_query", **QUERY)
        alert = await confirmed(client, "create_query_alert", query_id=query["query_id"], frequency="daily")
        gone = await confirmed(client, "delete_query_alert", alert_id=alert["alert_id"])
        back = await confirmed(client, "undo_change", change_id=gone["change_id"])
        assert await list_names_and_frequencies(tenant) == (["watched"], ["daily"])
        await confirmed(client, "undo_change", change_id=back["change_id"])
    assert await list_names_and_frequencies(tenant) == (["watched"], [])


NO_ALERTS: JsonValue = {"success": False, "errors": [{"message": "no such route"}], "result": {}}


async def test_a_created_query_is_undone_where_the_account_has_no_alerts(tenant: Tenant) -> None:
    async with with_canned_answer(tenant, "/queries/alerts", NO_ALERTS, 404) as client:
        query = await ask(client, "create_saved_query", **QUERY)
        undone = await confirmed(client, "undo_change", change_id=query["change_id"])
    assert (undone["status"], await list_names_and_frequencies(tenant)) == ("done", ([], []))


async def test_an_undo_is_previewed_and_reported_like_the_change_that_it_makes(tenant: Tenant) -> None:
    new: dict[str, JsonValue] = {"date": "2026-11-20", "category": "Phishing", "event": "mistake", "tlp": "green"}
    async with tenant.server(tenant.allowed()) as client:
        made = await ask(client, "create_threat_event", dataset_id=MINE, **new)
        await ask(client, "create_saved_query", **QUERY)
        preview = await ask(client, "undo_change", change_id=made["change_id"])
        async with tenant.api() as api:
            [event] = (await api.list_events(EventSearch(dataset_id=[_uuid_of_mine(tenant)]))).result
        tagged = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=["wave"])
        direct = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert preview["saved_queries"] == direct["saved_queries"] == ["1 'watched' finds 1 of these events"]
    assert {*preview} == {*direct}
    assert preview["change"] == f"Undo change {made['change_id']}: delete 1 event from dataset 'Mine' for good."
    assert preview["code"] != direct["code"] and tagged["status"] == "done"


async def test_an_undo_of_more_events_than_one_change_may_touch_is_refused(tenant: Tenant) -> None:
    events = [await tenant.add(f"number {number}") for number in range(3)]
    ids: list[JsonValue] = [event.uuid for event in events]
    async with tenant.server(tenant.allowed()) as client:
        tagged = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=ids, tags=["wave"])
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
    tenant.log.clear()
    async with tenant.server(tenant.allowed(max_change=2)) as client:
        for change in (tagged, deleted):
            words = await refused(client, "undo_change", change_id=change["change_id"])
            assert words.startswith("change_id: a change of 3 events at once is withheld by CF1_MAX_CHANGE (2)")
    assert tenant.changes_sent() == []


def _uuid_of_mine(tenant: Tenant) -> str:
    return next(one.uuid for one in tenant.store.datasets() if one.name == MINE)


async def list_names_and_frequencies(tenant: Tenant) -> tuple[list[str], list[str]]:
    async with tenant.api() as api:
        return [one.name for one in await api.list_queries()], [one.frequency for one in await api.list_alerts()]


async def test_an_undo_adds_no_links_in_a_dataset_that_may_not_be_written(tenant: Tenant) -> None:
    event, near, far = await tenant.add("event"), await tenant.add("near"), await tenant.add("far", YOURS)
    async with tenant.api() as api:
        await api.relate_event(far.uuid, [event.uuid])
        await api.relate_event(event.uuid, [near.uuid, far.uuid])
        await api.create_relationships(far.dataset_id, far.uuid, [event.uuid], "caused_by")
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        undone = await ask(client, "undo_change", change_id=deleted["change_id"])
        new_ids = undone["new_ids"]
        assert isinstance(new_ids, dict)
        async with tenant.api() as api:
            back = await api.read_event(event.dataset_id, str(new_ids[event.uuid]))
            untouched = await api.read_event(far.dataset_id, far.uuid)
    # The typed link, and both references across, are left out and counted.
    assert undone["links_left_out"] == 3
    assert (back.references, back.referenced) == ([near.uuid], [])
    assert (untouched.references, untouched.referenced, untouched.has_children) == ([], [], False)


async def test_an_undo_tells_of_links_only_where_their_other_end_may_be_read(tenant: Tenant) -> None:
    """The answers to a deletion and its undo are those of an account without the withheld ends."""
    tenant.store.add_dataset("Theirs")
    told: list[str] = []
    for has_withheld_links in (False, True):
        event, far = await tenant.add("event"), await tenant.add("far", YOURS)
        red, unlisted = await tenant.add("red", tlp="red"), await tenant.add("unlisted", "Theirs")
        async with tenant.api() as api:
            await api.relate_event(event.uuid, [far.uuid])
            if has_withheld_links:
                await api.relate_event(event.uuid, [red.uuid, unlisted.uuid])
                await api.create_relationships(red.dataset_id, red.uuid, [event.uuid], "caused_by")
        async with tenant.server(tenant.allowed(read_datasets=(MINE, YOURS))) as client:
            deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
            undone = await ask_for_text(client, "undo_change", change_id=deleted["change_id"])
        told.append(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\bc(?:-\w{5}){2}\b", "ID", undone))
    assert told[0] == told[1]
    assert told[0] == snapshot("""\
[sandbox: fictional data, not intelligence]
status: done
change_id: ID
created: [{"row":0,"uuid":"ID"}]
new_ids: {"ID":"ID"}
links_left_out: 1
<untrusted MARK>
change: Undo change ID: create 1 deleted event again in dataset 'Mine', with raw evidence, tags and relationships. 1 link is not made again: the dataset at the other end may not be written.
</untrusted MARK>\
""")


async def test_an_undo_loses_nothing_of_an_event_without_raw_evidence(tenant: Tenant) -> None:
    event = await tenant.add("bare", raw={"data": None})
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        undone = await ask(client, "undo_change", change_id=deleted["change_id"])
    assert undone["status"] == "done"
    assert undone["change"] == (
        f"Undo change {deleted['change_id']}: create 1 deleted event again in dataset 'Mine', with raw evidence, tags and "
        "relationships."
    )


async def test_an_event_above_the_current_ceiling_is_not_recreated(tenant: Tenant) -> None:
    event = await tenant.add("amber", tlp="amber")
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    tenant.log.clear()
    async with tenant.server(tenant.allowed(max_tlp=Tlp.GREEN)) as client:
        assert "CF1_MAX_TLP (green)" in await refused(client, "undo_change", change_id=deleted["change_id"])
    assert tenant.changes_sent() == []


async def test_tags_of_an_event_with_a_copy_elsewhere_are_not_undone(tenant: Tenant) -> None:
    event = await tenant.add("copied")
    async with tenant.server(tenant.allowed()) as client:
        tagged = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=["triaged"])
        await copy_event(tenant, event.uuid, MINE, YOURS)
        tenant.log.clear()
        words = await refused(client, "undo_change", change_id=tagged["change_id"])
    assert "has a copy in a dataset that was not named" in words and tenant.changes_sent() == []


@pytest.mark.parametrize(("count", "is_listed"), [(20, True), (21, False)])
async def test_many_created_events_are_counted_and_the_journal_keeps_their_ids(
    tenant: Tenant, count: int, *, is_listed: bool
) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"number {number}")).uuid for number in range(count)]
    async with tenant.server(tenant.allowed()) as client:
        deleted = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        undone = await confirmed_if_asked(client, "undo_change", change_id=deleted["change_id"])
        change_id = str(undone["change_id"])
        shown = await ask_for_text(client, "list_changes", change_id=change_id)
        again = await confirmed(client, "undo_change", change_id=change_id)
    assert isinstance(undone["created"], list) is is_listed is ("new_ids" in undone)
    assert is_listed or (undone["created"], undone["ids"]) == (count, f"`cf1-mcp journal show {change_id}` lists them")
    assert again["deleted"] == count
    assert all(str(one) in shown for one in ids[:3])


async def confirmed_if_asked(client: Client, tool: str, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Make a change, and confirm it if its answer is a preview."""
    first = await ask(client, tool, **arguments)
    return await ask(client, tool, **arguments, confirm=first["code"]) if "code" in first else first
