"""A client of the sandbox whose clock stands still until a test advances it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.json_values import is_object
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.database import SandboxDatabase

# The content of an answer. Tests access it freely, and fail where it is not as expected.
Json: TypeAlias = Any

ACCOUNT = "0123456789abcdef0123456789abcdef"
BASE = f"http://sandbox.test/client/v4/accounts/{ACCOUNT}/cloudforce-one"


class ManualClock:
    """Noon of 24 November 2026 until it is advanced."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **delta: float) -> None:
        self.time += timedelta(**delta)


class ApiClient:
    """A client of one sandbox. A call checks the status, 200 by default, and returns the result in either form."""

    def __init__(self, database: SandboxDatabase, clock: ManualClock, http: httpx.AsyncClient) -> None:
        self.database = database
        self.clock = clock
        self.http = http

    async def __call__(self, method: str, path: str, body: object = None, status: int = 200, **query: Json) -> Json:
        response = await self.send(method, path, body, **query)
        assert response.status_code == status, response.text
        content: Json = response.json()
        if status >= 400:
            return content["errors"][0]["message"]
        # A bare array may contain anything; only an object can be an envelope.
        if is_object(content) and {"success", "result"} <= content.keys():
            return content["result"]
        return content

    async def send(self, method: str, path: str, body: object = None, **query: Json) -> httpx.Response:
        """Send a request and return the whole response."""
        return await self.http.request(method, BASE + path, json=body, params=query or None)

    async def create_event(self, **fields: object) -> Json:
        """Create an event with these fields and default values for the others."""
        return await self("POST", "/events/create", event_body(**fields))

    async def create_dataset(self, name: str) -> str:
        """Create a dataset and return its uuid."""
        created = await self("POST", "/events/dataset/create", {"name": name, "isPublic": False})
        return str(created["uuid"])

    async def search(self, *conditions: tuple[str, str, object], **body: object) -> list[str]:
        """Return the descriptions of the events that match all conditions, in order."""
        search = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
        events = await self("POST", "/events", {"datasetId": ["all"], "search": search, **body})
        return [event["event"] for event in events]


def event_body(**fields: object) -> Mapping[str, object]:
    """Return the body of a create request, with default values for the fields that are not given."""
    return {
        "category": "Phishing",
        "date": "2026-11-20T08:00:00Z",
        "event": "An event",
        "tlp": "amber",
        "raw": {"data": {"seen": 1}, "source": "sensor.example.net", "tlp": "red"},
        **fields,
    }


@asynccontextmanager
async def open_sandbox(options: SandboxOptions | None = None) -> AsyncGenerator[ApiClient]:
    """A client of an empty sandbox."""
    clock = ManualClock()
    database = SandboxDatabase.open(clock=clock)
    transport = httpx.ASGITransport(create_sandbox_app(database, options or SandboxOptions()))
    async with httpx.AsyncClient(transport=transport) as http:
        yield ApiClient(database, clock, http)
    database.close()
