"""How the indicators of a row are read: in their canonical form, and held to their type."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Words that files add to the name of a type, such as `SHA256 hash` or `ip indicator`.
_ADDED_WORDS: Final = frozenset({"indicator", "indicators", "ioc", "iocs", "type", "value", "hash", "address"})
MAX_VALUES: Final = 100
# What tables write in a cell without a value.
_NO_VALUE: Final = frozenset(
    {"-", "--", "---", "\u2013", "\u2014", "?", "n/a", "#n/a", "na", "none", "null", "nil", "nan", "unknown", "n.a."}
)


class RowIndicators(NamedTuple):
    """The indicators of one text in their canonical form, or the problem with it."""

    values: Sequence[str] = ()
    problem: str = ""


def read_indicators(text: str, kind: str | None = None) -> RowIndicators:
    """Return the indicators of a text, which is usually one. With a type, each of them must be of it.

    A text of no known kind is kept as a value of the account's own, unless it names a type.
    """
    # Here, because only few calls need the recognition of indicators.
    from cf1_mcp import indicators

    shown = repr(clean(text, MAX_NAME_LENGTH, value=True))
    if one := indicators.read_indicator(text, kind or ""):
        if one.kind == "other" and not kind and is_type_word(text):
            return RowIndicators(problem=f"indicator: {shown} names a type and is not an indicator")
        return RowIndicators([one.value])
    several = [one for one in indicators.read_indicators(text) if not one.is_inner]
    fitting = [indicators.read_indicator(one.value, kind or "") for one in several]
    if 1 < len(several) <= MAX_VALUES and all(one and (kind or one.kind != "other") for one in fitting):
        return RowIndicators(list(dict.fromkeys(one.value for one in fitting if one)))
    if kind:
        return RowIndicators(problem=f"indicator: {shown} is not of type {clean(kind, MAX_NAME_LENGTH)}")
    return RowIndicators([text.strip()])


def is_indicator(text: str) -> bool:
    """Return whether a text is an indicator of a known kind."""
    from cf1_mcp import indicators

    found = indicators.read_indicator(text) or indicators.read_indicator(text, "hash")
    return found is not None and (found.kind != "other" or found.value != text.strip())


def is_blank(text: str) -> bool:
    """Return whether a cell has no value, such as an empty one or `N/A`."""
    return not (word := text.strip()) or word.casefold() in _NO_VALUE


def is_type_word(text: str) -> bool:
    """Return whether a text names a type of indicators, such as `ip address` or `SHA256 hash`."""
    from cf1_mcp.indicators import type_meaning

    words = text.split()
    while len(words) > 1 and words[-1].casefold() in _ADDED_WORDS and not type_meaning(" ".join(words)):
        words.pop()
    return type_meaning(" ".join(words)) is not None
