"""Real servers that race with one code: it works once, whichever of them gets it first."""

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
from mcp import Client, StdioServerParameters
from pydantic import JsonValue

from cf1_mcp.models import EventSearch
from tests.conversations import ask, text_of
from tests.ports import environment_for
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]
ROWS: list[JsonValue] = [
    {"date": "2026-11-20", "category": "Phishing", "event": f"row {number}", "tlp": "green"} for number in range(27)
]


@asynccontextmanager
async def processes(tenant: Tenant, base: str, count: int) -> AsyncGenerator[list[Client]]:
    """Clients of servers in processes of their own, with one key and one state folder."""
    environment = {
        **environment_for(base),
        "CF1_MODE": "full",
        "CF1_WRITE_DATASETS": MINE,
        "CF1_DELETE_DATASETS": MINE,
        "CF1_CONFIRM_KEY": "k" * 32,
        "CF1_STATE_DIR": str(tenant.folder),
    }
    server = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env=environment)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Client(server)) for _ in range(count)]


async def race(clients: list[Client], tool: str, call: Arguments) -> list[str]:
    """Send one call from all clients at once, and return what each was told: `done`, or the refusal."""
    told: list[str] = []

    async def send(client: Client) -> None:
        answer = await client.call_tool(tool, call)
        data: Arguments = dict(answer.structured_content or {})
        told.append(text_of(answer.content) if answer.is_error else str(data["status"]))

    async with anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(send, client)
    return sorted(told, key=lambda words: words != "done")


USED = "confirm: this code was used already. Use list_changes to see its outcome."


async def test_one_of_two_processes_imports_27_rows(tenant: Tenant) -> None:
    call: Arguments = {"dataset_id": MINE, "rows": ROWS, "on_duplicate": "create"}
    with tenant.on_a_port() as base:
        async with processes(tenant, base, 2) as clients:
            code = (await ask(clients[0], "import_threat_events", **call))["code"]
            told = await race(clients * 2, "import_threat_events", {**call, "confirm": code})
    async with tenant.api() as api:
        made = (await api.list_events(EventSearch(dataset_id=[tenant.dataset_id()], page_size=500))).result
    assert (told, len(made)) == (["done", USED, USED, USED], 27)
    assert len(await tenant.journal.changes(9)) == 1


async def test_one_of_two_processes_deletes(tenant: Tenant) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}")).uuid for number in range(3)]
    call: Arguments = {"dataset_id": MINE, "event_ids": ids}
    with tenant.on_a_port() as base:
        async with processes(tenant, base, 2) as clients:
            code = (await ask(clients[1], "delete_threat_events", **call))["code"]
            told = await race(clients, "delete_threat_events", {**call, "confirm": code})
    assert told[0] == "done" and told[1] != "done"
    assert len(tenant.changes_sent()) == 1
