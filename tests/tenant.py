"""A tenant for tests: a sandbox of the API with its own datasets and clock, and MCP servers over it."""

import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Literal

import httpx
import uvicorn
from mcp import Client
from mcp.client.session import ElicitationFnT
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.models import Event, NewEvent
from cf1_mcp.policy.conditions.misfits import NO_COUNTRY, NO_TIME
from cf1_mcp.policy.visible_words import PAGE_SIZE as WORDS_PAGE_SIZE
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.http.request_recorder import RecordedRequest, RequestRecorder
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from cf1_mcp.store.approvals import Approvals
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.stores import Stores, open_stores

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Generation = Literal["auto", "legacy"]
GENERATIONS: tuple[Generation, ...] = ("auto", "legacy")
"""Generations of the protocol, as the SDK's client names them: the current one, and that of the handshake."""

MINE = "Mine"
"""The dataset that `Tenant.allowed()` lets a server write to and delete from."""
YOURS = "Yours"
"""A dataset that it does not."""


class Tenant:
    """A sandbox with two datasets, a clock that only `wait` and assignments to `now` move, and a log of requests.

    `store` replaces the empty sandbox, for example by the sample tenant; its clock is then its own.
    """

    def __init__(
        self,
        folder: Path,
        datasets: Sequence[str] = (MINE, YOURS),
        store: SandboxDatabase | None = None,
        options: SandboxOptions | None = None,
    ) -> None:
        self.folder = folder
        self.now = NOW
        self.log: list[RecordedRequest] = []
        self.options = options or SandboxOptions()
        self._built: tuple[SandboxOptions, RequestRecorder] | None = None
        if store is None:
            self.store = SandboxDatabase.open(clock=lambda: self.now)
            for name in datasets:
                self.store.add_dataset(name)
        else:
            self.store = store

    # -- the sandbox

    def connect(self) -> httpx.AsyncBaseTransport:
        """A transport to the sandbox, in this process."""
        return httpx.ASGITransport(self._app())

    @contextmanager
    def on_a_port(self) -> Generator[str]:
        """The base address of the sandbox on a port of this machine, served by a thread."""
        # asyncio sends small answers at once only on a socket that states its protocol.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(self._app(), log_level="warning", access_log=False, lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/client/v4"
        finally:
            server.should_exit = True
            thread.join()
            listener.close()

    def _app(self) -> RequestRecorder:
        # Kept, because compiling its routes takes as long as answering a request.
        if self._built is None or self._built[0] is not self.options:
            self._built = (self.options, RequestRecorder(create_sandbox_app(self.store, self.options), self.log))
        return self._built[1]

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        self.now += timedelta(seconds=seconds)

    def dataset_id(self, name: str = MINE) -> str:
        return next(one.uuid for one in self.store.datasets() if one.name == name)

    def requests(self) -> list[str]:
        """Method and path of every request so far, account and dataset ids left out."""
        return [f"{one.method} {one.path.split('/cloudforce-one')[1]}" for one in self.log]

    def searches(self) -> list[RecordedRequest]:
        """The requests for a page of events, in their order, without those that look for the words of a vocabulary or
        for what cannot exist.
        """
        of_words = ("pageSize", str(WORDS_PAGE_SIZE))
        searches = [one for one in self.log if one.path.endswith("/events") and of_words not in one.query]
        impossible = ('.invalid"', f'"{NO_COUNTRY}"', NO_TIME)
        return [one for one in searches if not any(value in str(one.query) for value in impossible)]

    def changes_sent(self) -> list[str]:
        """The requests that change something."""
        reads = ("GET", "POST /events ", "POST /v2/events/graphql")
        return [line for line in self.requests() if not f"{line} ".startswith(reads)]

    # -- the API and servers over it

    def api(self) -> ThreatEventsClient:
        """A client of the API itself, for changes without the server."""
        return ThreatEventsClient("http://sandbox/client/v4", "0" * 32, None, self.connect)

    @property
    def journal(self) -> Journal:
        """The journal that the servers over this sandbox write."""
        return self._stores.journal

    @property
    def approvals(self) -> Approvals:
        """The approvals that they request from the operator."""
        return self._stores.approvals

    async def is_spent(self, code: str) -> bool:
        """Whether a code that confirms a change was used."""
        return await self._stores.spent_codes.is_spent(code)

    @property
    def _stores(self) -> Stores:
        return open_stores(self.reading(), lambda: self.now)

    async def add(self, title: str, dataset: str = MINE, **fields: JsonValue) -> Event:
        """Create an event through the API; the request is not logged."""
        body: dict[str, JsonValue] = {
            "category": "Phishing",
            "date": "2026-11-20T00:00:00Z",
            "event": title,
            "tlp": "green",
            "raw": {"data": {"of": title}},
            "datasetId": self.dataset_id(dataset),
            **fields,
        }
        async with self.api() as api:
            created = await api.create_event(NewEvent.model_validate(body))
        self.log.clear()
        return created

    def reading(self) -> Settings:
        """The default settings, with the state of this tenant and a key that makes the same cursors in every run."""
        return Settings(state_dir=self.folder, confirm_key=b"k" * 32)

    def allowed(self, **changed: object) -> Settings:
        """Settings for full mode, with writing and deletion allowed in MINE."""
        rules: dict[str, object] = {
            "mode": "full",
            "write_datasets": (MINE,),
            "delete_datasets": (MINE,),
            "state_dir": self.folder,
            "confirm_key": b"k" * 32,
        }
        return Settings(**(rules | changed))  # pyright: ignore[reportArgumentType]

    @asynccontextmanager
    async def server(
        self, settings: Settings, answers: ElicitationFnT | None = None, mode: Generation = "auto"
    ) -> AsyncGenerator[Client]:
        """A client of a server with these settings; `answers` plays the person behind the client."""
        server = build_server(settings, self.connect, clock=lambda: self.now)
        async with Client(server, mode=mode, elicitation_callback=answers) as client:
            yield client
