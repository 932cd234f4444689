"""The indicators to look up: from a typed list, or extracted from a text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from cf1_mcp.errors import BadArgument
from cf1_mcp.search.conditions import MAX_VALUE_LENGTH
from cf1_mcp.text.defang import refang, refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

if TYPE_CHECKING:
    from cf1_mcp.indicators import ReadIndicator

MAX_INDICATORS: Final = 10_000
# Values of one typed text that `read_as` names, and ports that are looked up with an address.
MAX_SHOWN_VALUES: Final = 3
MAX_PORTS: Final = 3
TOO_LONG: Final = f"longer than the {MAX_VALUE_LENGTH} characters that the API accepts"
UNSENDABLE: Final = "contains an unpaired surrogate, which is half a character"


@dataclass(frozen=True, slots=True)
class Fallback:
    """What is looked up besides an indicator, in case that is unknown: `label` says what it is of the indicator."""

    label: Literal["URL", "host", "domain"]
    value: str


@dataclass(frozen=True, slots=True)
class LookupTarget:
    """One indicator to look up.

    `spellings` are other spellings that events may contain. `fallbacks` of a URL are the URL without its query, its
    host and its registered domain; that of a host is its registered domain. `doubt` is the reason why it may not be an
    indicator, `obstacle` the reason why the value itself cannot be searched for.
    """

    value: str
    kind: str
    spellings: tuple[str, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    doubt: str = ""
    obstacle: str = ""

    @property
    def searched_values(self) -> list[str]:
        """The values to search for: the indicator itself, if that is possible, and its fallbacks."""
        return [*([] if self.obstacle else [self.value]), *(one.value for one in self.fallbacks)]


@dataclass(frozen=True)
class LookupInput:
    """The distinct targets of a list or a text.

    `refanged` and `duplicates` count values that were changed or dropped. `readings` are values that were read
    otherwise than typed, beyond that. `references` are a report's own links. `rejected` counts text that only looked
    like an indicator, by reason.
    """

    targets: Sequence[LookupTarget]
    refanged: int
    duplicates: int
    readings: Sequence[str] = ()
    references: Sequence[str] = ()
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])


def comparison_key(value: str) -> str:
    """Return a key that ignores case, except in the path of a URL, where case is significant."""
    scheme, slashes, rest = value.strip().partition("://")
    host, slash, path = rest.partition("/") if slashes else scheme.partition("/")
    place = f"{scheme}://{host}" if slashes else host
    return place.casefold() + (slash + path if path else "")


def read_list(values: Sequence[str]) -> LookupInput:
    """Return the targets of typed values: every indicator of each. Values of no known kind are looked up as typed.

    Raises:
        BadArgument: there are none, or too many.
    """
    from cf1_mcp.indicators import read_indicators

    if len(values) > MAX_INDICATORS:
        raise BadArgument("indicators", f"{len(values):,} are too many", f"at most {MAX_INDICATORS:,} per call")
    found: dict[str, LookupTarget] = {}
    readings: dict[str, None] = {}
    references: dict[str, None] = {}
    count = empty = 0
    for value in values:
        read = read_indicators(value)
        empty += not read
        references |= {one.value: None for one in read if one.is_reference}
        looked_up = [one for one in read if not one.is_reference]
        count += len(looked_up)
        for one in looked_up:
            found.setdefault(comparison_key(one.value), _create_target(one.kind, one.value, one.spellings))
        if reading := _describe_reading(value, looked_up):
            readings[reading] = None
    if not found:
        raise BadArgument("indicators", "the list is empty", f"1 to {MAX_INDICATORS:,} values")
    if len(found) > MAX_INDICATORS:
        raise BadArgument("indicators", f"they contain {len(found):,} values", f"at most {MAX_INDICATORS:,} per call")
    return LookupInput(
        targets=[*found.values()],
        refanged=sum(refang(value) != value for value in values if value.strip()),
        duplicates=count - len(found),
        readings=[*readings],
        references=[*references],
        rejected={"empty": empty} if empty else {},
    )


def _describe_reading(typed: str, read: Sequence["ReadIndicator"]) -> str:
    """Return how a value was read, if that is more than refanging it and leaving its case and blanks alone."""
    values = [one.value for one in read]
    if not values or (len(values) == 1 and comparison_key(refang_indicator(typed)) == comparison_key(values[0])):
        return ""
    shown = [f"{clean(one, MAX_NAME_LENGTH)}" for one in values[:MAX_SHOWN_VALUES]]
    more = f" and {len(values) - MAX_SHOWN_VALUES} more" if len(values) > MAX_SHOWN_VALUES else ""
    return f"'{clean(typed.strip(), MAX_NAME_LENGTH)}' as {' and '.join(shown)}{more}"


def read_text(text: str) -> LookupInput:
    """Return the indicators of a text, in their order.

    Raises:
        BadArgument: the text is empty, too long, or contains too many indicators.
    """
    from cf1_mcp.indicators import extract, other_spellings

    if not text.strip():
        raise BadArgument("text", "it is empty", "a text that contains indicators")
    read = extract(text)
    extracted = sorted((*read.indicators, *read.ambiguous), key=lambda one: one.offset)
    found: dict[str, LookupTarget] = {}
    for one in extracted:
        known = one.indicator
        ports = [f"{known.value}:{port}" for port in one.ports[:MAX_PORTS]]
        target = _create_target(known.kind, known.value, [*ports, *other_spellings(known)], one.ambiguous)
        found.setdefault(comparison_key(known.value), target)
    return LookupInput(
        targets=[*found.values()],
        refanged=sum(one.defanged for one in extracted),
        duplicates=sum(one.count for one in extracted) - len(found),
        references=[one.indicator.value for one in read.references],
        rejected=read.rejected,
    )


def _create_target(kind: str, value: str, spellings: Iterable[str], doubt: str = "") -> LookupTarget:
    return LookupTarget(
        value,
        kind,
        tuple(one for one in dict.fromkeys(spellings) if one != value and not _obstacle(one)),
        _fallbacks(kind, value),
        doubt,
        _obstacle(value),
    )


def _fallbacks(kind: str, value: str) -> tuple[Fallback, ...]:
    from cf1_mcp.indicators import registered_domain, url_host

    found: list[Fallback] = []
    host = value
    if kind == "url":
        bare = re.split("[?#]", value, maxsplit=1)[0]
        host = url_host(value) or ""
        if "/" in bare.partition("://")[2].rstrip("/") and not _obstacle(bare):
            found.append(Fallback("URL", bare))
        if host:
            found.append(Fallback("host", host))
    if kind in ("url", "domain") and (domain := registered_domain(host)):
        found.append(Fallback("domain", domain))
    distinct: dict[str, Fallback] = {}
    for one in found:
        if one.value != value:
            distinct.setdefault(one.value, one)
    return tuple(distinct.values())


def _obstacle(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return UNSENDABLE
    return "" if len(value) <= MAX_VALUE_LENGTH else TOO_LONG
