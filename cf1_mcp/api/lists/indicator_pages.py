"""The pages of a list of indicators, whose paging details differ from those of events: they say `has_more`."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from cf1_mcp.api.lists.paging import KnownRows, says_more
from cf1_mcp.api.lists.reading_report import PagingTrust
from cf1_mcp.errors import Refused
from cf1_mcp.models import IndicatorPage, ListedIndicator

ReadIndicators = Callable[[int, int, str], Awaitable[IndicatorPage]]
"""Reads a page by its number and size, and by the cursor of the page before if there is one."""


async def indicator_pages(
    read: ReadIndicators, page_size: int, trust: PagingTrust
) -> AsyncGenerator[tuple[list[ListedIndicator], bool]]:
    """Yield the pages of one list, without rows that came before, each with whether the list goes on after it.

    A cursor that the API refuses is left out, and the list continues by page number. So it does after a first page that
    may be as large as the API makes any, and is not said to be the last. Raises the same as `read`.
    """
    known = KnownRows()
    number, seen, cursor = 1, 0, ""
    takes_cursors, is_beyond = True, False
    while True:
        try:
            page = await read(number, page_size, cursor)
        except Refused:
            if is_beyond:
                trust.note_end(seen)
                return
            if not cursor:
                raise
            cursor, takes_cursors = "", False
            continue
        rows = page.indicators
        if is_beyond and not rows:
            trust.note_end(seen)
        seen += len(rows)
        new = known.add(rows, _key)
        said = says_more(page.pagination, number, seen)
        goes_on = bool(page.pagination.cursor) or len(rows) >= page_size if said is None else said
        trust.note_page(len(rows), bool(said or page.pagination.cursor))
        is_beyond = not goes_on and page.pagination.has_more is None and number == 1
        is_beyond = is_beyond and trust.may_be_cut(len(rows), page_size)
        if is_beyond:
            # The next page begins after these rows then, whichever of the two sizes the server counts by.
            page_size, goes_on = len(rows), True
        yield new, goes_on
        if not (goes_on and new):
            return
        number += 1
        cursor = page.pagination.cursor if takes_cursors else ""


def _key(indicator: ListedIndicator) -> tuple[str, str, str, str]:
    return indicator.uuid, indicator.value, indicator.indicator_type, indicator.dataset_id
