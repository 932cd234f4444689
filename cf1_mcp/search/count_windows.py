"""More groups than the API returns at once, counted in parts of the period.

The sum over the parts is right only if the API counts every event in exactly one of them, which is checked against the
count of the whole period.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final

from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.count_requests import Counted, Dates, group_key, merge_groups, read_count
from cf1_mcp.errors import ApiError
from cf1_mcp.text.dates import iso

MAX_REQUESTS: Final = 24
FIRST_PARTS: Final = 8
DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)

Count = Callable[[Dates], Awaitable[Counted]]


@dataclass(frozen=True)
class _Window:
    """A part of the period: the days from `first` to before `end`. The outermost limits are those of the period."""

    first: datetime
    end: datetime
    dates: Dates

    def split(self, parts: int) -> "list[_Window]":
        """Return the parts of a window, cut at midnight; the window itself if it is a single day."""
        days = max((self.end - self.first) // DAY, 1)
        marks = sorted({days * number // parts for number in range(1, parts)} - {0, days})
        edges = [self.first, *(self.first + mark * DAY for mark in marks), self.end]
        start, last = self.dates
        return [
            _Window(
                one,
                other,
                (start if one == self.first else iso(one), last if other == self.end else iso(other - SECOND)),
            )
            for one, other in pairwise(edges)
        ]


async def count_in_windows(
    count: Count, whole: Counted, dates: Dates, period: tuple[datetime, datetime], keys: Sequence[str]
) -> Counted:
    """Return the groups of a period of which `whole` has only the largest. `period` are the midnights around it. The
    groups are as complete as `full` says.
    """
    leaves: list[tuple[_Window, Counted]] = [(_Window(*period, dates), whole)]
    used, parts = 0, FIRST_PARTS
    while True:
        split = {window: window.split(parts) for window, counted in leaves if counted.full}
        windows = [part for pieces in split.values() if len(pieces) > 1 for part in pieces]
        if not windows or used + len(windows) > MAX_REQUESTS:
            break
        try:
            answers = await gather(partial(count, window.dates) for window in windows)
        except ApiError:
            break
        used, parts = used + len(windows), 2
        kept = [(window, counted) for window, counted in leaves if len(split.get(window, ())) < 2]
        leaves = [*kept, *zip(windows, answers, strict=True)]
    if not used:
        return whole
    return _join(whole, [counted for _, counted in leaves], any(counted.full for _, counted in leaves), keys)


def _join(whole: Counted, parts: Sequence[Counted], full: bool, keys: Sequence[str]) -> Counted:
    """Return the groups of the parts together. The counts of the whole period are right where both have one."""
    groups = merge_groups([group for part in parts for group in part.groups], keys)
    known = {group_key(group, keys): read_count(group) for group in whole.groups}
    lost = False
    for group in groups:
        sure, summed = known.pop(group_key(group, keys), None), read_count(group)
        if sure is None or summed is None:
            continue
        if summed > sure:
            # The API counts an event in two parts, so that no sum is right.
            return whole
        lost = lost or summed < sure
        group["count"] = sure
    groups += [group for group in whole.groups if group_key(group, keys) in known]
    total = sum(read_count(group) or 0 for group in groups)
    lost = lost or bool(known) or (whole.total is not None and whole.total > total)
    return replace(whole, groups=groups, full=full or lost)
