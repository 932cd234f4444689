"""A page of events as an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.answer import DEFAULT_SIZE, HEAD_SIZE, Rows, fitting, room_for
from cf1_mcp.answers.columns import Cell, event_cells
from cf1_mcp.answers.cursors import Place, decode, encode
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.paging import has_more
from cf1_mcp.models import Event, EventPage, EventSearch
from cf1_mcp.policy.reading import MAX_NAME_LENGTH, Reading, Scope
from cf1_mcp.text.sanitize import clean, defang

# How many datasets an answer names; a scope of the API has up to fifty.
MAX_NAMES: Final = 12
ABSENCE: Final = "Absence from these datasets does not show that something is benign."
# The most that a caller may ask for at once.
MAX_ROWS: Final = 500


async def event_page(
    client: ThreatEventsClient,
    search: EventSearch,
    scope: Scope,
    columns: Sequence[str],
    limit: int,
    cursor: str | None,
    identity: Mapping[str, object],
) -> Rows:
    """One page of a search. `identity` is what makes it this search and no other: a cursor is good for it alone."""
    place = decode(cursor, identity, limit)
    page = await client.list_events(search_at(search, place))
    return page_rows(page.result, place, place_after(page, place), scope.names, scope.reading, columns, limit, identity)


def page_rows(
    events: Sequence[Event],
    place: Place,
    next_page: Place | None,
    datasets: Sequence[str],
    reading: Reading,
    columns: Sequence[str],
    limit: int,
    identity: Mapping[str, object],
) -> Rows:
    """What fits of one page of the API, with how many, from which datasets, and where the next answer begins."""
    window = events[place.shown :][:limit]
    allowed, _ = reading.admit(window)
    cells = event_cells(allowed, columns)
    shown = fitting(cells, room_for(limit))
    # Those withheld after the last event that fits are counted by the answer that goes on from here.
    passed = window if shown == len(cells) else window[: window.index(allowed[shown])]
    withheld = reading.admit(passed)[1]
    rest = len(events) - place.shown - len(passed)
    following = replace(place, shown=place.shown + len(passed)) if rest > 0 else next_page
    facts: dict[str, JsonValue] = {"events": shown, "datasets": named(datasets)}
    facts |= withheld_fact(withheld)
    if following:
        facts["next_cursor"] = encode(following, identity)
    notes = [_cut(shown, len(cells))] if shown < len(cells) else [] if cells else [ABSENCE]
    return Rows(columns, cells[:shown], facts, notes)


def whole_list(
    noun: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    cursor: str | None,
    limit: int = MAX_ROWS,
    facts: Mapping[str, JsonValue] | None = None,
    notes: Sequence[str] = (),
    **identity: object,
) -> Rows:
    """What fits of a list that is read whole every time, counted as `noun`, and a cursor to the rest of it."""
    identity |= {"list": noun}
    place = decode(cursor, identity, limit)
    window = rows[place.shown :][:limit]
    shown = fitting(window, room_for(limit) if limit < MAX_ROWS else DEFAULT_SIZE - HEAD_SIZE)
    told: dict[str, JsonValue] = {noun: shown}
    if (passed := place.shown + shown) < len(rows):
        told |= {"of": len(rows), "next_cursor": encode(Place(limit, shown=passed), identity)}
    return Rows(columns, window[:shown], {**told, **(facts or {})}, notes)


def named(datasets: Sequence[str]) -> list[JsonValue]:
    """The names of datasets, those past a dozen counted."""
    more = [f"and {len(datasets) - MAX_NAMES} more"] if len(datasets) > MAX_NAMES else []
    return [*(defang(clean(name, MAX_NAME_LENGTH)) for name in datasets[:MAX_NAMES]), *more]


def withheld_fact(withheld: Mapping[str, int]) -> dict[str, JsonValue]:
    """How many events a rule of the operator's keeps back, where one does."""
    return {"withheld": [f"{count} by {rule}" for rule, count in withheld.items()]} if withheld else {}


def _cut(shown: int, found: int) -> str:
    return f"{shown} of {found} fit: next_cursor goes on after them, and fewer columns (fields) show more."


def search_at(search: EventSearch, place: Place) -> EventSearch:
    """The search of one page."""
    if place.api_cursor:
        # The API's cursor carries the filters, and refuses them beside it.
        return EventSearch(cursor=place.api_cursor, page_size=place.page_size)
    return search.model_copy(update={"page_size": place.page_size} | ({"page": place.page} if place.page > 1 else {}))


def place_after(page: EventPage, place: Place) -> Place | None:
    """Where the next page begins, if there may be one."""
    return place.following(page.result_info.cursor) if has_more(page, place.page_size) else None
