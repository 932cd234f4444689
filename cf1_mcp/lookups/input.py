"""What a look-up is asked about: indicators as they were typed, or as they stand in a text."""

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
# Types of an account's own, such as a mutex or a wallet: asked for as they stand.
OTHER: Final = "other"
TOO_LONG: Final = f"longer than the {MAX_VALUE_LENGTH} characters that the API takes"
UNSENDABLE: Final = "holds half a character"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One indicator to look up.

    `forms` are other spellings under which events may hold it, `wider` what a URL is tried as besides: its host, then
    its registered domain. `doubt` says why it may be no indicator, `obstacle` why it cannot be asked for itself.
    """

    value: str
    kind: str
    forms: tuple[str, ...] = ()
    wider: tuple[str, ...] = ()
    doubt: str = ""
    obstacle: str = ""


@dataclass(frozen=True)
class Intake:
    """What was recognised, once each. `refanged` and `duplicates` count what was read otherwise than it was given;
    `references` are a report's own links; `rejected` counts what only looked like an indicator, by reason.
    """

    wanted: Sequence[Wanted]
    refanged: int
    duplicates: int
    references: Sequence[str] = ()
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])


def comparable(value: str) -> str:
    """A value as it compares with others: whatever its case, save the path of a URL, which is the server's own."""
    scheme, slashes, rest = value.strip().partition("://")
    host, slash, path = rest.partition("/") if slashes else scheme.partition("/")
    place = f"{scheme}://{host}" if slashes else host
    return place.casefold() + (slash + path if path else "")


def read_list(values: Sequence[str]) -> Intake:
    """Indicators as people or models type them. What is none of the known kinds is asked for as it stands.

    Raises:
        BadArgument: there are none, or too many.
    """
    from cf1_mcp.indicators import classify

    typed = [(value, used) for value in values if (used := refang_indicator(value))]
    if not typed:
        raise BadArgument("indicators", "there are none", f"1 to {MAX_INDICATORS:,} values")
    if len(values) > MAX_INDICATORS:
        raise BadArgument("indicators", f"{len(values):,} are too many", f"at most {MAX_INDICATORS:,} a call")
    found: dict[str, Wanted] = {}
    for value, used in typed:
        known = classify(value)
        one = _wanted(known, (used,)) if known else Wanted(used, OTHER, obstacle=_obstacle(used))
        found.setdefault(comparable(one.value), one)
    return Intake(
        wanted=[*found.values()],
        refanged=sum(refang(value) != value for value, _ in typed),
        duplicates=len(typed) - len(found),
        rejected={"empty": len(values) - len(typed)} if len(typed) < len(values) else {},
    )


def read_text(text: str) -> Intake:
    """The indicators of a whole text, in its order.

    Raises:
        BadArgument: the text is empty or too long, or holds too many.
    """
    from cf1_mcp.indicators import extract

    if not text.strip():
        raise BadArgument("text", "it is empty", "a text that holds indicators")
    read = extract(text)
    sightings = sorted((*read.indicators, *read.ambiguous), key=lambda one: one.offset)
    found: dict[str, Wanted] = {}
    for one in sightings:
        forms = [f"{one.indicator.value}:{port}" for port in one.ports]
        found.setdefault(comparable(one.indicator.value), _wanted(one.indicator, forms, one.ambiguous))
    return Intake(
        wanted=[*found.values()],
        refanged=sum(one.defanged for one in sightings),
        duplicates=sum(one.count for one in sightings) - len(found),
        references=[one.indicator.value for one in read.references],
        rejected=read.rejected,
    )


def _wanted(found: "Indicator", forms: Iterable[str], doubt: str = "") -> Wanted:
    value = found.value
    every = dict.fromkeys([*forms, *_other_forms(found)])
    return Wanted(
        value,
        found.kind,
        tuple(form for form in every if form != value and not _obstacle(form)),
        _wider(value) if found.kind == "url" else (),
        doubt,
        _obstacle(value),
    )


def _other_forms(found: "Indicator") -> list[str]:
    """Spellings of the same thing. How the live API compares is unpublished."""
    value = found.value
    match found.kind:
        case "ipv6":
            return [IPv6Address(value).exploded]
        case "md5" | "sha1" | "sha256":
            return [value.upper()]
        case "url":
            # RFC 3986: an empty path is the root's.
            place = value.partition("://")[2]
            bare = place and not set(place.removesuffix("/")) & set("/?#")
            return [value.removesuffix("/") if value.endswith("/") else f"{value}/"] if bare else []
        case _:
            return []


def _wider(url: str) -> tuple[str, ...]:
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
