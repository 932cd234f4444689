"""Timing: both sides alternate, so that a machine that slows down affects both, and medians are reported."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Ratio:
    """Our time compared with another one: medians in milliseconds, and the median of the pairwise ratios."""

    ours: float
    other: float
    ratio: float


async def time_pairs(
    ours: Callable[[], Awaitable[object]], other: Callable[[], Awaitable[object]], rounds: int
) -> Ratio:
    """Time both alternately, after one warm-up round."""
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        pairs.append((await time_call(ours), await time_call(other)))
    del pairs[0]
    return Ratio(median(pair[0] for pair in pairs), median(pair[1] for pair in pairs), median(a / b for a, b in pairs))


async def time_call(call: Callable[[], Awaitable[object]]) -> float:
    """Return the duration of one call in milliseconds."""
    start = perf_counter()
    await call()
    return (perf_counter() - start) * 1000


def peak_megabytes(process: int | str = "self") -> float:
    """Return the peak memory of a process, by its id. `getrusage` would include the memory that the parent of
    a child process had before the child started.
    """
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0]) / 1024
