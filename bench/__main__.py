"""`python -m bench`: run all benchmarks; with `--write`, update BENCHMARKS.md.

`--counts` runs only those that count requests and tokens, which no other load on the machine disturbs.
"""

import os
import platform
import sys

import anyio

from bench import call, exporting, extraction, importing, large, lookup, requests, start, tasks
from bench.report import write_section
from bench.timing import Ratio

HEAD = """\
| what | ours | compared with | ratio | allowed |
|---|--:|--:|--:|--:|
"""


async def rows() -> list[str]:
    """Return one row per benchmark."""
    return [
        _ratio(
            "spawn to the reply to tools/list", "a bare one-tool `mcp` server", await start.measure(), start.ALLOWED
        ),
        _ratio("a warm search over stdio", "a bare tool with the same request", await call.measure(), call.ALLOWED),
        _time(f"loading {large.EVENTS:,} events into the sandbox", large.time_loading(), large.ALLOWED_TO_LOAD),
        _lookup(await lookup.measure()),
        *await extraction.rows(),
        *await exporting.rows(),
        _ratio(
            f"importing a file of {importing.ROWS:,} rows",
            "a bare loop that posts it",
            await importing.measure(),
            importing.ALLOWED,
        ),
        f"| peak memory of importing {importing.ROWS_FOR_MEMORY:,} rows | {importing.measure_memory():.0f} MB | - | - "
        f"| {importing.ALLOWED_MEGABYTES} MB |",
        *(_time(f"{one.name}, of {large.EVENTS:,}", one.milliseconds, large.ALLOWED) for one in await large.measure()),
    ]


def _ratio(what: str, other: str, found: Ratio, allowed: float) -> str:
    return f"| {what} | {found.ours:.1f} ms | {other}, {found.other:.1f} ms | {found.ratio:.2f} | {allowed} |"


def _lookup(found: lookup.LookupTimes) -> str:
    what = f"| {lookup.INDICATORS:,} indicators looked up over stdio, {found.requests} requests"
    other = f"one request per indicator, as many at once, {found.other:,.0f} ms"
    return f"{what} | {found.ours:,.0f} ms | {other} | {found.ratio:.3f} | {lookup.ALLOWED} |"


def _time(what: str, milliseconds: float, allowed: float) -> str:
    return f"| {what} | {milliseconds:,.0f} ms | - | - | {allowed:,.0f} ms |"


async def main() -> None:
    sections = {"requests": "\n".join(await requests.rows()), "tasks": "\n".join(await tasks.rows())}
    if "--counts" not in sys.argv:
        machine = f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.system()}."
        table = "\n".join(await rows())
        sections["times"] = f"{HEAD}{table}\n\n{machine}"
    print(*sections.values(), sep="\n\n")
    if "--write" in sys.argv:
        for name, text in sections.items():
            write_section(name, text)


if __name__ == "__main__":
    anyio.run(main)
