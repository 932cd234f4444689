"""A page of events as an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers import Rows, event_cells, fitting, room_for
from cf1_mcp.client import ThreatEventsClient
from cf1_mcp.models import Event, EventPage, EventSearch
from cf1_mcp.paging import Place, decode, encode
from cf1_mcp.policy import Scope

ABSENCE: Final = "Absence from these datasets does not show that something is benign."
OVERFLOW: Final = "Cut to fit: the next cursor goes on where this answer ends. Fewer columns (fields) show more rows."


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
    page = await client.list_events(_at(search, place))
    return page_rows(page.result, place, _next(page, place), scope.names, columns, limit, identity)


def page_rows(
    events: Sequence[Event],
    place: Place,
    next_page: Place | None,
    datasets: Sequence[str],
    columns: Sequence[str],
    limit: int,
    identity: Mapping[str, object],
) -> Rows:
    """What fits of one page of the API, with how many, from which datasets, and where the next answer begins."""
    cells = event_cells(events[place.shown :][:limit], columns)
    shown = fitting(cells, room_for(limit))
    rest = len(events) - place.shown - shown
    following = replace(place, shown=place.shown + shown) if rest > 0 else next_page
    facts: dict[str, JsonValue] = {"events": shown, "datasets": list[JsonValue](datasets)}
    if following:
        facts["next_cursor"] = encode(following, identity)
    notes = [OVERFLOW] if shown < len(cells) else [] if cells else [ABSENCE]
    return Rows(columns, cells[:shown], facts, notes)


def _at(search: EventSearch, place: Place) -> EventSearch:
    if place.api_cursor:
        # The API's cursor carries the filters, and refuses them beside it.
        return EventSearch(cursor=place.api_cursor, page_size=place.page_size)
    return search.model_copy(update={"page_size": place.page_size} | ({"page": place.page} if place.page > 1 else {}))


def _next(page: EventPage, place: Place) -> Place | None:
    following = place.following(page.result_info.cursor)
    if page.result_info.cursor:
        return following
    told = "cursor" in page.result_info.model_fields_set
    # A bare list tells nothing of what follows; a full page may have a successor.
    return None if told or len(page.result) < place.page_size else following
