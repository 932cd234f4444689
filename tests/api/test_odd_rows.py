"""Rows that cannot be read: they cost themselves, and never become "none"."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.policy.conditions.reading_notes import IGNORED
from tests.conversations import ask, refused
from tests.odd_rows import Change, OddTenant, Row
from tests.tenant import MINE

pytestmark = pytest.mark.anyio

UNREADABLE = "The answer to list_relationships is not what this API returns: none of its rows can be read."


async def build(folder: Path) -> tuple[OddTenant, list[str]]:
    """Return a tenant with an event that has two children, and the ids of the three."""
    tenant = OddTenant(folder)
    ids = [(await tenant.add(f"Event {number}", attacker="APT28", tlp="green")).uuid for number in range(3)]
    async with tenant.api() as api:
        await api.create_relationships(tenant.dataset_id(), ids[0], ids[1:], "related_to")
    return tenant, ids


def without_id(row: Row) -> JsonValue:
    return {**row, "uuid": None}


def with_field(name: str, value: JsonValue) -> Change:
    return lambda row: row | {name: value}


def instead(value: JsonValue) -> Change:
    def change(_: Row) -> JsonValue:
        return value

    return change


def in_lists(row: Row) -> JsonValue:
    return {**row, "attacker": ["APT28"], "category": ["x"]}


def notes_of(data: dict[str, JsonValue]) -> str:
    return str(data.get("notes"))


# -- lists of events


@pytest.mark.parametrize("tool", ["search_threat_events", "export_threat_events"])
async def test_events_without_ids_are_counted_and_nothing_is_concluded(tmp_path: Path, tool: str) -> None:
    tenant, _ = await build(tmp_path)
    tenant.path, tenant.change = "/events", without_id
    more: dict[str, JsonValue] = {"format": "csv"} if tool == "export_threat_events" else {}
    async with tenant.server(tenant.allowed()) as client:
        found = await ask(client, tool, attacker=["APT28"], **more)
    assert found["events"] == 0
    assert "3 rows of the API's answer cannot be read as an event and were left out." in notes_of(found)
    assert "even without it" not in notes_of(found)


@pytest.mark.parametrize("row", ["some text", None, 7, ["x"]])
@pytest.mark.parametrize("ceiling", [Tlp.AMBER, Tlp.RED])
async def test_a_list_without_any_object_is_no_answer(tmp_path: Path, row: JsonValue, ceiling: Tlp) -> None:
    tenant, _ = await build(tmp_path)
    tenant.path, tenant.change = "/events", instead(row)
    async with tenant.server(tenant.allowed(max_tlp=ceiling)) as client:
        assert "none of its rows can be read" in await refused(client, "search_threat_events", attacker=["APT28"])


async def test_where_something_is_withheld_an_empty_answer_is_about_what_may_be_shown(tmp_path: Path) -> None:
    tenant, _ = await build(tmp_path)
    texts: list[str] = []
    for change in (with_field("tlp", 3), with_field("tlp", "red")):
        tenant.path, tenant.change = "/events", change
        async with tenant.server(tenant.allowed()) as client:
            texts.append(str(await ask(client, "search_threat_events", attacker=["APT28"])))
    assert "There are no events that may be shown even without it." in texts[0]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("date", [None, "n/a", {"at": 1}])
async def test_an_ignored_period_is_noticed_where_no_date_can_be_read(tmp_path: Path, date: JsonValue) -> None:
    tenant, _ = await build(tmp_path)
    tenant.path, tenant.change = "/events", with_field("date", date)
    async with tenant.server(tenant.allowed()) as client:
        heeded = await ask(client, "search_threat_events", since="2026-11-10")
    assert heeded["events"] == 3 and IGNORED not in notes_of(heeded)
    tenant.ignores_search = True
    async with tenant.server(tenant.allowed()) as client:
        ignored = await ask(client, "search_threat_events", since="2026-11-10")
        assert ignored["events"] == 0 and IGNORED in notes_of(ignored)
        text = await refused(client, "export_threat_events", since="2026-11-10", format="blocklist", kind="domain")
        assert "ignore the search" in text


async def test_ignored_groups_of_conditions_are_noticed_where_no_event_proves_them(tmp_path: Path) -> None:
    tenant, _ = await build(tmp_path)
    tenant.path, tenant.change = "/events", in_lists
    tenant.ignores_search = True
    conditions: list[JsonValue] = [
        {"field": "attacker", "op": "equals", "value": ["APT28"], "group": 0},
        {"field": "category", "op": "equals", "value": ["Malware"], "group": 1},
    ]
    async with tenant.server(tenant.allowed()) as client:
        found = await ask(client, "search_threat_events", conditions=conditions)
    assert found["events"] == 0 and IGNORED in notes_of(found)


# -- related events


def one_without_id(unreadable: str) -> Change:
    return lambda row: {**row, "uuid": []} if row["uuid"] == unreadable else row


async def test_related_events_that_cannot_be_read_are_not_none(tmp_path: Path) -> None:
    tenant, ids = await build(tmp_path)
    tenant.path, tenant.change = "/relationships", without_id
    async with tenant.server(tenant.allowed()) as client:
        read = await ask(client, "get_threat_event", dataset_id=MINE, event_id=ids[0], include=["relationships"])
        assert UNREADABLE in str(read["relationships"])
        assert UNREADABLE in await refused(client, "list_related_threat_events", dataset_id=MINE, event_id=ids[0])


async def test_a_related_event_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    tenant, ids = await build(tmp_path)
    tenant.path, tenant.change = "/relationships", one_without_id(ids[1])
    async with tenant.server(tenant.allowed()) as client:
        related = await ask(client, "list_related_threat_events", dataset_id=MINE, event_id=ids[0])
    assert related["events"] == 1
    assert "1 row of the API's answer cannot be read as an event and was left out." in notes_of(related)


@pytest.mark.parametrize("how_many", ["all", "one"])
async def test_a_deletion_is_not_planned_where_links_cannot_be_read(tmp_path: Path, how_many: str) -> None:
    tenant, ids = await build(tmp_path)
    tenant.path, tenant.change = "/relationships", without_id if how_many == "all" else one_without_id(ids[1])
    tenant.refuses = "/events/graph"
    async with tenant.server(tenant.allowed()) as client:
        text = await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=[ids[0]])
    assert "cannot be read" in text or UNREADABLE in text
    assert not any(line.startswith("DELETE") for line in tenant.changes_sent())
