"""What an event certainly has, and what it certainly lacks.

A field that was left out, could not be read, or is null where a list is documented says nothing: each question about it
is answered with None, and no change is told as made, or overwritten value as known, because of it.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.remarks import collecting, current_remarks
from cf1_mcp.api.unwrapping import TRUNCATED
from cf1_mcp.errors import Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Event
from cf1_mcp.models.fields import REQUIRED_TEXTS
from cf1_mcp.text.uuids import id_key

T = TypeVar("T")
MAX_FILLED: Final = 8  # events that are read by themselves for what a list of them does not tell


def has_value(event: Event, name: str, text: str) -> bool | None:
    """Return whether a field of an event has a value; None if it was not told."""
    return is_same_value(name, text, str(getattr(event, name))) if event.tells(name) else None


def has_values(event: Event, values: Sequence[tuple[str, str]]) -> bool | None:
    """Return whether all fields of an event have these values; None if that was not told."""
    return all_of([has_value(event, name, text) for name, text in values])


def has_item(event: Event, name: str, item: str, key: Callable[[str], str] = id_key) -> bool | None:
    """Return whether a list of an event has an item, which compares by its `key`; None if it was not told.

    What is listed is certain even where the rest of the list could not be read.
    """
    if key(item) in map(key, getattr(event, name)):
        return True
    return False if event.tells(name) else None


def all_of(answers: Sequence[bool | None]) -> bool | None:
    """Return whether all answers are yes: no if one is no, and None if one of the others is unknown."""
    return False if False in answers else None if None in answers else True


def negated(answer: bool | None) -> bool | None:
    """Return the opposite of an answer, which is None for an unknown one."""
    return None if answer is None else not answer


async def read_whole(read: Awaitable[T]) -> tuple[T, bool]:
    """Return what a read returns, and whether it is whole: the API left nothing out, and all rows could be read."""
    with collecting() as remarks:
        found = await read
    current_remarks().add(remarks)
    rows = remarks.unread_rows or remarks.judged_rows or remarks.left_out
    return found, not (remarks.is_incomplete or rows or TRUNCATED in remarks.sentences)


def list_untold(event: Event, names: Sequence[str]) -> list[str]:
    """Return those of the named fields that were not told. No event is without a date, a category and a text, so none
    of them is as good as not told.
    """
    return [name for name in names if not event.tells(name) or (name in REQUIRED_TEXTS and not getattr(event, name))]


async def fill_untold(
    client: ThreatEventsClient,
    events: Sequence[Event],
    names: Sequence[str],
    check: Callable[[Event], Event] | None = None,
) -> list[Event]:
    """Return the events of a list with what it does not tell of the named fields, as far as reading them one by one
    tells it. That is done for a few events. `check` refuses an event that may not be seen.

    Raises:
        ApiError: the API is down or overloaded.
    """
    unclear = [event for event in events if list_untold(event, names)][:MAX_FILLED]

    async def read(event: Event) -> Event:
        try:
            found = await client.read_event(event.dataset_id, event.uuid)
        except (Refused, Forbidden, NotFound, UnexpectedAnswer):
            return event
        # An answer that names another dataset may be about a copy.
        if id_key(found.dataset_id) != id_key(event.dataset_id):
            return event
        untold = list_untold(event, names)
        return event.filled_from(check(found) if check else found, [*{*untold} - {*list_untold(found, untold)}])

    found = await gather(partial(read, event) for event in unclear)
    filled = {id_key(event.uuid): event for event in found}
    return [filled.get(id_key(event.uuid), event) for event in events]
