"""How lists of the API continue after a page.

A list with `result_info.cursor` continues by that cursor, so that events created in the meantime shift nothing. A bare
list reports nothing about a next page; it continues by page number as long as its pages are full.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from cf1_mcp.models import EventPage, EventSearch

T = TypeVar("T")


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
