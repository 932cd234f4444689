"""What readers return: rows with the fields of an event to create, and notes about the file."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, get_args

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument, choices, did_you_mean
from cf1_mcp.models import RelationshipType, Tlp
from cf1_mcp.models.fields import SETTABLE_TEXTS
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

RELATIONSHIP_TYPES: Final[tuple[RelationshipType, ...]] = get_args(RelationshipType)
# The fields of a row that are not plain text, and those that link it to other rows.
STRUCTURED_FIELDS: Final = ("tags", "indicators", "raw")
LINK_FIELDS: Final = ("ref", "parent_ref", "relationship_type")
MAX_PLACES: Final = 20
FIELDS: Final = (*SETTABLE_TEXTS, "tags", "raw", *LINK_FIELDS)


class ParentRef(NamedTuple):
    """The parent of a row, named by its ref."""

    ref: str
    type: RelationshipType


class LeastMarking(NamedTuple):
    """The highest marking of the parts that a row is made of, and which parts have it, such as `its description`.

    A row whose own marking is lower, or comes from a default, is raised to it. With `suffices`, it is the marking of a
    row that has no other.
    """

    level: Tlp
    parts: str
    suffices: bool = False


class SourceRow(NamedTuple):
    """One row of a file. `place` counts lines, records or objects from 1, as a person does.

    `fields` holds texts by their snake-case names, `tags` (texts), `indicators` (`{"value", "indicator_type"}`) and
    `raw` (`{"data", "source"?, "tlp"?}`). A row with problems is reported and not imported. `same_as` is the uuid that
    the event had where the file was exported: there it is recognised, whatever the file shows of it.
    """

    place: int
    fields: Mapping[str, JsonValue]
    ref: str | None = None
    parents: tuple[ParentRef, ...] = ()
    problems: tuple[str, ...] = ()
    least: LeastMarking | None = None
    same_as: str | None = None


SourceRows = Iterator[SourceRow]


@dataclass
class ReaderNotes:
    """Notes about a file, each with its count: how it was read, and what was left out.

    `lost` has the notes on what could not be kept, each with the places of the first of it; `lost_if_created` those on
    what is lost only if a row is created: if it exists already, its event still has it.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    lost: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    lost_if_created: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def add(self, note: str, count: int = 1) -> None:
        self.counts[note] += count

    def lose(self, note: str, place: int | None = None, *, if_created: bool = False) -> None:
        """Note something of the file that could not be kept: the import is not complete without it."""
        self.counts[note] += 1
        places = (self.lost_if_created if if_created else self.lost).setdefault(note, [])
        if place is not None and len(places) < MAX_PLACES and place not in places:
            places.append(place)

    def sentences(self) -> list[str]:
        return [self._sentence(note, count) for note, count in self.counts.items()]

    def _sentence(self, note: str, count: int) -> str:
        places = self.lost.get(note) or self.lost_if_created.get(note, [])
        words = [f"{count:,} times"] if count > 1 else []
        if places:
            more = ", ..." if len(places) < count and len(places) == MAX_PLACES else ""
            words.append(f"at {', '.join(map(str, places))}{more}")
        return f"{note} ({'; '.join(words)})" if words else note


def parse_relationship_type(word: str) -> RelationshipType | None:
    """Return the API's relationship type, whatever the case and dashes of the word; None if it is not one."""
    normalized = word.strip().lower().replace("-", "_")
    return next((kind for kind in RELATIONSHIP_TYPES if kind == normalized), None)


def unknown_field_error(name: str, argument: str) -> BadArgument:
    """Return the error for a field that rows do not have."""
    problem = f"rows have no field {quote(name)}{did_you_mean(name, FIELDS)}"
    return BadArgument(argument, problem, choices(FIELDS, len(FIELDS)))


def quote(text: str) -> str:
    """Return text of a file for a message: cleaned and in quotes."""
    return repr(clean(text, MAX_NAME_LENGTH))
