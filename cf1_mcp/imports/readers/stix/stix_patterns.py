"""Reads STIX patterns that are a plain list of indicators."""

import re
from typing import Final, NamedTuple

_TEXT: Final = r"'(?:[^'\\]|\\.)*+'"
_PLAIN: Final = r"(?:-?\d++(?:\.\d++)?+|true\b|false\b)"
_VALUE: Final = rf"(?:{_TEXT}|{_PLAIN})"
# A comparison of an observable's property with a value, or with several by IN: `domain-name:value = 'x'`. ISSUBSET is
# how a range of addresses is written. It is tried at one place only, and no part of it gives back what it matched, so
# that every pattern takes linear time.
_COMPARISON: Final = re.compile(
    r"(?P<path>[a-z0-9-]++:[\w.'\[\]*-]++)\s*+(?P<op>==?|IN\b|ISSUBSET\b)\s*+"
    rf"(?P<values>{_VALUE}|\(\s*+{_VALUE}(?:\s*+,\s*+{_VALUE})*+\s*+\))",
    re.DOTALL,
)
_QUOTED: Final = re.compile(rf"'((?:[^'\\]|\\.)*+)'|({_PLAIN})", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
# Allowed between comparisons. NOT, LIKE, FOLLOWEDBY and qualifiers mean more than a list of values.
_BETWEEN: Final = re.compile(r"(?:\s|[\[\]()]|\bOR\b|\bAND\b)*+")
_ADDRESS: Final = re.compile(r"[0-9.]+(?:/\d{1,2})?|[0-9a-f:.]*:[0-9a-f:.]*(?:/\d{1,3})?", re.IGNORECASE)
_INDEX: Final = re.compile(r"\[(?:\*|\d+)\]")
MAX_PATTERN_LENGTH: Final = 100_000
ADDRESS_OR_NAME: Final = "ip or domain"
_INDICATOR_TYPES: Final = {
    "domain-name:value": "domain",
    "ipv4-addr:value": "ip",
    "ipv6-addr:value": "ip",
    "url:value": "url",
    "email-addr:value": "email",
    "email-message:from_ref.value": "email",
    "email-message:sender_ref.value": "email",
    "domain-name:resolves_to_refs.value": ADDRESS_OR_NAME,
    "network-traffic:dst_ref.value": ADDRESS_OR_NAME,
    "network-traffic:src_ref.value": ADDRESS_OR_NAME,
    "autonomous-system:number": "asn",
}
_HASHES: Final = ("file:hashes", "artifact:hashes")
# Conditions beside a value, which narrow it down. The evidence of the event keeps the whole pattern.
_IGNORED: Final = re.compile(
    r"file:(?:name|size|name_enc|mime_type|parent_directory_ref\.path)|artifact:mime_type|"
    r"network-traffic:(?:(?:src|dst)_(?:port|ref\.type)|protocols|is_active)|domain-name:resolves_to_refs\.type|"
    r"email-message:(?:subject|is_multipart)"
)


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
        path = _INDEX.sub("", comparison["path"])
        kind = "hash" if path.startswith(_HASHES) else _INDICATOR_TYPES.get(path)
        if kind is None and not _IGNORED.fullmatch(path):
            return []
        if comparison["op"] == "ISSUBSET" and kind not in ("ip", ADDRESS_OR_NAME):
            return []
        for quoted, plain in _QUOTED.findall(comparison["values"]):
            value = _ESCAPED.sub(r"\1", quoted).strip() or str(plain)
            if kind is not None and value:
                found[_type_value(value, kind)] = None
    return list(found) if at == len(pattern) else []


def _type_value(value: str, kind: str) -> PatternValue:
    if kind == ADDRESS_OR_NAME:
        return PatternValue(value, "ip" if _ADDRESS.fullmatch(value) else "domain")
    return PatternValue(f"AS{value}" if kind == "asn" and value.isdecimal() else value, kind)


def _skip(pattern: str, at: int) -> int:
    """Return the place behind what is allowed between comparisons."""
    between = _BETWEEN.match(pattern, at)
    return between.end() if between else at
