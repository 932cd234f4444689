"""The actor that a name refers to in the account's vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pydantic import JsonValue

from cf1_mcp.answers.columns import Cell
from cf1_mcp.answers.rows import Rows
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import CatalogActor
from cf1_mcp.policy.visible_words import fold
from cf1_mcp.profiles.answer_fields import AnswerFields, clean_short
from cf1_mcp.search.words.actor_names import names_of
from cf1_mcp.search.words.spelling import AccountSpelling, ReadValue
from cf1_mcp.text.sanitize import clean

T = TypeVar("T")

MAX_NAMES: Final = 12
MAX_ENTRIES: Final = 3
MAX_REFERENCES: Final = 5
MAX_REFERENCE_LENGTH: Final = 120
MAX_DESCRIPTION_LENGTH: Final = 300
MAX_DATE_LENGTH: Final = 10
CATALOG_COLUMNS: Final = (
    "name", "alias_groups", "origin", "discovered", "confidence", "tlp", "references", "description",
)  # fmt: skip
NO_CATALOG: Final = "The catalogue of actors could not be read on this account: aliases are those of its tags."


@dataclass(frozen=True)
class ResolvedActor:
    """An actor, and the `argument` that named it.

    `aliases` are further names from tags, which events do not contain; None if the tags could not be read. `entries`
    are those of the shared catalogue of actors; None if it could not be read. `catalog_names` are the names in entries
    that are about this actor alone.
    """

    argument: str
    read: ReadValue
    aliases: Sequence[str] | None
    entries: Sequence[CatalogActor] | None = ()
    catalog_names: Sequence[str] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names to search events for."""
        return self.read.spellings

    def without_aliases(self) -> "ResolvedActor":
        """Return the actor without aliases: if no event names it, they may be known from withheld events only."""
        return replace(self, aliases=self.aliases and ())

    def name_fields(self) -> AnswerFields:
        """Return the names and aliases, which are untrusted text."""
        fields: AnswerFields = {self.argument: _name_list(self.names)}
        searched = {fold(name) for name in self.names}
        catalogued = [name for name in self.catalog_names if fold(name) not in searched]
        every = {fold(name): name for name in (*catalogued, *(self.aliases or ()))}
        if every:
            fields[f"{self.argument}_aliases"] = _name_list([*every.values()])
        return fields

    def suggestions(self) -> list[JsonValue]:
        """Return a sentence with similar known names if the name is unknown."""
        names = ", ".join(clean_short(name) for name in self.read.suggestions)
        found = "is a name of several actors" if self.read.note else "is unknown; similar names"
        return [f"{self.argument}: {clean_short(self.read.typed)} {found}: {names}"] if names else []

    def problems(self) -> list[str]:
        """Return a sentence if the aliases could not be read."""
        return [f"The aliases of {self.argument} could not be read."] if self.aliases is None else []


def resolve_actor(spelling: AccountSpelling, typed: str, argument: str) -> ResolvedActor:
    """Return the actor that a name or an alias refers to.

    Raises:
        BadArgument: the name is empty.
    """
    if not typed.strip():
        raise BadArgument(argument, "it is empty", "the name or an alias of an actor")
    read = spelling.read("attacker", typed)
    searched = {fold(name) for name in read.spellings}
    matches = [spelling.find_actor(name) for name in dict.fromkeys((typed, *read.spellings))]
    known = dict.fromkeys(
        name for match in matches if not match.is_shared for tag in match.tags for name in names_of(tag)
    )
    entries = _distinct(entry for match in matches for entry in match.entries)
    catalogued = _distinct(
        name for match in matches if not match.is_shared for entry in match.entries for name in names_of(entry)
    )
    return ResolvedActor(
        argument,
        read,
        None if spelling.aliases is None else [name for name in known if fold(name) not in searched],
        None if spelling.actors is None else entries,
        catalogued,
    )


def _distinct(found: Iterable[T]) -> list[T]:
    distinct: list[T] = []
    for one in found:
        if one not in distinct:
            distinct.append(one)
    return distinct


def catalog_table(entries: Sequence[CatalogActor]) -> Rows:
    """Return what the shared catalogue has on an actor. Others wrote it, so links in it are only text."""
    rows: list[list[Cell]] = [
        [
            clean_short(entry.value),
            [clean_short(name) for name in entry.alias_group_names[:MAX_NAMES]],
            [clean_short(code) for code in entry.origin_country[:MAX_NAMES]],
            clean(entry.date_of_discovery[:MAX_DATE_LENGTH], MAX_DATE_LENGTH),
            clean_short(entry.confidence),
            clean_short(entry.tlp),
            [clean(one, MAX_REFERENCE_LENGTH) for one in entry.external_references[:MAX_REFERENCES]],
            clean(entry.description, MAX_DESCRIPTION_LENGTH),
        ]
        for entry in entries[:MAX_ENTRIES]
    ]
    return Rows(
        ["name", "alias_groups", "origin", "discovered", "confidence", "tlp", "references", "description"], rows
    )


def catalog_problems(*actors: ResolvedActor) -> list[str]:
    """Return a sentence if the catalogue could not be read; one for all actors of an answer."""
    return [NO_CATALOG] if any(one.entries is None for one in actors) else []


def read_as_field(*actors: ResolvedActor) -> AnswerFields:
    """Return how the names were read, if not as typed."""
    sentences: list[JsonValue] = [
        one.read.describe(one.argument)
        if one.read.note
        else f"{one.argument}: {clean_short(one.read.typed)} as {' or '.join(map(clean_short, one.names[:MAX_NAMES]))}"
        for one in actors
        if one.read.note or one.names != (one.read.typed,)
    ]
    return {"read_as": sentences} if sentences else {}


def did_you_mean_field(*actors: ResolvedActor) -> AnswerFields:
    """Return the known names that are similar to the unknown ones."""
    suggestions = [sentence for one in actors for sentence in one.suggestions()]
    return {"did_you_mean": suggestions} if suggestions else {}


def _name_list(names: Sequence[str]) -> list[JsonValue]:
    more = [f"and {len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return [*(clean_short(name) for name in names[:MAX_NAMES]), *more]
