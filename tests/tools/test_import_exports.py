"""Exports of this server, pasted back: recognised where they came from, and the same events elsewhere."""

import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import Event, EventSearch
from tests.conversations import ask
from tests.tenant import MINE, YOURS, Tenant
from tests.tools.test_import_content import add_indicator_types
from tests.tools.test_imports import TOOL, Json, row

pytestmark = pytest.mark.anyio

FORMATS = {"csv": "csv", "stix2": "stix2", "taxii": "stix2", "misp": "misp"}
ROWS: list[JsonValue] = [
    row("plain", indicator="192.0.2.1", indicator_type="ip", tags=["a, b", "c;d"], target_country="DE"),
    row("=1+1", indicator="relay.example", indicator_type="domain", insight="'=2"),
    row("a second event of one indicator", indicator="relay.example", indicator_type="domain", attacker="X"),
    row("write to desk@relay.example", indicator="desk.example", indicator_type="domain"),
    row("x" * 4_500),
]
WHOLE = 3  # of these, the first that no export cuts or masks


async def export(client: Client, name: str, dataset: str = MINE) -> str:
    made = await ask(client, "export_threat_events", format=name, dataset_ids=[dataset], handling="amber")
    text, offset = "", 0
    while True:
        page = await ask(client, "export_threat_events", export_id=made["export_id"], offset=offset)
        text += str(page["content"])
        if "next_offset" not in page:
            return text
        offset = int(str(page["next_offset"]))


async def list_all(tenant: Tenant, dataset: str) -> list[Event]:
    async with tenant.api() as api:
        search = EventSearch(dataset_id=[tenant.dataset_id(dataset)], page_size=1000)
        found = await api.list_events(search)
    return [event for event in found.result if event.event != "other"]


def described(events: list[Event]) -> list[Json]:
    names = set(Event.model_fields) - {"uuid", "dataset_id", "raw_id", "indicator_type_id"}
    return sorted((event.model_dump(mode="json", include=names) for event in events), key=str)


@pytest.mark.parametrize("name", FORMATS)
async def test_an_export_is_recognised_in_its_own_dataset(tenant: Tenant, name: str) -> None:
    await add_indicator_types(tenant)
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, TOOL, dataset_id=MINE, rows=ROWS)
        tenant.wait(600)
        content = await export(client, name)
        again = await ask(client, TOOL, dataset_id=MINE, content=content, format=FORMATS[name])
    there = again["already_there"]
    assert isinstance(there, dict) and there["count"] == len(await list_all(tenant, MINE))
    assert len(await list_all(tenant, MINE)) == len(ROWS)


@pytest.mark.parametrize("name", FORMATS)
async def test_an_export_makes_the_same_events_in_another_dataset(tenant: Tenant, name: str) -> None:
    await add_indicator_types(tenant)
    async with tenant.server(tenant.allowed(write_datasets=(MINE, YOURS))) as client:
        await ask(client, TOOL, dataset_id=MINE, rows=ROWS[:WHOLE])
        tenant.wait(600)
        content = await export(client, name)
        done = await ask(client, TOOL, dataset_id=YOURS, content=content, format=FORMATS[name])
    tenant.wait(600)
    assert done["status"] == "done"
    assert described(await list_all(tenant, YOURS)) == described(await list_all(tenant, MINE))


async def test_what_an_export_cut_or_masked_is_told_by_row(tenant: Tenant) -> None:
    await add_indicator_types(tenant)
    async with tenant.server(tenant.allowed(write_datasets=(MINE, YOURS))) as client:
        await ask(client, TOOL, dataset_id=MINE, rows=ROWS[WHOLE:])
        tenant.wait(600)
        content = await export(client, "csv")
        done = await ask(client, TOOL, dataset_id=YOURS, content=content)
    notes = done["content_notes"]
    assert isinstance(notes, list)
    [note] = [str(one) for one in notes if "cut or has masked" in str(one)]
    assert note.endswith("(2 times; at 2, 3)")
