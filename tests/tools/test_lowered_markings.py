"""A lower TLP marking makes more readable, so it needs a code; other changes of a marking do not."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import EventChange, RawChange, Tlp
from tests.conversations import ask, refused
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

LOWER: list[tuple[dict[str, JsonValue], dict[str, JsonValue], str]] = [
    ({"tlp": "amber"}, {"tlp": "green"}, "This lowers the event's marking from amber to green."),
    ({"tlp": "amber"}, {"tlp": "WHITE", "attacker": "X"}, "This lowers the event's marking from amber to clear."),
    ({"tlp": ""}, {"tlp": "green"}, "This lowers the event's marking from amber to green."),
    (
        {"raw": {"data": {}, "tlp": "amber"}},
        {"raw_tlp": "green"},
        "This lowers the raw evidence's marking from amber to green.",
    ),
    ({"raw": {"data": {}}}, {"raw_tlp": "green"}, "This lowers the raw evidence's marking from amber to green."),
]


@pytest.mark.parametrize(("fields", "change", "words"), LOWER)
async def test_a_lower_marking_needs_a_code(
    tenant: Tenant, fields: dict[str, JsonValue], change: dict[str, JsonValue], words: str
) -> None:
    event = await tenant.add("marked", MINE, **fields)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, **change}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "update_threat_event", **call)
        assert preview["status"] == "confirmation_required" and words in str(preview["change"])
        await refused(client, "update_threat_event", **call, confirm="AAAA-AAAA-AAAA")
        assert tenant.changes_sent() == []
        done = await ask(client, "update_threat_event", **call, confirm=preview["code"])
    assert done["status"] == "done" and len(tenant.changes_sent()) == 1


async def test_a_preview_shows_the_old_and_the_new_marking(tenant: Tenant) -> None:
    event = await tenant.add("marked", tlp="amber", raw={"data": {"secret": "of theirs"}, "tlp": "amber"})
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(
            client,
            "update_threat_event",
            dataset_id=MINE,
            event_id=event.uuid,
            tlp="clear",
            raw_tlp="clear",
            raw_data={"public": True},
        )
    shown = str(preview["change"]).replace(event.uuid, "EVENT")
    assert {**preview, "change": shown, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Change tlp, raw data, raw tlp of event EVENT in dataset 'Mine'. This lowers the event's marking from amber to clear. This lowers the raw evidence's marking from amber to clear.",
            "from": {"tlp": "amber", "raw_data": '{"secret": "of theirs"}', "raw_tlp": "amber"},
            "to": {"tlp": "clear", "raw_data": '{"public": true}', "raw_tlp": "clear"},
            "undo": "undo_change restores the old values. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
            "code": "...",
            "untrusted": ["change", "from", "to"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )


@pytest.mark.parametrize("change", [{"tlp": "amber"}, {"raw_tlp": "amber"}, {"attacker": "X"}, {"raw_source": "X"}])
async def test_a_higher_marking_or_another_field_needs_no_code(tenant: Tenant, change: dict[str, JsonValue]) -> None:
    event = await tenant.add("marked", raw={"data": {}, "tlp": "green"})
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, **change)
    assert done["status"] == "done"


async def test_unmarked_evidence_is_as_strict_as_its_event(tenant: Tenant) -> None:
    event = await tenant.add("strict", tlp="red", raw={"data": {}})
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        preview = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, raw_tlp="amber+strict")
    assert "from red to amber+strict" in str(preview["change"])


@pytest.mark.parametrize("evidence", [True, False], ids=["evidence", "event"])
async def test_a_code_is_invalid_once_the_content_changed(tenant: Tenant, evidence: bool) -> None:
    event = await tenant.add("harmless", tlp="amber", raw={"data": {"harmless": True}, "tlp": "amber"})
    change: dict[str, JsonValue] = {"raw_tlp": "green"} if evidence else {"tlp": "green"}
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, **change}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "update_threat_event", **call)
        async with tenant.api() as api:
            if evidence:
                await api.update_raw(event.uuid, event.raw_id, RawChange(data={"secret": True}))
            else:
                await api.update_event(event.uuid, EventChange(dataset_id=event.dataset_id, event="a secret"))
        tenant.log.clear()
        await refused(client, "update_threat_event", **call, confirm=preview["code"])
    assert tenant.changes_sent() == []
