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
    """The sandbox, with changed rows in the lists of paths that end like `path`."""

    inner: httpx.AsyncBaseTransport
    path: str
    change: Change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        body = json.loads(await response.aread())
        if request.url.path.endswith(self.path) and isinstance(body.get("result"), list):
            body["result"] = [self.change(row) for row in body["result"]]
        return httpx.Response(response.status_code, json=body)


class OddTenant(Tenant):
    """A tenant whose servers get changed rows from `path`, unless it is empty. `extra` datasets are beside its two."""

    def __init__(self, folder: Path, extra: int = 0) -> None:
        super().__init__(folder)
        for number in range(extra):
            self.store.add_dataset(f"Extra {number}")
        self.path = ""
        self.change: Change = keep

    def connect(self) -> httpx.AsyncBaseTransport:
        return OddRows(super().connect(), self.path, self.change) if self.path else super().connect()
