"""Parents of deleted and created events: they lose or gain a child, and with it their place on a block list."""

import json
from dataclasses import dataclass

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Event, EventChange, SavedQueryFields, Tlp
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
ADDRESS = "192.0.2.53"
NEW: Json = {"category": "Phishing", "date": "2026-11-20T10:00:00Z", "event": "seen", "tlp": "green"}


async def block_parents(tenant: Tenant, op: str = "equals", value: JsonValue = "true") -> None:
    """Save a query that feeds a block list with the parents of both datasets."""
    search = [{"field": "hasChildren", "op": op, "value": value}, {"field": "event", "op": "equals", "value": "parent"}]
    text = json.dumps({"datasetId": [tenant.dataset_id(), tenant.dataset_id(YOURS)], "search": search})
    async with tenant.api() as api:
        await api.create_query(
            SavedQueryFields(
                name="watch", query_json=text, rule_enabled=True, alert_enabled=False, alert_rollup_enabled=False
            )
        )
    tenant.log.clear()


async def link(tenant: Tenant, parent: Event, child: Event, *, reference: bool = False) -> None:
    async with tenant.api() as api:
        if reference:
            await api.relate_event(parent.uuid, [child.uuid])
        else:
            await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], "related_to")
    tenant.log.clear()


@dataclass(frozen=True)
class Family:
    """Where the parent is, how it is linked, and the highest marking that the server shows."""

    dataset: str = MINE
    reference: bool = False
    ceiling: Tlp = Tlp.AMBER
    op: str = "equals"
    value: JsonValue = "true"


FAMILIES = {
    "a typed relationship": Family(),
    "a reference": Family(reference=True),
    "a parent in another dataset": Family(YOURS),
    "a list of values": Family(op="in", value=[True]),
    "a negation": Family(op="not", value="false"),
    "a server that withholds nothing": Family(ceiling=Tlp.RED),
    "a reference, and nothing withheld": Family(reference=True, ceiling=Tlp.RED),
}


@pytest.mark.parametrize("name", FAMILIES)
async def test_the_undo_of_a_deletion_names_what_its_parent_blocks_and_needs_a_code(tenant: Tenant, name: str) -> None:
    family = FAMILIES[name]
    parent = await tenant.add("parent", family.dataset, indicator=ADDRESS)
    child = await tenant.add("child", indicator="192.0.2.99")
    await link(tenant, parent, child, reference=family.reference)
    await block_parents(tenant, family.op, family.value)
    settings = tenant.allowed(write_datasets=(MINE, YOURS), max_tlp=family.ceiling)
    async with tenant.server(settings) as client:
        deletion = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[child.uuid])
        done = await ask(
            client, "delete_threat_events", dataset_id=MINE, event_ids=[child.uuid], confirm=deletion["code"]
        )
        tenant.log.clear()
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        assert undo["status"] == "confirmation_required" and tenant.changes_sent() == []
        again = await ask(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    # A reference gives no flag, and where nothing is withheld the flag is known.
    falls_off = not family.reference or family.ceiling is not Tlp.RED
    assert ("off the block list of saved query 1 'watch'" in str(deletion["change"])) is falls_off
    assert "1 indicator to the block list of saved query 1 'watch'" in str(undo["change"])
    assert ADDRESS in json.dumps(undo["outside"]) and "192.0.2.99" not in json.dumps(undo["outside"])
    assert again["status"] == "done"


async def test_the_previews_of_a_deletion_and_its_undo(tenant: Tenant) -> None:
    parent, child = await tenant.add("parent", indicator=ADDRESS), await tenant.add("child")
    await link(tenant, parent, child)
    await block_parents(tenant)
    async with tenant.server(tenant.allowed()) as client:
        deletion = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[child.uuid])
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[child.uuid])
        undo = await ask(client, "undo_change", change_id=done["change_id"])
    summaries = [str(preview["change"]).replace(str(done["change_id"]), "ID") for preview in (deletion, undo)]
    assert [*zip(summaries, [deletion["outside"], undo["outside"]], strict=True)] == snapshot(
        [
            (
                "Delete 1 event from dataset 'Mine' for good. This may take 1 indicator off the block list of saved query 1 'watch'.",
                [
                    {
                        "query": "saved query 1 'watch'",
                        "acts": ["changes a block list"],
                        "may_no_longer_find": 1,
                        "may_unblock": {"count": 1, "indicator": ["192.0.2.53"]},
                    }
                ],
            ),
            (
                "Undo change ID: create 1 deleted event again in dataset 'Mine', with raw evidence, tags and relationships. This may add 1 indicator to the block list of saved query 1 'watch', which may newly find 1 event.",
                [
                    {
                        "query": "saved query 1 'watch'",
                        "acts": ["changes a block list"],
                        "may_find": 1,
                        "may_block": {"count": 1, "indicator": ["192.0.2.53"]},
                    }
                ],
            ),
        ]
    )


async def test_a_code_is_void_once_the_indicator_of_the_parent_changed(tenant: Tenant) -> None:
    parent, child = await tenant.add("parent", indicator=ADDRESS), await tenant.add("child")
    await link(tenant, parent, child)
    await block_parents(tenant)
    async with tenant.server(tenant.allowed()) as client:
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[child.uuid])
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        async with tenant.api() as api:
            changed = EventChange.model_validate({"datasetId": parent.dataset_id, "indicator": "192.0.2.77"})
            await api.update_event(parent.uuid, changed)
        tenant.log.clear()
        await refused(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("reference", [False, True])
async def test_a_withheld_parent_makes_no_difference(tenant: Tenant, reference: bool) -> None:
    parent = await tenant.add("parent", tlp="red", indicator=ADDRESS)
    first, second = await tenant.add("child"), await tenant.add("child")
    await link(tenant, parent, first, reference=reference)
    await block_parents(tenant)
    answers: list[Json] = []
    async with tenant.server(tenant.allowed()) as client:
        for child in (first, second):
            call: Json = {"dataset_id": MINE, "event_ids": [child.uuid]}
            preview = await ask(client, "delete_threat_events", **call)
            done = await ask(client, "delete_threat_events", **call, confirm=preview["code"])
            answers.append({"change": preview["change"], "outside": preview.get("outside"), "done": done["status"]})
            undone = await ask(client, "undo_change", change_id=done["change_id"])
            answers[-1]["undo"] = undone["status"]
    assert answers[0] == answers[1]


async def test_an_import_under_an_existing_parent_names_what_it_blocks(tenant: Tenant) -> None:
    await block_parents(tenant)
    parent: Json = {**NEW, "event": "parent", "indicator": ADDRESS, "indicator_type": "ip", "ref": "a"}
    rows: list[JsonValue] = [parent, {**NEW, "event": "child", "parent_ref": "a"}]
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "import_threat_events", dataset_id=MINE, rows=[parent])
        tenant.wait(3600)
        tenant.log.clear()
        preview = await ask(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert "1 indicator to the block list of saved query 1 'watch'" in str(preview["change"])
    assert ADDRESS in json.dumps(preview["outside"]) and tenant.changes_sent() == []
