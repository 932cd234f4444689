"""Pages of lists as answers: as many rows as fit, and a cursor to those that follow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import Cell, event_cells
from cf1_mcp.answers.cursors import Paging
from cf1_mcp.answers.fitting import DEFAULT_SIZE, HEAD_SIZE, count_fitting, size_for_rows
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.models import Condition, Event, EventSearch, Order
from cf1_mcp.policy.conditions.misfits import describe_reading
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import MAX_CONDITIONS, PAGE_SIZE, visible_pages
from cf1_mcp.policy.visible_links import show_links
from cf1_mcp.text.dates import date_key
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


@dataclass(frozen=True)
class EventPosition:
    """A place in a search by date: after the event `anchor`, the last of `ties` events shown that have this `date`.

    A date and not a number of rows: the number of rows that the API has before it depends on what is withheld.
    """

    date: str
    ties: int
    anchor: str

    @classmethod
    def parse(cls, text: str) -> "EventPosition":
        anchor, ties, date = text.split("~", 2)
        return cls(date, int(ties or 1), anchor)

    def __str__(self) -> str:
        # Short, because every page costs a model its tokens: most dates are those of one event.
        return f"{self.anchor}~{self.ties if self.ties > 1 else ''}~{self.date}"

    @classmethod
    def after(cls, shown: Sequence[Event], before: "EventPosition | None") -> "EventPosition":
        """Return the place after the events of a page, which began at `before`."""
        last = shown[-1]
        ties = sum(event.date == last.date for event in shown)
        if before and before.date == last.date:
            ties += before.ties
        return cls(last.date, ties, _anchor(last))


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
    shown = count_fitting(event_cells(window, columns), size_for_rows(limit))
    following = None
    if shown < len(events):
        following = paging.seal(str(EventPosition.after(window[:shown], position)), identity)
    page = render_events(window, shown, scope.names, columns, following)
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
) -> Rows:
    """Return the first `shown` events as rows, with their count, their datasets and the cursor of the next answer."""
    facts: dict[str, JsonValue] = {"events": shown, "datasets": dataset_names(datasets)}
    if next_cursor:
        facts["next_cursor"] = next_cursor
    notes = [_truncation_note(shown, len(events))] if shown < len(events) else [] if events else [ABSENCE]
    names = [*columns, extra.name] if extra else columns
    return Rows(names, _build_cells(events[:shown], columns, extra), facts, notes)


def _build_cells(events: Sequence[Event], columns: Sequence[str], extra: ExtraColumn | None) -> list[list[Cell]]:
    rows = event_cells(events, columns)
    if extra is None:
        return rows
    return [[*row, extra.texts.get(id_key(event.uuid), "")] for event, row in zip(events, rows, strict=True)]


def fit_events(
    events: Sequence[Event],
    datasets: Sequence[str],
    columns: Sequence[str],
    limit: int,
    paging: Paging,
    identity: Mapping[str, object],
    extra: ExtraColumn | None = None,
) -> Rows:
    """Return the rows of a whole list of events that fit, with a cursor to the rest."""
    start = paging.open_offset(identity)
    window = events[start : start + limit]
    shown = count_fitting(_build_cells(window, columns, extra), size_for_rows(limit))
    passed = start + shown
    following = paging.seal(str(passed), identity) if passed < len(events) else None
    return render_events(window, shown, datasets, columns, following, extra)


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
    asked = _search_from(search, position, count)
    found: list[Event] = []
    async with aclosing(visible_pages(client, asked, policy, withheld=withheld, report=report)) as pages:
        async for page in pages:
            found += page
            after = _skip_to(position, found, search.order)
            used = len(found) - len(after) + count
            if len(after) >= count and not is_unordered(found[:used], search.order):
                return after[:count], used
            if len(found) >= MAX_SORTED and len(after) >= count:
                break
    if is_unordered(found, search.order):
        report.is_unordered = True
        found.sort(key=lambda event: date_key(event.date), reverse=search.order != "asc")
    return _skip_to(position, found, search.order, is_whole=True)[:count], None


def _skip_to(
    position: EventPosition | None, events: Sequence[Event], order: Order | None, *, is_whole: bool = False
) -> list[Event]:
    """Return the events after a position; none before it is reached, unless `is_whole`: there are no further events."""
    if position is None:
        return [*events]
    # Events of the position's date that were shown before. Without the anchor they are shown again: it was deleted or
    # moved, and an event that is returned twice does less harm than one that is missing.
    ties: list[Event] = []
    for place, event in enumerate(events):
        if event.date == position.date:
            ties.append(event)
            if len(ties) == position.ties and _anchor(event) == position.anchor:
                return [*events[place + 1 :]]
        elif _is_past(event.date, position.date, order):
            return [*_skip_shown(ties, position), *events[place:]]
    return _skip_shown(ties, position) if is_whole else []


def is_unordered(events: Sequence[Event], order: Order | None) -> bool:
    """Whether events are not in the order of their dates, as far as they have one."""
    keys = [date_key(event.date) for event in events if event.date.strip()]
    return any(later < one if order == "asc" else later > one for one, later in pairwise(keys))


def _skip_shown(ties: Sequence[Event], position: EventPosition) -> list[Event]:
    """Return the events after the anchor of a position among those of its date, in which others came or went since."""
    places = [place for place, event in enumerate(ties) if _anchor(event) == position.anchor]
    # Anchors are short, and another event may have the same one.
    place = min(places, key=lambda place: abs(place + 1 - position.ties), default=-1)
    return [*ties[place + 1 :]]


def _search_from(search: EventSearch, position: EventPosition | None, count: int) -> EventSearch:
    """Return the search for the events from the date of a position on, with pages that are probably large enough."""
    size = min(count + (position.ties if position else 0), PAGE_SIZE)
    conditions = [*search.search]
    # An event without a date comes last or first, and no condition finds it.
    if position and position.date and len(conditions) < MAX_CONDITIONS:
        conditions.append(Condition(field="date", op="gte" if search.order == "asc" else "lte", value=position.date))
    return search.model_copy(update={"search": conditions, "page_size": size})


def _is_past(date: str, reached: str, order: Order | None) -> bool:
    """Whether an event of a date comes after those of the date that was reached."""
    one, other = date_key(date), date_key(reached)
    return one > other if order == "asc" else one < other


def _anchor(event: Event) -> str:
    return sha256(event.uuid.encode("utf-8", "replace")).hexdigest()[:ANCHOR_LENGTH]
