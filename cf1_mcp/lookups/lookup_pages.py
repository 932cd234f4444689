"""The pages of a look-up: which indicators one answer shows, and where the next answer begins.

A look-up is listed in two stages: first everything there is something to report about, then the unknown indicators,
each in the order of the input.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cf1_mcp.answers.columns import Cell
from cf1_mcp.answers.cursors import Paging
from cf1_mcp.answers.fitting import count_fitting, size_for_rows
from cf1_mcp.lookups.lookup import MAX_CONCURRENT, STATUSES, Lookup, LookupResult

# How many indicators a later answer looks up at a time until it has its rows: one round of requests.
BATCH_SIZE: Final = MAX_CONCURRENT * 100
NOTEWORTHY_STAGE, UNKNOWN_STAGE = 1, 2

Only = Literal["all", "known"]
RenderRow = Callable[[LookupResult], Sequence[Cell]]


@dataclass(frozen=True)
class Position:
    """Where an answer begins: its stage and the index of the indicator. `counts` are the indicators by status that the
    answers before it have counted.
    """

    stage: int = NOTEWORTHY_STAGE
    index: int = 0
    counts: tuple[int, ...] = (0,) * len(STATUSES)


@dataclass(frozen=True)
class LookupPage:
    """The results of one answer, best known first, each with its row. `counts` includes the answers before it."""

    results: Sequence[LookupResult]
    rows: Sequence[Sequence[Cell]]
    counts: tuple[int, ...]
    next_position: Position | None


def decode_position(paging: Paging, identity: Mapping[str, object]) -> Position:
    """Return the position that a cursor names, the beginning without a cursor.

    Raises:
        BadArgument: the cursor is not one of this look-up.
    """
    place = paging.open(identity)
    if place is None:
        return Position()
    stage, index, *counts = map(int, place.split("-"))
    return Position(stage, index, tuple(counts))


def encode_position(page: LookupPage, paging: Paging, identity: Mapping[str, object]) -> str | None:
    """Return the cursor of the next answer, None after the last one."""
    if page.next_position is None:
        return None
    following = page.next_position
    return paging.seal("-".join(map(str, (following.stage, following.index, *page.counts))), identity)


async def read_page(lookup: Lookup, start: Position, limit: int, only: Only, render_row: RenderRow) -> LookupPage:
    """Return up to `limit` results from `start` on. Indicators that were not looked up yet are, a batch at a time."""
    positions: list[Position] = []
    results: list[LookupResult] = []
    rows: list[Sequence[Cell]] = []
    position: Position | None = start
    while position:
        if position.index >= len(lookup.targets):
            ends = position.stage == UNKNOWN_STAGE or only == "known"
            position = None if ends else Position(UNKNOWN_STAGE)
            continue
        if not lookup.has_result(position.index):
            is_full = len(rows) == limit or count_fitting(rows, size_for_rows(limit)) < len(rows)
            if is_full or (rows and position.stage != positions[-1].stage):
                break
            await lookup.run(position.index, position.index + BATCH_SIZE)
            if not lookup.has_result(position.index):
                break
        result = lookup.result(position.index)
        if (result.status == "unknown") == (position.stage == UNKNOWN_STAGE):
            if len(rows) == limit:
                break
            positions.append(position)
            results.append(result)
            rows.append(render_row(result))
        position = Position(position.stage, position.index + 1)
    shown = count_fitting(rows, size_for_rows(limit))
    # Pages are cut in the order of the input; within a page the best known come first.
    order = sorted(range(shown), key=lambda number: STATUSES.index(results[number].status))
    return LookupPage(
        [results[number] for number in order],
        [rows[number] for number in order],
        _count_statuses(lookup, start.counts),
        positions[shown] if shown < len(rows) else position,
    )


def _count_statuses(lookup: Lookup, before: Sequence[int]) -> tuple[int, ...]:
    """Count all indicators looked up so far by status. `before` is the count that the earlier answers reached."""
    counts = Counter(dict(zip(STATUSES, before, strict=True)))
    for index in range(sum(before), len(lookup.targets)):
        if not lookup.has_result(index):
            break
        counts[lookup.result(index).status] += 1
    return tuple(counts[status] for status in STATUSES)
