"""A file of 50,000 rows into an empty dataset, against a bare loop that reads and posts it; and the memory of it."""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import anyio
import httpx

from bench.timing import Ratio, paired
from bench.timing import peak_megabytes as peak_of
from bench.upstream import ACCOUNT, CATEGORIES, COUNTRIES, TOKEN, sandbox
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.transport import network
from cf1_mcp.context import utc_now
from cf1_mcp.imports.file_import import ImportOptions, import_file
from cf1_mcp.imports.progress import NoProgress
from cf1_mcp.imports.readers.sources import Source
from cf1_mcp.settings import Credentials, Settings

ROWS = 50_000
ROWS_FOR_MEMORY = 200_000
ROUNDS = 2
ALLOWED = 1.25
ALLOWED_MEGABYTES = 300
GROUP, CONCURRENCY = 100, 4
COLUMNS = ("date", "event", "category", "indicator", "type", "attacker", "country", "tlp", "tags")


async def measure() -> Ratio:
    """Both into the same sandbox, each round into a dataset of its own."""
    with TemporaryDirectory() as folder, sandbox(1000) as base:
        file = written(Path(folder), ROWS)
        ours_into, others_into = count(), count()

        async def ours() -> None:
            number = next(ours_into)
            await _imported(base, file, Path(folder) / f"state-{number}", f"Dataset {number}")

        async def bare() -> None:
            await _posted(base, file, f"Dataset {next(others_into)}")

        return await paired(ours, bare, ROUNDS)


def written(folder: Path, rows: int) -> Path:
    """A file of so many rows."""
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


async def _imported(base: str, file: Path, state: Path, dataset: str) -> None:
    settings = Settings(
        credentials=Credentials(ACCOUNT, TOKEN),
        base_url=base,
        mode="write",
        write_datasets=("*",),
        state_dir=state,
    )
    options = ImportOptions(dataset, group=GROUP, concurrency=CONCURRENCY)
    async with ThreatEventsClient(base, ACCOUNT, TOKEN, lambda: network(base)) as client:
        summary = await import_file(Source(file, "csv"), options, settings, client, utc_now, NoProgress())
    assert summary.complete and summary.rows == {"created": ROWS}


async def _posted(base: str, file: Path, dataset: str) -> None:
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


def peak_megabytes() -> float:
    """The most memory that the command takes for a file of 200,000 rows."""
    with TemporaryDirectory() as folder, sandbox(1000) as base:
        file = written(Path(folder), ROWS_FOR_MEMORY)
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
                # A process that is ending has no memory left to tell of.
                with suppress(IndexError):
                    peak = max(peak, peak_of(process.pid))
                sleep(0.1)
        assert process.returncode == 0
        return peak
