"""What the names of actors mean: the account's tags and the shared catalogue of actors say which names one actor has.

A wrong name is a wrong attribution. So a name that several entries have, and none as its own, means none of them until
the caller chooses, an alias is followed once and never from alias to alias, and a placeholder names nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Generic, TypeVar

from cf1_mcp.models import CatalogActor, Tag
from cf1_mcp.policy.visible_words import fold

# What stands for a name that is missing. Invented: which texts the API has there. A word that is missing here would
# join the actors that have it; a word too many is still found where an event has it as its attacker.
PLACEHOLDERS: Final = frozenset(
    {
        *("n/a", "na", "n.a", "none", "null", "nil", "nan", "unknown", "unnamed", "unattributed", "unidentified"),
        *("unspecified", "undetermined", "undisclosed", "unclassified", "other", "others", "various", "multiple"),
        *("misc", "miscellaneous", "tbd", "tba", "todo", "actor", "attacker", "threat actor", "unknown actor"),
        *("unknown threat actor", "not available", "not applicable", "not known", "not attributed", "no alias"),
        *("no aliases", "no name", "to be determined"),
    }
)
EDGES: Final = " .,:;!?-_*()[]<>{}\"'`"

Entry = TypeVar("Entry", Tag, CatalogActor)


def is_placeholder(name: str) -> bool:
    """Return whether a text stands for a name that is missing, such as "N/A" or "-"."""
    bare = " ".join(fold(name).strip(EDGES).split())
    return bare in PLACEHOLDERS or not any(character.isalnum() for character in bare)


@dataclass(frozen=True)
class ActorMatch:
    """What a name means. `names` are all names of the one actor, `actors` the own names of all that may be meant.

    `tags` and `entries` are those of the account and of the catalogue. Of several actors there are no `names`.
    """

    names: Sequence[str] = ()
    actors: Sequence[str] = ()
    tags: Sequence[Tag] = ()
    entries: Sequence[CatalogActor] = ()

    @property
    def is_shared(self) -> bool:
        """Whether several actors have the name."""
        return bool(self.actors) and not self.names


class _Source(Generic[Entry]):
    """The entries of one list, by each of their names."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            for name in dict.fromkeys(map(fold, names_of(entry))):
                self._by_name.setdefault(name, []).append(entry)

    def named(self, typed: str) -> list[Entry]:
        """Return the entries that are called so, or else those that have the name as an alias.

        Names are compared whole, because the catalogue itself finds "apt280" for "apt28".
        """
        found = self._by_name.get(fold(typed), [])
        return [entry for entry in found if fold(entry.value) == fold(typed)] or found

    def distinct_names(self, found: Sequence[Entry]) -> list[str]:
        """Return the names of entries that no other entry has, and their own."""
        own = {fold(entry.value) for entry in found}
        every = dict.fromkeys(name for entry in found for name in names_of(entry))
        owners = {name: {fold(other.value) for other in self._by_name[fold(name)]} for name in every}
        return [name for name in every if fold(name) in own or owners[name] <= own]


class ActorNames:
    """The names of the actors of an account's tags and of the catalogue."""

    def __init__(self, tags: Sequence[Tag], actors: Sequence[CatalogActor]) -> None:
        self._tags, self._actors = tags, actors

    def find(self, typed: str) -> ActorMatch:
        """Return what a name means."""
        if is_placeholder(typed):
            return ActorMatch()
        tags, entries = self._of_tags.named(typed), self._of_catalog.named(typed)
        own = {fold(one.value): one.value for one in (*tags, *entries)}
        if not _is_one_actor(tags, entries):
            return ActorMatch((), [*own.values()], tags, entries)
        names = (*self._of_tags.distinct_names(tags), *self._of_catalog.distinct_names(entries))
        return ActorMatch([*dict.fromkeys(names)], [*own.values()], tags, entries)

    @cached_property
    def _of_tags(self) -> _Source[Tag]:
        return _Source(self._tags)

    @cached_property
    def _of_catalog(self) -> _Source[CatalogActor]:
        return _Source(self._actors)


def names_of(entry: Tag | CatalogActor) -> list[str]:
    """Return the own name of an entry, and its aliases without placeholders."""
    return [entry.value, *(name for name in entry.names if name != entry.value and not is_placeholder(name))]


def _is_one_actor(tags: Sequence[Tag], entries: Sequence[CatalogActor]) -> bool:
    """Return whether what was found for a name is about one actor.

    Entries of one list are about one if they are called alike, and entries of both if one is called as the other says.
    """
    of_tags, of_entries = ({fold(one.value) for one in found} for found in (tags, entries))
    if len(of_tags) > 1 or len(of_entries) > 1:
        return False
    names = {fold(name) for tag in tags for name in names_of(tag)}
    known = {fold(name) for entry in entries for name in names_of(entry)}
    return not tags or not entries or bool(of_entries & names) or bool(of_tags & known)


def index_words(words: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return the distinct words of each spelling without regard to case, in their order."""
    folded: dict[str, list[str]] = {}
    for word in dict.fromkeys(words):
        folded.setdefault(fold(word), []).append(word)
    return folded
