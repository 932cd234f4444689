"""A server whose operator lets it change things, over a sandbox of the test's own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from mcp import Client
from mcp.client.session import ElicitationFnT
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.models import Event, NewEvent
from cf1_mcp.sandbox.app import Options, sandbox_app
from cf1_mcp.sandbox.http.exchange_log import Exchange, ExchangeLog
from cf1_mcp.sandbox.storage.database import Store
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from cf1_mcp.store.approvals import Approvals
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.stores import Stores, open_stores

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


MINE = "Mine"
YOURS = "Yours"


@dataclass
class Sandbox:
    """A sandbox and the log of what it was asked."""

    store: Store
    log: list[Exchange] = field(default_factory=list[Exchange])
    options: Options = field(default_factory=Options)

    def connect(self) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(ExchangeLog(sandbox_app(self.store, self.options), self.log))

    def searches(self) -> list[Exchange]:
        """The requests for a page of events, in their order."""
        return [one for one in self.log if one.path.endswith("/events")]

    def asked(self) -> list[str]:
        """Method and path of every request so far, account and dataset ids left out."""
        return [f"{one.method} {one.path.split('/cloudforce-one')[1]}" for one in self.log]


@dataclass
class Bench:
    """A small sandbox with two datasets, a clock that moves by hand, and servers over it."""

    folder: Path
    now: datetime = NOW
    sandbox: Sandbox = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(Store.open(clock=lambda: self.now))
        for name in (MINE, YOURS):
            self.sandbox.store.add_dataset(name)

    @property
    def journal(self) -> Journal:
        """The journal that the servers over this sandbox write."""
        return self._stores.journal

    @property
    def approvals(self) -> Approvals:
        """The requests that they put before the operator."""
        return self._stores.approvals

    @property
    def _stores(self) -> Stores:
        return open_stores(Settings(state_dir=self.folder), lambda: self.now)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @asynccontextmanager
    async def server(self, settings: Settings, answers: ElicitationFnT | None = None) -> AsyncGenerator[Client]:
        server = build_server(settings, self.sandbox.connect, clock=lambda: self.now)
        async with Client(server, elicitation_callback=answers) as client:
            yield client

    def allowed(self, **changed: object) -> Settings:
        """Full mode, both lists on `Mine`."""
        rules: dict[str, object] = {
            "mode": "full",
            "write_datasets": (MINE,),
            "delete_datasets": (MINE,),
            "state_dir": self.folder,
            "confirm_key": b"k" * 32,
        }
        return Settings(**(rules | changed))  # pyright: ignore[reportArgumentType]

    def api(self) -> ThreatEventsClient:
        """The API itself, for what happens besides the server."""
        return ThreatEventsClient("http://sandbox/client/v4", "0" * 32, None, self.sandbox.connect)

    async def add(self, title: str, dataset: str = MINE, **fields: JsonValue) -> Event:
        """An event that somebody made."""
        uuids = {one.name: one.uuid for one in self.sandbox.store.datasets()}
        body: dict[str, JsonValue] = {
            "category": "Phishing",
            "date": "2026-11-20T00:00:00Z",
            "event": title,
            "tlp": "green",
            "raw": {"data": {"of": title}},
            "datasetId": uuids[dataset],
            **fields,
        }
        async with self.api() as api:
            made = await api.create_event(NewEvent.model_validate(body))
        self.sandbox.log.clear()
        return made

    def changes_sent(self) -> list[str]:
        """What the sandbox was asked that is no reading."""
        reads = ("GET", "POST /events ", "POST /v2/events/graphql")
        return [line for line in self.sandbox.asked() if not f"{line} ".startswith(reads)]
