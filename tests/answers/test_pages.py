"""Pages of a search: every event once, whatever is withheld, added or removed between them."""

import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.answers import pages
from tests.conversations import ask, column
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio


async def add_many(tenant: Tenant, count: int, tlp: str = "green", date: str = "2026-11-20T00:00:00Z") -> list[str]:
    return [(await tenant.add(f"event {number}", tlp=tlp, date=date)).uuid for number in range(count)]


async def read_all(client: Client, limit: int, **arguments: JsonValue) -> list[list[JsonValue]]:
    """Return the ids of each page."""
    found: list[list[JsonValue]] = []
    cursor: JsonValue = None
    while True:
        page = await ask(client, "search_threat_events", fields=["uuid"], limit=limit, cursor=cursor, **arguments)
        found.append(column(page, "uuid") if page["events"] else [])
        cursor = page.get("next_cursor")
        if cursor is None:
            return found


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("anchor_length", [1, 5])
async def test_events_of_one_date_are_returned_once_although_anchors_collide(
    tenant: Tenant, order: str, anchor_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ANCHOR_LENGTH", anchor_length)
    added = await add_many(tenant, 90)
    async with tenant.server(tenant.reading()) as client:
        found = await read_all(client, 7, order=order)
    assert sorted(str(one) for page in found for one in page) == sorted(added)
    assert [len(page) for page in found] == [7] * 12 + [6]


async def test_withheld_events_between_do_not_change_the_pages(tenant: Tenant) -> None:
    added = await add_many(tenant, 20)
    async with tenant.server(tenant.reading()) as client:
        before = await read_all(client, 6)
        await add_many(tenant, 150, tlp="red")
        await add_many(tenant, 30, tlp="TLP:RED ")
        assert await read_all(client, 6) == before
    assert sorted(str(one) for page in before for one in page) == sorted(added)


async def test_an_event_that_was_deleted_between_pages_loses_no_other(tenant: Tenant) -> None:
    added = await add_many(tenant, 12)
    async with tenant.server(tenant.reading()) as client, tenant.api() as api:
        first = await ask(client, "search_threat_events", fields=["uuid"], limit=5)
        last = str(column(first, "uuid")[-1])
        await api.delete_events(tenant.dataset_id(MINE), [last])
        second = await ask(client, "search_threat_events", fields=["uuid"], limit=20, cursor=first["next_cursor"])
    shown = {str(one) for page in (first, second) for one in column(page, "uuid")}
    assert shown == {*added}


async def test_an_event_that_was_added_between_pages_is_not_shown_in_front_of_the_cursor(tenant: Tenant) -> None:
    added = await add_many(tenant, 10)
    async with tenant.server(tenant.reading()) as client:
        first = await ask(client, "search_threat_events", fields=["uuid"], limit=4)
        await tenant.add("newer", date="2026-11-21T00:00:00Z")
        second = await ask(client, "search_threat_events", fields=["uuid"], limit=20, cursor=first["next_cursor"])
    assert sorted(map(str, column(first, "uuid") + column(second, "uuid"))) == sorted(added)


async def test_ten_conditions_leave_no_room_for_the_ceiling_and_find_the_same(tenant: Tenant) -> None:
    added = await add_many(tenant, 3, date="2026-11-01T00:00:00Z")
    await add_many(tenant, 120, tlp="red")
    ten: list[JsonValue] = [{"field": "event", "op": "contains", "value": ["event"]} for _ in range(10)]
    async with tenant.server(tenant.reading()) as client:
        tenant.log.clear()
        found = await read_all(client, 1, conditions=ten)
    assert sorted(str(one) for page in found for one in page) == sorted(added)
    # The first page may be as large as the API makes any, which is asked for once.
    assert len(tenant.searches()) == 4
