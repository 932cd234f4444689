"""Answers name the datasets that their rows come from, and tell a page from all there is."""

import pytest
from mcp import Client
from pydantic import JsonValue

from tests.conversations import ask, column
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio


def origins(data: dict[str, JsonValue]) -> list[tuple[JsonValue, JsonValue]]:
    """Return the uuid of each row with the name of its dataset."""
    named = data["rows_from"]
    assert isinstance(named, list)
    names = [str(name).split(" ", 1)[1] for name in named]
    numbers = [int(str(number)) for number in column(data, "dataset")]
    return list(zip(column(data, "uuid"), [names[number - 1] for number in numbers], strict=True))


async def test_rows_of_several_datasets_have_the_number_of_theirs(tenant: Tenant) -> None:
    stored = {(await tenant.add(f"{name} {n}", name)).uuid: name for name in (MINE, YOURS) for n in range(2)}
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, "search_threat_events")
        for uuid, name in origins(data):
            assert stored[str(uuid)] == name
            await ask(client, "get_threat_event", event_id=uuid, dataset_id=name)
        chosen = await ask(client, "search_threat_events", fields=["uuid"])
        one = await ask(client, "search_threat_events", dataset_ids=[MINE])
    assert chosen["columns"] == ["uuid"] and "rows_from" not in chosen
    assert "dataset" not in str(one["columns"]) and one["datasets"] == [MINE]


async def test_rows_of_one_of_the_searched_datasets_name_it(tenant: Tenant) -> None:
    await tenant.add("only", YOURS)
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, "search_threat_events")
    assert data["rows_from"] == [YOURS] and "dataset" not in str(data["columns"])


async def test_related_events_of_two_datasets_name_both(tenant: Tenant) -> None:
    parent, child = await tenant.add("parent", MINE), await tenant.add("child", YOURS)
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], "related_to")
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, "list_related_threat_events", event_id=parent.uuid, dataset_id=MINE)
    assert data["datasets"] == [MINE, YOURS]
    assert data["rows_from"] == [YOURS]


async def test_a_page_says_that_there_is_more_and_a_whole_list_how_many(client: Client) -> None:
    page = await ask(client, "search_threat_events", text="Operation Ledger Frost", category=["Campaign"], limit=1)
    root = column(page, "uuid")[0]
    related = await ask(
        client, "list_related_threat_events", event_id=root, direction="descendants", fields=["uuid"], limit=3
    )
    everything = await ask(
        client, "list_related_threat_events", event_id=root, direction="descendants", fields=["uuid"], limit=500
    )
    assert (related["events"], related["of"], "of" in everything) == (3, everything["events"], False)
    first = await ask(client, "search_threat_events", limit=2)
    assert (first["events"], first["more"]) == (2, True)


async def test_a_truncated_list_of_ids_says_so(client: Client) -> None:
    known = await ask(client, "lookup_indicators", indicators=["192.0.2.1"])
    assert "event_ids has the newest 2 of an indicator's events" in str(known["notes"])
