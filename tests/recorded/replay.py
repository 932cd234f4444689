"""A server that answers from a recording, and the client's reading of each recorded exchange."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import httpx
from pydantic import BaseModel, JsonValue
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cf1_mcp.api import operations
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.operations import Operation, Route
from cf1_mcp.cli.doctor import Anything
from cf1_mcp.cli.recording import FORMAT, VERSION
from cf1_mcp.models import EventSearch

Ids = Mapping[str, str]
Reader: TypeAlias = Callable[[ThreatEventsClient, Ids], Awaitable[object]]
NOT_JSON: Final = "not JSON: "


class RecordedCall(BaseModel):
    """The request of an exchange."""

    method: str
    path: str
    ids: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    body: JsonValue = None


class RecordedAnswer(BaseModel):
    """The response of an exchange."""

    status: int
    headers: dict[str, str] = {}
    body: JsonValue = None


class RecordedExchange(BaseModel):
    """A line of a recording."""

    request: RecordedCall
    response: RecordedAnswer

    @property
    def name(self) -> str:
        return f"{self.request.method} {self.request.path} {self.response.status}"


def read_recording(path: Path) -> list[RecordedExchange]:
    """The exchanges of a file, whose first line must describe a recording of this version."""
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    described = json.loads(first)
    assert (described["format"], described["version"]) == (FORMAT, VERSION), path
    return [RecordedExchange.model_validate_json(line) for line in lines]


class Replay:
    """An ASGI application that gives one recorded response to every request."""

    def __init__(self, answer: RecordedAnswer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, headers = self._answer.body, dict(self._answer.headers)
        # A wait that was real when it was recorded would only slow the test down.
        headers.pop("retry-after", None)
        text = isinstance(body, str) and body.startswith(NOT_JSON)
        content = str(body).removeprefix(NOT_JSON) if text else "" if body is None else json.dumps(body)
        await Response(content, self._answer.status, headers)(scope, receive, send)


def client_of(exchange: RecordedExchange) -> ThreatEventsClient:
    """A client whose every request gets the response of the exchange."""
    transport = httpx.ASGITransport(Replay(exchange.response))
    return ThreatEventsClient("http://recorded/client/v4", "d" * 32, None, lambda: transport)


def operation_of(call: RecordedCall) -> str:
    """The name of the operation that a request belongs to; empty for a route that the client does not have."""
    for one in vars(operations).values():
        if isinstance(one, Operation) and any((r.method, r.path) == (call.method, call.path) for r in one.routes):
            return one.name
    return ""


async def read_exchange(exchange: RecordedExchange) -> object:
    """Let the client read an exchange as it would in earnest: by its own method where it has one for the route."""
    call = exchange.request
    async with client_of(exchange) as client:
        if (reader := READERS.get(operation_of(call))) is not None:
            return await reader(client, call.ids)
        route = Route(call.method, "/" + "/".join(part for part in call.path.split("/") if part and "{" not in part))
        # Only reads are recorded, so this sends nothing but a request for the recorded response.
        return await client.request(Anything, Operation("recorded", (route,), True))


def _number(ids: Ids, name: str) -> int:
    return int(ids[name])


_SEARCH: Final = EventSearch(page_size=1)
READERS: Final[Mapping[str, Reader]] = {
    "list_events": lambda api, _: api.list_events(_SEARCH),
    "search_events": lambda api, _: api.list_events(_SEARCH),
    "read_event": lambda api, ids: api.read_event(ids["dataset_id"], ids["event_id"]),
    "read_event_anywhere": lambda api, ids: api.read_event_anywhere(ids["event_id"]),
    "read_raw": lambda api, ids: api.read_raw(ids["event_id"], ids["raw_id"]),
    "read_dataset_raw": lambda api, ids: api.read_dataset_raw(ids["dataset_id"], ids["event_id"]),
    "list_relationships": lambda api, ids: api.list_relationships(ids["event_id"], "a dataset"),
    "list_indicators": lambda api, _: api.list_indicators(["a dataset"], ["a value"]),
    "aggregate_events": lambda api, _: api.aggregate_events(["attacker"], ["a dataset"]),
    "query_graphql": lambda api, _: api.query_graphql("{ __typename }"),
    "list_queries": lambda api, _: api.list_queries(),
    "read_query": lambda api, ids: api.read_query(_number(ids, "query_id")),
    "list_alerts": lambda api, _: api.list_alerts(),
    "read_alert": lambda api, ids: api.read_alert(_number(ids, "alert_id")),
    "list_datasets": lambda api, _: api.list_datasets(),
    "list_attackers": lambda api, _: api.list_attackers(["a dataset"]),
    "list_categories": lambda api, _: api.list_categories(),
    "list_countries": lambda api, _: api.list_countries(),
    "list_industries": lambda api, _: api.list_industries(),
    "list_indicator_types": lambda api, _: api.list_indicator_types(["a dataset"]),
    "list_tags": lambda api, _: api.list_tags(),
}
"""How the client reads the answer of each operation, by the name of the operation."""
