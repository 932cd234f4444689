"""How every export is written: piece by piece, whatever the number of events."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from cf1_mcp.exports.handling import Handling, label, stricter
from cf1_mcp.models import Event, Relationship, Tlp
from cf1_mcp.text.dates import iso
from cf1_mcp.text.sanitize import clean

MAX_TITLE_LENGTH: Final = 80
REPEATED: Final = "repeated: the same event came before"


@dataclass(frozen=True)
class Heading:
    """What a file says of itself. `source` names where its events come from, and that they are fictional if so."""

    name: str
    source: str
    made: datetime


@dataclass(frozen=True)
class LeftOut:
    """Why an event is not in the file."""

    reason: str


class Format(ABC):
    """A file in the making: its text is `head()`, then `add()` for each event, then the pieces of `tail()`.

    What lies above the handling level, or came before, is left out and counted. Memory holds the ids of the events
    (about 100 bytes each) and what the format gathers for its tail. The counts are told beside the file, never in it:
    whoever gets the file need not learn what it withholds.
    """

    media_type: ClassVar[str]
    suffix: ClassVar[str]
    tells_links: ClassVar[bool] = False
    """Whether the format has words for a link between two events."""

    def __init__(self, handling: Handling, heading: Heading) -> None:
        self.handling: Final = handling
        self.heading: Final = heading
        self.written = 0
        """How many events the file tells of."""
        self.left_out: Final = Counter[str]()
        """How many events it does not tell of, by reason."""
        self.marking: Tlp = Tlp.CLEAR
        """The highest marking among the events in the file, which is the file's own."""
        self._seen: Final = set[str]()

    def head(self) -> str:
        """The text before the first event."""
        return ""

    def add(self, event: Event) -> str:
        """The text of one event; empty where the event is left out, or is told at the end."""
        if not self.handling.admits(event.tlp):
            self.left_out[f"above {label(self.handling.level)}"] += 1
            return ""
        key = event_key(event)
        if key in self._seen:
            self.left_out[REPEATED] += 1
            return ""
        self._seen.add(key)
        level = Tlp.of(event.tlp)
        text = self._event(event, level)
        if isinstance(text, LeftOut):
            self.left_out[text.reason] += 1
            return ""
        self.written += 1
        self.marking = stricter(self.marking, level)
        return text

    def relate(self, relationship: Relationship) -> None:
        """A link between two events, before or after them, where the format `tells_links`."""
        del relationship

    @abstractmethod
    def tail(self) -> Iterator[str]:
        """The text after the last event, in pieces. To be asked for once, and to the end."""

    def further_files(self) -> Sequence[str]:
        """After the tail: whole files beside the first, where the receiving system limits the size of one."""
        return ()

    def notes(self) -> Sequence[str]:
        """After the tail: what whoever uses the file has to know."""
        return ()

    @abstractmethod
    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        """The text of an event that may be in the file."""

    def _name(self) -> str:
        return clean(self.heading.name, MAX_TITLE_LENGTH)

    def _source(self) -> str:
        return clean(self.heading.source, MAX_TITLE_LENGTH)

    def _provenance(self) -> str:
        """One line: what it is, how it is handled, where it is from, when it was made."""
        made = iso(self.heading.made)
        return f"{self._name()}. {label(self.marking)}. Source: {self._source()}. Made {made}. Events: {self.written}."


def event_key(event: Event) -> str:
    """What tells an event from all others: its uuid, or all of it where the API sent none."""
    return event.uuid or event.model_dump_json()
