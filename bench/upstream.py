"""A sandbox on a port, with as many events as a benchmark needs."""

import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ACCOUNT = "d" * 32
TOKEN = "bench"  # noqa: S105 - the sandbox requires none
DATASETS = tuple(f"Dataset {number}" for number in range(5))
ACTORS = tuple(f"ACTOR {number:02}" for number in range(60))
COUNTRIES = ("US", "DE", "FR", "GB", "NL", "AT", "PL", "IT", "ES", "SE", "JP", "IN", "BR", "CA", "AU")
INDUSTRIES = (
    "Banking & Financial Services",
    "Insurance",
    "Agriculture",
    "Automotive",
    "Telecommunications",
    "Government",
)
CATEGORIES = ("Phishing", "Command and Control", "Malware Sample", "Reconnaissance", "Initial Access", "Execution")
MARKINGS = ("clear", "green", "amber", "amber+strict", "red")


def generate_events(count: int) -> Iterator[dict[str, object]]:
    """Yield the events of a fictional tenant, always the same, over a year and five datasets."""
    chance = random.Random(7)
    for number in range(count):
        month, day, hour = chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23)
        yield {
            "ref": f"event:{number}",
            "dataset": DATASETS[number % len(DATASETS)],
            "body": {
                "date": f"2025-{month:02}-{day:02}T{hour:02}:00:00Z",
                "event": f"{chance.choice(CATEGORIES)} seen from {chance.choice(COUNTRIES)}, report {number}",
                "category": chance.choice(CATEGORIES),
                "attacker": chance.choice(ACTORS),
                "attackerCountry": chance.choice(COUNTRIES),
                "targetCountry": chance.choice(COUNTRIES),
                "targetIndustry": chance.choice(INDUSTRIES),
                "indicator": f"host-{number}.example.com",
                "indicatorType": "domain",
                "tlp": chance.choice(MARKINGS),
                "tags": [f"tag-{number % 40}"],
                "raw": {"data": {"number": number}, "source": "generated"},
            },
        }


def write_events(folder: Path, count: int) -> Path:
    """Write a file with this number of generated events."""
    file = folder / "events.jsonl.gz"
    with gzip.open(file, "wt", compresslevel=1) as lines:
        lines.writelines(f"{json.dumps(record)}\n" for record in generate_events(count))
    return file


@contextmanager
def sandbox(count: int) -> Generator[str]:
    """Run a sandbox with this number of generated events, and yield its base URL."""
    with TemporaryDirectory() as folder:
        file = write_events(Path(folder), count)
        command = [sys.executable, "-m", "cf1_mcp", "sandbox", "--port", "0", "--load", str(file)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield _address(process)
            finally:
                process.terminate()
                process.communicate()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"CLOUDFLARE_BASE_URL=(\S+)", line):
            return found[1]
    raise SystemExit("the sandbox did not start")
