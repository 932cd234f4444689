"""What an event may be made of: words that the account knows, real markings and dates, text that can be seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.context import AccountVocabulary, Now
from cf1_mcp.errors import BadArgument, Withheld, choices, did_you_mean
from cf1_mcp.models import Country, Event, NewEvent, Tlp
from cf1_mcp.models.fields import BY_NAME, SETTABLE_TEXTS
from cf1_mcp.policy.reading import Reader, Reading, readable_words
from cf1_mcp.search.argument_groups import ArgumentGroup, expand_argument_groups
from cf1_mcp.search.countries import country_code
from cf1_mcp.text.dates import ACCEPTED_DATES, parse_date
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean, escape_invisible

MAX_RAW_SIZE: Final = 1_000_000  # bytes of JSON text
MAX_TAG_LENGTH: Final = 512  # no search takes a longer value, so a longer tag could not be found again
EVENT_TEXTS: Final = ArgumentGroup({name: str | None for name in NewEvent.model_fields if name in SETTABLE_TEXTS})


@dataclass(frozen=True)
class Checking:
    """Holds the fields of events to what can be right. Words of the account are read only when a field needs them."""

    words: Vocabulary
    reading: Reading
    now: datetime

    async def fields(self, given: Mapping[str, str], where: str = "") -> dict[str, str]:
        """Text fields of an event by their snake-case names, as they are to be sent: words in the account's spelling,
        countries as ISO codes, dates in UTC. `where` stands before a name in an error, such as `events[3].`.

        Raises:
            BadArgument: a value cannot be right.
            Withheld: a marking lies above the ceiling.
        """
        return {
            name: await self._field(name, checked_text(text, where + name), where + name)
            for name, text in given.items()
        }

    def marking(self, text: str, argument: str) -> str:
        """A TLP marking in its one spelling. What may not be seen may not be made either."""
        level = Tlp.parse(text)
        if level is None:
            raise BadArgument(argument, f"{_shown(text)} is no marking", choices([level.value for level in Tlp]))
        if self.reading.above(level):
            raise Withheld(f"{argument}: marking something {level.value}", self.reading.tlp_rule)
        return level.value

    def date(self, text: str, argument: str) -> str:
        """A moment that has passed, as `YYYY-MM-DDTHH:MM:SSZ`."""
        found = parse_date(text, self.now)
        if found is None:
            raise BadArgument(argument, f"{_shown(text)} is no date", ACCEPTED_DATES)
        date = found.zfill(len("2026-11-24T00:00:00Z"))  # years before 1000 come without their zeros
        if datetime.fromisoformat(date) > self.now:
            raise BadArgument(argument, f"{date} is in the future", f"a moment up to now ({self.now:%Y-%m-%dT%H:%MZ})")
        return date

    async def _field(self, name: str, text: str, argument: str) -> str:
        field = BY_NAME[name]
        match field.type:
            case "date":
                return self.date(text, argument)
            case "marking":
                return self.marking(text, argument)
            case "name":
                return _visible(text.strip(), argument)
            case "indicator":
                return _visible(refang_indicator(text), argument)
            case _ if not text.strip():
                return _filled(text, argument) if field.creation == "required" else text
            case "country":
                return _country(text, await self.words.country_list(), argument)
            case _ if field.vocabulary:
                return _known(text, await readable_words(self.words, self.reading, field.vocabulary), argument)
            case _:
                return text


async def _checking(words: AccountVocabulary, reading: Reader, now: Now) -> Checking:
    return Checking(words, reading, now)


@expand_argument_groups
async def _given(texts: Annotated[Mapping[str, str], EVENT_TEXTS]) -> Mapping[str, str]:
    return texts


Checker = Annotated[Checking, Resolve(_checking)]
# The text fields of an event that a call names, not yet checked.
Given = Annotated[Mapping[str, str], Resolve(_given)]


def checked_tags(tags: Sequence[str], argument: str = "tags") -> list[str]:
    """The tags, each once whatever its case.

    Raises:
        BadArgument: there are none, or one of them is blank, too long, or holds characters that are not seen.
    """
    if not tags:
        raise BadArgument(argument, "there are no tags", "at least one tag")
    distinct: dict[str, str] = {}
    for tag in tags:
        distinct.setdefault(tag.strip().casefold(), tag.strip())
    for tag in distinct.values():
        if not 0 < len(tag) <= MAX_TAG_LENGTH:
            raise BadArgument(argument, f"a tag has {len(tag)} characters", f"tags of 1 to {MAX_TAG_LENGTH} characters")
        _visible(tag, argument)
    return list(distinct.values())


def checked_text(text: str, argument: str) -> str:
    """Free text as it is.

    Raises:
        BadArgument: it holds half a character, which cannot be sent.
    """
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise BadArgument(argument, "it holds half a character (a lone surrogate)", "the whole text, or leave it out")
    return text


def checked_raw(data: dict[str, JsonValue], argument: str = "raw_data") -> dict[str, JsonValue]:
    """The data of raw evidence.

    Raises:
        BadArgument: it is too large, nested too deep, or holds numbers that JSON has not.
    """
    try:
        size = len(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (ValueError, RecursionError):
        valid = "plain JSON without NaN or Infinity"
        raise BadArgument(argument, "this cannot be written as JSON", valid) from None
    if size > MAX_RAW_SIZE:
        raise BadArgument(argument, f"it takes {size:,} bytes", f"at most {MAX_RAW_SIZE:,} bytes of JSON text")
    return data


def read_as(given: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, JsonValue]:
    """A fact on what was read otherwise than it was typed, where anything was."""
    told: list[JsonValue] = [
        f"{name}: {clean(text, MAX_NAME_LENGTH, value=True)} as {clean(fields[name], MAX_NAME_LENGTH, value=True)}"
        for name, text in given.items()
        if _otherwise(name, text, fields[name])
    ]
    return {"read_as": told} if told else {}


@dataclass
class ReadAs:
    """How many values of many events were read otherwise than they were typed, by field, with the first as example."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    examples: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, name: str, text: str, value: str) -> None:
        # A date that only gets its time of day is read as anybody would.
        if _otherwise(name, text, value) and not value.startswith(text.strip()):
            self.counts[name] = self.counts.get(name, 0) + 1
            pair = [clean(one, MAX_NAME_LENGTH, value=True) for one in (text, value)]
            self.examples.setdefault(name, " as ".join(pair))

    def told(self) -> dict[str, JsonValue]:
        """The fact of it, where there is anything to tell."""
        return (
            {"read_as": [f"{name}: {count}, such as {self.examples[name]}" for name, count in self.counts.items()]}
            if self.counts
            else {}
        )


def differing(sent: Mapping[str, str], event: Event) -> list[JsonValue]:
    """The fields that an answer tells otherwise than they were sent, each with both values."""
    return [
        {"field": name, "sent": clean(value, MAX_NAME_LENGTH), "answered": clean(told, MAX_NAME_LENGTH)}
        for name, value in sent.items()
        if name in event.model_fields_set and not same(name, value, told := str(getattr(event, name)))
    ]


def same(name: str, one: str, other: str) -> bool:
    """Whether two values of an event's field mean the same: markings and dates have several spellings."""
    match BY_NAME[name].type if name in BY_NAME else "text":
        case "marking":
            return one.strip() == other.strip() or Tlp.parse(one) == Tlp.parse(other) is not None
        case "date":
            return _instant(one) == _instant(other)
        case "country":
            return one.strip().casefold() == other.strip().casefold()
        case _:
            return one.strip() == other.strip()


def _otherwise(name: str, text: str, value: str) -> bool:
    return value != text.strip() and not same(name, value, text)


def _instant(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _known(text: str, known: Sequence[str], argument: str) -> str:
    """The word in the account's own spelling. An account without events tells no words to hold it to."""
    if text in known or not known:
        return text
    wanted = text.strip().casefold()
    for word in known:
        if word.strip().casefold() == wanted:
            return word
    names = [clean(word, MAX_NAME_LENGTH) for word in known]
    raise _unknown(text, names, argument, choices(names))


def _country(text: str, known: Sequence[Country], argument: str) -> str:
    """The ISO code of a country given as such, by name or by a common alias."""
    if not known:
        return text
    if code := country_code(text, known):
        return code
    names = [clean(country.name, MAX_NAME_LENGTH) for country in known]
    raise _unknown(text, names, argument, "an ISO code of two letters such as US, or a name")


def _unknown(text: str, known: Sequence[str], argument: str, valid: str) -> BadArgument:
    return BadArgument(argument, f"the account does not know {_shown(text)}{did_you_mean(text, known)}", valid)


def _filled(text: str, argument: str) -> str:
    if not text.strip():
        raise BadArgument(argument, "it is empty", "a text that says something")
    return text


def _visible(text: str, argument: str) -> str:
    if escape_invisible(text) != text:
        raise BadArgument(
            argument, f"{_shown(text)} holds line breaks or characters that are not seen", "one line of visible text"
        )
    return text


def _shown(text: str) -> str:
    return repr(clean(text, MAX_NAME_LENGTH))
