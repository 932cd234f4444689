"""Importing 50,000 rows into an empty dataset, compared with a bare loop that posts them; and its peak memory."""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import anyio
import httpx

from bench.timing import Ratio, peak_megabytes, time_pairs
from bench.upstream import ACCOUNT, CATEGORIES, COUNTRIES, TOKEN, sandbox
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.wire.transport import network
from cf1_mcp.changes.import_effects import find_import_effects
from cf1_mcp.context import utc_now
from cf1_mcp.imports.comparison import ChangedEvent
from cf1_mcp.imports.file_import import ImportOptions, import_file
from cf1_mcp.imports.job import ImportJob
from cf1_mcp.imports.progress import NoProgress
from cf1_mcp.imports.readers.sources import Source
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.settings import Credentials, Settings

ROWS = 50_000
ROWS_FOR_MEMORY = 200_000
ROUNDS = 2
ALLOWED = 1.25
ALLOWED_MEGABYTES = 300
GROUP, CONCURRENCY = 100, 4
COLUMNS = ("date", "event", "category", "indicator", "type", "attacker", "country", "tlp", "tags")


async def measure() -> Ratio:
    """Time both with the same sandbox, each round with its own dataset."""
    with TemporaryDirectory() as folder, sandbox(1000) as base:
        file = write_rows(Path(folder), ROWS)
        ours_into, others_into = count(), count()

        async def ours() -> None:
            number = next(ours_into)
            await _import(base, file, Path(folder) / f"state-{number}", f"Dataset {number}")

        async def bare() -> None:
            await _post(base, file, f"Dataset {next(others_into)}")

        return await time_pairs(ours, bare, ROUNDS)


def write_rows(folder: Path, rows: int) -> Path:
    """Write a CSV file with this number of rows."""
    file = folder / "rows.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(rows))
    return file


def _rows(rows: int) -> Iterator[tuple[str, ...]]:
    for number in range(rows):
        date = f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:00:00Z"
        category, country = CATEGORIES[number % len(CATEGORIES)], COUNTRIES[number % len(COUNTRIES)]
        actor, tag = f"ACTOR {number % 60}", f"tag-{number % 40}"
        host = f"host-{number}.example.com"
        yield date, f"Seen in report {number}", category, host, "domain", actor, country, "green", tag


async def _import(base: str, file: Path, state: Path, dataset: str) -> None:
    settings = Settings(
        credentials=Credentials(ACCOUNT, TOKEN),
        base_url=base,
        mode="write",
        write_datasets=("*",),
        state_dir=state,
    )
    options = ImportOptions(dataset, group=GROUP, concurrency=CONCURRENCY)
    async with ThreatEventsClient(base, ACCOUNT, TOKEN, lambda: network(base)) as client:
        summary = await import_file(Source(file, "csv"), options, settings, client, utc_now, NoProgress(), _agree)
    assert summary.complete and summary.rows == {"created": ROWS}


async def _agree(job: ImportJob, write_policy: WritePolicy, changes: Mapping[int, ChangedEvent], /) -> bool:
    """Find what the command would tell a person, who agrees at once."""
    await find_import_effects(job, write_policy, changes)
    return True


async def _post(base: str, file: Path, dataset: str) -> None:
    address = f"{base}/accounts/{ACCOUNT}/cloudforce-one"
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        datasets = (await client.get("/events/dataset")).json()["result"]
        home = next(one["uuid"] for one in datasets if one["name"] == dataset)
        with file.open(encoding="utf-8", newline="") as lines:
            groups = _groups(csv.DictReader(lines))

            async def post() -> None:
                for group in groups:
                    body = {"datasetId": home, "data": group, "includeCreatedEvents": True}
                    (await client.post("/events/create/bulk", json=body)).raise_for_status()

            async with anyio.create_task_group() as tasks:
                for _ in range(CONCURRENCY):
                    tasks.start_soon(post)


def _groups(rows: Iterator[dict[str, str]]) -> Iterator[list[dict[str, object]]]:
    while some := list(islice(rows, GROUP)):
        yield [
            {
                **{name: row[name] for name in ("date", "event", "category", "indicator", "attacker", "tlp")},
                "indicatorType": row["type"],
                "targetCountry": row["country"],
                "tags": row["tags"].split(","),
                "raw": {"data": None},
            }
            for row in some
        ]


def measure_memory() -> float:
    """Return the peak memory of the command for a file of 200,000 rows."""
    with TemporaryDirectory() as folder, sandbox(1000) as base:
        file = write_rows(Path(folder), ROWS_FOR_MEMORY)
        environment = {
            **os.environ,
            "CLOUDFLARE_BASE_URL": base,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CF1_MODE": "write",
            "CF1_WRITE_DATASETS": "*",
            "CF1_STATE_DIR": folder,
        }
        command = [sys.executable, "-m", "cf1_mcp", "import", str(file), "--dataset", "Dataset 0"]
        peak = 0.0
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                # A process that is ending no longer reports its memory.
                with suppress(IndexError):
                    peak = max(peak, peak_megabytes(process.pid))
                sleep(0.1)
        assert process.returncode == 0
        return peak
