"""Raw evidence has its own marking wherever it goes: what may not be seen is not shown, removed, moved, or changed."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Event, EventChange, RawChange, Tlp
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]
SECRET = "the words of the evidence"
WITHHELD = "The raw evidence of this event is withheld by CF1_MAX_TLP"
BOTH: dict[str, object] = {"write_datasets": (MINE, YOURS), "delete_datasets": (MINE, YOURS)}


async def add_public(tenant: Tenant) -> str:
    return tenant.store.add_dataset("Public", is_public=True).uuid


def raw(tlp: str | None = None, **data: JsonValue) -> Arguments:
    return {"data": data or {"words": SECRET}, **({"tlp": tlp} if tlp is not None else {})}


# Markings of the event and of its evidence, and the ceiling that withholds the evidence, but not the event.
HIDDEN: list[tuple[str, str | None, Tlp]] = [
    ("green", "red", Tlp.AMBER),
    ("clear", "amber+strict", Tlp.AMBER),
    ("amber", "TLP:RED", Tlp.AMBER_STRICT),
    ("green", "purple", Tlp.AMBER_STRICT),
    ("clear", None, Tlp.CLEAR),
    ("green", "", Tlp.GREEN),
    ("clear", "green", Tlp.CLEAR),
]
CALLS: list[tuple[str, Arguments]] = [
    ("delete_threat_events", {"event_ids": ["EVENT"]}),
    ("move_threat_events", {"event_ids": ["EVENT"], "destination_dataset_id": YOURS}),
    ("move_threat_events", {"event_ids": ["EVENT"], "destination_dataset_id": YOURS, "keep_raw_data": False}),
    ("move_threat_events", {"event_ids": ["EVENT"], "destination_dataset_id": "Public"}),
    ("update_threat_event", {"event_id": "EVENT", "event": "other words"}),
    ("update_threat_event", {"event_id": "EVENT", "tlp": "clear", "attacker": "X"}),
    ("update_threat_event", {"event_id": "EVENT", "raw_data": {"new": 1}}),
    ("update_threat_event", {"event_id": "EVENT", "raw_source": "elsewhere"}),
    ("update_threat_event", {"event_id": "EVENT", "raw_tlp": "clear"}),
]


async def store(tenant: Tenant, tlp: str, raw_tlp: str | None) -> Event:
    """Store an event with evidence of a marking, which the API itself would not take."""
    event = await tenant.add("event", tlp=tlp, raw=raw("clear"))
    with tenant.store.transaction() as db:
        db.execute("UPDATE raw SET tlp = ?", (raw_tlp,))
    return event


@pytest.mark.parametrize(("tlp", "raw_tlp", "ceiling"), HIDDEN)
async def test_an_event_whose_evidence_may_not_be_seen_is_neither_shown_with_it_nor_changed(
    tenant: Tenant, tlp: str, raw_tlp: str | None, ceiling: Tlp
) -> None:
    event = await store(tenant, tlp, raw_tlp)
    await add_public(tenant)
    lists: dict[str, object] = {"write_datasets": ("*",), "delete_datasets": ("*",), "max_tlp": ceiling}
    async with tenant.server(tenant.allowed(**lists)) as client:
        shown = await ask(client, "get_threat_event", event_id=event.uuid, dataset_id=MINE, include=["raw"])
        assert SECRET not in str(shown) and shown["raw"] == {"withheld": f"by CF1_MAX_TLP ({ceiling.value})"}
        for tool, arguments in CALLS:
            given: Arguments = {
                name: [event.uuid] if value == ["EVENT"] else event.uuid if value == "EVENT" else value
                for name, value in arguments.items()
            }
            words = await refused(client, tool, dataset_id=MINE, **given)
            assert words.startswith(WITHHELD) and SECRET not in words
    assert tenant.changes_sent() == []


async def test_previews_show_the_markings_of_evidence_and_the_highest_one_that_leaves_for_a_public_dataset(
    tenant: Tenant,
) -> None:
    events = [
        await tenant.add("one", tlp="clear", raw=raw("amber")),
        await tenant.add("two", tlp="green", raw=raw("clear")),
        await tenant.add("three", tlp="green", raw=raw()),
        await tenant.add("four", tlp="green", raw={"data": None}),
    ]
    await add_public(tenant)
    ids: list[JsonValue] = [event.uuid for event in events]
    leaving: Arguments = {"dataset_id": MINE, "event_ids": ids, "destination_dataset_id": "Public"}
    lists: dict[str, object] = {"write_datasets": ("*",), "delete_datasets": ("*",)}
    async with tenant.server(tenant.allowed(**lists)) as client:
        deletion = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        move = await ask(client, "move_threat_events", **leaving)
        without = await ask(client, "move_threat_events", **leaving, keep_raw_data=False)
        lower = await ask(client, "update_threat_event", dataset_id=MINE, event_id=events[1].uuid, tlp="clear")
    counts = {"clear": 1, "amber": 2}
    assert deletion["raw_markings"] == move["raw_markings"] == without["raw_markings"] == counts
    assert lower["raw_markings"] == {"clear": 1}
    assert [move["change"], without["change"]] == snapshot(
        [
            "Move 4 events from dataset 'Mine' to 'Public'. The destination is public: anyone may search it. The highest marking of what leaves is amber.",
            "Move 4 events from dataset 'Mine' to 'Public'. The raw evidence of 3 events is lost for good. The destination is public: anyone may search it. The highest marking of what leaves is green.",
        ]
    )


LOWERING: list[tuple[str, str | None, Arguments, list[str]]] = [
    (
        "amber+strict",
        None,
        {"tlp": "green"},
        ["event's marking from amber+strict to green", "from amber+strict to amber"],
    ),
    ("red", "", {"tlp": "amber"}, ["event's marking from red to amber", "evidence's marking from red to amber"]),
    ("red", None, {"raw_tlp": "red", "tlp": "clear"}, ["event's marking from red to clear"]),
    ("red", None, {"raw_tlp": "amber"}, ["evidence's marking from red to amber"]),
    ("red", "red", {"raw_tlp": "green", "raw_data": {"new": 1}}, ["evidence's marking from red to green"]),
    ("green", "purple", {"raw_tlp": "amber"}, ["evidence's marking from red to amber"]),
]


@pytest.mark.parametrize(("tlp", "raw_tlp", "change", "sentences"), LOWERING)
async def test_a_change_that_lowers_the_marking_of_evidence_says_so_and_needs_a_code(
    tenant: Tenant, tlp: str, raw_tlp: str | None, change: Arguments, sentences: list[str]
) -> None:
    event = await store(tenant, tlp, raw_tlp)
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        preview = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, **change)
    assert preview["status"] == "confirmation_required" and tenant.changes_sent() == []
    said = str(preview["change"]).split("This lowers ")[1:]
    assert len(said) == len(sentences) and all(words in one for words, one in zip(sentences, said, strict=True))


async def test_an_undo_that_restores_values_under_a_lower_marking_says_so(tenant: Tenant) -> None:
    event = await tenant.add("secret words", tlp="red", raw=raw("red"))
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        change: Arguments = {"dataset_id": MINE, "event_id": event.uuid, "event": "harmless", "raw_data": {"new": 1}}
        done = await ask(client, "update_threat_event", **change)
        async with tenant.api() as api:
            marked = EventChange.model_validate({"dataset_id": event.dataset_id, "tlp": "green"})
            await api.update_event(event.uuid, marked)
            await api.update_raw(event.uuid, event.raw_id, RawChange(tlp="amber"))
        tenant.log.clear()
        preview = await ask(client, "undo_change", change_id=done["change_id"])
    assert preview["status"] == "confirmation_required" and tenant.changes_sent() == []
    assert str(preview["change"]).replace(event.uuid, "EVENT").partition(": ")[2] == snapshot(
        "change event, raw data of event EVENT in dataset 'Mine'. This lowers a marking: the values that it restores were marked red, and become green. This lowers a marking: the raw evidence that it restores were marked red, and become amber."
    )
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "undo_change", change_id=done["change_id"])
    assert "is withheld by CF1_MAX_TLP (amber)" in words and "secret" not in words
    assert tenant.changes_sent() == []


async def test_an_undo_of_a_raised_marking_needs_a_code(tenant: Tenant) -> None:
    event = await tenant.add("event", tlp="green", raw=raw("green"))
    async with tenant.server(tenant.allowed()) as client:
        raised: Arguments = {"dataset_id": MINE, "event_id": event.uuid, "tlp": "amber", "raw_tlp": "amber"}
        done = await ask(client, "update_threat_event", **raised)
        tenant.log.clear()
        preview = await ask(client, "undo_change", change_id=done["change_id"])
    assert preview["status"] == "confirmation_required" and tenant.changes_sent() == []
    assert str(preview["change"]).count("This lowers the ") == 2


async def test_red_evidence_that_was_added_after_a_creation_does_not_come_out_of_undo_done_twice(
    tenant: Tenant,
) -> None:
    new: Arguments = {"category": "Phishing", "date": "2026-11-20", "event": "made", "tlp": "green"}
    async with tenant.server(tenant.allowed()) as client:
        made = await ask(client, "create_threat_event", dataset_id=MINE, **new, raw_data={"mine": 1})
        [change] = await tenant.journal.changes(1)
        assert isinstance(change.result, dict) and isinstance(change.result["created"], list)
        created = change.result["created"][0]
        assert isinstance(created, dict)
        async with tenant.api() as api:
            event = await api.read_event(tenant.dataset_id(MINE), str(created["uuid"]))
            await api.update_raw(event.uuid, event.raw_id, RawChange(data={"words": SECRET}, tlp="red"))
        tenant.log.clear()
        words = await refused(client, "undo_change", change_id=made["change_id"])
    assert words.startswith(WITHHELD) and tenant.changes_sent() == []


async def test_deleted_evidence_above_a_ceiling_that_was_tightened_is_not_recreated(tenant: Tenant) -> None:
    event = await tenant.add("event", tlp="green", raw=raw("red"))
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        gone: Arguments = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **gone)
        done = await ask(client, "delete_threat_events", **gone, confirm=preview["code"])
    tenant.log.clear()
    for ceiling in (Tlp.AMBER, Tlp.CLEAR):
        async with tenant.server(tenant.allowed(max_tlp=ceiling)) as client:
            assert "is withheld by CF1_MAX_TLP" in await refused(client, "undo_change", change_id=done["change_id"])
    assert tenant.changes_sent() == []


async def test_a_recreated_event_is_not_marked_lower_than_it_was(tenant: Tenant) -> None:
    event = await tenant.add("event", tlp="green", raw=raw())
    with tenant.store.transaction() as db:
        db.execute("UPDATE event SET tlp = NULL")
    async with tenant.server(tenant.allowed()) as client:
        gone: Arguments = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **gone)
        done = await ask(client, "delete_threat_events", **gone, confirm=preview["code"])
        back = await ask(client, "undo_change", change_id=done["change_id"])
    ids = back["new_ids"]
    assert isinstance(ids, dict)
    async with tenant.api() as api:
        again = await api.read_event(event.dataset_id, str(ids[event.uuid]))
        evidence = await api.read_raw(again.uuid, again.raw_id)
    assert (again.tlp, evidence.tlp, evidence.data) == ("amber", "", {"words": SECRET})


async def test_an_undo_of_a_move_without_evidence_says_that_it_stays_lost(tenant: Tenant) -> None:
    event = await tenant.add("event", raw=raw("green"))
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        call: Arguments = {"dataset_id": MINE, "destination_dataset_id": YOURS, "event_ids": [event.uuid]}
        preview = await ask(client, "move_threat_events", **call, keep_raw_data=False)
        done = await ask(client, "move_threat_events", **call, keep_raw_data=False, confirm=preview["code"])
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        undone = await ask(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    sentence = "The raw evidence of 1 event was dropped by the move and does not come back."
    assert sentence in str(undo["change"]) and sentence in str(undone["change"]) and undo["raw_not_restored"] == 1


@pytest.mark.parametrize("ceiling", [Tlp.CLEAR, Tlp.GREEN])
async def test_evidence_without_a_marking_is_not_created_below_amber(tenant: Tenant, ceiling: Tlp) -> None:
    new: Arguments = {"category": "Phishing", "date": "2026-11-20", "event": "made", "tlp": "clear"}
    async with tenant.server(tenant.allowed(max_tlp=ceiling)) as client:
        words = await refused(client, "create_threat_event", dataset_id=MINE, **new, raw_data={"a": 1})
        assert tenant.changes_sent() == []
        await ask(client, "create_threat_event", dataset_id=MINE, **new, raw_data={"a": 1}, raw_tlp="clear")
        made = await ask(client, "create_threat_event", dataset_id=MINE, **new)
        await ask(client, "undo_change", change_id=made["change_id"])
    assert words.replace(ceiling.value, "CEILING") == snapshot(
        "raw_tlp: raw evidence without a marking counts as amber, which is withheld by CF1_MAX_TLP (CEILING). Use the marking of the evidence, up to CEILING."
    )


async def test_links_to_withheld_events_are_not_counted(tenant: Tenant) -> None:
    event, seen = await tenant.add("event"), await tenant.add("seen")
    red, yours = await tenant.add("red", tlp="red"), await tenant.add("yours", YOURS)
    async with tenant.api() as api:
        for other in (seen, red, yours):
            await api.relate_event(event.uuid, [other.uuid])
            await api.create_relationships(event.dataset_id, event.uuid, [other.uuid], "related_to")
    tenant.log.clear()
    async with tenant.server(tenant.allowed(read_datasets=(MINE,))) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert (preview["relationships_cut"], preview["references_cut"]) == (1, 1)
