"""APIs that do not do what they are asked: the sandbox behind something that changes requests and answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from pydantic import JsonValue

from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.tenant import NOW, Tenant

Parameters = dict[str, JsonValue]
Change = Callable[[str, Parameters], Parameters | None]
"""What becomes of a list request, by its method and parameters; None is refused."""

ANALYTICS: Final = "Telemetry"


@dataclass
class MisbehavingApi(httpx.AsyncBaseTransport):
    """The sandbox behind something that changes requests for a list of events. With `is_bare` its lists are bare
    arrays. `asked` are the requests as the client sent them.
    """

    sandbox: httpx.AsyncBaseTransport
    change: Change
    is_bare: bool = False
    refuses_paths: tuple[str, ...] = ()
    asked: list[tuple[str, Parameters]] = field(default_factory=list[tuple[str, Parameters]])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.split("/cloudforce-one")[1]
        if path in self.refuses_paths:
            return _refuse(404)
        if path != "/events":
            return await self.sandbox.handle_async_request(request)
        given = json.loads(await request.aread()) if request.method == "POST" else _read_query(request.url.params)
        self.asked.append((request.method, given))
        changed = self.change(request.method, dict(given))
        if changed is None:
            return _refuse(400)
        sent = httpx.Request("POST", request.url.copy_with(query=None), json=changed)
        response = await self.sandbox.handle_async_request(sent)
        if not self.is_bare or response.status_code != 200:
            return response
        return httpx.Response(200, json=json.loads(await response.aread())["result"])


class MisbehavingTenant(Tenant):
    """A tenant with three datasets, of which one is for analytics, in front of which something misbehaves."""

    def __init__(
        self, folder: Path, change: Change, *, is_bare: bool = False, refuses_paths: tuple[str, ...] = ()
    ) -> None:
        store = SandboxDatabase.open(clock=lambda: NOW)
        for name in ("Mine", "Yours"):
            store.add_dataset(name)
        store.add_dataset(ANALYTICS, is_analytics=True)
        super().__init__(folder, store=store)
        self.is_honest = True
        self.front = MisbehavingApi(super().connect(), self._change, is_bare, refuses_paths)
        self._own_change = change

    def connect(self) -> httpx.AsyncBaseTransport:
        return super().connect() if self.is_honest else self.front

    def _change(self, method: str, parameters: Parameters) -> Parameters | None:
        return self._own_change(method, parameters)


def _read_query(params: httpx.QueryParams) -> Parameters:
    given: Parameters = {name: params[name] for name in params}
    if "datasetId" in params:
        given["datasetId"] = list[JsonValue](params.get_list("datasetId"))
    if "search" in params:
        given["search"] = json.loads(params["search"])
    return given


def _refuse(status: int) -> httpx.Response:
    body: Parameters = {"success": False, "errors": [{"message": "An error occurred."}], "result": {}}
    return httpx.Response(status, json=body)
