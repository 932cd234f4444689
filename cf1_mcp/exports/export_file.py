"""The interface of every export format: a file that is produced piece by piece."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from cf1_mcp.exports.markings import more_restrictive, tlp_label
from cf1_mcp.models import Event, Relationship, Tlp
from cf1_mcp.text.dates import iso
from cf1_mcp.text.sanitize import clean

MAX_TITLE_LENGTH: Final = 80
MAX_NAMED: Final = 20
WARNED: Final = "on a warning list: "
"""Begins the reason of a value that stands on a warning list, which follows."""
DUPLICATE: Final = "a duplicate of another event in the file"


@dataclass(frozen=True)
class FileHeading:
    """The description of a file. `source` names the origin of its events, and states if they are fictional."""

    name: str
    source: str
    created: datetime


@dataclass(frozen=True)
class Omission:
    """The reason why an event is not in the file. `named` is the value that stands on a warning list."""

    reason: str
    named: str = ""


class ExportFile(ABC):
    """A file that is being written. Its text is `head()`, then `add()` for each event, then the pieces of `tail()`.

    Events above `max_tlp` (unmarked events count as amber) and duplicates are left out and counted. Memory contains
    the ids of the events (about 100 bytes each) and what the format needs for its tail. The counts are never written to
    the file: its recipients need not know what it withholds.
    """

    media_type: ClassVar[str]
    suffix: ClassVar[str]
    supports_links: ClassVar[bool] = False
    """Whether the format can express a link between two events."""

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        self.max_tlp: Final = max_tlp
        self.heading: Final = heading
        self.event_count = 0
        """Number of events in the file."""
        self.left_out: Final = Counter[str]()
        """Number of events that are not in the file, by reason."""
        self.warned: Final = dict[str, list[str]]()
        """The first values that are left out because they stand on a warning list, by the name of the list."""
        self.tells_children = True
        """Whether the file may tell that an event has child events. These may all be withheld."""
        self.marking: Tlp = Tlp.CLEAR
        """The highest marking of the events in the file, which is also the marking of the file."""
        self._seen: Final = set[str]()

    def head(self) -> str:
        """Return the text before the first event."""
        return ""

    def add(self, event: Event) -> str:
        """Return the text of one event; empty if the event is left out or is written by `tail()`."""
        level = Tlp.of(event.tlp)
        if level.rank > self.max_tlp.rank:
            return self._omit(f"above {tlp_label(self.max_tlp)}")
        key = event_key(event)
        if key in self._seen:
            return self._omit(DUPLICATE)
        self._seen.add(key)
        text = self._event(event, level)
        if isinstance(text, Omission):
            if text.named:
                self._name_warned(text)
            return self._omit(text.reason)
        self.event_count += 1
        self.marking = more_restrictive(self.marking, level)
        return text

    def add_link(self, relationship: Relationship) -> None:
        """Add a link between two events, in any order with the events, if the format `supports_links`."""
        del relationship

    @abstractmethod
    def tail(self) -> Iterator[str]:
        """Yield the text after the last event. Call it once and exhaust it."""

    def further_files(self) -> Sequence[str]:
        """Return the contents of further files, if the receiving system limits the size of one. Call after `tail()`."""
        return ()

    def notes(self) -> Sequence[str]:
        """Return what users of the file must know. Call after `tail()`."""
        return ()

    @abstractmethod
    def _event(self, event: Event, level: Tlp) -> str | Omission:
        """Return the text of an event that may be in the file."""

    def _omit(self, reason: str) -> str:
        self.left_out[reason] += 1
        return ""

    def _name_warned(self, omission: Omission) -> None:
        values = self.warned.setdefault(omission.reason.removeprefix(WARNED), [])
        if omission.named not in values and len(values) < MAX_NAMED:
            values.append(omission.named)

    def _name(self) -> str:
        return clean(self.heading.name, MAX_TITLE_LENGTH)

    def _source(self) -> str:
        return clean(self.heading.source, MAX_TITLE_LENGTH)

    def _provenance(self) -> str:
        """Return one line with name, marking, source, time of creation and number of events."""
        created = iso(self.heading.created)
        return (
            f"{self._name()}. {tlp_label(self.marking)}. Source: {self._source()}. Created {created}. "
            f"Events: {self.event_count}."
        )


def event_key(event: Event) -> str:
    """Return what identifies an event: its uuid, or all of its content if the API sent none."""
    return event.uuid or event.model_dump_json()
