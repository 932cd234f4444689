"""The indicators to look up: from a typed list, or extracted from a text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.search.conditions import MAX_VALUE_LENGTH
from cf1_mcp.text.defang import refang, refang_indicator

if TYPE_CHECKING:
    from cf1_mcp.indicators import Indicator

MAX_INDICATORS: Final = 10_000
# Values of no known kind, such as a mutex or a wallet, which are looked up as typed.
OTHER: Final = "other"
TOO_LONG: Final = f"longer than the {MAX_VALUE_LENGTH} characters that the API accepts"
UNSENDABLE: Final = "contains an unpaired surrogate, which is half a character"


@dataclass(frozen=True, slots=True)
class LookupTarget:
    """One indicator to look up.

    `spellings` are other spellings that events may contain. `fallbacks` of a URL, which are looked up too, are its host
    and its registered domain. `doubt` is the reason why it may not be an indicator, `obstacle` the reason why the value
    itself cannot be searched for.
    """

    value: str
    kind: str
    spellings: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    doubt: str = ""
    obstacle: str = ""

    @property
    def searched_values(self) -> list[str]:
        """The values to search for: the indicator itself, if that is possible, and its fallbacks."""
        return [*([] if self.obstacle else [self.value]), *self.fallbacks]


@dataclass(frozen=True)
class LookupInput:
    """The distinct targets of a list or a text.

    `refanged` and `duplicates` count values that were changed or dropped. `references` are a report's own links.
    `rejected` counts text that only looked like an indicator, by reason.
    """

    targets: Sequence[LookupTarget]
    refanged: int
    duplicates: int
    references: Sequence[str] = ()
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])


def comparison_key(value: str) -> str:
    """Return a key that ignores case, except in the path of a URL, where case is significant."""
    scheme, slashes, rest = value.strip().partition("://")
    host, slash, path = rest.partition("/") if slashes else scheme.partition("/")
    place = f"{scheme}://{host}" if slashes else host
    return place.casefold() + (slash + path if path else "")


def read_list(values: Sequence[str]) -> LookupInput:
    """Return the targets of typed values. Values of no known kind are looked up as typed.

    Raises:
        BadArgument: there are none, or too many.
    """
    from cf1_mcp.indicators import classify

    typed = [(value, used) for value in values if (used := refang_indicator(value))]
    if not typed:
        raise BadArgument("indicators", "the list is empty", f"1 to {MAX_INDICATORS:,} values")
    if len(values) > MAX_INDICATORS:
        raise BadArgument("indicators", f"{len(values):,} are too many", f"at most {MAX_INDICATORS:,} per call")
    found: dict[str, LookupTarget] = {}
    for value, used in typed:
        known = classify(value)
        one = _create_target(known, (used,)) if known else LookupTarget(used, OTHER, obstacle=_obstacle(used))
        found.setdefault(comparison_key(one.value), one)
    return LookupInput(
        targets=[*found.values()],
        refanged=sum(refang(value) != value for value, _ in typed),
        duplicates=len(typed) - len(found),
        rejected={"empty": len(values) - len(typed)} if len(typed) < len(values) else {},
    )


def read_text(text: str) -> LookupInput:
    """Return the indicators of a text, in their order.

    Raises:
        BadArgument: the text is empty, too long, or contains too many indicators.
    """
    from cf1_mcp.indicators import extract

    if not text.strip():
        raise BadArgument("text", "it is empty", "a text that contains indicators")
    read = extract(text)
    extracted = sorted((*read.indicators, *read.ambiguous), key=lambda one: one.offset)
    found: dict[str, LookupTarget] = {}
    for one in extracted:
        spellings = [f"{one.indicator.value}:{port}" for port in one.ports]
        found.setdefault(comparison_key(one.indicator.value), _create_target(one.indicator, spellings, one.ambiguous))
    return LookupInput(
        targets=[*found.values()],
        refanged=sum(one.defanged for one in extracted),
        duplicates=sum(one.count for one in extracted) - len(found),
        references=[one.indicator.value for one in read.references],
        rejected=read.rejected,
    )


def _create_target(found: "Indicator", spellings: Iterable[str], doubt: str = "") -> LookupTarget:
    value = found.value
    every = dict.fromkeys([*spellings, *_other_spellings(found)])
    return LookupTarget(
        value,
        found.kind,
        tuple(one for one in every if one != value and not _obstacle(one)),
        _fallbacks(value) if found.kind == "url" else (),
        doubt,
        _obstacle(value),
    )


def _other_spellings(found: "Indicator") -> list[str]:
    """Return other spellings of an indicator. How the live API compares values is not documented."""
    value = found.value
    match found.kind:
        case "ipv6":
            return [IPv6Address(value).exploded]
        case "md5" | "sha1" | "sha256":
            return [value.upper()]
        case "url":
            # RFC 3986: an empty path is equivalent to `/`.
            place = value.partition("://")[2]
            bare = place and not set(place.removesuffix("/")) & set("/?#")
            return [value.removesuffix("/") if value.endswith("/") else f"{value}/"] if bare else []
        case _:
            return []


def _fallbacks(url: str) -> tuple[str, ...]:
    from cf1_mcp.indicators import registered_domain, url_host

    host = url_host(url)
    if host is None:
        return ()
    return tuple(dict.fromkeys((host, registered_domain(host) or host)))


def _obstacle(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return UNSENDABLE
    return "" if len(value) <= MAX_VALUE_LENGTH else TOO_LONG
