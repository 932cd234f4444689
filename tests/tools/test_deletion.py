"""Deleting events: rules, preview, code and journal are checked in this order, before anything is sent."""

import json

import anyio
import pytest
from inline_snapshot import snapshot
from mcp.types import CallToolResult
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.models import SavedQueryFields
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import Change
from tests.canned_answers import CountedDeletion, with_canned_answer
from tests.conversations import ask, ask_for_text, data_of, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio


async def test_a_call_without_a_code_only_previews_the_deletion(tenant: Tenant) -> None:
    parent, child = await tenant.add("campaign"), await tenant.add("step", tlp="amber")
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], "caused_by")
        await api.relate_event(child.uuid, [parent.uuid])
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        data = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[child.uuid])
    assert {**data, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Delete 1 event from dataset 'Mine' for good.",
            "events": 1,
            "relationships_cut": 1,
            "references_cut": 1,
            "raw_markings": {"amber": 1},
            "undo": "undo_change creates the events again from the journal, with new ids, raw evidence and relationships. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
            "code": "...",
            "untrusted": ["change"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    assert tenant.changes_sent() == []


async def test_a_preview_names_the_saved_queries_that_find_the_events(tenant: Tenant) -> None:
    event = await tenant.add("watched", attacker="SOMEBODY")
    async with tenant.api() as api:
        search = json.dumps(
            {"datasetId": [event.dataset_id], "search": [{"field": "attacker", "op": "equals", "value": "somebody"}]}
        )
        for name, text, rule in (("somebody", search, True), ("nobody", search.replace("somebody", "nobody"), False)):
            fields = SavedQueryFields(
                name=name, query_json=text, alert_enabled=False, alert_rollup_enabled=False, rule_enabled=rule
            )
            await api.create_query(fields)
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        data = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert data["saved_queries"] == ["1 'somebody' finds 1 of these events, and feeds a block list"]
    assert tenant.changes_sent() == []


async def test_a_preview_names_the_saved_queries_that_could_not_be_checked(tenant: Tenant) -> None:
    event = await tenant.add("watched")
    broken: JsonValue = {"id": 7, "name": "odd", "query_json": "attacker = somebody", "rule_enabled": True}
    search: JsonValue = {"id": 8, "name": "fine", "query_json": json.dumps({"datasetId": [event.dataset_id]})}
    async with with_canned_answer(tenant, "/queries", {"success": True, "result": [broken, search]}) as client:
        unread = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    failure: JsonValue = {"success": False, "errors": [{"message": "busy"}], "result": {}}
    created = {"field": "createdAt", "op": "gte", "value": "2026-01-01T00:00:00Z"}
    async with tenant.api() as api:
        text = json.dumps({"datasetId": [event.dataset_id], "search": [created]})
        fields = SavedQueryFields(name="fine", query_json=text)
        flags = {"alert_enabled": False, "alert_rollup_enabled": False, "rule_enabled": False}
        await api.create_query(fields.model_copy(update=flags))
    async with with_canned_answer(tenant, "/events", failure, 400) as client:
        failed = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert (unread["saved_queries"], failed["saved_queries"]) == snapshot(
        (
            [
                "7 'odd' may find these events, which cannot be told: its text is in another grammar, and feeds a block list",
                "8 'fine' finds 1 of these events",
            ],
            ["1 'fine' could not be checked: its search failed"],
        )
    )
    assert unread["untrusted"] == ["change", "saved_queries", "outside"]
    assert failed["untrusted"] == ["change", "saved_queries"]


UNKNOWN_GRAMMAR = [
    '{"dataset_ids": ["DATASET"], "filters": {"attacker": "SOMEBODY"}}',
    '{"query": "{ events }"}',
    '{"datasetId": ["DATASET"], "conditions": [{"field": "attacker", "op": "equals", "value": "SOMEBODY"}]}',
    '{"datasetId": ["all"], "datasetId": ["DATASET"]}',
    '{"datasetId": ["DATASET"], "cursor": "abc"}',
]


@pytest.mark.parametrize("query_json", UNKNOWN_GRAMMAR)
async def test_a_preview_names_a_saved_query_of_unknown_grammar_as_not_checked(tenant: Tenant, query_json: str) -> None:
    event = await tenant.add("watched", attacker="SOMEBODY")
    query: JsonValue = {"id": 7, "name": "odd", "query_json": query_json.replace("DATASET", event.dataset_id)}
    async with with_canned_answer(tenant, "/queries", {"success": True, "result": [query]}) as client:
        data = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert data["saved_queries"] == snapshot(
        ["7 'odd' may find these events, which cannot be told: its text is in another grammar"]
    )


async def test_a_preview_checks_a_saved_query_that_names_its_dataset_without_a_list(tenant: Tenant) -> None:
    event = await tenant.add("watched")
    query: JsonValue = {"id": 7, "name": "one", "query_json": json.dumps({"datasetId": event.dataset_id})}
    async with with_canned_answer(tenant, "/queries", {"success": True, "result": [query]}) as client:
        data = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert data["saved_queries"] == snapshot(["7 'one' finds 1 of these events"])


@pytest.mark.both_moods
async def test_the_same_call_with_its_code_deletes_and_is_journaled(tenant: Tenant) -> None:
    event = await tenant.add("false positive")
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **call)
        done = await ask(client, "delete_threat_events", **call, confirm=preview["code"])
        gone = await refused(client, "get_threat_event", event_id=event.uuid, dataset_id=MINE)
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Delete 1 event from dataset 'Mine' for good.",
            "deleted": 1,
            "untrusted": ["change"],
        }
    )
    assert "Not found on this account" in gone
    assert tenant.changes_sent() == [f"DELETE /events/datasets/{event.dataset_id}/events"]
    change = await tenant.journal.change(str(done["change_id"]))
    assert (change.outcome, change.intent.tool, change.result) == ("done", "delete_threat_events", {"deleted": 1})
    assert await tenant.journal.verify() == []


@pytest.mark.both_moods
async def test_a_code_is_invalid_once_the_events_changed(tenant: Tenant) -> None:
    event = await tenant.add("to be edited")
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **call)
        async with tenant.api() as api:
            await api.tag_event(event.uuid, ["a colleague was here"])
        tenant.log.clear()
        words = await refused(client, "delete_threat_events", **call, confirm=preview["code"])
    assert words == snapshot(
        "confirm: this code is not for this change in its current state. Use the same call without confirm, and show the person its new preview."
    )
    assert tenant.changes_sent() == []


async def test_a_code_is_valid_for_its_own_events_only(tenant: Tenant) -> None:
    first, second = await tenant.add("first"), await tenant.add("second")
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[first.uuid])
        for ids in ([second.uuid], [first.uuid, second.uuid]):
            await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids], confirm=preview["code"])
    assert tenant.changes_sent() == []


async def test_a_code_expires(tenant: Tenant) -> None:
    event = await tenant.add("old")
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **call)
        tenant.wait(601)
        await refused(client, "delete_threat_events", **call, confirm=preview["code"])
    assert tenant.changes_sent() == []


async def test_a_code_is_valid_on_servers_that_share_its_key(tenant: Tenant) -> None:
    event = await tenant.add("shared")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", **call)
    async with tenant.server(tenant.allowed(confirm_key=None)) as client:
        await refused(client, "delete_threat_events", **call, confirm=preview["code"])
    async with tenant.server(tenant.allowed()) as client:
        assert (await ask(client, "delete_threat_events", **call, confirm=preview["code"]))["status"] == "done"


async def test_a_code_is_used_once(tenant: Tenant) -> None:
    event = await tenant.add("once")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", **call)
        assert (await ask(client, "delete_threat_events", **call, confirm=preview["code"]))["status"] == "done"
        await refused(client, "delete_threat_events", **call, confirm=preview["code"])
    assert len(tenant.changes_sent()) == 1


async def test_a_code_is_used_once_by_concurrent_calls(tenant: Tenant) -> None:
    event = await tenant.add("once")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
    refusals: list[bool] = []
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", **call)

        async def attempt() -> None:
            arguments = {**call, "confirm": preview["code"]}
            refusals.append(bool((await client.call_tool("delete_threat_events", arguments)).is_error))

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(attempt)
    assert sorted(refusals) == [False, True, True, True, True]
    assert len(tenant.changes_sent()) == 1


RULES: list[tuple[str, dict[str, object], dict[str, JsonValue], str]] = [
    ("in read mode", {"mode": "read"}, {}, "CF1_MODE"),
    ("in write mode", {"mode": "write"}, {}, "CF1_MODE"),
    ("without a delete list", {"delete_datasets": ()}, {}, "CF1_DELETE_DATASETS"),
    ("with a write list alone", {"delete_datasets": (), "write_datasets": ("*",)}, {}, "CF1_DELETE_DATASETS"),
    ("from another dataset", {}, {"dataset_id": YOURS}, "CF1_DELETE_DATASETS"),
    ("from another dataset in upper case", {}, {"dataset_id": f" {YOURS.upper()} "}, "CF1_DELETE_DATASETS"),
    ("what may not be read", {"read_datasets": (YOURS,)}, {}, "CF1_DELETE_DATASETS"),
    ("more than allowed", {"max_change": 1}, {}, "CF1_MAX_CHANGE (1)"),
    ("with its toolset off", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
]


@pytest.mark.parametrize(("changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_deleted_against_a_rule(
    tenant: Tenant, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    first, second = await tenant.add("first"), await tenant.add("second")
    async with tenant.server(tenant.allowed(**changed)) as client:
        arguments: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [first.uuid, second.uuid]}
        words = await refused(client, "delete_threat_events", **(arguments | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


async def test_events_of_another_dataset_or_above_the_ceiling_are_refused_whole(tenant: Tenant) -> None:
    mine, yours, red = await tenant.add("mine"), await tenant.add("yours", YOURS), await tenant.add("red", tlp="red")
    async with tenant.server(tenant.allowed()) as client:
        for other in (yours, red):
            await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=[mine.uuid, other.uuid])
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("event_ids", "words"),
    [
        (
            [],
            snapshot(
                "event_ids: no event is given. Use either event_ids, or the selection of a search with select=true."
            ),
        ),
        (["no uuid"], snapshot("event_ids: this is not an event uuid; take it from the uuid column of a search.")),
        (
            ["e0000000-0000-4000-8000-000000000001"],
            snapshot(
                """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event not found: 'e0000000-0000-4000-8000-000000000001' does not exist; list events to find valid ids"
</untrusted MARK>\
"""
            ),
        ),
        (
            [f"e0000000-0000-4000-8000-{number:012}" for number in range(10_000)],
            snapshot(
                "event_ids: a change of 10,000 events at once is withheld by CF1_MAX_CHANGE (100): at most 100 events a call. Tell the person that the operator's setting forbids more."
            ),
        ),
    ],
    ids=["none", "no uuid", "unknown", "ten thousand"],
)
async def test_an_invalid_list_of_events_is_refused(tenant: Tenant, event_ids: list[JsonValue], words: str) -> None:
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=event_ids) == words
    assert tenant.changes_sent() == []


async def test_an_event_named_twice_is_deleted_once(tenant: Tenant) -> None:
    event = await tenant.add("twice")
    async with tenant.server(tenant.allowed()) as client:
        data = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid, event.uuid.upper()])
    assert data["events"] == 1


async def test_nothing_is_deleted_when_the_journal_cannot_be_written(tenant: Tenant) -> None:
    event = await tenant.add("kept")
    (tenant.folder / "journal.db").mkdir()
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", **call)
        words = await refused(client, "delete_threat_events", **call, confirm=preview["code"])
    assert "The change is not made" in words
    assert tenant.changes_sent() == []


async def test_a_code_is_valid_again_after_the_journal_could_not_be_written(tenant: Tenant) -> None:
    event = await tenant.add("deleted later")
    (tenant.folder / "journal.db").mkdir()
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", **call)
        await refused(client, "delete_threat_events", **call, confirm=preview["code"])
        (tenant.folder / "journal.db").rmdir()
        done = await ask(client, "delete_threat_events", **call, confirm=preview["code"])
    assert done["status"] == "done"


async def delete_with_an_unclear_answer(tenant: Tenant, count: int) -> tuple[CallToolResult, Change, str]:
    """Delete two events where the API says that it deleted `count`, and then fails. Return what a replay is told too."""
    events = [await tenant.add(title) for title in ("first", "second")]
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid for event in events]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_threat_events", **call)
    tenant.options = SandboxOptions(middleware=[Middleware(CountedDeletion, count)])
    async with tenant.server(tenant.allowed()) as client:
        answer = await client.call_tool("delete_threat_events", {**call, "confirm": preview["code"]})
    tenant.options = SandboxOptions()
    async with tenant.server(tenant.allowed()) as client:
        replayed = await refused(client, "delete_threat_events", **call, confirm=preview["code"])
    [change] = await tenant.journal.changes()
    return answer, change, replayed


async def test_a_partial_deletion_whose_rest_cannot_be_checked_is_unknown(tenant: Tenant) -> None:
    answer, change, replayed = await delete_with_an_unclear_answer(tenant, 1)
    data: dict[str, JsonValue] = dict(answer.structured_content or {})
    assert (data["status"], data["deleted"], data["look"], change.outcome) == snapshot(
        ("unknown", 1, "A look at the API right after it failed.", "unknown")
    )
    assert replayed.startswith("confirm: this code was used already.")


async def test_a_deletion_of_nothing_that_cannot_be_checked_is_unknown(tenant: Tenant) -> None:
    answer, change, replayed = await delete_with_an_unclear_answer(tenant, 0)
    assert (data_of(answer)["status"], change.outcome) == ("unknown", "unknown")
    assert replayed.startswith("confirm: this code was used already.")


async def test_read_mode_lists_no_changing_tool(tenant: Tenant) -> None:
    async with tenant.server(Settings()) as client:
        tools = (await client.list_tools()).tools
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)


async def test_a_preview_is_shown_as_text(tenant: Tenant) -> None:
    event = await tenant.add("shown")
    async with tenant.server(tenant.allowed()) as client:
        text = await ask_for_text(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert "status: confirmation_required" in text and "Nothing was changed." in text
