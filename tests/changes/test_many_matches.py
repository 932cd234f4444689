"""A saved query that finds more than a page of events: the code of its change is bound to all of them."""

import json
from collections.abc import Awaitable, Callable

import pytest
from pydantic import JsonValue

from cf1_mcp.models import Event, EventChange, NewEvent
from tests.conversations import ask, refused
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
COUNT = 1_005


async def fill(tenant: Tenant) -> None:
    """Create more events than a page holds, of one category."""
    body: Json = {"category": "Phishing", "event": "seen", "tlp": "green", "raw": {"data": {}}}
    body["datasetId"] = tenant.dataset_id()
    new = [
        NewEvent.model_validate({**body, "date": "2026-11-20T00:00:00Z", "indicator": f"h{number}.example"})
        for number in range(COUNT)
    ]
    async with tenant.api() as api:
        for start in range(0, COUNT, 100):
            await api.create_events(tenant.dataset_id(), new[start : start + 100])
    tenant.log.clear()


async def another_old_match(tenant: Tenant, event: Event) -> None:
    await tenant.add("old", date="2020-01-01T00:00:00Z", indicator="8.8.8.8", indicatorType="ip")


async def another_indicator(tenant: Tenant, event: Event) -> None:
    changed = EventChange.model_validate({"datasetId": event.dataset_id, "indicator": "8.8.8.8"})
    async with tenant.api() as api:
        await api.update_event(event.uuid, changed)
    tenant.log.clear()


@pytest.mark.parametrize("meanwhile", [another_old_match, another_indicator])
async def test_a_code_is_void_once_a_match_on_a_later_page_changed(
    tenant: Tenant, meanwhile: Callable[[Tenant, Event], Awaitable[None]]
) -> None:
    oldest = await tenant.add("oldest", date="2019-01-01T00:00:00Z", indicator="192.0.2.1", indicatorType="ip")
    await fill(tenant)
    search: JsonValue = [{"field": "category", "op": "equals", "value": "Phishing"}]
    text = json.dumps({"datasetId": [MINE], "search": search})
    calls: list[tuple[str, Json]] = [("create_saved_query", {"name": "one", "query_json": text, "rule_enabled": True})]
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "create_saved_query", name="two", query_json=text)
        calls.append(("update_saved_query", {"query_id": 1, "rule_enabled": True}))
        calls.append(("create_query_alert", {"query_id": 1, "frequency": "daily"}))
        previews = [await ask(client, tool, **call) for tool, call in calls]
        await meanwhile(tenant, oldest)
        for preview, (tool, call) in zip(previews, calls, strict=True):
            assert preview["matches_now"] == str(COUNT + 1)
            tenant.log.clear()
            await refused(client, tool, **call, confirm=preview["code"])
            assert tenant.changes_sent() == []
        tool, call = calls[0]
        preview = await ask(client, tool, **call)
        done = await ask(client, tool, **call, confirm=preview["code"])
    assert done["status"] == "done"
