"""The pages of a list of indicators, whose paging details differ from those of events: they say `has_more`."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from cf1_mcp.api.lists.paging import KnownRows, says_more
from cf1_mcp.errors import Refused
from cf1_mcp.models import IndicatorPage, ListedIndicator

ReadIndicators = Callable[[int, str], Awaitable[IndicatorPage]]
"""Reads a page by its number, and by the cursor of the page before if there is one."""


async def indicator_pages(read: ReadIndicators, page_size: int) -> AsyncGenerator[tuple[list[ListedIndicator], bool]]:
    """Yield the pages of one list, without rows that came before, each with whether the list goes on after it.

    A cursor that the API refuses is left out, and the list continues by page number. Raises the same as `read`.
    """
    known = KnownRows()
    number, seen, cursor = 1, 0, ""
    takes_cursors = True
    while True:
        try:
            page = await read(number, cursor)
        except Refused:
            if not cursor:
                raise
            cursor, takes_cursors = "", False
            continue
        rows = page.indicators
        seen += len(rows)
        new = known.add(rows, _key)
        said = says_more(page.pagination, number, seen)
        goes_on = bool(page.pagination.cursor) or len(rows) >= page_size if said is None else said
        yield new, goes_on
        if not (goes_on and new):
            return
        number += 1
        cursor = page.pagination.cursor if takes_cursors else ""


def _key(indicator: ListedIndicator) -> tuple[str, str, str, str]:
    return indicator.uuid, indicator.value, indicator.indicator_type, indicator.dataset_id
