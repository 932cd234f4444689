"""An event's indicator as a typed, validated value in one spelling."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import quote

from cf1_mcp.models import Event
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.sanitize import escape_invisible


class ObservableKind(StrEnum):
    """The kinds of indicators that other systems have names for."""

    DOMAIN = "domain"
    IP = "ip"
    NETWORK = "network"
    URL = "url"
    EMAIL = "email"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"
    CERTIFICATE = "certificate"
    JA3 = "ja3"
    CVE = "cve"
    ASN = "asn"
    FILENAME = "filename"


HASHES: Final[Mapping[int, ObservableKind]] = {
    32: ObservableKind.MD5,
    40: ObservableKind.SHA1,
    64: ObservableKind.SHA256,
    128: ObservableKind.SHA512,
}
"""The kind of a file hash, by its number of hexadecimal digits."""

# Browsers and proxies accept URLs of a few thousand characters; longer values are not addresses.
MAX_VALUE_LENGTH: Final = 8_192
MAX_DOMAIN_LENGTH: Final = 253

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# File names in real URLs contain spaces; they are percent-encoded like non-ASCII characters.
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+(?:[/?#].*)?", re.IGNORECASE)
_MAILBOX: Final = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9a-f]+")
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII)
_ASN: Final = re.compile(r"(?:AS)?(\d{1,10})", re.ASCII | re.IGNORECASE)
_PRINTABLE: Final = "".join(chr(code) for code in range(0x21, 0x7F))


@dataclass(frozen=True)
class Observable:
    """An indicator whose value is valid for its kind, refanged, and in lower case if case is not significant."""

    kind: ObservableKind
    value: str


def read_observable(event: Event) -> Observable | None:
    """Return the event's indicator; None if it has none, its type is unknown, or it is not valid for its type.

    A value that is stored with a port, a wildcard or something else around it is read in its canonical form.
    """
    from cf1_mcp.indicators import read_indicator, type_meaning

    meaning = type_meaning(event.indicator_type)
    parse = _PARSERS.get(meaning.name) if meaning else None
    value = event.indicator.strip()
    if parse is None or not value or len(value) > MAX_VALUE_LENGTH:
        return None
    if (found := parse(value)) or not (meaning and meaning.kinds):
        return found
    read = read_indicator(value, event.indicator_type)
    return parse(read.value) if read else None


def normalize_domain(text: str) -> str | None:
    """Return the name in lower case and Punycode, without a trailing dot; None if it is not a name of two labels."""
    name = text.lower().removesuffix(".")
    if not name.isascii():
        try:
            # Longer names are rejected first, because the codec takes quadratic time.
            name = name.encode("idna").decode("ascii").lower() if len(name) <= MAX_DOMAIN_LENGTH else ""
        except UnicodeError:
            return None
    labels = name.split(".")
    valid = len(name) <= MAX_DOMAIN_LENGTH and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    return name if valid and not labels[-1].isdecimal() else None


def _domain(value: str) -> Observable | None:
    name = normalize_domain(refang_indicator(value))
    return Observable(ObservableKind.DOMAIN, name) if name else None


def _address(value: str) -> Observable | None:
    text = refang_indicator(value)
    if "%" in text:
        return None
    try:
        if "/" in text:
            network = ip_network(text, strict=False)
            whole = network.prefixlen == network.max_prefixlen
            return (
                Observable(ObservableKind.IP, str(network[0]))
                if whole
                else Observable(ObservableKind.NETWORK, str(network))
            )
        return Observable(ObservableKind.IP, str(ip_address(text)))
    except ValueError:
        return None


def _url(value: str) -> Observable | None:
    text = refang_indicator(value)
    if not _URL.fullmatch(text) or not text.isprintable():
        return None
    scheme, rest = text.split("://", 1)
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    if not host.isascii():
        # A host is not percent-encoded but converted to Punycode, and the URL is left out if that fails.
        name = normalize_domain(host)
        if name is None:
            return None
        rest = name + rest[len(host) :]
    return Observable(ObservableKind.URL, f"{scheme.lower()}://{quote(rest, safe=_PRINTABLE)}")


def _email(value: str) -> Observable | None:
    mailbox, _, host = refang_indicator(value).rpartition("@")
    name = normalize_domain(host)
    return Observable(ObservableKind.EMAIL, f"{mailbox}@{name}") if name and _MAILBOX.fullmatch(mailbox) else None


def _hash(value: str) -> Observable | None:
    digest = value.lower()
    kind = HASHES.get(len(digest))
    return Observable(kind, digest) if kind and _HEX.fullmatch(digest) else None


def _certificate(value: str) -> Observable | None:
    digest = value.lower().replace(":", "")
    return Observable(ObservableKind.CERTIFICATE, digest) if len(digest) in HASHES and _HEX.fullmatch(digest) else None


def _ja3(value: str) -> Observable | None:
    digest = value.lower()
    return Observable(ObservableKind.JA3, digest) if len(digest) == 32 and _HEX.fullmatch(digest) else None


def _cve(value: str) -> Observable | None:
    name = value.upper()
    return Observable(ObservableKind.CVE, name) if _CVE.fullmatch(name) else None


def _asn(value: str) -> Observable | None:
    found = _ASN.fullmatch(value)
    return Observable(ObservableKind.ASN, str(int(found[1]))) if found and int(found[1]) < 2**32 else None


def _filename(value: str) -> Observable | None:
    return Observable(ObservableKind.FILENAME, value) if escape_invisible(value) == value else None


_PARSERS: Final[Mapping[str, Callable[[str], Observable | None]]] = {
    "domain": _domain,
    **dict.fromkeys(("ip", "cidr"), _address),
    "url": _url,
    "email": _email,
    "hash": _hash,
    "certificate": _certificate,
    "ja3": _ja3,
    "cve": _cve,
    "asn": _asn,
    "filename": _filename,
}
