"""Pages of lists as answers: as many rows as fit, and a cursor to those that follow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import Cell, event_cells
from cf1_mcp.answers.cursors import Paging
from cf1_mcp.answers.event_positions import EventPosition, is_unordered, order_key, skip_to
from cf1_mcp.answers.fitting import DEFAULT_SIZE, HEAD_SIZE, count_fitting, size_for_rows
from cf1_mcp.answers.row_datasets import COLUMN, find_row_datasets
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.models import Condition, Dataset, Event, EventSearch
from cf1_mcp.models.fields import DEFAULT_COLUMNS
from cf1_mcp.policy.conditions.reading_notes import describe_reading
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import MAX_CONDITIONS, PAGE_SIZE, visible_pages
from cf1_mcp.policy.visible_links import show_links
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

# How many datasets an answer names; a scope of the API has up to fifty.
MAX_NAMES: Final = 12
# Events that are read to sort them here.
MAX_SORTED: Final = 5_000
# The most rows that a caller may request at once.
MAX_ROWS: Final = 500
NO_GROUPS: Final = "not_searched: analytics datasets, because the API takes no groups of conditions for them."
NOT_SEARCHED: Final = "Nothing can be concluded about the datasets in not_searched: their search failed."
ABSENCE: Final = "Absence from these datasets does not show that something is benign."
ANCHOR_LENGTH: Final = 5


@dataclass(frozen=True)
class ExtraColumn:
    """A column beside those of the events: texts of the server's own words and ids, by the folded ids of events."""

    name: str
    texts: Mapping[str, str]


async def list_event_page(
    client: ThreatEventsClient,
    search: EventSearch,
    scope: DatasetScope,
    columns: Sequence[str],
    limit: int,
    paging: Paging,
    identity: Mapping[str, object],
) -> Rows:
    """Return one page of a search by date. `identity` distinguishes it from others: a cursor is valid for it alone.

    Raises:
        ApiError: the events could not be read.
        BadArgument: the cursor is not one of this search.
    """
    place = paging.open(identity)
    position = EventPosition.parse(place) if place is not None else None
    # One more than can be shown, to know whether the list goes on.
    withheld, report = Counter[str](), ReadingReport()
    events, used = await _read_events_after(client, search, scope.policy, position, limit + 1, withheld, report)
    window = await show_links(client, scope.policy, events[:limit], columns)
    shown = count_fitting(_build_cells(window, columns, None, has_number=True), size_for_rows(limit))
    following = None
    if shown < len(events):
        after = EventPosition.after(window[:shown], position, is_sorted=report.is_unordered)
        following = paging.seal(str(after), identity)
    page = render_events(window, shown, scope.names, columns, following, known=scope.policy.datasets)
    facts = {**page.facts, **dataset_facts(scope, report), **scope.policy.counts(withheld)}
    return replace(page, facts=facts, notes=[*reading_notes(scope, report, used), *page.notes])


def dataset_facts(scope: DatasetScope, report: ReadingReport) -> dict[str, JsonValue]:
    """Return the datasets that were searched and, if there are any, those that were not, by name."""
    missed = scope.list_missed(report.missed)
    not_searched: dict[str, JsonValue] = {"not_searched": dataset_names(missed)} if missed else {}
    return {"datasets": dataset_names(scope.list_searched(report.missed)), **not_searched}


def reading_notes(scope: DatasetScope, report: ReadingReport, used: int | None = None) -> list[str]:
    """Return what to know about a list of which the first `used` events were used, or all: what did not fit the
    question, and what was not searched.
    """
    notes = [*scope.notes, *describe_reading(report, used)]
    if scope.left_out:
        notes.append(NO_GROUPS)
    if report.missed:
        reasons = dict.fromkeys(failure.sentence for failure in report.missed.values())
        notes.append(f"{NOT_SEARCHED} {' '.join(reasons)}")
    return notes


def render_events(
    events: Sequence[Event],
    shown: int,
    datasets: Sequence[str],
    columns: Sequence[str],
    next_cursor: str | None,
    extra: ExtraColumn | None = None,
    known: Sequence[Dataset] = (),
) -> Rows:
    """Return the first `shown` events as rows, with their count, their datasets and the cursor of the next answer.

    `datasets` are those that were searched, and `known` have the names of those that the rows come from. Only the
    default columns get a column of datasets: other columns were chosen.
    """
    rows = events[:shown]
    facts: dict[str, JsonValue] = {"events": shown, "datasets": dataset_names(datasets)}
    origin = find_row_datasets(rows, known) if tuple(columns) == DEFAULT_COLUMNS and len(datasets) > 1 else None
    if origin is not None:
        facts |= origin.fact()
    if next_cursor:
        facts |= {"more": True, "next_cursor": next_cursor}
    notes = [_truncation_note(shown, len(events))] if shown < len(events) else [] if events else [ABSENCE]
    cells = _build_cells(rows, columns, extra)
    names = [*columns, extra.name] if extra else [*columns]
    if origin is not None and origin.are_several:
        names = [*names, COLUMN]
        cells = [[*row, origin.number_of(event)] for event, row in zip(rows, cells, strict=True)]
    return Rows(names, cells, facts, notes)


def _build_cells(
    events: Sequence[Event], columns: Sequence[str], extra: ExtraColumn | None, *, has_number: bool = False
) -> list[list[Cell]]:
    """Return the rows of events; with `has_number` as long as they are with the number of a dataset."""
    rows = event_cells(events, columns)
    number: list[Cell] = [1] if has_number else []
    if extra is None:
        return [[*row, *number] for row in rows]
    return [[*row, extra.texts.get(id_key(event.uuid), ""), *number] for event, row in zip(events, rows, strict=True)]


def fit_events(
    events: Sequence[Event],
    datasets: Sequence[str],
    columns: Sequence[str],
    limit: int,
    paging: Paging,
    identity: Mapping[str, object],
    extra: ExtraColumn | None = None,
    known: Sequence[Dataset] = (),
) -> Rows:
    """Return the rows of a whole list of events that fit, with a cursor to the rest, and how many there are in all."""
    start = paging.open_offset(identity)
    window = events[start : start + limit]
    shown = count_fitting(_build_cells(window, columns, extra, has_number=True), size_for_rows(limit))
    passed = start + shown
    following = paging.seal(str(passed), identity) if passed < len(events) else None
    rows = render_events(window, shown, datasets, columns, following, extra, known)
    if following is None:
        return rows
    return replace(rows, facts={"events": shown, "of": len(events), **rows.facts})


def fit_list(
    noun: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    paging: Paging,
    limit: int = MAX_ROWS,
    facts: Mapping[str, JsonValue] | None = None,
    notes: Sequence[str] = (),
    **identity: object,
) -> Rows:
    """Return the rows of a whole list that fit, counted under `noun`, with a cursor to the rest."""
    identity |= {"list": noun}
    start = paging.open_offset(identity)
    window = rows[start:][:limit]
    shown = count_fitting(window, size_for_rows(limit) if limit < MAX_ROWS else DEFAULT_SIZE - HEAD_SIZE)
    counts: dict[str, JsonValue] = {noun: shown}
    if (passed := start + shown) < len(rows):
        counts |= {"of": len(rows), "next_cursor": paging.seal(str(passed), identity)}
    return Rows(columns, window[:shown], {**counts, **(facts or {})}, notes)


def dataset_names(datasets: Sequence[str]) -> list[JsonValue]:
    """Return the names of up to MAX_NAMES datasets; the others are counted."""
    more = [f"and {len(datasets) - MAX_NAMES} more"] if len(datasets) > MAX_NAMES else []
    return [*(clean(name, MAX_NAME_LENGTH) for name in datasets[:MAX_NAMES]), *more]


def _truncation_note(shown: int, found: int) -> str:
    return f"{shown} of {found} fit: next_cursor continues after them, and fewer columns (fields) show more."


async def _read_events_after(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    position: EventPosition | None,
    count: int,
    withheld: Counter[str],
    report: ReadingReport,
) -> tuple[list[Event], int | None]:
    """Return `count` events after a position that may be shown, or all if there are fewer, and how many events were
    used for it, None for all. `withheld` counts events that may not be shown.

    Where the API does not keep the order, everything is read, as far as that is possible, and sorted here.
    """
    passed = position.passed if position else 0
    start = position if position and position.anchor else None
    sorts, last = bool(position and position.is_sorted), passed + count
    asked = _search_from(search, start, last)
    found: list[Event] = []
    async with aclosing(visible_pages(client, asked, policy, withheld=withheld, report=report)) as pages:
        async for page in pages:
            found += page
            after = skip_to(start, found, search.order)
            used = len(found) - len(after) + last
            # Events that were passed in the order of the API are passed in the same order again.
            keeps_order = not sorts and (passed > 0 or not is_unordered(found[:used], search.order))
            if len(after) >= last and keeps_order:
                return after[passed:last], used
            if len(found) >= MAX_SORTED and len(after) >= last:
                break
    if sorts or (not passed and is_unordered(found, search.order)):
        report.is_unordered = True
        found[:MAX_SORTED] = sorted(found[:MAX_SORTED], key=order_key, reverse=search.order != "asc")
    return skip_to(start, found, search.order, is_whole=True)[passed:last], None


def _search_from(search: EventSearch, position: EventPosition | None, count: int) -> EventSearch:
    """Return the search for the events from the date of a position on, with pages that are probably large enough."""
    size = min(count + (position.ties if position else 0), PAGE_SIZE)
    conditions = [*search.search]
    if position and len(conditions) < MAX_CONDITIONS:
        conditions.append(Condition(field="date", op="gte" if search.order == "asc" else "lte", value=position.date))
    return search.model_copy(update={"search": conditions, "page_size": size})
