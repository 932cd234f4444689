"""Read the values of filters, as people type them, in the account's spelling.

Indicators are refanged. A country may be a code, a name or an alias, an actor any of its names in the vocabulary or in
the shared catalogue of actors.
Categories, industries, types and tags match in any case. A value that the vocabulary does not have is searched for as
typed, and an empty result suggests what it may have been.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final

import anyio

from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.errors import MAX_COMPARED_LENGTH, ApiError, similar_words
from cf1_mcp.models import CatalogActor, Country, SearchField, Tag
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_actors import readable_actors
from cf1_mcp.policy.visible_words import fold, readable_words
from cf1_mcp.search.actor_names import ActorMatch, ActorNames, index_words, is_placeholder
from cf1_mcp.search.countries import country_code
from cf1_mcp.text.country_codes import read_country_code, spell_country
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# How long a search waits for the vocabularies. Without them, values are searched for as typed.
MAX_SECONDS: Final = 5.0
MAX_SUGGESTIONS: Final = 3
# The API takes no longer value.
MAX_VALUE_LENGTH: Final = 512
# Of one condition, by the API.
MAX_VALUES: Final = 100
# Unknown values of a search that get suggestions: each costs a comparison with the whole vocabulary.
MAX_SUGGESTED_VALUES: Final = 20
# A shorter word is part of too many others to suggest them.
MIN_PART_LENGTH: Final = 4


@dataclass(frozen=True)
class ReadValue:
    """How one value was read.

    `spellings` are the account's spellings of it, `suggestions` similar words if it is unknown. `change` describes
    the change if it is not a new spelling, and `note` what the caller should know of it in any case. `codes` are all
    codes of a country, the most probable first.
    """

    typed: str
    spellings: tuple[str, ...]
    suggestions: tuple[str, ...] = ()
    change: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""

    def describe(self, argument: str) -> str:
        """Return a sentence part on how it was read; an empty text if it was read as typed."""
        typed = clean(self.typed, MAX_NAME_LENGTH, value=True)
        if self.note:
            return f"{argument}: {typed} {self.note}"
        if self.spellings == (self.typed,):
            return ""
        spellings = " or ".join(clean(one, MAX_NAME_LENGTH) for one in self.spellings)
        return f"{argument}: {typed} {self.change or f'as {spellings}'}"


@dataclass(frozen=True)
class AccountSpelling:
    """The vocabularies of the account that a search needs, except those that could not be read.

    `aliases` is None if the tags could not be read, `actors` if the catalogue of actors could not.
    """

    words: Mapping[Kind, Sequence[str]]
    countries: Sequence[Country] = ()
    aliases: Sequence[Tag] | None = None
    actors: Sequence[CatalogActor] | None = None
    _unknown: list[str] = field(default_factory=list[str], init=False, repr=False, compare=False)

    def read(self, name: SearchField, value: str) -> ReadValue:
        """Read one value of a filter."""
        if len(value) > MAX_VALUE_LENGTH:
            return ReadValue(value, (value,))  # no vocabulary has such a word, and the request refuses it
        typed = value.strip()
        searched = SEARCHABLE[name]
        match searched.type:
            case "indicator":
                return ReadValue(typed, (refang_indicator(value),), change="refanged")
            case "code":
                return ReadValue(typed, (typed.upper(),))
            case "country":
                return self._country(typed)
            case _ if searched.vocabulary == "attackers":
                return self._attacker(typed)
            case _ if searched.vocabulary:
                return self._word(typed, searched.vocabulary)
            case _:
                return ReadValue(value, (value,))

    def _country(self, typed: str) -> ReadValue:
        if not self.countries:
            known = read_country_code(typed)
            return ReadValue(typed, (typed,), codes=spell_country(known.upper()) if known else ())
        code = country_code(typed, self.countries)
        names = [country.name for country in self.countries]
        if code is None:
            return ReadValue(typed, (typed,), self._nearest(typed, names))
        alpha3 = next((country.alpha3 for country in self.countries if country.alpha2 == code), "")
        return ReadValue(typed, (code,), codes=spell_country(code, alpha3))

    def _attacker(self, typed: str) -> ReadValue:
        """Read any name of one actor as the names that events use. A name that events use is searched for alone."""
        by_fold = self._by_fold.get("attackers", {})
        match = self.find_actor(typed)
        named = dict.fromkeys(name for one in match.names for name in by_fold.get(fold(one), ()))
        if exact := by_fold.get(fold(typed)):
            return ReadValue(typed, tuple(exact), note=_note_others([name for name in named if name not in exact]))
        if named:
            return ReadValue(typed, tuple(named))
        if match.is_shared:
            actors = tuple(name for one in match.actors for name in by_fold.get(fold(one), (one,)))[:MAX_SUGGESTIONS]
            return ReadValue(typed, (typed,), actors, note=_note_shared(actors))
        return ReadValue(typed, (typed,), self._nearest(typed, self._attacker_names))

    def find_actor(self, typed: str) -> ActorMatch:
        """Return the actor that a name means, by the account's tags and the catalogue."""
        return self._actor_names.find(typed)

    def _nearest(self, typed: str, known: Sequence[str]) -> tuple[str, ...]:
        """Return suggestions for an unknown value; none beyond the first unknown values of a search."""
        self._unknown.append(typed)
        return tuple(nearest_words(typed, known)) if len(self._unknown) <= MAX_SUGGESTED_VALUES else ()

    def _word(self, typed: str, kind: Kind) -> ReadValue:
        known = self.words.get(kind, ())
        if not known:
            return ReadValue(typed, (typed,))
        found = self._by_fold[kind].get(typed.casefold())
        if not found:
            return ReadValue(typed, (typed,), self._nearest(typed, known))
        return ReadValue(typed, tuple(sorted(found, key=lambda word: word != typed)))

    # A search has many values, and an account many words, so words are indexed once for all values.

    @cached_property
    def _by_fold(self) -> Mapping[Kind, Mapping[str, Sequence[str]]]:
        """The words of each spelling without regard to case, by kind, in the order of the account.

        The API may compare with regard to case, and has words that differ in nothing else, such as domain and DOMAIN.
        """
        return {kind: index_words(words) for kind, words in self.words.items()}

    @cached_property
    def _actor_names(self) -> ActorNames:
        return ActorNames(self.aliases or (), self.actors or ())

    @cached_property
    def _attacker_names(self) -> Sequence[str]:
        """The names of the account's attackers: those of events, and their aliases."""
        by_fold = self._by_fold.get("attackers", {})
        known = [actor for actor in self.actors or () if not by_fold.keys().isdisjoint(map(fold, actor.names))]
        aliases = [name for tag in self.aliases or () for name in tag.alias_group_names]
        names = [*aliases, *(name for actor in known for name in actor.names)]
        return [*self.words.get("attackers", ()), *(name for name in names if not is_placeholder(name))]


def _note_others(names: Sequence[str]) -> str:
    """Return a sentence part on the names of an actor that were not searched for."""
    listed = ", ".join(clean(name, MAX_NAME_LENGTH) for name in names[:MAX_SUGGESTIONS])
    return f"alone; events call the actor {listed} as well" if listed else ""


def _note_shared(actors: Sequence[str]) -> str:
    """Return a sentence part on the actors that a name may mean."""
    listed = ", ".join(clean(name, MAX_NAME_LENGTH) for name in actors)
    return f"is a name of several actors, and was searched for as typed: choose one of {listed}"


def list_spellings(reads: Sequence[ReadValue]) -> list[str]:
    """Return what a filter searches for: every spelling, and of countries as many codes as the API takes values."""
    spellings = [one for read in reads for one in read.spellings]
    longest = max((len(read.codes) for read in reads), default=0)
    for count in range(longest, 0, -1):
        codes = dict.fromkeys(one for read in reads for one in read.codes[:count] or read.spellings)
        if len(codes) <= MAX_VALUES:
            return [*codes]
    return spellings


async def load_spelling(vocabulary: Vocabulary, policy: ReadPolicy, names: Sequence[SearchField]) -> AccountSpelling:
    """Load the vocabularies that the fields of a search need. What cannot be read in time is left out."""
    kinds: list[Kind] = list(dict.fromkeys(kind for name in names if (kind := SEARCHABLE[name].vocabulary)))
    found: dict[Kind, Sequence[str]] = {}
    countries: list[Country] = []
    aliases: list[Tag] | None = None
    actors: list[CatalogActor] | None = None

    async def read_actors() -> None:
        nonlocal actors
        found_actors, failure = await readable_actors(vocabulary, policy)
        actors = None if failure else found_actors

    async def read(kind: Kind) -> None:
        nonlocal aliases
        try:
            if kind == "countries":
                countries.extend(await vocabulary.country_list())
            else:
                found[kind] = await readable_words(vocabulary, policy, kind)
            if kind == "attackers":
                hidden = policy.withheld_tags or frozenset()
                tags = [tag for tag in await vocabulary.tags() if fold(tag.value) not in hidden]
                # The names of an actor are told if one of them is that of an actor who may be shown.
                shown = {fold(name) for name in found[kind]}
                aliases = [tag for tag in tags if shown.intersection(map(fold, tag.names))]
        except ApiError:
            # The search works without it.
            found.setdefault(kind, ())

    with anyio.move_on_after(MAX_SECONDS):
        await gather([*(partial(read, kind) for kind in kinds), *([read_actors] if "attackers" in kinds else [])])
    return AccountSpelling(found, countries, aliases, actors)


def nearest_words(word: str, known: Sequence[str]) -> list[str]:
    """Return the known words that `word` probably means, ignoring case: those that contain it, or else similar ones."""
    typed = word.strip().casefold()
    folded = {name[:MAX_COMPARED_LENGTH].casefold(): name for name in known}
    containing = [name for fold, name in folded.items() if len(typed) >= MIN_PART_LENGTH and typed in fold]
    return containing[:MAX_SUGGESTIONS] or similar_words(typed, known, MAX_SUGGESTIONS)
