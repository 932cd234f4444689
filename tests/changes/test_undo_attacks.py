"""The undo of every kind of change under every rule: what it does needs what the change of that effect needs."""

from collections.abc import Mapping

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.changes.datasets.new_datasets import DATASET_CREATION
from cf1_mcp.changes.datasets.renaming import RENAME
from cf1_mcp.changes.undo import KINDS
from cf1_mcp.models import EventChange, SavedQueryFields
from cf1_mcp.policy.tool_effect import ToolEffect
from tests.canned_answers import with_canned_answer
from tests.changes.past_changes import EVERY, OF_SEVERAL_EVENTS, REMOVED_BY_UNDO, WRITTEN_BY_UNDO, make, wide
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio


async def make_past_change(tenant: Tenant, kind: str) -> JsonValue:
    async with tenant.server(wide(tenant)) as client:
        change_id = await EVERY[kind](tenant, client)
    tenant.log.clear()
    return change_id


SITUATIONS: list[tuple[str, Mapping[str, object], str, tuple[str, ...]]] = [
    ("in read mode", {"mode": "read"}, "CF1_MODE", (*EVERY,)),
    ("in write mode", {"mode": "write"}, "CF1_MODE", (*REMOVED_BY_UNDO,)),
    ("with its toolset off", {"toolsets": ("events", "curation")}, "CF1_TOOLSETS", (*EVERY,)),
    ("with no lists", {"write_datasets": (), "delete_datasets": ()}, "_DATASETS", (*EVERY,)),
    ("without a write list", {"write_datasets": ()}, "CF1_WRITE_DATASETS", (*WRITTEN_BY_UNDO,)),
    ("without a delete list", {"delete_datasets": ()}, "CF1_DELETE_DATASETS", (*REMOVED_BY_UNDO,)),
    ("with lists of others", {"write_datasets": ("Other",), "delete_datasets": ("Other",)}, "_DATASETS", (*EVERY,)),
    ("where nothing may be read", {"read_datasets": ("Other",)}, "_DATASETS", (*EVERY,)),
    ("of more events than allowed", {"max_change": 1}, "CF1_MAX_CHANGE (1)", OF_SEVERAL_EVENTS),
]
CASES = [(name, changed, rule, kind) for name, changed, rule, kinds in SITUATIONS for kind in kinds]


@pytest.mark.parametrize(("name", "changed", "rule", "kind"), CASES, ids=[f"{case[3]} {case[0]}" for case in CASES])
async def test_a_rule_refuses_an_undo_before_anything_is_sent(
    tenant: Tenant, name: str, changed: Mapping[str, object], rule: str, kind: str
) -> None:
    tenant.store.add_dataset("Other")
    change_id = await make_past_change(tenant, kind)
    async with tenant.server(wide(tenant, **changed)) as client:
        words = await refused(client, "undo_change", change_id=change_id)
    assert "is withheld by CF1_" in words and rule in words, name
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("kind", REMOVED_BY_UNDO)
@pytest.mark.parametrize("confirm", [None, "yes", "K7QF-2M9D-XW4T"])
async def test_an_undo_that_removes_something_needs_the_code_of_its_preview(
    tenant: Tenant, kind: str, confirm: str | None
) -> None:
    change_id = await make_past_change(tenant, kind)
    async with tenant.server(wide(tenant)) as client:
        if confirm is None:
            preview = await ask(client, "undo_change", change_id=change_id)
            assert preview["status"] == "confirmation_required"
        else:
            await refused(client, "undo_change", change_id=change_id, confirm=confirm)
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("kind", REMOVED_BY_UNDO)
@pytest.mark.parametrize("approval", ["ask", "operator"])
async def test_an_undo_that_removes_something_needs_the_approval_of_a_person(
    tenant: Tenant, kind: str, approval: str
) -> None:
    change_id = await make_past_change(tenant, kind)
    async with tenant.server(wide(tenant, approval=approval)) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
        words = await refused(client, "undo_change", change_id=change_id, confirm=preview["code"])
    assert "CF1_APPROVAL" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("kind", WRITTEN_BY_UNDO)
@pytest.mark.parametrize("confirm", ["yes", "K7QF-2M9D-XW4T"])
async def test_an_undo_with_an_invented_code_is_refused_even_if_it_needs_none(
    tenant: Tenant, kind: str, confirm: str
) -> None:
    change_id = await make_past_change(tenant, kind)
    async with tenant.server(wide(tenant)) as client:
        words = await refused(client, "undo_change", change_id=change_id, confirm=confirm)
    assert words.startswith("confirm: this code is not for this change")
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("kind", EVERY)
async def test_an_undo_that_the_rules_allow_is_made_once(tenant: Tenant, kind: str) -> None:
    change_id = await make_past_change(tenant, kind)
    async with tenant.server(wide(tenant)) as client:
        done = await make(client, "undo_change", change_id=change_id)
        tenant.log.clear()
        words = await refused(client, "undo_change", change_id=change_id)
    assert (done["status"], "is undone already" in words, tenant.changes_sent()) == ("done", True, [])


@pytest.mark.parametrize("kind", EVERY)
async def test_a_change_says_truly_whether_the_settings_allow_its_undo(tenant: Tenant, kind: str) -> None:
    """Made where nothing may be deleted from MINE, as far as that is possible, and undone under the same settings."""
    settings = wide(tenant, delete_datasets=(YOURS,), max_change=2)
    if kind in ("a recreation", "a merge", *WRITTEN_BY_UNDO, "a move"):
        settings = wide(tenant, max_change=2)
    async with tenant.server(settings) as client:
        change_id = await EVERY[kind](tenant, client)
        tenant.log.clear()
        [change, *_] = await tenant.journal.changes(1)
        undo = await client.call_tool("undo_change", {"change_id": change_id})
    assert change.id == change_id
    assert undo.is_error is (settings.delete_datasets == (YOURS,))


@pytest.mark.parametrize("count", [25, 26])
async def test_an_undo_that_recreates_more_than_25_events_needs_a_code(tenant: Tenant, count: int) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}")).uuid for number in range(count)]
    async with tenant.server(wide(tenant)) as client:
        deleted = await make(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        tenant.log.clear()
        answer = await ask(client, "undo_change", change_id=deleted["change_id"])
    assert answer["status"] == ("done" if count == 25 else "confirmation_required")
    assert len(tenant.changes_sent()) == (25 if count == 25 else 0)


async def test_an_undo_that_overwrites_later_changes_of_a_query_warns_and_needs_a_code(tenant: Tenant) -> None:
    change_id = await make_past_change(tenant, "an updated query")
    async with tenant.api() as api:
        [query] = await api.list_queries()
        await api.update_query(query.id, SavedQueryFields(name="a colleague's name"))
    tenant.log.clear()
    async with tenant.server(wide(tenant)) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
    assert (preview["status"], preview["overwritten"], tenant.changes_sent()) == (
        "confirmation_required",
        ["name"],
        [],
    )
    assert "Later changes of name are overwritten." in str(preview["change"])


async def test_an_undo_that_overwrites_later_changes_of_an_alert_warns_and_needs_a_code(tenant: Tenant) -> None:
    change_id = await make_past_change(tenant, "an updated alert")
    # The API lets this server set two frequencies only, so a third one was set elsewhere.
    stored: JsonValue = {"id": 1, "query_id": 1, "enabled": True, "frequency": "weekly"}
    answer: JsonValue = {"success": True, "errors": [], "result": stored}
    async with with_canned_answer(tenant, "/queries/alerts/1", answer, settings=wide(tenant)) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
    assert (preview["status"], preview["overwritten"]) == ("confirmation_required", ["frequency"])


async def test_an_undo_of_a_move_says_what_does_not_come_back(tenant: Tenant) -> None:
    kept, bare = await tenant.add("kept"), await tenant.add("other")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "destination_dataset_id": YOURS, "keep_raw_data": False}
    async with tenant.server(wide(tenant)) as client:
        moved = await make(client, "move_threat_events", **call, event_ids=[kept.uuid, bare.uuid])
        preview = await ask(client, "undo_change", change_id=moved["change_id"])
        undone = await ask(client, "undo_change", change_id=moved["change_id"], confirm=preview["code"])
    sentence = "The raw evidence of 2 events was dropped by the move and does not come back."
    assert sentence in str(preview["change"]) and sentence in str(undone["change"])


async def _preview(client: Client, tool: str, **arguments: JsonValue) -> str:
    return str((await ask(client, tool, **arguments))["undo"])


async def test_a_preview_names_the_rules_of_its_undo_and_whether_the_settings_refuse_it(tenant: Tenant) -> None:
    event = await tenant.add("event", tags=["wave"])
    ids: list[JsonValue] = [event.uuid]
    yours = tenant.dataset_id(YOURS)
    async with tenant.server(tenant.allowed(write_datasets=(MINE, YOURS))) as client:
        moving = await _preview(
            client, "move_threat_events", dataset_id=MINE, destination_dataset_id=YOURS, event_ids=ids
        )
        deleting = await _preview(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
    async with tenant.server(tenant.allowed(approval="operator", write_datasets=())) as client:
        untagging = await _preview(client, "untag_threat_events", dataset_id=MINE, event_ids=ids, tags=["wave"])
    async with tenant.server(tenant.allowed(mode="write")) as client:
        tagged = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=ids, tags=["more"])
    assert [words.replace(yours, "YOURS").replace(tenant.dataset_id(), "MINE") for words in (moving, deleting)] == (
        snapshot(
            [
                "undo_change moves them back. The undo needs CF1_MODE=full, dataset YOURS in CF1_DELETE_DATASETS, dataset MINE in CF1_WRITE_DATASETS and a code. The current settings refuse it: CF1_DELETE_DATASETS.",
                "undo_change creates the events again from the journal, with new ids, raw evidence and relationships. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
            ]
        )
    )
    assert (untagging, tagged["undo"]) == snapshot(
        (
            "undo_change tags the events again. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code and the approval of the operator (CF1_APPROVAL=operator). The current settings refuse it: CF1_WRITE_DATASETS.",
            "undo_change takes off the added tags, and leaves those that existed before. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS and a code. The current settings refuse it: CF1_MODE (write).",
        )
    )


async def test_the_undo_of_an_update_that_lowers_a_marking_again_needs_a_code(tenant: Tenant) -> None:
    change_id = await make_past_change(tenant, "an update")
    async with tenant.server(wide(tenant)) as client:
        preview = await ask(client, "undo_change", change_id=change_id)
        async with tenant.api() as api:
            change = (await tenant.journal.change(str(change_id))).intent
            await api.update_event(
                str(change.arguments["event_id"]), EventChange(dataset_id=tenant.dataset_id(), insight="new")
            )
        tenant.log.clear()
        await refused(client, "undo_change", change_id=change_id, confirm=preview["code"])
    assert (preview["status"], tenant.changes_sent()) == ("confirmation_required", [])


def test_every_kind_with_an_undo_is_attacked() -> None:
    # Whole datasets need other lists: tests/tools/test_dataset_changes.py.
    undone = [kind for kind in KINDS if kind.plan_undo and kind not in (DATASET_CREATION, RENAME)]
    removed = [kind for kind in undone if kind.inverse is ToolEffect.DELETE]
    assert (len(undone), len(removed)) == (len(EVERY), len(REMOVED_BY_UNDO))
