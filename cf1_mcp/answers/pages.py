"""Pages of lists as answers: as many rows as fit, and a cursor to those that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import Cell, event_cells
from cf1_mcp.answers.cursors import PagePosition, decode_cursor, encode_cursor
from cf1_mcp.answers.fitting import DEFAULT_SIZE, HEAD_SIZE, count_fitting, size_for_rows
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.paging import has_more
from cf1_mcp.models import Event, EventSearch
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# How many datasets an answer names; a scope of the API has up to fifty.
MAX_NAMES: Final = 12
# The most rows that a caller may request at once.
MAX_ROWS: Final = 500
ABSENCE: Final = "Absence from these datasets does not show that something is benign."


async def list_event_page(
    client: ThreatEventsClient,
    search: EventSearch,
    scope: DatasetScope,
    columns: Sequence[str],
    limit: int,
    cursor: str | None,
    identity: Mapping[str, object],
) -> Rows:
    """Return one page of a search. `identity` distinguishes the search from others: a cursor is valid for it alone."""
    position = decode_cursor(cursor, identity, limit)
    page = await client.list_events(_search_at(search, position))
    following = position.next_page(page.result_info.cursor) if has_more(page, position.page_size) else None
    return fit_events(page.result, position, following, scope.names, scope.policy, columns, limit, identity)


def fit_events(
    events: Sequence[Event],
    position: PagePosition,
    next_page: PagePosition | None,
    datasets: Sequence[str],
    policy: ReadPolicy,
    columns: Sequence[str],
    limit: int,
    identity: Mapping[str, object],
) -> Rows:
    """Return the rows of one API page that fit, with their count, their datasets and the cursor of the next answer."""
    window = events[position.shown :][:limit]
    allowed, withheld = policy.admit(window)
    cells = event_cells(allowed, columns)
    shown = count_fitting(cells, size_for_rows(limit))
    # Events withheld after the last one that fits are counted in the answer that continues from here.
    passed = window
    if shown < len(cells):
        passed = window[: window.index(allowed[shown])]
        withheld = policy.admit(passed)[1]
    rest = len(events) - position.shown - len(passed)
    following = replace(position, shown=position.shown + len(passed)) if rest > 0 else next_page
    facts: dict[str, JsonValue] = {"events": shown, "datasets": dataset_names(datasets)}
    facts |= withheld_facts(withheld)
    if following:
        facts["next_cursor"] = encode_cursor(following, identity)
    notes = [_truncation_note(shown, len(cells))] if shown < len(cells) else [] if cells else [ABSENCE]
    return Rows(columns, cells[:shown], facts, notes)


def fit_list(
    noun: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    cursor: str | None,
    limit: int = MAX_ROWS,
    facts: Mapping[str, JsonValue] | None = None,
    notes: Sequence[str] = (),
    **identity: object,
) -> Rows:
    """Return the rows of a whole list that fit, counted under `noun`, with a cursor to the rest."""
    identity |= {"list": noun}
    position = decode_cursor(cursor, identity, limit)
    window = rows[position.shown :][:limit]
    shown = count_fitting(window, size_for_rows(limit) if limit < MAX_ROWS else DEFAULT_SIZE - HEAD_SIZE)
    counts: dict[str, JsonValue] = {noun: shown}
    if (passed := position.shown + shown) < len(rows):
        counts |= {"of": len(rows), "next_cursor": encode_cursor(PagePosition(limit, shown=passed), identity)}
    return Rows(columns, window[:shown], {**counts, **(facts or {})}, notes)


def dataset_names(datasets: Sequence[str]) -> list[JsonValue]:
    """Return the names of up to MAX_NAMES datasets; the others are counted."""
    more = [f"and {len(datasets) - MAX_NAMES} more"] if len(datasets) > MAX_NAMES else []
    return [*(clean(name, MAX_NAME_LENGTH) for name in datasets[:MAX_NAMES]), *more]


def withheld_facts(withheld: Mapping[str, int]) -> dict[str, JsonValue]:
    """Return how many events the operator's rules withhold, by rule; nothing if none is withheld."""
    return {"withheld": [f"{count} by {rule}" for rule, count in withheld.items()]} if withheld else {}


def _truncation_note(shown: int, found: int) -> str:
    return f"{shown} of {found} fit: next_cursor continues after them, and fewer columns (fields) show more."


def _search_at(search: EventSearch, position: PagePosition) -> EventSearch:
    """Return the search for the page of a position."""
    if position.api_cursor:
        # The API's cursor carries the filters, and the API refuses them next to it.
        return EventSearch(cursor=position.api_cursor, page_size=position.page_size)
    update = {"page_size": position.page_size} | ({"page": position.page} if position.page > 1 else {})
    return search.model_copy(update=update)
