"""Duplicates: found by indicator, type and day or by title and source, merged into one event, and restored."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.changes.duplicates.dropped import find_dropped
from cf1_mcp.models import Event, Tlp
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.options import SandboxOptions
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

FIND, MERGE = "list_duplicate_events", "merge_duplicate_events"
LURE: dict[str, JsonValue] = {"indicator": "login.example.com", "indicatorType": "domain"}


async def add_lure(tenant: Tenant, title: str, dataset: str = MINE, **fields: JsonValue) -> Event:
    """Add an event with the same indicator, type and day."""
    return await tenant.add(title, dataset, **LURE, **fields)


def rows_of(data: dict[str, JsonValue]) -> list[list[JsonValue]]:
    rows = data.get("rows", [])
    assert isinstance(rows, list)
    return [row for row in rows if isinstance(row, list)]


async def read(tenant: Tenant, event_id: str, dataset: str = MINE) -> Event:
    async with tenant.api() as api:
        return await api.read_event(tenant.dataset_id(dataset), event_id)


async def list_stored(tenant: Tenant) -> list[str]:
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, "search_threat_events", dataset_ids=[MINE], fields=["event"], limit=50)
    return sorted(str(row[0]) for row in rows_of(found))


# -- finding


@pytest.mark.both_moods
async def test_the_same_indicator_of_one_day_is_found_however_it_is_written(tenant: Tenant) -> None:
    first = await add_lure(tenant, "first", attacker="SOMEBODY")
    second = await tenant.add("second", indicator="LOGIN.example.com.", indicatorType="domain")
    await add_lure(tenant, "another day", date="2026-11-19T00:00:00Z")
    await tenant.add("another type", indicator="https://login.example.com/a", indicatorType="url")
    await add_lure(tenant, "another dataset", YOURS)
    await tenant.add("none")
    await tenant.add("none of it")
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, FIND, dataset_id=MINE)
    assert found["columns"] == ["events", "date", "indicator", "indicator_type", "keep", "event_ids"]
    assert found["rows"] == [[2, "2026-11-20", "login.example.com", "domain", first.uuid, [second.uuid]]]
    assert (found["groups"], found["compared"], found["extra_events"], found["datasets"]) == (1, 6, 1, [MINE])


async def test_the_same_title_is_found_whatever_its_case_and_blanks(tenant: Tenant) -> None:
    kept = await add_lure(tenant, "Mail to the board", attacker="SOMEBODY")
    other = await tenant.add("mail  to the  Board ", date="2026-11-19T00:00:00Z", indicator="a.example")
    await tenant.add("Mail to the boards")
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, FIND, dataset_id=MINE, by="title")
        later = await ask(client, FIND, dataset_id=MINE, by="title", since="2026-11-20")
    assert rows_of(found) == [[2, "2026-11-20", "Mail to the board", "", 2, kept.uuid, [other.uuid]]]
    assert rows_of(later) == [] and later["notes"] == snapshot(
        ["No two of the compared events are the same in this way."]
    )


async def test_a_list_of_groups_is_paged_and_a_cut_list_of_ids_says_so(tenant: Tenant) -> None:
    for number in range(30):
        await add_lure(tenant, f"event {number}")
    for number in range(2):
        await tenant.add(f"other {number}", indicator="other.example", indicatorType="domain")
    async with tenant.server(tenant.reading()) as client:
        first = await ask(client, FIND, dataset_id=MINE, limit=1)
        second = await ask(client, FIND, dataset_id=MINE, limit=1, cursor=first["next_cursor"])
    ids = rows_of(first)[0][-1]
    assert isinstance(ids, list) and len(ids) == 21 and ids[-1] == "and 9 more"
    assert (first["groups"], first["of"], rows_of(second)[0][0]) == (1, 2, 2)


async def test_withheld_events_are_no_duplicates(tenant: Tenant) -> None:
    await add_lure(tenant, "seen")
    await add_lure(tenant, "hidden", tlp="red")
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, FIND, dataset_id=MINE)
        unread = await refused(client, FIND, dataset_id="Nowhere")
    assert (found["groups"], found["compared"]) == (0, 1) and "rows" not in found
    assert unread.startswith("dataset_id: ")


# -- merging


async def add_group(tenant: Tenant) -> tuple[Event, Event, Event]:
    kept = await add_lure(tenant, "kept", attacker="SOMEBODY", tags=["wave"])
    first = await add_lure(tenant, "first", tlp="amber", tags=["Wave", "triaged"], insight="A look-alike.")
    second = await add_lure(tenant, "second", attacker="ANOTHER", targetIndustry="Finance")
    return kept, first, second


async def test_a_preview_says_which_values_of_the_duplicates_are_dropped(tenant: Tenant) -> None:
    kept = await add_lure(tenant, "Kept", attacker="SOMEBODY")
    values = [("kept ", "somebody", "A look-alike."), *(("kept", f"ANOTHER {number}", "No.") for number in range(5))]
    others = [
        await add_lure(tenant, title, attacker=attacker, insight=insight, date=f"2026-11-20T0{hour}:00:00Z")
        for hour, (title, attacker, insight) in enumerate(values)
    ]
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, MERGE, **merging(kept, *others))
        plain = await ask(client, MERGE, **merging(kept, await add_lure(tenant, "kept", attacker="SOMEBODY")))
    assert preview["dropped"] == snapshot(
        {
            "attacker": ["ANOTHER 0", "ANOTHER 1", "ANOTHER 2", "and 2 other values"],
            "insight": ["No."],
            "date": ["2026-11-20T01:00:00Z", "2026-11-20T02:00:00Z", "2026-11-20T03:00:00Z", "and 2 other values"],
        }
    )
    assert "Other values of the duplicates are dropped, of attacker, insight, date." in str(preview["change"])
    assert "dropped" not in plain and "dropped" not in str(plain["change"])


def test_values_that_differ_only_in_form_are_not_dropped() -> None:
    kept = Event(uuid="a", indicator="login.example.com", mitre_attack=["T1566"], target_country="DE", kill_chain=3)
    same = Event(uuid="b", indicator="LOGIN.example.com.", mitre_attack=["T1566"], target_country="de", kill_chain=3)
    other = Event(uuid="c", indicator="a.example", mitre_attack=["T1059", "T1566"], attacker="X", kill_chain=4)
    assert find_dropped(kept, {"attacker": "X"}, [same]) == {}
    assert find_dropped(kept, {"attacker": "X"}, [same, other]) == {
        "indicator": ["a.example"],
        "kill_chain": ["4"],
        "mitre_attack": ["T1059"],
    }


def merging(kept: Event, *others: Event) -> dict[str, JsonValue]:
    return {"dataset_id": MINE, "keep": kept.uuid, "event_ids": [one.uuid for one in others]}


@pytest.mark.both_moods
async def test_the_kept_event_gets_what_it_lacks_and_one_undo_restores_all(tenant: Tenant) -> None:
    kept, first, second = await add_group(tenant)
    linked, above = await tenant.add("linked"), await tenant.add("above")
    async with tenant.api() as api:
        await api.relate_event(first.uuid, [linked.uuid, kept.uuid])
        await api.create_relationships(tenant.dataset_id(), above.uuid, [second.uuid], "caused_by")
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, MERGE, **merging(kept, first, second))
        assert tenant.changes_sent() == [] and len(tenant.log) <= 24
        done = await ask(client, MERGE, **merging(kept, first, second), confirm=preview["code"])
        merged = await read(tenant, kept.uuid)
        related = await ask(client, "list_related_threat_events", dataset_id=MINE, event_id=kept.uuid, fields=["event"])
        restored = await ask(client, "undo_change", change_id=done["change_id"])
        undone = await ask(client, "undo_change", change_id=done["change_id"], confirm=restored["code"])
    shown = {name: preview[name] for name in ("fields_filled", "tags_added", "links_carried_over", "events", "to")}
    assert shown == snapshot(
        {
            "fields_filled": ["insight", "target_industry", "tlp"],
            "tags_added": 1,
            "links_carried_over": 2,
            "events": 2,
            "to": {"insight": "A look-alike.", "target_industry": "Finance", "tlp": "amber"},
        }
    )
    assert (done["status"], done["kept"], done["deleted"]) == ("done", kept.uuid, 2)
    assert (merged.attacker, merged.insight, merged.target_industry) == ("SOMEBODY", "A look-alike.", "Finance")
    assert (merged.tlp, merged.tags, merged.references) == ("amber", ["wave", "triaged"], [linked.uuid])
    assert ["above"] in [row[:1] for row in rows_of(related)]
    back = await read(tenant, kept.uuid)
    assert undone["status"] == "done" and (back.tlp, back.tags, back.insight) == ("green", ["wave"], "")
    assert back.references == []
    assert await list_stored(tenant) == ["above", "first", "kept", "linked", "second"]


async def test_what_is_lost_or_lowered_is_said_before(tenant: Tenant) -> None:
    kept, first, _ = await add_group(tenant)
    other = await tenant.add("quite another")
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, MERGE, **merging(kept, first, other))
        done = await ask(client, MERGE, **merging(kept, first, other), confirm=preview["code"])
        restored = await ask(client, "undo_change", change_id=done["change_id"])
    said = [
        str(one["change"]).replace(kept.uuid, "KEPT").replace(str(done["change_id"]), "ID")
        for one in (preview, restored)
    ]
    assert said == snapshot(
        [
            "Merge 2 duplicates into event KEPT of dataset 'Mine', and delete them for good. 1 event is not a duplicate by indicator, type and day or by title. Other values of the duplicates are dropped, of event. Links to events that may not be changed are not carried over.",
            "Undo change ID: create 2 merged events again in dataset 'Mine', and take from event KEPT what it got. This lowers the event's marking from amber to green. Typed relationships that it got stay, and so do references to events that may not be changed.",
        ]
    )
    assert str(preview["undo"]) == snapshot(
        "undo_change creates the deleted events again, with new ids, and takes off the kept one what it got, except typed relationships, which the API cannot remove. It needs CF1_WRITE_DATASETS as well. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS, CF1_MAX_CHANGE of at least 3 and a code."
    )


async def test_a_code_is_for_the_events_as_they_were(tenant: Tenant) -> None:
    kept, first, second = await add_group(tenant)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, MERGE, **merging(kept, first, second))
        async with tenant.api() as api:
            await api.tag_event(first.uuid, ["new"])
        tenant.log.clear()
        await refused(client, MERGE, **merging(kept, first, second), confirm=preview["code"])
    assert tenant.changes_sent() == []


RULES: list[tuple[str, dict[str, object], str]] = [
    ("write mode", {"mode": "write"}, "CF1_MODE"),
    ("no write list", {"write_datasets": ()}, "CF1_WRITE_DATASETS"),
    ("no delete list", {"delete_datasets": ()}, "CF1_DELETE_DATASETS"),
    ("above the ceiling", {"max_tlp": Tlp.GREEN}, "CF1_MAX_TLP"),
    ("too many", {"max_change": 2}, "CF1_MAX_CHANGE"),
]


@pytest.mark.parametrize(("changed", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_merged_or_restored_against_a_rule(
    tenant: Tenant, changed: dict[str, object], rule: str
) -> None:
    kept, first, second = await add_group(tenant)
    async with tenant.server(tenant.allowed(**changed)) as client:
        assert rule in await refused(client, MERGE, **merging(kept, first, second))
    assert tenant.changes_sent() == []
    async with tenant.server(tenant.allowed()) as client:
        done = await confirmed(client, MERGE, **merging(kept, first, second))
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**changed)) as client:
        assert rule in await refused(client, "undo_change", change_id=done["change_id"])
    assert tenant.changes_sent() == []


async def test_an_invalid_merge_is_refused(tenant: Tenant) -> None:
    kept, first, _ = await add_group(tenant)
    elsewhere = await add_lure(tenant, "elsewhere", YOURS)
    async with tenant.server(tenant.allowed()) as client:
        told = [
            await refused(client, MERGE, **merging(kept, first, kept)),
            await refused(client, MERGE, **{**merging(kept), "event_ids": []}),
            await refused(client, MERGE, **{**merging(kept, first), "keep": "that one"}),
        ]
        await refused(client, MERGE, **merging(kept, elsewhere))
    assert told == snapshot(
        [
            "event_ids: the event to keep is among them. Use the other events of the group.",
            "event_ids: there are no event uuids; pass at least one.",
            "keep: this is not an event uuid; take it from the uuid column of a search.",
        ]
    )
    assert tenant.changes_sent() == []


def fail(rule: str) -> SandboxOptions:
    """Options by which requests that match a rule fail."""
    return SandboxOptions(middleware=[Middleware(FaultInjector, faults=parse_faults(rule))])


async def test_nothing_is_deleted_unless_the_kept_event_has_everything(tenant: Tenant) -> None:
    kept, first, second = await add_group(tenant)
    call = merging(kept, first, second)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, MERGE, **call)
        tenant.options = fail(f"409@event_tag/{kept.uuid}")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, MERGE, **call, confirm=preview["code"])
        tenant.options = SandboxOptions()
    assert (done["status"], done["deleted"], done["done"], done["not_done"]) == ("partial", 0, ["fields"], "tags")
    assert await list_stored(tenant) == ["first", "kept", "second"]
    async with tenant.server(tenant.allowed()) as client:
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
    assert undone["status"] == "done" and (await read(tenant, kept.uuid)).insight == ""
