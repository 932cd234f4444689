"""The sandbox with 120,000 events: three requests that are frequent in investigations."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from bench.timing import time_call
from bench.upstream import ACCOUNT, TOKEN, sandbox, write_events
from cf1_mcp.sandbox.storage.event_files import load_records, read_records
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase

EVENTS = 120_000
ROUNDS = 15
ALLOWED = 50.0
ALLOWED_TO_LOAD = 60_000.0


@dataclass(frozen=True)
class TimedRequest:
    """A request, and the median time of its response over HTTP in milliseconds."""

    name: str
    milliseconds: float


def time_loading() -> float:
    """Return the time to load a file of all these events, in milliseconds."""
    with TemporaryDirectory() as folder:
        file = write_events(Path(folder), EVENTS)
        start = perf_counter()
        loaded = load_records(SandboxDatabase.open(), read_records(file))
        assert loaded.events == EVENTS
        return (perf_counter() - start) * 1000


async def measure() -> list[TimedRequest]:
    """Time each request over HTTP, after one warm-up request."""
    with sandbox(EVENTS) as base:
        address = f"{base}/accounts/{ACCOUNT}/cloudforce-one"
        async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            return [TimedRequest(name, await _median_time(client, *parts)) for name, parts in REQUESTS.items()]


async def _median_time(client: httpx.AsyncClient, method: str, path: str, body: object) -> float:
    async def ask() -> None:
        (await client.request(method, path, json=body)).raise_for_status()

    return median([await time_call(ask) for _ in range(ROUNDS + 1)][1:])


def _search(*conditions: tuple[str, str, object]) -> list[dict[str, object]]:
    return [{"field": field, "op": op, "value": value} for field, op, value in conditions]


HOSTS = [f"host-{number * 997}.example.com" for number in range(100)]
REQUESTS: dict[str, tuple[str, str, object]] = {
    "filtered page of 20 events": (
        "POST",
        "/events",
        {
            "datasetId": ["all"],
            "search": _search(("attacker", "equals", "ACTOR 03"), ("targetCountry", "in", ["DE", "AT"])),
            "pageSize": 20,
        },
    ),
    "100 indicators in one `in`": (
        "POST",
        "/events",
        {"datasetId": ["all"], "search": _search(("indicator", "in", HOSTS)), "pageSize": 100},
    ),
    "counts by two columns": ("GET", "/events/aggregate?aggregateBy=attacker,targetIndustry&datasetId=all", None),
}
