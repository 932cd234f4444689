"""Answers that the sandbox never gives, and a request for which the client has no operation."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx
from mcp import Client
from pydantic import JsonValue
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.tenant import Tenant


class CannedRoute:
    """The sandbox, except that paths with one ending get a fixed answer and do nothing."""

    def __init__(self, sandbox: ASGIApp, route: str, answer: JsonValue, status: int) -> None:
        self.sandbox = sandbox
        self.route = route
        self.answer = answer
        self.status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith(self.route):
            await JSONResponse(self.answer, self.status)(scope, receive, send)
        else:
            await self.sandbox(scope, receive, send)


class RefusedOnce:
    """The sandbox, except that the first request with a method gets an error. `headers` go with it."""

    def __init__(self, app: ASGIApp, method: str, status: int, headers: Mapping[str, str]) -> None:
        self.app = app
        self.method = method
        self.status = status
        self.headers = headers
        self.over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == self.method and not self.over:
            self.over = True
            body: JsonValue = {"success": False, "errors": [{"message": "no"}], "result": {}}
            await JSONResponse(body, self.status, self.headers)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class UnavailableAfterDeletion:
    """The sandbox until its first deletion, after which every request fails."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.over:
            body: JsonValue = {"success": False, "errors": [{"message": "no"}], "result": {}}
            await JSONResponse(body, 403)(scope, receive, send)
        else:
            self.over = self.over or self.is_last(scope)
            await self.app(scope, receive, send)

    def is_last(self, scope: Scope) -> bool:
        return scope.get("method") == "DELETE"


class CountedDeletion(UnavailableAfterDeletion):
    """The sandbox, whose deletion says how many events it deleted, and after which every request fails."""

    def __init__(self, app: ASGIApp, count: int) -> None:
        super().__init__(app)
        self.count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.is_last(scope) and not self.over:
            self.over = True
            body: JsonValue = {"success": True, "errors": [], "result": self.count}
            await JSONResponse(body)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class UnavailableAfterMove(UnavailableAfterDeletion):
    """The sandbox until its first move of events, after which every request fails."""

    def is_last(self, scope: Scope) -> bool:
        return str(scope.get("path")).endswith("/move")


@asynccontextmanager
async def with_canned_answer(
    tenant: Tenant, route: str, answer: JsonValue, status: int = 200, settings: Settings | None = None
) -> AsyncGenerator[Client]:
    """A client of a server over a tenant of which one route gives a fixed answer; by default with `tenant.allowed()`."""
    app = CannedRoute(create_sandbox_app(tenant.store), route, answer, status)
    allowed = settings or tenant.allowed()
    server = build_server(allowed, lambda: httpx.ASGITransport(app), clock=lambda: tenant.now)
    async with Client(server) as client:
        yield client


async def copy_event(tenant: Tenant, event_id: str, source: str, destination: str) -> None:
    """Copy an event to a second dataset through the API; the client has no such operation."""
    uuids = {one.name: one.uuid for one in tenant.store.datasets()}
    async with httpx.AsyncClient(transport=tenant.connect(), base_url="http://sandbox/client/v4") as http:
        path = f"/accounts/{'0' * 32}/cloudforce-one/events/dataset/{uuids[source]}/copy"
        body = {"destDatasetId": uuids[destination], "eventIds": [event_id]}
        assert (await http.post(path, json=body)).is_success
    tenant.log.clear()
