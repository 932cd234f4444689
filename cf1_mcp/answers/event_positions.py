"""Places in a search by date, from which its next page continues."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Final

from cf1_mcp.models import Event, Order
from cf1_mcp.text.dates import date_key, is_plain_date

ANCHOR_LENGTH: Final = 5


@dataclass(frozen=True)
class EventPosition:
    """A place in a search by date: after the event `anchor`, the last of `ties` events shown that have this `date`, and
    after `passed` further events. Without an anchor those are the first of the list.

    A date and not a number of rows: the number of rows that the API has before it depends on what is withheld. Where an
    event has no date that the API could be asked for, or the API does not keep the order, events that may be shown are
    `passed`: from the last place with a date on they are read again. `is_sorted`: in the order of their dates.
    """

    date: str = ""
    ties: int = 0
    anchor: str = ""
    passed: int = 0
    is_sorted: bool = False

    @classmethod
    def parse(cls, text: str) -> "EventPosition":
        if text.startswith("+"):
            passed, _, place = text[1:].partition("|")
            start = cls.parse(place) if place else cls()
            return replace(start, passed=int(passed.rstrip("s")), is_sorted=passed.endswith("s"))
        anchor, ties, date = text.split("~", 2)
        return cls(date, int(ties or 1), anchor)

    def __str__(self) -> str:
        # Short, because every page costs a model its tokens: most dates are those of one event.
        place = f"{self.anchor}~{self.ties if self.ties > 1 else ''}~{self.date}" if self.anchor else ""
        return f"+{self.passed}{'s' if self.is_sorted else ''}|{place}" if self.passed else place

    @classmethod
    def after(
        cls, shown: Sequence[Event], before: "EventPosition | None", *, is_sorted: bool = False
    ) -> "EventPosition":
        """Return the place after the events of a page, which began at `before`. `is_sorted`: they were sorted here."""
        if is_sorted or (before and before.passed) or not all(is_plain_date(event.date) for event in shown):
            start = before or cls()
            return replace(start, passed=start.passed + len(shown), is_sorted=start.is_sorted or is_sorted)
        last = shown[-1]
        ties = sum(event.date == last.date for event in shown)
        if before and before.date == last.date:
            ties += before.ties
        return cls(last.date, ties, _anchor(last))


def skip_to(
    position: EventPosition | None, events: Sequence[Event], order: Order | None, *, is_whole: bool = False
) -> list[Event]:
    """Return the events after a position; none before it is reached, unless `is_whole`: there are no further events."""
    if position is None:
        return [*events]
    # Events of the position's date that were shown before. Without the anchor they are shown again: it was deleted or
    # moved, and an event that is returned twice does less harm than one that is missing.
    ties: list[int] = []
    for place, event in enumerate(events):
        if event.date == position.date:
            ties.append(place)
            if len(ties) == position.ties and _anchor(event) == position.anchor:
                return [*events[place + 1 :]]
        elif _is_past(event.date, position.date, order):
            return _skip_shown(events, ties, position, order)
    return _skip_shown(events, ties, position, order) if is_whole else []


def is_unordered(events: Sequence[Event], order: Order | None) -> bool:
    """Whether events are not in the order of their dates, as far as these can be read."""
    keys = [date_key(event.date) for event in events if is_plain_date(event.date)]
    return any(later < one if order == "asc" else later > one for one, later in pairwise(keys))


def _skip_shown(
    events: Sequence[Event], ties: Sequence[int], position: EventPosition, order: Order | None
) -> list[Event]:
    """Return the events after the anchor of a position, which is among those of its date at the places `ties`. Others
    came or went there since. Without the anchor, all events from its date on.
    """
    places = [number for number, place in enumerate(ties) if _anchor(events[place]) == position.anchor]
    # Anchors are short, and another event may have the same one.
    number = min(places, key=lambda number: abs(number + 1 - position.ties), default=None)
    if number is not None:
        return [*events[ties[number] + 1 :]]
    return [event for event in events if not _is_past(position.date, event.date, order)]


def _is_past(date: str, reached: str, order: Order | None) -> bool:
    """Whether an event of a date comes after those of the date that was reached. Of other dates nobody knows."""
    if not (is_plain_date(date) and is_plain_date(reached)):
        return False
    one, other = date_key(date), date_key(reached)
    return one > other if order == "asc" else one < other


def order_key(event: Event) -> str:
    return date_key(event.date) if is_plain_date(event.date) else ""


def _anchor(event: Event) -> str:
    return sha256(event.uuid.encode("utf-8", "replace")).hexdigest()[:ANCHOR_LENGTH]
