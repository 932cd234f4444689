"""An upstream whose lists have rows in other forms than published."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import JsonValue

from tests.tenant import Tenant

Row = dict[str, JsonValue]
Change = Callable[[Row], JsonValue]
"""What becomes of a row."""


def keep(row: Row) -> JsonValue:
    return row


@dataclass
class OddRows(httpx.AsyncBaseTransport):
    """The sandbox, with changed rows in the lists of paths that end like `path`. `refuses` is the end of a path that it
    does not know. With `ignores_search` it finds everything.
    """

    inner: httpx.AsyncBaseTransport
    path: str
    change: Change
    refuses: str
    ignores_search: bool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.refuses and request.url.path.endswith(self.refuses):
            return httpx.Response(404, json={"success": False, "errors": [{"code": 7003, "message": "No route"}]})
        if self.ignores_search and request.url.path.endswith("/events"):
            request = await _drop_search(request)
        response = await self.inner.handle_async_request(request)
        body = json.loads(await response.aread())
        if request.url.path.endswith(self.path) and isinstance(body.get("result"), list):
            body["result"] = [self.change(row) for row in body["result"]]
        return httpx.Response(response.status_code, json=body)


async def _drop_search(request: httpx.Request) -> httpx.Request:
    if request.method == "GET":
        return httpx.Request("GET", request.url.copy_with(params=request.url.params.remove("search")))
    given = json.loads(await request.aread())
    return httpx.Request(
        "POST", request.url, json={key: one for key, one in given.items() if key not in ("search", "searchBranches")}
    )


class OddTenant(Tenant):
    """A tenant whose servers get changed rows from `path`, unless it is empty. `extra` datasets are beside its two."""

    def __init__(self, folder: Path, extra: int = 0) -> None:
        super().__init__(folder)
        for number in range(extra):
            self.store.add_dataset(f"Extra {number}")
        self.path = ""
        self.change: Change = keep
        self.refuses = ""
        self.ignores_search = False

    def connect(self) -> httpx.AsyncBaseTransport:
        inner = super().connect()
        return OddRows(inner, self.path, self.change, self.refuses, self.ignores_search) if self.path else inner
