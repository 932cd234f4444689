"""An export of 50,000 events from a sandbox on a port, compared with a bare loop that writes the same pages.

Each runs in its own process, whose peak memory the system reports.
"""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import anyio
import httpx
from mcp import Client

from bench.timing import peak_megabytes
from bench.upstream import ACCOUNT, TOKEN, sandbox
from cf1_mcp.api.wire.transport import network
from cf1_mcp.exports.writer import PAGE_SIZE
from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings

EVENTS = 50_000
ROUNDS = 3
FORMATS = ("csv", "stix2")


@dataclass(frozen=True)
class Run:
    """The duration of a run, and the peak memory of its process in MB."""

    seconds: float
    peak: float


async def rows() -> list[str]:
    """Return one row per format, with both sides timed alternately and the median of the pairwise ratios."""
    with sandbox(EVENTS) as base:
        return [
            _row(name, [(_run("ours", name, base), _run("bare", name, base)) for _ in range(ROUNDS)])
            for name in FORMATS
        ]


def _row(name: str, pairs: list[tuple[Run, Run]]) -> str:
    ours, bare = (median(pair[side].seconds for pair in pairs) for side in (0, 1))
    peaks = [median(pair[side].peak for pair in pairs) for side in (0, 1)]
    ratio = median(one.seconds / other.seconds for one, other in pairs)
    what = f"{name} export of {EVENTS:,} events, {EVENTS / ours:,.0f} a second, peak {peaks[0]:.0f} MB"
    other = f"a bare `httpx` loop to JSONL, {bare * 1000:,.0f} ms, peak {peaks[1]:.0f} MB"
    return f"| {what} | {ours * 1000:,.0f} ms | {other} | {ratio:.2f} | - |"


def _run(side: str, name: str, base: str) -> Run:
    command = [sys.executable, "-m", "bench.exporting", side, name, base]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Run(**json.loads(output))


async def _ours(base: str, name: str, folder: Path) -> int:
    settings = Settings(
        credentials=Credentials(ACCOUNT, TOKEN),
        base_url=base,
        max_tlp=Tlp.RED,
        state_dir=folder,
        toolsets=("indicators",),
    )
    async with Client(build_server(settings, lambda: network(base))) as client:
        answer = await client.call_tool("export_threat_events", {"format": name, "handling": "red"})
    return int(dict(answer.structured_content or {})["events"])


async def _bare(base: str, name: str, folder: Path) -> int:
    count = 0
    address = f"{base}/accounts/{ACCOUNT}/cloudforce-one/events"
    query: dict[str, str | int] = {"datasetId": "all", "orderBy": "date", "order": "desc", "pageSize": PAGE_SIZE}
    with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            while True:
                page = (await client.get(address, params=query)).raise_for_status().json()
                for event in page["result"]:
                    file.write(json.dumps(event) + "\n")
                count += len(page["result"])
                if not page["result_info"]["cursor"]:
                    return count
                query = {"cursor": page["result_info"]["cursor"], "pageSize": PAGE_SIZE}


SIDES: Mapping[str, Callable[[str, str, Path], Awaitable[int]]] = {"ours": _ours, "bare": _bare}


async def main(side: str, name: str, base: str) -> None:
    with TemporaryDirectory() as folder:
        start = perf_counter()
        written = await SIDES[side](base, name, Path(folder))
        seconds = perf_counter() - start
    assert written == EVENTS
    print(json.dumps({"seconds": seconds, "peak": peak_megabytes()}))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3])
