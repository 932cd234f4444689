"""How figures are taken: the two sides in turn, so that a machine that slows down slows both, and the median."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Ratio:
    """Ours against the honest and simple: medians in milliseconds, and the median of the pairwise ratios."""

    ours: float
    other: float
    ratio: float


async def paired(ours: Callable[[], Awaitable[object]], other: Callable[[], Awaitable[object]], rounds: int) -> Ratio:
    """Time both in turn, after one round that does not count."""
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        pairs.append((await timed(ours), await timed(other)))
    del pairs[0]
    return Ratio(median(pair[0] for pair in pairs), median(pair[1] for pair in pairs), median(a / b for a, b in pairs))


async def timed(call: Callable[[], Awaitable[object]]) -> float:
    """How long one call takes, in milliseconds."""
    start = perf_counter()
    await call()
    return (perf_counter() - start) * 1000


def peak_megabytes(process: int | str = "self") -> float:
    """The most memory that a process of this machine has held so far, by its id. What `getrusage` tells of a child
    counts in what its parent held before the child began.
    """
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0]) / 1024
