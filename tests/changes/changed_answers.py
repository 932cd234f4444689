"""A sandbox of which answers are changed on their way, and requests counted."""

import json
from collections.abc import Callable, Sequence

import httpx
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import build_server
from tests.tenant import Tenant

Answer = dict[str, JsonValue]
Change = Callable[[str, Answer], JsonValue]
"""What an answer becomes, by the end of its path."""


class ChangedAnswers(httpx.AsyncBaseTransport):
    """Passes requests on, refuses those whose line or search contains one of `refuses`, and changes the answers."""

    def __init__(self, tenant: Tenant, change: Change | None = None, refuses: Sequence[str] = ()) -> None:
        self.inner = tenant.connect()
        self.change, self.refuses = change, refuses
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.split("/cloudforce-one")[-1]
        line = f"{request.method} {path} {dict(request.url.params)} {(await request.aread()).decode()}"
        self.sent.append(line)
        if any(part in line for part in self.refuses):
            body: Answer = {"success": False, "errors": [{"code": 7003, "message": "no such thing"}], "result": {}}
            return httpx.Response(400, json=body)
        response = await self.inner.handle_async_request(request)
        answer: Answer = json.loads(await response.aread())
        changed = self.change(path, answer) if self.change and response.is_success else answer
        return httpx.Response(response.status_code, headers={"X-Sandbox": "1"}, json=changed)

    def server(self, tenant: Tenant, **rules: object) -> Client:
        return Client(build_server(tenant.allowed(**rules), lambda: self, clock=lambda: tenant.now))
