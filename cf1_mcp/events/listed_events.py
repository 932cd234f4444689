"""Lists of events by their ids, and of all events of a dataset where these cannot be listed by their ids."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.paging import has_more
from cf1_mcp.api.remarks import watching
from cf1_mcp.errors import ApiError, Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.models import Condition, Event, EventSearch, SearchValue
from cf1_mcp.policy.conditions.reading_notes import IGNORED
from cf1_mcp.text.uuids import id_key

MAX_VALUES: Final = 100  # values that the API takes in one condition
MAX_COPIES: Final = 1000  # events that one page may hold
MAX_READ_SINGLY: Final = 10  # events that are read by themselves where there is no list of them
MAX_PAGES: Final = 3  # of a list that is read in whole

# What the API answers if it cannot list events by their ids.
UNLISTABLE: Final = (Refused, Forbidden, NotFound)
UNLISTED: Final = (*UNLISTABLE, UnexpectedAnswer)
INCOMPLETE: Final = (
    "The list of these events is not complete, so a copy may be in a dataset that it does not name. Nothing was "
    "changed. Call again later; if this continues, tell the operator: the API leaves rows out of GET /events."
)


class UnlistedCopies(UnexpectedAnswer):
    """A list of events does not have all of its rows, so that a copy may be missing."""


@dataclass(frozen=True)
class ListedEvents:
    """Events of a list. `is_incomplete`: the API says that something is missing, or rows cannot be read; `is_short`: it
    counts more than it returned.
    """

    events: list[Event]
    is_incomplete: bool = False
    is_short: bool = False

    @property
    def is_whole(self) -> bool:
        return not (self.is_incomplete or self.is_short)

    def require_all(self) -> None:
        """Raise `UnlistedCopies` if something may be missing."""
        if not self.is_whole:
            raise UnlistedCopies(INCOMPLETE)


async def list_by_ids(client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str]) -> ListedEvents:
    """Return those of the events that are in a scope, copies included.

    Raises:
        UnexpectedAnswer: the API ignores the search.
        ApiError: they could not be listed.
    """
    asked = set(map(id_key, event_ids))

    async def list_some(ids: Sequence[str]) -> ListedEvents:
        among = Condition(field="uuid", op="in", value=list[SearchValue](ids))
        return await _list_all(client, EventSearch(dataset_id=[*scope], search=[among], page_size=MAX_COPIES), asked)

    parts = await gather(partial(list_some, some) for some in _spell(event_ids))
    return ListedEvents(
        [event for part in parts for event in part.events],
        any(part.is_incomplete for part in parts),
        any(part.is_short for part in parts),
    )


async def pick_from_all(
    client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str], error: ApiError
) -> list[Event]:
    """Return those of the events that are in a scope, from the list of all its events, if that is short.

    `error` is why they could not be listed by their ids.

    Raises:
        UnlistedCopies: the list may lack some.
        ApiError: there is no list, or it is too long.
    """
    asked = set(map(id_key, event_ids))
    try:
        listed = await _list_all(client, EventSearch(dataset_id=[*scope], page_size=MAX_COPIES))
    except UNLISTABLE:
        raise unlisted_error(error) from None
    if listed.is_incomplete:
        raise UnlistedCopies(INCOMPLETE)
    if listed.is_short:
        raise error if isinstance(error, UnlistedCopies) else unlisted_error(error)
    return [event for event in listed.events if id_key(event.uuid) in asked]


async def _list_all(client: ThreatEventsClient, search: EventSearch, asked: set[str] | None = None) -> ListedEvents:
    """Return all events of a search, or those of the first MAX_PAGES of its pages.

    Raises:
        UnexpectedAnswer: there are others than those asked for: the pages would be those of the whole account.
        ApiError: the list could not be read.
    """
    found: list[Event] = []
    size, total, pages, dropped, goes_on = 0, 0, 0, 0, False
    with watching() as remarks:
        async with aclosing(client.event_pages(search)) as listed:
            async for page in listed:
                if asked is not None and any(id_key(event.uuid) not in asked for event in page.result):
                    raise UnexpectedAnswer(IGNORED)
                found += page.result
                info, pages, dropped = page.result_info, pages + 1, dropped + page.dropped
                size, total = size + page.size, max(total, info.total_count or 0)
                goes_on = bool(info.has_more) or (info.total_pages or 0) > pages
                if pages >= MAX_PAGES and (goes_on or has_more(page, MAX_COPIES, pages, size)):
                    return ListedEvents(found, remarks.tells_loss or bool(dropped), is_short=True)
    return ListedEvents(found, remarks.tells_loss or bool(dropped), total > size or goes_on)


def unlisted_error(error: ApiError | None = None) -> ApiError:
    """Return the error for events that cannot be listed by their ids, in datasets too large to be listed in whole."""
    message = (
        "The API does not list events by their ids (GET /events with uuid in), and their datasets are too large to be "
        f"listed in whole, so nobody knows where copies of these events are. Nothing was changed. Name up to "
        f"{MAX_READ_SINGLY} events at a time; if that does not help, tell the operator that the API lacks this search."
    )
    return Refused(message, error.status if error else None, error.said if error else "")


def _spell(event_ids: Sequence[str]) -> list[list[str]]:
    """Return groups of ids as typed and in lower case, because the API may store an id in another case."""
    return _split([*dict.fromkeys(text for one in event_ids for text in (one, id_key(one)))], MAX_VALUES)


def _split(texts: Sequence[str], size: int) -> list[list[str]]:
    return [[*texts[start : start + size]] for start in range(0, len(texts), size)]
