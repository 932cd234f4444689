"""Requests over more datasets than the API takes at once: groups of datasets, and their lists merged into one.

A request names up to 50 datasets, or one scope word, which stands for up to 50. The words `all`, `*` and `operational`
leave analytics datasets out, so a search of everything asks for `all` and for `analytics`.
"""

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Final, TypeVar

import anyio.lowlevel

from cf1_mcp.api.concurrency import gather, run_in_thread
from cf1_mcp.api.lists.paging import Attempt, read_pages
from cf1_mcp.api.lists.reading_report import PagingTrust, ReadingReport
from cf1_mcp.errors import ApiError, RateLimited, Unauthenticated
from cf1_mcp.models import Event, EventPage, EventSearch, Order
from cf1_mcp.text.dates import date_key, is_plain_date
from cf1_mcp.text.uuids import id_key

T = TypeVar("T")
ReadPage = Callable[[EventSearch], Awaitable[EventPage]]
ListPages = Callable[[EventSearch, Attempt, ReadingReport | None], AsyncGenerator[EventPage]]
# Of the API, for one request.
MAX_DATASETS: Final = 50
SCOPE_WORDS: Final = frozenset({"all", "*", "operational", "analytics"})
# Groups that are asked at the same time, so that other calls get their turns.
MAX_GROUPS_AT_ONCE: Final = 4
MAX_PAGE: Final = 1_000


def split_datasets(ids: Sequence[str]) -> list[list[str]]:
    """Return the datasets in groups for one request each: every scope word alone, and up to 50 uuids.

    No ids are one group without any: the API then reads its default dataset.
    """
    words = [[one] for one in dict.fromkeys(ids) if one in SCOPE_WORDS]
    uuids = [one for one in dict.fromkeys(ids) if one not in SCOPE_WORDS]
    groups = [uuids[start : start + MAX_DATASETS] for start in range(0, len(uuids), MAX_DATASETS)]
    return [*words, *groups] or [[]]


def split_around(ids: Sequence[str], homes: Sequence[str]) -> list[list[str]]:
    """Return the datasets in groups for requests about events of `homes` and others that they are linked to: the homes
    are in each group, every other dataset in one. A scope word is a group of its own, and includes the homes.
    """
    own = {id_key(one): one for one in homes if one.strip()}
    words = [[one] for one in dict.fromkeys(ids) if one in SCOPE_WORDS]
    others = [one for one in dict.fromkeys(ids) if one not in SCOPE_WORDS and id_key(one) not in own]
    room = max(MAX_DATASETS - len(own), 1)
    groups = [[*own.values(), *others[start : start + room]] for start in range(0, len(others), room)]
    return [*words, *groups] or [[*own.values()]]


async def ask_groups(ids: Sequence[str], ask: Callable[[list[str]], Awaitable[T]]) -> list[T]:
    """Return the answers of a request for each group of datasets, a few at a time.

    Raises:
        ApiError: one of them failed.
    """

    def bind(group: list[str]) -> Callable[[], Awaitable[T]]:
        return lambda: ask(group)

    return await gather([bind(group) for group in split_datasets(ids)], MAX_GROUPS_AT_ONCE)


@dataclass
class _GroupList:
    """The list of one group of datasets, of which `waiting` are read and not passed on."""

    ids: Sequence[str]
    pages: AsyncGenerator[EventPage]
    waiting: deque[Event] = field(default_factory=deque[Event])
    nameless: list[Event] = field(default_factory=list[Event])
    dropped: int = 0
    is_ended: bool = False
    failure: ApiError | None = None
    reached: str | None = None

    def next_key(self, order: Order) -> str | None:
        """Return the date by which the next event is merged, None if it comes first. An event without a readable date,
        or out of order, follows the one before it: so the order of the whole does not depend on where pages end.
        """
        if not is_plain_date(self.waiting[0].date):
            return self.reached
        key = date_key(self.waiting[0].date)
        return key if self.reached is None else (min if order == "desc" else max)(key, self.reached)

    async def refill(self) -> None:
        while not self.waiting and not self.is_ended:
            try:
                page = await anext(self.pages, None)
            except (RateLimited, Unauthenticated):
                raise
            except ApiError as error:
                self.failure, page = error, None
            self.is_ended = page is None
            if page:
                self.waiting.extend(page.result)
                self.nameless += page.nameless
                self.dropped += page.dropped

    def take_unreadable(self) -> tuple[int, list[Event]]:
        """Return what `EventPage` tells of rows that are no events, once."""
        taken = self.dropped, self.nameless
        self.dropped, self.nameless = 0, []
        return taken


async def list_pages(
    read_page: ReadPage,
    trust: PagingTrust,
    search: EventSearch,
    attempt: Attempt,
    report: ReadingReport | None,
) -> AsyncGenerator[EventPage]:
    """Yield the pages of one group of datasets, from the page that `search` names to the last."""
    async with aclosing(read_pages(read_page, search, attempt, report, trust)) as pages:
        async for page in pages:
            yield page


async def merge_groups(
    search: EventSearch, list_pages: ListPages, attempt: Attempt, report: ReadingReport | None
) -> AsyncGenerator[EventPage]:
    """Yield the events of all groups of a search, by date if the search orders them so, each once. The pages of a
    single group are yielded as they are.

    A group that fails is noted in the report if another one does not.

    Raises:
        ApiError: all groups failed, or one did and there is no report.
    """
    groups = split_datasets(search.dataset_id)
    if len(groups) == 1:
        async with aclosing(list_pages(search, attempt, report)) as only:
            async for page in only:
                yield page
        return
    order = (search.order or "desc") if search.order_by == "date" else None
    seen: set[tuple[str, str]] = set()
    async with AsyncExitStack() as stack:
        lists: list[_GroupList] = []
        for ids in groups:
            pages = list_pages(search.model_copy(update={"dataset_id": ids}), attempt, report)
            lists.append(_GroupList(ids, await stack.enter_async_context(aclosing(pages))))
        while True:
            await gather([one.refill for one in lists], MAX_GROUPS_AT_ONCE)
            _note_failures(lists, report)
            merged: list[Event] = []
            # Many groups have many events, whose order takes time.
            for event in await run_in_thread(lambda: [*_take(lists, order)]):
                key = (event.uuid.casefold(), event.dataset_id.casefold())
                if key not in seen:
                    seen.add(key)
                    merged.append(event)
            # An answer without events is a page too: it was asked for.
            unreadable = [one.take_unreadable() for one in lists]
            nameless = [event for _, events in unreadable for event in events]
            told = {"dropped": sum(count for count, _ in unreadable), "nameless": nameless}
            # In pages of usual size, so that other calls get their turns between them.
            for start in range(0, len(merged) or 1, MAX_PAGE):
                await anyio.lowlevel.checkpoint()
                page = EventPage(result=merged[start : start + MAX_PAGE])
                yield page.model_copy(update=told) if start == 0 else page
            if all(one.is_ended and not one.waiting for one in lists):
                return


def _note_failures(lists: Sequence[_GroupList], report: ReadingReport | None) -> None:
    failed = [one for one in lists if one.failure]
    for one in failed:
        if one.failure and (report is None or len(failed) == len(lists)):
            raise one.failure
        if one.failure and report is not None:
            report.missed |= dict.fromkeys(one.ids, one.failure)


def _take(lists: Sequence[_GroupList], order: Order | None) -> Iterator[Event]:
    """Yield what can be passed on: in an order, no event before all lists have shown that they have none before it."""
    if order is None:
        for one in lists:
            yield from one.waiting
            one.waiting.clear()
        return
    while not any(not one.waiting and not one.is_ended for one in lists):
        open_lists = [one for one in lists if one.waiting]
        if not open_lists:
            return
        first = open_lists[0] if len(open_lists) == 1 else _find_first(open_lists, order)
        first.reached = first.next_key(order)
        yield first.waiting.popleft()


def _find_first(lists: Sequence[_GroupList], order: Order) -> _GroupList:
    """Return the list whose next event comes first: by date, and of the same date by its id."""
    undated = [one for one in lists if one.next_key(order) is None]
    keyed = [(one.next_key(order) or "", one.waiting[0].uuid.casefold(), one) for one in undated or lists]
    return (max if order == "desc" else min)(keyed, key=lambda one: one[:2])[2]
