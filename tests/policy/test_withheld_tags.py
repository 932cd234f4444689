"""A tag whose own marking is above the ceiling is not told by saved queries and the journal either."""

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from tests.conversations import ask, column, refused
from tests.non_interference.accounts import ComparedTenant
from tests.non_interference.contents import RED_TAG
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """A tenant in whose vocabulary RED_TAG is marked red."""
    return ComparedTenant(tmp_path)


def save(tenant: Tenant, name: str, text: str) -> None:
    """Save a query whose text need not be in the sandbox's grammar."""
    with tenant.store.transaction() as db:
        db.execute("INSERT INTO query VALUES (NULL, ?, ?, 0, 0, 0, NULL, '', '')", (name, text))


def search_for(tag: JsonValue, **more: JsonValue) -> str:
    return json.dumps({"search": [{"field": "tags", "op": "in", "value": tag}], **more})


async def test_saved_queries_that_name_a_withheld_tag_are_not_listed(tenant: Tenant) -> None:
    await tenant.add("tagged", tags=[RED_TAG, "lure"])
    save(tenant, "other", search_for(["lure"]))
    save(tenant, "plain", search_for(["lure", RED_TAG]))
    save(tenant, "other case", search_for([f" {RED_TAG.upper()} "]))
    save(tenant, "another grammar", search_for("lure", note={"why": [RED_TAG]}))
    save(tenant, "no JSON", f"tags = {RED_TAG}")
    async with tenant.server(tenant.reading()) as client:
        listed = await ask(client, "list_saved_queries")
        words = await refused(client, "list_saved_queries", query_id=2)
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        every = await ask(client, "list_saved_queries")
    assert column(listed, "name") == ["other"]
    assert RED_TAG not in words and "withheld" in words
    assert len(column(every, "name")) == 5


async def test_changes_that_name_a_withheld_tag_are_not_told(tenant: Tenant) -> None:
    event = await tenant.add("event")
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        for tag in (RED_TAG, "lure"):
            await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=[tag])
        every = await ask(client, "list_changes")
    async with tenant.server(tenant.allowed()) as client:
        listed = await ask(client, "list_changes")
        hidden = column(every, "change_id")[1]
        words = [
            await refused(client, "list_changes", change_id=hidden),
            await refused(client, "undo_change", change_id=hidden),
        ]
    assert len(column(every, "change_id")) == 2
    assert column(listed, "change_id") == column(every, "change_id")[:1]
    assert all(RED_TAG not in one and "CF1_MAX_TLP" in one for one in words)
