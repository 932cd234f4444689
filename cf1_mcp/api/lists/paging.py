"""How lists of the API continue after a page.

A list with `result_info.cursor` continues by that cursor, so that events created in the meantime shift nothing. Others
continue by page number: as long as the paging details say that there is more, or, where they say nothing of it, as long
as the pages are full. A server that ignores the number, and repeats a page, is found out by its rows.

A server may make pages smaller than it is asked for, without a word on it, or with details that always tell of an end.
So where a page may be as large as the server makes any, the list is asked for once more beyond its end.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable
from functools import partial
from typing import Final, Protocol, TypeVar

from cf1_mcp.api.lists.reading_report import PagingTrust, ReadingReport
from cf1_mcp.api.remarks import remark_cut
from cf1_mcp.errors import NotFound, Refused
from cf1_mcp.models import Event, EventPage, EventSearch, ResultInfo

T = TypeVar("T")

REPEATED: Final = "The API repeats a page of a list that it says goes on: the rest of the list is missing."

# Pages in a row without any event, after which a list is over.
MAX_BARREN: Final = 3


class Attempt(Protocol):
    """How a request is made: once, or with the caller's own retries."""

    async def __call__(self, call: Callable[[], Awaitable[T]], /) -> T: ...


async def once(call: Callable[[], Awaitable[T]], /) -> T:
    """The result of the call, without further attempts: the client's own retries are enough."""
    return await call()


def says_more(info: ResultInfo, page: int, seen: int) -> bool | None:
    """Whether the paging details say that rows follow a page, up to which `seen` rows came; None if they do not say."""
    if info.has_more is not None:
        return info.has_more
    if info.total_count is not None:
        return info.total_count > seen
    return info.total_pages > page if info.total_pages is not None else None


def has_more(page: EventPage, page_size: int, number: int = 1, seen: int | None = None) -> bool:
    """Whether events may follow a page of up to `page_size` events, the `number`th, up to which `seen` rows came."""
    info = page.result_info
    said = says_more(info, number, page.size if seen is None else seen)
    # A server may return fewer rows than it was asked for.
    is_full = page.size >= min(page_size, info.per_page or page_size)
    if info.cursor:
        return said is not False or is_full
    if said is not None:
        return said and page.size > 0
    # A list by cursors ends with an empty one; beside a page number the cursor is only a key that is not used.
    return is_full and ("cursor" not in info.model_fields_set or info.page is not None or info.per_page is not None)


def says_more_itself(page: EventPage, search: EventSearch, seen: int) -> bool:
    """Whether the paging details themselves say that rows follow a page."""
    return bool(page.result_info.cursor) or bool(says_more(page.result_info, search.page or 1, seen))


def search_after(search: EventSearch, page: EventPage, seen: int | None = None) -> EventSearch | None:
    """The search for the page after `page`, or None after the last one. `search` found `page` and has a page size."""
    number = search.page or 1
    if search.page_size is None or not has_more(page, search.page_size, number, seen):
        return None
    if cursor := page.result_info.cursor:
        # The cursor carries the filters, and the API refuses them next to it. A repeated cursor would never end.
        return None if cursor == search.cursor else EventSearch(cursor=cursor, page_size=search.page_size)
    return None if search.cursor else search.model_copy(update={"page": number + 1})


async def read_pages(
    read: Callable[[EventSearch], Awaitable[EventPage]],
    search: EventSearch,
    attempt: Attempt,
    report: ReadingReport | None = None,
    trust: PagingTrust | None = None,
) -> AsyncGenerator[EventPage]:
    """Yield the pages of a search, from the page that `search` names to the last, without rows that came before.

    A list that repeats a page ends there; the report is told, or where there is none, the answer of the call.
    """
    following: EventSearch | None = search
    known = KnownRows()
    # Rows before the first page, of a search that begins in the middle.
    seen = ((search.page or 1) - 1) * (search.page_size or 0)
    barren = 0
    trust = trust or PagingTrust()
    cut_at, is_further = 0, False
    while following and barren < MAX_BARREN:
        try:
            page = await attempt(partial(read, following))
        except (Refused, NotFound):
            if cut_at:
                trust.note_end(cut_at)
                return
            raise
        if cut_at and not page.size:
            trust.note_end(cut_at)
        seen += page.size
        is_further = is_further or (cut_at > 0 and page.size > 0)
        cut_at = 0
        is_first, new = following is search, known.add(page.result, _key)
        if not is_first and page.result and not new:
            if report is None:
                remark_cut(REPEATED)
            else:
                report.is_repeated = True
            return
        if is_first and report is not None and not page.size and not page.says_empty:
            report.lacks_rows = True
        barren = 0 if new else barren + 1
        later = search_after(following, page, seen)
        trust.note_page(page.size, later is not None and not is_further and says_more_itself(page, following, seen))
        if later is None:
            later = _search_beyond(following, page, trust, is_further)
            cut_at = page.size if later and not is_further else 0
        if not is_first and len(new) < len(page.result):
            page = page.model_copy(update={"result": new})
        yield page
        following = later


def _search_beyond(search: EventSearch, page: EventPage, trust: PagingTrust, is_further: bool) -> EventSearch | None:
    """Return the search for what may follow a page that is said to be the last one, or None if nothing does.

    With `is_further` something came after the end of which the details told, so that they tell nothing. The rows of the
    page become the page size: so the next page begins after them, whichever of the two the server counts by.
    """
    if search.cursor or search.page_size is None:
        return None
    number = search.page or 1
    if is_further and page.size >= search.page_size:
        return search.model_copy(update={"page": number + 1})
    if is_further or not trust.may_be_cut(page.size, search.page_size) or _has_all(page, search):
        return None
    return search.model_copy(update={"page": number + 1, **({"page_size": page.size} if number == 1 else {})})


def _has_all(page: EventPage, search: EventSearch) -> bool:
    """Whether a page has one event for each id that was asked for, and no further ones."""
    asked = [one.value for one in search.search if one.field == "uuid" and one.op == "in"]
    ids = {str(value).casefold() for values in asked if isinstance(values, list) for value in values}
    return page.size == len(ids) and {event.uuid.casefold() for event in page.result} == ids


class KnownRows:
    """The rows of a list that have come so far, to find out rows that are repeated."""

    def __init__(self) -> None:
        self._keys: set[Hashable] = set()

    def add(self, rows: Iterable[T], key: Callable[[T], Hashable]) -> list[T]:
        """Return those of the rows that have not come before."""
        new = [row for row in rows if key(row) not in self._keys]
        self._keys.update(map(key, new))
        return new


def _key(event: Event) -> tuple[str, str]:
    return event.uuid, event.dataset_id
