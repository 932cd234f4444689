"""An upstream that answers about another object than the one asked about: nothing is changed on its word."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import build_server
from tests.contract.every_tool import CALLS, PlantedTenant, fill_in
from tests.conversations import ask, data_of, text_of

pytestmark = pytest.mark.anyio

REFUSED = "The API answered about another"
Mixup = Callable[[httpx.Request, JsonValue], JsonValue]


class MixingTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and changes their answers."""

    def __init__(self, transport: httpx.AsyncBaseTransport, mix_up: Mixup) -> None:
        self._transport, self._mix_up = transport, mix_up

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        value = self._mix_up(request, json.loads(await response.aread() or b"null"))
        return httpx.Response(response.status_code, headers={"X-Sandbox": "1"}, json=value)


@asynccontextmanager
async def mixed_up(tenant: PlantedTenant, mix_up: Mixup) -> AsyncGenerator[Client]:
    server = build_server(tenant.settings, lambda: MixingTransport(tenant.connect(), mix_up), clock=lambda: tenant.now)
    async with Client(server) as client:
        yield client


def replacing(path: str, method: str, **values: JsonValue) -> Mixup:
    """Replace values in the answers to requests of a method whose path ends so."""

    def mix_up(request: httpx.Request, value: JsonValue) -> JsonValue:
        result = value.get("result") if isinstance(value, dict) else None
        if request.method != method or not request.url.path.endswith(path) or not isinstance(value, dict):
            return value
        if not isinstance(result, dict):
            return {**value, **values}
        mixed: dict[str, JsonValue] = {**result, **values}
        return {**value, "result": mixed}

    return mix_up


@pytest.mark.parametrize("tool", [tool for tool in CALLS if "FIRST" in str(CALLS[tool]) and "threat_event" in tool])
async def test_no_tool_acts_on_another_event_than_the_one_asked_for(tmp_path: Path, tool: str) -> None:
    tenant = PlantedTenant(tmp_path, "Invoice lure", "invoice", "http://kit.example.com/pay")
    async with tenant.connected() as (_, names):
        tenant.log.clear()
        event = str(fill_in("SECOND" if tool.startswith("un") else "FIRST", names))
        other = names["FIRST" if tool.startswith("un") else "SECOND"]
        async with mixed_up(tenant, replacing(f"/{event}", "GET", uuid=other)) as client:
            arguments = fill_in(CALLS[tool], names)
            assert isinstance(arguments, dict)
            arguments.pop("dataset_id", None) if tool == "list_related_threat_events" else None
            answer = await client.call_tool(tool, arguments)
    assert answer.is_error and text_of(answer.content).startswith(f"{REFUSED} event")
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", ["update_saved_query", "delete_saved_query", "create_query_alert"])
async def test_no_tool_acts_on_another_saved_query(tmp_path: Path, tool: str) -> None:
    tenant = PlantedTenant(tmp_path, "Invoice lure", "invoice", "http://kit.example.com/pay")
    async with tenant.connected() as (_, names):
        tenant.log.clear()
        arguments = fill_in(CALLS[tool], names)
        assert isinstance(arguments, dict)
        async with mixed_up(tenant, replacing(f"/queries/{arguments['query_id']}", "GET", id=77)) as client:
            answer = await client.call_tool(tool, arguments)
    assert answer.is_error and text_of(answer.content).startswith(f"{REFUSED} saved query")
    assert tenant.changes_sent() == []


async def test_an_update_that_is_answered_about_another_event_is_unknown(tmp_path: Path) -> None:
    tenant = PlantedTenant(tmp_path, "Invoice lure", "invoice", "http://kit.example.com/pay")
    async with tenant.connected() as (_, names):
        event = str(names["FIRST"])
        async with mixed_up(tenant, replacing(f"/{event}", "PATCH", uuid=names["SECOND"])) as client:
            call: dict[str, JsonValue] = {"dataset_id": tenant.home, "event_id": event, "insight": "seen"}
            answer = await client.call_tool("update_threat_event", call)
            if code := data_of(answer).get("code"):
                answer = await client.call_tool("update_threat_event", {**call, "confirm": code})
            listed = await ask(client, "list_changes")
    # A look finds the new value, and cannot tell whether the other event was changed too.
    data = data_of(answer)
    assert (data["status"], data["changed"]) == ("unknown", ["insight"])
    assert "unknown what was changed" in text_of(answer.content)
    rows = listed["rows"]
    assert isinstance(rows, list) and isinstance(rows[0], list) and "unknown" in rows[0]


async def test_a_deletion_of_more_events_than_asked_for_is_unknown(tmp_path: Path) -> None:
    tenant = PlantedTenant(tmp_path, "Invoice lure", "invoice", "http://kit.example.com/pay")

    def count_more(request: httpx.Request, value: JsonValue) -> JsonValue:
        return {"success": True, "result": 9} if request.method == "DELETE" else value

    async with tenant.connected() as (_, names), mixed_up(tenant, count_more) as client:
        call: dict[str, JsonValue] = {"dataset_id": tenant.home, "event_ids": [names["FIRST"]]}
        preview = await ask(client, "delete_threat_events", **call)
        answer = await client.call_tool("delete_threat_events", {**call, "confirm": preview["code"]})
        listed = await ask(client, "list_changes")
    assert not answer.is_error and "unknown what was changed" in text_of(answer.content)
    rows = listed["rows"]
    assert isinstance(rows, list) and isinstance(rows[0], list) and "unknown" in rows[0]


async def test_preview_journal_and_request_name_the_same_id(tmp_path: Path) -> None:
    """The upstream answers in capitals; what is named and sent is the id in its canonical form."""
    tenant = PlantedTenant(tmp_path, "Invoice lure", "invoice", "http://kit.example.com/pay")
    async with tenant.connected() as (_, names):
        event = str(names["FIRST"])
        async with mixed_up(tenant, replacing(f"/{event}", "GET", uuid=event.upper())) as client:
            call: dict[str, JsonValue] = {"dataset_id": tenant.home, "event_ids": [event.upper()]}
            preview = await client.call_tool("delete_threat_events", call)
            done = await ask(client, "delete_threat_events", **call, confirm=data_of(preview)["code"])
        change = await tenant.journal.change(str(done["change_id"]))
    assert event in text_of(preview.content) and event.upper() not in text_of(preview.content)
    stored = json.dumps([change.intent.arguments, change.intent.before])
    assert event in stored and event.upper() not in stored
    assert [one.query for one in tenant.log if one.method == "DELETE"] == [[("eventIds", event)]]
