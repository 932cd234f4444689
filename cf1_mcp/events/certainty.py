"""What an event certainly has, and what it certainly lacks.

A field that was left out, could not be read, or is null where a list is documented says nothing: each question about it
is answered with None, and no change is told as made, or overwritten value as known, because of it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.remarks import collecting, current_remarks
from cf1_mcp.api.unwrapping import TRUNCATED
from cf1_mcp.errors import BadArgument, Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Event
from cf1_mcp.models.fields import SETTABLE
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.uuids import id_key

T = TypeVar("T")
MAX_FILLED: Final = 8  # events that are read by themselves for what a list of them does not tell
INDICATOR: Final = ("indicator", "indicator_type")
NEVER_EMPTY: Final = ("category", "date", "event")
# What undo_change restores of a deleted event.
RESTORED: Final = (*(field.name for field in SETTABLE), "references", "referenced")
# Documented, but not of every event: its absence tells nothing where no other event shows it.
OPTIONAL: Final = frozenset({"insight"})


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
    """Return those of the named fields that were not told.

    No event is without a category, a date and a text, so that an empty one was not told either.
    """
    return [name for name in names if not event.tells(name) or (name in NEVER_EMPTY and not getattr(event, name))]


def list_unrestorable(events: Sequence[Event]) -> list[list[str]]:
    """Return for each event the fields that undo_change could not restore, because they were not told."""
    shown = {name for name in OPTIONAL if any(event.tells(name) for event in events)}
    return [
        [name for name in list_untold(event, RESTORED) if name not in OPTIONAL - shown or name in event.unreadable]
        for event in events
    ]


def find_new_values(event: Event, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that do not certainly have these values now. An indicator and its type change together."""
    new = {name: text for name, text in fields.items() if not has_value(event, name, text)}
    return new | {name: fields[name] for name in INDICATOR if name in fields and new.keys() & {*INDICATOR}}


def with_indicator(names: Collection[str]) -> list[str]:
    """Return the names of fields, with both of an indicator and its type if one is among them."""
    return [*dict.fromkeys((*names, *(INDICATOR if {*names} & {*INDICATOR} else ())))]


def list_replaced(event: Event, new: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return the old values of the fields that a change replaces, and the names of those that were not told.

    An indicator and its type are restored together, or not at all.
    """
    names = with_indicator(new)
    untold = list_untold(event, names)
    if {*untold} & {*INDICATOR}:
        untold = [name for name in names if name in untold or name in INDICATOR]
    return {name: str(getattr(event, name)) for name in names if name not in untold}, untold


def require_told(events: Sequence[Event], name: str, argument: str, *, but_null: bool = False) -> None:
    """Refuse a change of a field of events of which it was not told what it has.

    With `but_null` a list that is null is taken for an empty one: `describe_nulls` says so.

    Raises:
        BadArgument: it was left out, or not all of it could be read.
    """
    for event in events:
        if not event.tells(name) and not (but_null and name in event.nulls):
            raise BadArgument(
                argument,
                f"the API does not tell the {name} of event {event.uuid}, so that what this change does is unknown",
                "the same call again later, or other events",
            )


def describe_nulls(events: Sequence[Event], name: str) -> list[str]:
    """Return a sentence on the events whose list of this name is null, which should mean an empty one."""
    if not (count := sum(name in event.nulls for event in events)):
        return []
    return [
        f"The API answers null for the {name} of {plural(count, 'event')}, which is taken for none: if there are some, "
        "undo_change takes what is added for new."
    ]


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
