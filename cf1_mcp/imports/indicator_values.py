"""How the indicators of a file are read: each value held to its type, and a missing type inferred.

Everything that an import asks of an indicator is asked here, so that one function decides what a value is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cf1_mcp.exports.observables import normalize_domain
from cf1_mcp.indicators import classify
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Types by the words that files use for them, in lower case without spaces and punctuation; the first word of each is
# the one that accounts usually have.
_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "ip": ("ip", "ipv4", "ipv6", "ipaddress", "ipv4addr", "ipv6addr", "address", "cidr", "ipdst", "ipsrc", "netblock"),
    "domain": ("domain", "hostname", "fqdn", "domainname", "host"),
    "url": ("url", "uri", "link"),
    "email": ("email", "emailaddress", "emailaddr", "mail", "emailsrc", "emaildst"),
    "hash": (
        *("hash", "filehash", "md5", "sha1", "sha256", "sha512", "sha384", "sha224", "checksum", "filehashmd5"),
        *("filehashsha1", "filehashsha256", "md5hash", "sha1hash", "sha256hash", "sha512hash", "ssdeep", "imphash"),
        "tlsh",
    ),
    "ja3": ("ja3", "ja3fingerprint", "ja3fingerprintmd5", "ja3hash"),
    "ja4": ("ja4",),
    "cve": ("cve", "vulnerability", "cveid"),
    "asn": ("asn", "as", "autonomoussystem"),
}
_BASE: Final[Mapping[str, str]] = {word: base for base, words in _WORDS.items() for word in words}
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "ip": frozenset({"ipv4", "ipv6", "cidr"}),
    "domain": frozenset({"domain"}),
    "url": frozenset({"url", "domain", "ipv4", "ipv6"}),
    "email": frozenset({"email"}),
    "hash": frozenset({"md5", "sha1", "sha256"}),
    "ja3": frozenset({"md5"}),
    "ja4": frozenset({"ja4"}),
    "cve": frozenset({"cve"}),
    "asn": frozenset({"asn"}),
}
_TYPE_OF_KIND: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ipv4", "ipv6", "cidr"), "ip"),
    **dict.fromkeys(("md5", "sha1", "sha256"), "hash"),
}
# Digests that are not recognised without their type.
_OTHER_DIGEST: Final = re.compile(
    r"[0-9a-f]{56}|[0-9a-f]{96}|[0-9a-f]{128}|\d+:[\w/+]+:[\w/+]+|(?:t1)?[0-9a-f]{70}", re.IGNORECASE
)
_DIGITS: Final = re.compile(r"\d{1,10}")
_MAILBOX: Final = re.compile(r"[^<>]*<\s*([^<>\s]+@[^<>\s]+)\s*>")
_SEPARATORS: Final = re.compile(r"[\s,;|]+")
MAX_VALUES: Final = 100


class TypedValue(NamedTuple):
    """An indicator, and the types that an account may have for it, the likeliest first; none if it is not known."""

    value: str
    types: Sequence[str]


class ReadIndicators(NamedTuple):
    """The indicators of one text, or its problem."""

    values: Sequence[TypedValue] = ()
    problem: str = ""


def read_indicators(text: str, kind: str | None = None) -> ReadIndicators:
    """Return the indicators of a text, which is usually one, typed `kind` or by its own form."""
    plain = refang_indicator(text) if not (mailbox := _MAILBOX.fullmatch(text.strip())) else mailbox[1]
    base = base_type(kind) if kind else None
    if kind and base is None:
        return ReadIndicators([TypedValue(plain, [kind])])
    if found := _read_one(plain, kind, base):
        return ReadIndicators([found])
    if several := _read_several(text, kind, base):
        return ReadIndicators(several)
    shown = repr(clean(text, MAX_NAME_LENGTH, value=True))
    if kind:
        return ReadIndicators(problem=f"indicator: {shown} is not of type {clean(kind, MAX_NAME_LENGTH)}")
    if is_type_word(text):
        return ReadIndicators(problem=f"indicator: {shown} names a type and is not an indicator")
    return ReadIndicators([TypedValue(plain, [])])


def base_type(word: str) -> str | None:
    """Return the type that a word means, None if it is a type of the account's own."""
    normalized = re.sub(r"[\W_]+", "", word).lower()
    return _BASE.get(normalized) or _BASE.get(re.sub("(?:indicator|ioc|value|type)s?$", "", normalized))


def is_indicator(text: str) -> bool:
    """Whether a text has the form of an indicator of any type."""
    return classify(text) is not None or _OTHER_DIGEST.fullmatch(text.strip()) is not None


def is_type_word(text: str) -> bool:
    """Whether a text names a type of indicators, such as `ip address` or `SHA256 hash`."""
    return base_type(text) is not None


def list_types(base: str) -> list[str]:
    """Return the words for a type, the most usual first."""
    return [*_WORDS.get(base, (base,))]


def _read_one(plain: str, kind: str | None, base: str | None) -> TypedValue | None:
    found = classify(plain)
    if base is None:
        if found:
            return TypedValue(plain, list_types(_TYPE_OF_KIND.get(found.kind, found.kind)))
        return TypedValue(plain, list_types("hash")) if _OTHER_DIGEST.fullmatch(plain) else None
    fits = (found is not None and found.kind in _KINDS[base]) or _fits(plain, base)
    return TypedValue(plain, list(dict.fromkeys([kind or base, *list_types(base)]))) if fits else None


def _fits(plain: str, base: str) -> bool:
    """Whether a value that is not recognised without its type has the form of it."""
    match base:
        case "hash":
            return _OTHER_DIGEST.fullmatch(plain) is not None
        case "domain":
            return normalize_domain(plain.removeprefix("*.").rpartition(":")[0] or plain.removeprefix("*.")) is not None
        case "email":
            mailbox, _, host = plain.rpartition("@")
            return bool(mailbox) and not re.search(r"[\s<>,;]", mailbox) and normalize_domain(host) is not None
        case "url":
            return "://" in plain and not re.match(r"[a-z0-9+.-]+://(?:[\s/]|$)", plain, re.IGNORECASE)
        case "asn":
            return _DIGITS.fullmatch(plain) is not None
        case _:
            return False


def _read_several(text: str, kind: str | None, base: str | None) -> list[TypedValue]:
    """Return the indicators of a text that is a list of them; none if one part of it is not."""
    parts = [part for part in _SEPARATORS.split(text.strip()) if part]
    if not 1 < len(parts) <= MAX_VALUES:
        return []
    values: dict[str, TypedValue] = {}
    for part in parts:
        found = _read_one(refang_indicator(part), kind, base)
        if found is None:
            return []
        values.setdefault(found.value, found)
    return [*values.values()]
