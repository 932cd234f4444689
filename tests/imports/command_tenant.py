"""A sandbox on a port with a dataset to import into, and the import command as a process of its own."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx

from cf1_mcp.context import utc_now
from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import Change
from cf1_mcp.store.stores import open_stores
from tests.ports import ACCOUNT, environment_for, sandbox_on_a_port

MINE = "Mine"
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
class Tenant:
    """What the sandbox holds, and where the importer keeps its state."""

    base: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"CF1_MODE": "write", "CF1_WRITE_DATASETS": MINE, "CF1_STATE_DIR": str(self.folder / "state")}
        return (
            {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "COLUMNS": "200"}
            | own
            | (environment_for(self.base))
        )

    def start(self, file: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "cf1_mcp", "import", str(file), "--dataset", MINE, *arguments]
        return subprocess.Popen(
            command, env=self.environment | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, file: Path, *arguments: str, **environment: str) -> "Ended":
        with self.start(file, *arguments, **environment) as process:
            out, err = process.communicate(timeout=120)
        assert out == ""
        return Ended(process.returncode, err)

    def get(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        address = f"{self.base}/accounts/{ACCOUNT}/cloudforce-one{path}"
        answer = httpx.get(address, params=parameters, timeout=30)  # pyright: ignore[reportArgumentType]
        return answer.json()["result"]

    def dataset(self, name: str = MINE) -> str:
        return str(next(one["uuid"] for one in self.get("/events/dataset") if one["name"] == name))

    def events(self) -> list[dict[str, Any]]:
        """What was imported, in the order of titles and indicators."""
        found = self.get("/events", datasetId=self.dataset(), pageSize=25000)
        mine = [event for event in found if event["event"] != SEED["event"]]
        return sorted(mine, key=lambda event: (event["event"], event["indicator"]))

    def events_with_indicators(self) -> list[dict[str, Any]]:
        """The same, once every event shows its indicator: the API makes those a little later."""
        events = self.events()
        while not all(event["indicator"] for event in events):
            events = self.events()
        return events

    def titles(self) -> list[str]:
        return [event["event"] for event in self.events()]

    def children(self, title: str, kind: str = "related_to") -> list[str]:
        """The titles below an event."""
        [parent] = [event for event in self.events() if event["event"] == title]
        below = {"datasetId": self.dataset(), "direction": "descendants", "maxDepth": 1, "includeParent": "false"}
        found = self.get(
            f"/events/by-id/{parent['uuid']}/relationships", **below, relationshipTypes=kind, pageSize=1000
        )
        return sorted(event["event"] for event in found)

    def report(self) -> list[dict[str, Any]]:
        [path] = (self.folder / "state" / "imports").glob("*.report.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def counted_outcomes(self) -> dict[str, int]:
        """How many rows the report tells under which outcome."""
        return dict(Counter(line["outcome"] for line in self.report() if "row" in line))

    def changes(self) -> list[Change]:
        """The changes in the command's journal, newest first."""
        return anyio.run(open_stores(Settings(state_dir=self.folder / "state"), utc_now).journal.changes)

    def written(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@dataclass
class Ended:
    """How a command ended, and what it told."""

    code: int
    told: str

    def sentences(self) -> list[str]:
        """What it told besides its bars and table."""
        lines = [line.strip() for line in self.told.splitlines()]
        drawn = ("checked ", "compared ", "sent ", "linked ", "report:", "change:", "import into")
        return [line for line in lines if line and not line.startswith(drawn) and not set(line) & set("│┃━└┡")]

    def counted(self) -> dict[str, int]:
        """The table at the end."""
        cells = [line.strip("│┃ ").split("│") for line in self.told.splitlines() if line.startswith("│")]
        return {words.strip(): int(count.strip().replace(",", "")) for count, words in cells}


@contextmanager
def tenant(folder: Path, *arguments: str, seeds: Iterable[Mapping[str, object]] = ()) -> Generator[Tenant]:
    """A tenant whose sandbox is started with these arguments."""
    records = [
        *(
            {"ref": kind, "dataset": "Words", "body": {**SEED, "indicator": f"a{kind}", "indicatorType": kind}}
            for kind in TYPES
        ),
        {"ref": "seed", "dataset": MINE, "body": SEED},
        {"ref": "yours", "dataset": "Yours", "body": SEED},
        *({"ref": f"more {number}", "dataset": MINE, "body": {**SEED, **seed}} for number, seed in enumerate(seeds)),
    ]
    file = folder / "seed.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    with sandbox_on_a_port("--load", str(file), *arguments) as base:
        yield Tenant(base, folder)


def csv_of(rows: Iterable[Mapping[str, object]]) -> str:
    """Rows of the same columns."""
    listed = list(rows)
    return "\n".join([",".join(listed[0]), *(",".join(str(cell) for cell in row.values()) for row in listed)]) + "\n"


def row(number: int, **fields: object) -> dict[str, object]:
    """A row that is right."""
    return {
        "date": "2026-01-10T08:00:00Z",
        "category": "Phishing",
        "event": f"Lure {number:04}",
        "tlp": "green",
        "indicator": f"host-{number}.example.com",
        "indicator_type": "domain",
        **fields,
    }
