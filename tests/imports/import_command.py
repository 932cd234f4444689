"""Runs the import command as a process, over a tenant on a port."""

import json
import os
import time
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
from starlette.middleware import Middleware

from cf1_mcp.context import utc_now
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.http.rate_limit import RateLimiter, parse_rate
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import Change
from cf1_mcp.store.stores import open_stores
from tests.commands import Command
from tests.ports import ACCOUNT, environment_for
from tests.tenant import MINE, YOURS, Tenant

SEED: dict[str, object] = {
    "category": "Phishing",
    "date": "2020-01-01T00:00:00Z",
    "event": "the seed",
    "tlp": "green",
    "targetIndustry": "Agriculture",
    "raw": {"data": None},
}
TYPES = ("domain", "ip", "url", "hash", "email")


@dataclass
class ImportCommand:
    """The command with its state in `folder`, and reads of its API on a port."""

    base: str
    folder: Path
    http: httpx.Client = field(default_factory=lambda: _http())

    @property
    def environment(self) -> dict[str, str]:
        own = {"CF1_MODE": "write", "CF1_WRITE_DATASETS": MINE, "CF1_STATE_DIR": str(self.folder / "state")}
        return {"PATH": os.environ["PATH"], "COLUMNS": "200", **own, **environment_for(self.base)}

    def start(self, file: Path, *arguments: str, **environment: str) -> Command:
        return Command(["import", str(file), "--dataset", MINE, *arguments], self.environment | environment)

    def run(self, file: Path, *arguments: str, **environment: str) -> "CommandResult":
        with self.start(file, *arguments, **environment) as command:
            out, err = command.communicate()
            assert out == ""
            return CommandResult(command.wait(), err)

    def get(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        address = f"{self.base}/accounts/{ACCOUNT}/cloudforce-one{path}"
        answer = self.http.get(address, params=parameters)  # pyright: ignore[reportArgumentType]
        return answer.json()["result"]

    def dataset(self, name: str = MINE) -> str:
        return str(next(one["uuid"] for one in self.get("/events/dataset") if one["name"] == name))

    def events(self) -> list[dict[str, Any]]:
        """Return the imported events, sorted by title and indicator."""
        found = self.get("/events", datasetId=self.dataset(), pageSize=25000)
        mine = [event for event in found if event["event"] != SEED["event"]]
        return sorted(mine, key=lambda event: (event["event"], event["indicator"]))

    def events_with_indicators(self) -> list[dict[str, Any]]:
        """Return the imported events once all show their indicator: the API adds those a little later."""
        events = self.events()
        while not all(event["indicator"] for event in events):
            time.sleep(0.02)
            events = self.events()
        return events

    def titles(self) -> list[str]:
        return [event["event"] for event in self.events()]

    def children(self, title: str, kind: str = "related_to") -> list[str]:
        """Return the titles of the children of an event."""
        [parent] = [event for event in self.events() if event["event"] == title]
        below = {"datasetId": self.dataset(), "direction": "descendants", "maxDepth": 1, "includeParent": "false"}
        found = self.get(
            f"/events/by-id/{parent['uuid']}/relationships", **below, relationshipTypes=kind, pageSize=1000
        )
        return sorted(event["event"] for event in found)

    def report(self) -> list[dict[str, Any]]:
        [path] = (self.folder / "state" / "imports").glob("*.report.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def count_outcomes(self) -> dict[str, int]:
        """Return the number of rows in the report by outcome."""
        return dict(Counter(line["outcome"] for line in self.report() if "row" in line))

    def changes(self) -> list[Change]:
        """Return the changes in the command's journal, newest first."""
        return anyio.run(open_stores(Settings(state_dir=self.folder / "state"), utc_now).journal.changes)

    def write_file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@dataclass
class CommandResult:
    """The exit code of a command and what it printed."""

    code: int
    stderr: str

    def sentences(self) -> list[str]:
        """Return the printed lines except progress bars and the table."""
        lines = [line.strip() for line in self.stderr.splitlines()]
        drawn = ("checked ", "compared ", "sent ", "linked ", "report:", "change:", "import into")
        return [line for line in lines if line and not line.startswith(drawn) and not set(line) & set("│┃━└┡")]

    def counted(self) -> dict[str, int]:
        """Return the counts of the final table by outcome."""
        cells = [line.strip("│┃ ").split("│") for line in self.stderr.splitlines() if line.startswith("│")]
        return {words.strip(): int(count.strip().replace(",", "")) for count, words in cells}


@contextmanager
def import_command(
    folder: Path,
    *,
    faults: str = "",
    rate_limit: str = "",
    seeds: Iterable[Mapping[str, object]] = (),
    more: Sequence[Middleware] = (),
) -> Generator[ImportCommand]:
    """Yield the command over an API with these faults, this rate limit and `more` of the kind. Its dataset MINE has the
    seeds.
    """
    limit, seconds = parse_rate(rate_limit) if rate_limit else (None, 300.0)
    middleware = [
        Middleware(RateLimiter, limit=limit, seconds=seconds),
        Middleware(FaultInjector, faults=parse_faults(faults)),
        *more,
    ]
    # The command runs in real time.
    database = SandboxDatabase.open(clock=utc_now)
    types = [{**SEED, "indicator": f"a{kind}", "indicatorType": kind} for kind in TYPES]
    bodies = {"Words": types, YOURS: [SEED], MINE: [SEED, *({**SEED, **seed} for seed in seeds)]}
    load_records(
        database,
        (
            EventRecord(ref=f"{dataset} {number}", dataset=dataset, body=dict(body))
            for dataset, listed in bodies.items()
            for number, body in enumerate(listed)
        ),
    )
    api = Tenant(folder, store=database, options=SandboxOptions(middleware=middleware))
    with api.on_a_port() as base, _http() as http:
        yield ImportCommand(base, folder, http)


def _http() -> httpx.Client:
    # Without the developer's proxy, and without certificates: they load slowly, and the sandbox does not use TLS.
    return httpx.Client(trust_env=False, verify=False, timeout=30)  # noqa: S501


def csv_of(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows with the same columns as a CSV text."""
    listed = list(rows)
    return "\n".join([",".join(listed[0]), *(",".join(str(cell) for cell in row.values()) for row in listed)]) + "\n"


def row(number: int, **fields: object) -> dict[str, object]:
    """Return a valid row."""
    return {
        "date": "2026-01-10T08:00:00Z",
        "category": "Phishing",
        "event": f"Lure {number:04}",
        "tlp": "green",
        "indicator": f"host-{number}.example.com",
        "indicator_type": "domain",
        **fields,
    }
