"""The world of one task: a fresh sandbox with the sample tenant, its log of requests, and a server over it."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
from mcp import Client
from mcp.types import Implementation

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.http.request_recorder import RecordedRequest, RequestRecorder
from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from evals.task import Planted, Task

# The same moment in every run, so that the same answers are right.
NOW: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
# Datasets that a task with changes may write, and delete from.
OWN: Final = ("ACME Incident Response", "Cybercrime")
TABLES: Final = (
    "dataset",
    "category",
    "event",
    "raw",
    "event_tag",
    "tag",
    "indicator",
    "relationship",
    "event_reference",
    "query",
    "alert",
)
# What the queries of the tasks read. `events` are those that a model may see by the default settings.
VIEWS: Final = (
    """
    CREATE TEMP VIEW everything AS
    SELECT e.id, e.uuid, e.date, e.created_at, d.name AS dataset, c.name AS category, c.mitre_attack AS techniques,
        a.value AS attacker, ac.value AS attacker_country, tc.value AS target_country, ti.value AS target_industry,
        t.value AS tlp, e.event AS title, e.indicator, k.name AS kind, r.source
    FROM event e JOIN dataset d ON d.id = e.dataset JOIN category c ON c.id = e.category
    LEFT JOIN term a ON a.id = e.attacker LEFT JOIN term ac ON ac.id = e.attacker_country
    LEFT JOIN term tc ON tc.id = e.target_country LEFT JOIN term ti ON ti.id = e.target_industry
    LEFT JOIN term t ON t.id = e.tlp LEFT JOIN indicator_type k ON k.id = e.indicator_type
    LEFT JOIN raw r ON r.event = e.id
    """,
    """
    CREATE TEMP VIEW events AS
    SELECT * FROM everything WHERE tlp IS NULL OR tlp IN ('clear', 'green', 'amber')
    """,
    """
    CREATE TEMP VIEW iocs AS
    SELECT i.event AS id, i.value, k.name AS value_kind FROM indicator i LEFT JOIN indicator_type k ON k.id = i.type
    """,
    "CREATE TEMP VIEW tagged AS SELECT l.event AS id, t.value AS tag FROM event_tag l JOIN tag t ON t.id = l.tag",
)


class World:
    """A sandbox of its own for one task, and what was done to it."""

    def __init__(self, folder: Path) -> None:
        self.log: list[RecordedRequest] = []
        self._folder = folder
        self._store = SandboxDatabase.open(clock=lambda: NOW)
        self._store.db.deserialize(_load_sample())
        for view in VIEWS:
            self._store.db.execute(view)
        self._app = RequestRecorder(create_sandbox_app(self._store), self.log)

    def plant(self, planted: Planted) -> None:
        """Add an event, dated an hour ago."""
        body: dict[str, Any] = {"date": "2026-11-24T11:00:00Z", "tlp": "green", "raw": {"data": {}}, **planted.fields}
        record: dict[str, Any] = {"ref": "planted", "dataset": planted.dataset, "body": body}
        load_records(self._store, [EventRecord.model_validate(record)])

    def ask(self, sql: str) -> list[str]:
        """Return the first column of a query as texts, without nulls."""
        return [str(row[0]) for row in self._store.db.execute(sql) if row[0] is not None]

    def digest(self) -> str:
        """Return a digest of everything that a change can alter."""
        state = {name: self._store.db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in TABLES}  # noqa: S608 - names above
        return sha256(json.dumps(state, default=str).encode()).hexdigest()

    def changes(self, since: int = 0) -> Sequence[str]:
        """Return the requests since a place in the log that may have changed something, as `METHOD /path`."""
        lines = [f"{one.method} {_short(one.path)}" for one in self.log[since:] if one.status < httpx.codes.BAD_REQUEST]
        return [line for line in lines if not (line.startswith("GET ") or line in ("POST /events", *_READING_POSTS))]

    @asynccontextmanager
    async def server(self, task: Task) -> AsyncGenerator[Client]:
        """A client of a server with the settings of the task."""
        writes = OWN if task.mode != "read" else ()
        settings = Settings(
            mode=task.mode,
            write_datasets=writes,
            delete_datasets=writes if task.mode == "full" else (),
            state_dir=self._folder,
            confirm_key=b"evaluation" * 4,
        )
        server = build_server(settings, lambda: httpx.ASGITransport(self._app), clock=lambda: NOW)
        async with Client(server, client_info=Implementation(name="cf1-mcp evals", version="1")) as client:
            yield client


@cache
def _load_sample() -> bytes:
    """Return the sample tenant as a database, which takes longer to make than most tasks."""
    store = SandboxDatabase.open(clock=lambda: NOW)
    load_sample_tenant(store)
    return store.db.serialize()


_READING_POSTS: Final = ("POST /events/graphql", "POST /v2/events/graphql")


def _short(path: str) -> str:
    return path.split("/cloudforce-one", 1)[-1]
