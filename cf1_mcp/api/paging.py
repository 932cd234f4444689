"""Lists of events, and how lists of the API continue after a page.

A list with `result_info.cursor` continues by that cursor, so that events created in the meantime shift nothing. A bare
list reports nothing about a next page; it continues by page number as long as its pages are full.
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from cf1_mcp.api.asked import drop_other_datasets
from cf1_mcp.api.clients.dataset_client import DatasetClient
from cf1_mcp.api.connection import encoded_length
from cf1_mcp.api.failures import body_needed_error
from cf1_mcp.api.operations import LIST_BY_QUERY, LIST_EVENTS
from cf1_mcp.api.routes import MAX_LONG_QUERY_LENGTH, routes_for
from cf1_mcp.errors import MissingRoute
from cf1_mcp.models import EventPage, EventSearch

T = TypeVar("T")
# What a search may name instead of datasets.
SCOPE_WORDS = frozenset({"all", "operational", "analytics"})


class Attempt(Protocol):
    """How a request is made: once, or with the caller's own retries."""

    async def __call__(self, call: Callable[[], Awaitable[T]], /) -> T: ...


async def once(call: Callable[[], Awaitable[T]], /) -> T:
    """The result of the call, without further attempts: the client's own retries are enough."""
    return await call()


def has_more(page: EventPage, page_size: int) -> bool:
    """Whether events may follow a page of up to `page_size` events."""
    if "cursor" in page.result_info.model_fields_set:
        return bool(page.result_info.cursor)
    return len(page.result) >= page_size


def search_after(search: EventSearch, page: EventPage) -> EventSearch | None:
    """The search for the page after `page`, or None after the last one. `search` found `page` and has a page size."""
    if search.page_size is None or not has_more(page, search.page_size):
        return None
    if cursor := page.result_info.cursor:
        # The cursor carries the filters, and the API refuses them next to it. A repeated cursor would never end.
        return None if cursor == search.cursor else EventSearch(cursor=cursor, page_size=search.page_size)
    return None if search.cursor else search.model_copy(update={"page": (search.page or 1) + 1})


class EventLists(DatasetClient):
    """The lists of events."""

    async def list_events(self, search: EventSearch) -> EventPage:
        """A page of events. Short searches are sent in the URL; long ones, and any with branches, in a body.

        An account may have one of the two ways only: then searches without branches go that way.

        Raises:
            MissingRoute: the account lacks the way that this search needs. One with fewer values may pass.
        """
        query = _query_params(search)
        routes = routes_for(search, encoded_length(query))
        try:
            page = await self.request(
                EventPage, LIST_EVENTS, query=query, body=search.wire(), paged=True, routes=routes
            )
        except MissingRoute as error:
            raise error if LIST_BY_QUERY in routes else body_needed_error(error, MAX_LONG_QUERY_LENGTH) from None
        if search.dataset_id and not SCOPE_WORDS & {*search.dataset_id}:
            page.result = drop_other_datasets(page.result, search.dataset_id)
        return page

    async def event_pages(self, search: EventSearch, attempt: Attempt = once) -> AsyncGenerator[EventPage]:
        """Pages of a search, from the page that `search` names to the last, one request each."""
        following: EventSearch | None = search
        while following:
            page = await attempt(partial(self.list_events, following))
            yield page
            following = search_after(following, page)


def _query_params(search: EventSearch) -> dict[str, str | float | bool | Sequence[str] | None]:
    """Return a search as query parameters. The conditions are one JSON text, which keeps their parts together."""
    query = search.wire()
    if "search" in query:
        query["search"] = json.dumps(query["search"], separators=(",", ":"), ensure_ascii=False)
    return query
