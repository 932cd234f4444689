"""Reads STIX patterns that are a plain list of indicators."""

import re
from typing import Final, NamedTuple

_TEXT: Final = r"'(?:[^'\\]|\\.)*+'"
# A comparison of an observable's property with a text, or with several by IN: `domain-name:value = 'x'`. It is tried at
# one place only, and no part of it gives back what it matched, so that every pattern takes linear time.
_COMPARISON: Final = re.compile(
    r"(?P<path>[a-z0-9-]++:[\w.'\[\]*-]++)\s*+(?P<op>=|IN)\s*+"
    rf"(?P<values>{_TEXT}|\(\s*+{_TEXT}(?:\s*+,\s*+{_TEXT})*+\s*+\))",
    re.DOTALL,
)
_VALUE: Final = re.compile(r"'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
# Allowed between comparisons. NOT, LIKE, FOLLOWEDBY and qualifiers mean more than a list of values.
_BETWEEN: Final = re.compile(r"(?:\s|[\[\]()]|\bOR\b|\bAND\b)*+")
MAX_PATTERN_LENGTH: Final = 100_000
_INDICATOR_TYPES: Final = {
    "domain-name:value": "domain",
    "ipv4-addr:value": "ip",
    "ipv6-addr:value": "ip",
    "url:value": "url",
    "email-addr:value": "email",
    "email-message:from_ref.value": "email",
    "email-message:sender_ref.value": "email",
    "network-traffic:dst_ref.value": "ip",
    "network-traffic:src_ref.value": "ip",
}
_IGNORED_PATHS: Final = ("file:name", "file:size", "network-traffic:dst_port", "network-traffic:src_port")


class PatternValue(NamedTuple):
    """An indicator and the type that accounts usually give it."""

    value: str
    type: str


def read_pattern(pattern: str) -> list[PatternValue]:
    """Return the distinct indicators of a pattern; none if it is not a plain list of alternative values."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        return []
    found: dict[PatternValue, None] = {}
    at = _skip(pattern, 0)
    while comparison := _COMPARISON.match(pattern, at):
        at = _skip(pattern, comparison.end())
        path = comparison["path"]
        kind = "hash" if path.startswith(("file:hashes", "artifact:hashes")) else _INDICATOR_TYPES.get(path)
        if kind is None and path not in _IGNORED_PATHS:
            return []
        for value in _VALUE.findall(comparison["values"]):
            if kind is not None and (plain := _ESCAPED.sub(r"\1", value).strip()):
                found[PatternValue(plain, kind)] = None
    return list(found) if at == len(pattern) else []


def _skip(pattern: str, at: int) -> int:
    """Return the place behind what is allowed between comparisons."""
    between = _BETWEEN.match(pattern, at)
    return between.end() if between else at
