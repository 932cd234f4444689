"""Talking to the sandbox as a client would, on a clock that stands still until a test moves it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.event_input import is_object
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.database import SandboxDatabase

# Whatever an answer holds: tests look inside freely, and fail where it is not as they think.
Json: TypeAlias = Any

ACCOUNT = "0123456789abcdef0123456789abcdef"
BASE = f"http://sandbox.test/client/v4/accounts/{ACCOUNT}/cloudforce-one"


class HandClock:
    """Noon of 24 November 2026, until told to go on."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def go_on(self, **delta: float) -> None:
        self.time += timedelta(**delta)


class Talk:
    """One conversation. Each call expects a status (200 unless told) and gives back the result in either form."""

    def __init__(self, store: SandboxDatabase, clock: HandClock, http: httpx.AsyncClient) -> None:
        self.store = store
        self.clock = clock
        self.http = http

    async def __call__(self, method: str, path: str, body: object = None, status: int = 200, **query: Json) -> Json:
        answer = await self.answer(method, path, body, **query)
        assert answer.status_code == status, answer.text
        content: Json = answer.json()
        if status >= 400:
            return content["errors"][0]["message"]
        # A bare array may hold anything; only an object can be an envelope.
        if is_object(content) and {"success", "result"} <= content.keys():
            return content["result"]
        return content

    async def answer(self, method: str, path: str, body: object = None, **query: Json) -> httpx.Response:
        return await self.http.request(method, BASE + path, json=body, params=query or None)

    async def event(self, **fields: object) -> Json:
        """A new event, of which only what matters to the test needs saying."""
        return await self("POST", "/events/create", new_event(**fields))

    async def dataset(self, name: str) -> str:
        """The id of a new dataset."""
        made = await self("POST", "/events/dataset/create", {"name": name, "isPublic": False})
        return str(made["uuid"])

    async def found(self, *conditions: tuple[str, str, object], **body: object) -> list[str]:
        """The descriptions of the events that a search finds, in order."""
        search = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
        events = await self("POST", "/events", {"datasetId": ["all"], "search": search, **body})
        return [event["event"] for event in events]


def new_event(**fields: object) -> Mapping[str, object]:
    """The body of a create request."""
    return {
        "category": "Phishing",
        "date": "2026-11-20T08:00:00Z",
        "event": "An event",
        "tlp": "amber",
        "raw": {"data": {"seen": 1}, "source": "sensor.example.net", "tlp": "red"},
        **fields,
    }


@asynccontextmanager
async def talking(options: SandboxOptions | None = None) -> AsyncGenerator[Talk]:
    """A conversation with an empty sandbox."""
    clock = HandClock()
    store = SandboxDatabase.open(clock=clock)
    transport = httpx.ASGITransport(create_sandbox_app(store, options or SandboxOptions()))
    async with httpx.AsyncClient(transport=transport) as http:
        yield Talk(store, clock, http)
    store.close()
