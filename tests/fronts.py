"""A front before the sandbox that changes requests and answers, as an API that differs from the documentation does."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from mcp import Client

from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.tenant import NOW, Tenant

Body = dict[str, Any]
FAILURE: Final[Body] = {"success": False, "errors": [{"message": "An error occurred."}], "result": {}}


@dataclass(frozen=True)
class Asked:
    """A request: its path below the account, and its parameters, of the query or of a body."""

    method: str
    path: str
    params: Body

    @property
    def text(self) -> str:
        return json.dumps(self.params)


# What is asked instead, as parameters, or the answer itself.
Ask = Callable[[Asked], Body | httpx.Response]
# What is answered instead of a success.
Answer = Callable[[Asked, Body], object]


@dataclass
class Front(httpx.AsyncBaseTransport):
    """Passes requests on with changed parameters, and answers with changed bodies. `asked` are those of the client."""

    inner: httpx.AsyncBaseTransport
    ask: Ask = lambda asked: asked.params
    answer: Answer = lambda asked, body: body
    asked: list[Asked] = field(default_factory=list[Asked])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = Asked(request.method, request.url.path.split("/cloudforce-one")[-1], await _read(request))
        self.asked.append(asked)
        changed = self.ask(asked)
        if isinstance(changed, httpx.Response):
            return changed
        response = await self.inner.handle_async_request(_with_params(request, changed))
        body = json.loads(await response.aread())
        if response.status_code != 200:
            return httpx.Response(response.status_code, json=body)
        return httpx.Response(200, json=self.answer(asked, body))

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.asked]


@asynccontextmanager
async def behind(
    tenant: Tenant,
    settings: Settings | None = None,
    *,
    ask: Ask = lambda asked: asked.params,
    answer: Answer = lambda asked, body: body,
) -> AsyncGenerator[tuple[Client, Front]]:
    """A client of a server whose API is behind such a front."""
    front = Front(tenant.connect(), ask, answer)
    async with Client(build_server(settings or Settings(), lambda: front, clock=lambda: NOW)) as client:
        yield client, front


def fail(status: int) -> httpx.Response:
    return httpx.Response(status, json=FAILURE)


async def _read(request: httpx.Request) -> Body:
    if request.method != "GET":
        content = await request.aread()
        return json.loads(content) if content else {}
    params: Body = {}
    for name in dict.fromkeys(request.url.params):
        values = request.url.params.get_list(name)
        params[name] = values if name in ("datasetId", "datasetIds") else values[0]
    if "search" in params:
        params["search"] = json.loads(params["search"])
    return params


def _with_params(request: httpx.Request, params: Body) -> httpx.Request:
    if request.method == "GET":
        query = {name: json.dumps(one) if name == "search" else one for name, one in params.items()}
        url = request.url.copy_with(params=httpx.QueryParams(query))
        return httpx.Request("GET", url, headers=request.headers, extensions=request.extensions)
    headers = {name: one for name, one in request.headers.items() if name.lower() != "content-length"}
    content = json.dumps(params).encode() if params else b""
    return httpx.Request(request.method, request.url, content=content, headers=headers, extensions=request.extensions)
