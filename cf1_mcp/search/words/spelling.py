"""Read the values of filters, as people type them, in the account's spelling.

Indicators are refanged. A country may be a code, a name or an alias, an actor any of its names in the vocabulary or in
the shared catalogue of actors.
Categories, industries, types and tags match in any case. A word that the vocabulary does not have is searched for as
typed, and the answer says so, with the nearest words by meaning or else by spelling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final

import anyio

from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.errors import ApiError
from cf1_mcp.models import CatalogActor, Country, SearchField, Tag
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_actors import readable_actors
from cf1_mcp.policy.visible_words import fold, readable_words
from cf1_mcp.search.words.actor_names import ActorMatch, ActorNames, index_words, is_placeholder
from cf1_mcp.search.words.countries import country_code, find_country, list_members
from cf1_mcp.search.words.suggestions import MAX_SUGGESTIONS, suggest_words
from cf1_mcp.text.country_codes import read_country_code, spell_country
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# How long a search waits for the vocabularies. Without them, values are searched for as typed.
MAX_SECONDS: Final = 5.0
# The API takes no longer value.
MAX_VALUE_LENGTH: Final = 512
# Of one condition, by the API.
MAX_VALUES: Final = 100
# Unknown values of a search that get suggestions: each costs a comparison with the whole vocabulary.
MAX_SUGGESTED_VALUES: Final = 20
# A vocabulary up to this size is listed whole.
MAX_LISTED_WORDS: Final = 15
UNKNOWN: Final = "is unknown"
NEAREST: Final = "the nearest are"
GROUP: Final = "is a group of countries"


@dataclass(frozen=True)
class ReadValue:
    """How one value was read.

    `spellings` are the account's spellings of it. If it is unknown to the account, `unknown` says so in a sentence
    part that `suggestions`, the nearest words of the account, continue. `change` describes the change if it is not a
    new spelling, and `note` what the caller should know of it in any case. `codes` are all codes of a country, the most
    probable first.
    """

    typed: str
    spellings: tuple[str, ...]
    suggestions: tuple[str, ...] = ()
    change: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    unknown: str = ""

    def describe(self, argument: str) -> str:
        """Return a sentence part on how it was read; an empty text if it was read as typed."""
        typed = clean(self.typed, MAX_NAME_LENGTH, value=True)
        if self.note:
            return f"{argument}: {typed} {self.note}"
        if self.spellings == (self.typed,):
            return ""
        spellings = " or ".join(clean(one, MAX_NAME_LENGTH) for one in self.spellings)
        return f"{argument}: {typed} {self.change or f'as {spellings}'}"

    def describe_unknown(self, argument: str) -> str:
        """Return a sentence part on an unknown word and the nearest known ones; an empty text if the word is known."""
        if not self.unknown:
            return ""
        nearest = ", ".join(clean(one, MAX_NAME_LENGTH) for one in self.suggestions)
        typed = clean(self.typed, MAX_NAME_LENGTH, value=True)
        said = self.unknown
        if len(self.suggestions) == 1 and said.endswith("nearest are"):
            said = said.removesuffix("are") + "is"
        return f"{argument}: {typed} {said}{' ' if nearest else ''}{nearest}"


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
        if code is None:
            return self._unknown_country(typed)
        alpha3 = next((country.alpha3 for country in self.countries if country.alpha2 == code), "")
        return ReadValue(typed, (code,), codes=spell_country(code, alpha3))

    def _unknown_country(self, typed: str) -> ReadValue:
        if members := list_members(typed):
            listed = {country.alpha2 for country in self.countries}
            known = tuple(code for code in members if code in listed)
            return ReadValue(typed, (typed,), known, unknown=f"{GROUP}, to be passed one by one:")
        if code := find_country(typed):
            # It may have events all the same.
            codes = spell_country(code)
            named = "" if code == typed.upper() else f"({code}) "
            return ReadValue(typed, (code,), codes=codes, unknown=f"{named}is not among the account's countries")
        return self._read_unknown(typed, [country.name for country in self.countries], "countries")

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
        if not self.words.get("attackers"):
            return ReadValue(typed, (typed,))
        if len(same := self._attackers_by_letters.get(_letters(typed), ())) == 1:
            return ReadValue(typed, self._attacker(same[0]).spellings)
        return self._read_unknown(typed, self._attacker_names)

    def find_actor(self, typed: str) -> ActorMatch:
        """Return the actor that a name means, by the account's tags and the catalogue."""
        return self._actor_names.find(typed)

    def _read_unknown(self, typed: str, known: Sequence[str], kind: Kind | None = None) -> ReadValue:
        """Return an unknown word with suggestions; without them beyond the first unknown words of a search."""
        self._unknown.append(typed)
        if len(self._unknown) > MAX_SUGGESTED_VALUES:
            return ReadValue(typed, (typed,), unknown=UNKNOWN)
        nearest = suggest_words(typed, known, kind)
        if not nearest and len(known) <= MAX_LISTED_WORDS:
            return ReadValue(typed, (typed,), tuple(known), unknown=f"{UNKNOWN}, all known ones are")
        if nearest:
            return ReadValue(typed, (typed,), tuple(nearest), unknown=f"{UNKNOWN}, {NEAREST}")
        hint = f"; list_threat_vocabulary lists the {kind.replace('_', ' ')}" if kind else ""
        return ReadValue(typed, (typed,), unknown=UNKNOWN + hint)

    def _word(self, typed: str, kind: Kind) -> ReadValue:
        known = self.words.get(kind, ())
        if not known:
            return ReadValue(typed, (typed,))
        found = self._by_fold[kind].get(typed.casefold())
        if not found:
            return self._read_unknown(typed, known, kind)
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
        found = [*self.words.get("attackers", ()), *(name for name in names if not is_placeholder(name))]
        return [*{fold(name): name for name in reversed(found)}.values()][::-1]

    @cached_property
    def _attackers_by_letters(self) -> Mapping[str, Sequence[str]]:
        """The names of the account's attackers by their letters and digits alone: "apt 32" and "APT-32" are APT32."""
        found: dict[str, list[str]] = {}
        for name in self._attacker_names:
            found.setdefault(_letters(name), []).append(name)
        return found


def _letters(name: str) -> str:
    return "".join(letter for letter in fold(name) if letter.isalnum())


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
