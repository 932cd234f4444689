"""Checks the fields of events before they are sent: known words, valid markings and dates, visible text."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Final, TypeVar

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.context import AccountVocabulary, Now
from cf1_mcp.errors import MISSING_PART, BadArgument, Unavailable, Withheld, choices
from cf1_mcp.events.account_words import AttackerNames, unknown_account_word, unknown_country
from cf1_mcp.events.field_sizes import check_length
from cf1_mcp.events.indicator_fields import kind_of, read_event_indicator
from cf1_mcp.models import Country, Event, NewEvent, Tlp
from cf1_mcp.models.fields import BY_NAME, SETTABLE_TEXTS
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.policy.visible_words import account_words, fold, readable_words
from cf1_mcp.search.argument_groups import ArgumentGroup, expand_argument_groups
from cf1_mcp.search.words.countries import country_code
from cf1_mcp.text.dates import ACCEPTED_DATES, is_relative, parse_date
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean, escape_invisible

T = TypeVar("T")
MAX_RAW_SIZE: Final = 1_000_000  # bytes of JSON text
CATALOGS: Final[tuple[Kind, ...]] = ("categories", "industries")
MAX_TAG_LENGTH: Final = 512  # no search takes a longer value, so a longer tag could not be found again
TEXT_ARGUMENTS: Final = ArgumentGroup({name: str | None for name in NewEvent.model_fields if name in SETTABLE_TEXTS})


@dataclass(frozen=True)
class EventValidator:
    """Checks and normalizes the fields of events. The account's vocabularies are read only if a field needs them.

    `unread` are those that could not be read. Words of these are sent as typed: the API decides.
    """

    vocabulary: Vocabulary
    read_policy: ReadPolicy
    now: datetime
    unread: set[Kind] = field(default_factory=set[Kind])
    attackers: AttackerNames = field(default_factory=AttackerNames)

    def describe_unread(self) -> dict[str, JsonValue]:
        """Return the fact `not_checked`, with the vocabularies that could not be read; empty if there are none."""
        sentences: list[JsonValue] = [
            f"the {kind.replace('_', ' ')} of the account could not be read, so words are sent as typed"
            for kind in sorted(self.unread)
        ]
        return {"not_checked": sentences} if sentences else {}

    async def _read(self, kind: Kind, read: Callable[[], Awaitable[list[T]]]) -> list[T]:
        """Return the words of a vocabulary; none if an account without it, or a failure, keeps them from being read."""
        if kind in self.unread:
            return []
        try:
            return await read()
        except MISSING_PART as error:
            if isinstance(error, Unavailable) and error.status is None:
                raise  # nothing answers
            self.unread.add(kind)
            return []

    async def check_fields(
        self, given: Mapping[str, str], where: str = "", *, infers_type: bool = False
    ) -> dict[str, str]:
        """Return text fields of an event, by their snake-case names, as they are to be sent.

        Words get the account's spelling, countries are ISO codes, dates are in UTC, an indicator is in its canonical
        form and of its type; with `infers_type` it gets one if none is given. `where` precedes the name of a field in
        an error, such as `events[3].`.

        Raises:
            BadArgument: a value is not valid.
            Withheld: a marking is above the ceiling.
        """
        for name, text in given.items():
            check_text(check_length(text, name, where + name), where + name)
        checked = {name: await self._check_field(name, text, where + name) for name, text in given.items()}
        if "indicator" in given:
            typed = given.get("indicator_type", "")
            found = read_event_indicator(given["indicator"], typed, f"{where}indicator")
            checked["indicator"] = found.value if found else ""
            if infers_type and not typed.strip() and (name := await self.infer_type(checked["indicator"])):
                checked["indicator_type"] = name
        return checked

    async def infer_type(self, indicator: str) -> str:
        """Return the type that the account gives to such indicators; an empty text for one of no known kind."""
        kind = kind_of(indicator)
        if kind is None:
            return ""
        from cf1_mcp.indicators import type_of_kind

        known = await self._read(
            "indicator_types", partial(readable_words, self.vocabulary, self.read_policy, "indicator_types")
        )
        return type_of_kind(kind, known)

    def check_marking(self, text: str, argument: str) -> str:
        """Return a TLP marking in its canonical spelling. What may not be read may not be created either."""
        check_length(text, "tlp", argument)
        level = Tlp.parse(text)
        if level is None:
            raise BadArgument(argument, f"{_quote(text)} is not a TLP marking", choices([*Tlp]))
        if self.read_policy.is_above_ceiling(level):
            raise Withheld(f"{argument}: the marking {level.value}", self.read_policy.tlp_rule)
        return level.value

    def check_date(self, text: str, argument: str) -> str:
        """Return a time in the past as `YYYY-MM-DDTHH:MM:SSZ`."""
        date = parse_date(text, self.now)
        if date is None:
            raise BadArgument(argument, f"{_quote(text)} is not a date", ACCEPTED_DATES)
        if datetime.fromisoformat(date) > self.now:
            raise BadArgument(argument, f"{date} is in the future", f"a time up to now ({self.now:%Y-%m-%dT%H:%MZ})")
        return date

    async def _check_field(self, name: str, text: str, argument: str) -> str:
        field = BY_NAME[name]
        match field.type:
            case "date":
                return self.check_date(text, argument)
            case "marking":
                return self.check_marking(text, argument)
            case "name" if field.vocabulary == "attackers" and text.strip():
                visible = _check_visible(text.strip(), argument)
                return await self.attackers.spell(visible, self.vocabulary, self.read_policy)
            case "name":
                return _check_visible(text.strip(), argument)
            case "indicator":
                return _check_visible(refang_indicator(text), argument)
            case _ if not text.strip():
                return _check_filled(text, argument) if field.creation == "required" else text
            case "country":
                return _check_country(text, await self._read("countries", self.vocabulary.country_list), argument)
            case _ if field.vocabulary:
                return await self._check_word(text, field.vocabulary, argument)
            case _:
                return text

    async def _check_word(self, text: str, kind: Kind, argument: str) -> str:
        """Return the word in the account's spelling. In an account without events every word is accepted.

        The catalogs of an account are no secret, so their words are accepted whoever uses them, but only those that may
        be shown are suggested. Indicator types have no catalog: the API lists those of events.
        """
        read_words = account_words if kind in CATALOGS else readable_words
        known = await self._read(kind, partial(read_words, self.vocabulary, self.read_policy, kind))
        if text in known:
            return text
        folded = fold(text)
        for word in known:
            if fold(word) == folded:
                return word
        if kind == "indicator_types" and (found := _find_type(text, known)):
            return found
        if not known:
            return text
        shown = await self._read(kind, partial(readable_words, self.vocabulary, self.read_policy, kind))
        raise unknown_account_word(argument, text, kind, shown)


async def _resolve_validator(vocabulary: AccountVocabulary, read_policy: CurrentReadPolicy, now: Now) -> EventValidator:
    return EventValidator(vocabulary, read_policy, now)


@expand_argument_groups
async def _resolve_event_texts(texts: Annotated[Mapping[str, str], TEXT_ARGUMENTS]) -> Mapping[str, str]:
    return texts


Validator = Annotated[EventValidator, Resolve(_resolve_validator)]
# The text fields of an event in a call, not yet checked.
EventTexts = Annotated[Mapping[str, str], Resolve(_resolve_event_texts)]


def check_tags(tags: Sequence[str], argument: str = "tags") -> list[str]:
    """Return the tags without repetitions. Tags that differ only in case are equal.

    Raises:
        BadArgument: there are none, or one of them is blank, too long, or contains invisible characters.
    """
    if not tags:
        raise BadArgument(argument, "there are no tags", "at least one tag")
    distinct: dict[str, str] = {}
    for tag in tags:
        distinct.setdefault(tag.strip().casefold(), tag.strip())
    for tag in distinct.values():
        if not 0 < len(tag) <= MAX_TAG_LENGTH:
            raise BadArgument(argument, f"a tag has {len(tag)} characters", f"tags of 1 to {MAX_TAG_LENGTH} characters")
        _check_visible(tag, argument)
    return list(distinct.values())


def check_text(text: str, argument: str) -> str:
    """Return the text unchanged.

    Raises:
        BadArgument: it contains half a character, which cannot be sent.
    """
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise BadArgument(argument, "it contains half a character (a lone surrogate)", "whole characters")
    return text


def check_raw(data: dict[str, JsonValue], argument: str = "raw_data") -> dict[str, JsonValue]:
    """Return the data of raw evidence unchanged.

    Raises:
        BadArgument: it is too large, nested too deeply, or contains numbers that JSON does not have.
    """
    try:
        size = len(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (ValueError, RecursionError):
        valid = "plain JSON without NaN or Infinity"
        raise BadArgument(argument, "this cannot be written as JSON", valid) from None
    if size > MAX_RAW_SIZE:
        raise BadArgument(argument, f"it has {size:,} bytes", f"at most {MAX_RAW_SIZE:,} bytes of JSON text")
    return data


def find_relative_dates(given: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, str]:
    """Return the dates that were typed relative to now, each by the time as which it was read."""
    return {fields[name]: text for name, text in given.items() if name == "date" and is_relative(text)}


def find_differences(sent: Mapping[str, str], event: Event) -> list[JsonValue]:
    """Return the fields whose value in an answer differs from the value sent, each with both values."""
    return [
        {"field": name, "sent": clean(value, MAX_NAME_LENGTH), "answered": clean(answered, MAX_NAME_LENGTH)}
        for name, value in sent.items()
        if name in event.model_fields_set and not is_same_value(name, value, answered := str(getattr(event, name)))
    ]


def is_same_value(name: str, one: str, other: str) -> bool:
    """Whether two values of an event's field mean the same: markings and dates have several spellings."""
    match BY_NAME[name].type if name in BY_NAME else "text":
        case "marking":
            return one.strip() == other.strip() or Tlp.parse(one) == Tlp.parse(other) is not None
        case "date":
            return _parse_instant(one) == _parse_instant(other)
        case "country":
            return one.strip().casefold() == other.strip().casefold()
        case _:
            return one.strip() == other.strip()


def _parse_instant(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _check_country(text: str, known: Sequence[Country], argument: str) -> str:
    """Return the ISO code of a country given by code, name or common alias."""
    if not known:
        return text
    if code := country_code(text, known):
        return code
    raise unknown_country(argument, text, known)


def _find_type(text: str, known: Sequence[str]) -> str:
    """Return the account's word for a type; without one, the usual name of a type of known kinds, or an empty text."""
    from cf1_mcp.indicators import find_types, type_meaning

    if found := find_types(text, known):
        return found[0]
    meaning = type_meaning(text)
    return meaning.name if meaning and meaning.kinds else ""


def _check_filled(text: str, argument: str) -> str:
    if not text.strip():
        raise BadArgument(argument, "it is empty", "a text that is not blank")
    return text


def _check_visible(text: str, argument: str) -> str:
    if escape_invisible(text) != text:
        raise BadArgument(
            argument, f"{_quote(text)} contains line breaks or invisible characters", "one line of visible text"
        )
    return text


def _quote(text: str) -> str:
    return repr(clean(text, MAX_NAME_LENGTH))
