"""Filters as people type them, in the spelling that the account uses.

Indicators are refanged; countries may be codes, names or aliases, actors any name that the vocabulary knows them by;
categories, industries, types and tags are matched whatever their case. What the vocabulary does not know stays as it
was typed: the API decides, and an empty answer proposes what it may have been.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Final

import anyio

from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.errors import ApiError
from cf1_mcp.models import Country, SearchField, Tag
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.reading import Reading, readable_words
from cf1_mcp.search.countries import country_code
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# A search does not wait longer for the vocabularies; without them values stay as they were typed.
TIMEOUT: Final = 5.0
MAX_NEAR: Final = 3
# A shorter word is part of too many others to mean one of them.
MIN_PART_LENGTH: Final = 4


@dataclass(frozen=True)
class Read:
    """How one value was read: `meant` are the account's spellings, `near` what it may have been where it is unknown."""

    typed: str
    meant: tuple[str, ...]
    near: tuple[str, ...] = ()
    how: str = ""

    def said(self, argument: str) -> str:
        """How it was read, in words; nothing where it was taken as it is."""
        if self.meant == (self.typed,):
            return ""
        typed = clean(self.typed, MAX_NAME_LENGTH, value=True)
        return (
            f"{argument}: {typed} {self.how or 'as ' + ' or '.join(clean(one, MAX_NAME_LENGTH) for one in self.meant)}"
        )


@dataclass(frozen=True)
class Spelling:
    """The account's words, as far as they were read. A kind that is missing could not be read or was not needed; so it
    is with `aliases` that are None.
    """

    words: Mapping[Kind, Sequence[str]]
    countries: Sequence[Country] = ()
    aliases: Sequence[Tag] | None = None

    def read(self, name: SearchField, value: str) -> Read:
        """One value of a filter."""
        typed = value.strip()
        field = SEARCHABLE[name]
        match field.type:
            case "indicator":
                meant = refang_indicator(value)
                return Read(typed, (meant,), how="refanged")
            case "code":
                return Read(typed, (typed.upper(),))
            case "country":
                return self._country(typed)
            case _ if field.vocabulary == "attackers":
                return self._attacker(typed)
            case _ if field.vocabulary:
                return self._word(typed, self.words.get(field.vocabulary, ()))
            case _:
                return Read(value, (value,))

    def _country(self, typed: str) -> Read:
        if not self.countries:
            return Read(typed, (typed,))
        code = country_code(typed, self.countries)
        names = [country.name for country in self.countries]
        return Read(typed, (code,)) if code else Read(typed, (typed,), tuple(near(typed, names)))

    def _attacker(self, typed: str) -> Read:
        """An actor by any of its names: whichever of them events carry."""
        known = self.words.get("attackers", ())
        by_fold = {name.strip().casefold(): name for name in known}
        folds = {typed.casefold(), *(name.strip().casefold() for name in self.names(typed))}
        found = [by_fold[typed.casefold()]] if typed.casefold() in by_fold else []
        found += [name for fold, name in by_fold.items() if fold in folds and name not in found]
        if found:
            return Read(typed, tuple(found))
        every = [*known, *(name for tag in self.aliases or () for name in tag.alias_group_names)]
        return Read(typed, (typed,), tuple(near(typed, every)))

    def names(self, typed: str) -> list[str]:
        """Every name that tags give an actor who is known by one of them."""
        found: list[str] = []
        for tag in self.aliases or ():
            group = [tag.value, *tag.alias_group_names]
            if typed.strip().casefold() in (name.strip().casefold() for name in group):
                found += group
        return list(dict.fromkeys(found))

    def _word(self, typed: str, known: Sequence[str]) -> Read:
        if typed in known or not known:
            return Read(typed, (typed,))
        wanted = typed.casefold()
        for word in known:
            if word.strip().casefold() == wanted:
                return Read(typed, (word,))
        return Read(typed, (typed,), tuple(near(typed, known)))


async def spelling_for(words: Vocabulary, reading: Reading, names: Sequence[SearchField]) -> Spelling:
    """The words that filters of these names are held to. What cannot be read in time is left out."""
    kinds: list[Kind] = list(dict.fromkeys(kind for name in names if (kind := SEARCHABLE[name].vocabulary)))
    found: dict[Kind, Sequence[str]] = {}
    countries: list[Country] = []
    aliases: list[Tag] | None = None

    async def read(kind: Kind) -> None:
        nonlocal aliases
        try:
            if kind == "countries":
                countries.extend(await words.country_list())
            else:
                found[kind] = await readable_words(words, reading, kind)
            if kind == "attackers":
                aliases = [tag for tag in await words.tags() if not reading.above(tag.tlp)]
        except ApiError:
            # A courtesy to the search, which goes on without it.
            found.setdefault(kind, ())

    with anyio.move_on_after(TIMEOUT):
        await gather(partial(read, kind) for kind in kinds)
    return Spelling(found, countries, aliases)


def near(word: str, known: Sequence[str]) -> list[str]:
    """The known words that `word` was probably meant to be, whatever its case: what holds it, else what is like it."""
    by_fold = {name.casefold(): name for name in known}
    wanted = word.strip().casefold()
    holding = [fold for fold in by_fold if len(wanted) >= MIN_PART_LENGTH and wanted in fold]
    found = holding or get_close_matches(wanted, list(by_fold), n=MAX_NEAR, cutoff=0.6)
    return [by_fold[fold] for fold in found][:MAX_NEAR]
