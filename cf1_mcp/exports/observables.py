"""What an event's indicator is: its kind and its value in one spelling, where it is valid for its type."""

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


class Kind(StrEnum):
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


HASHES: Final[Mapping[int, Kind]] = {32: Kind.MD5, 40: Kind.SHA1, 64: Kind.SHA256, 128: Kind.SHA512}
"""The hash of a file, by the number of its hexadecimal digits."""

# Longer values are no addresses: browsers and proxies take URLs of some thousands of characters.
MAX_VALUE_LENGTH: Final = 8_192
MAX_DOMAIN_LENGTH: Final = 253

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Names of files in real addresses have spaces; they are percent-encoded like all that ASCII lacks.
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+(?:[/?#].*)?", re.IGNORECASE)
_MAILBOX: Final = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9a-f]+")
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII)
_ASN: Final = re.compile(r"(?:AS)?(\d{1,10})", re.ASCII | re.IGNORECASE)
_PRINTABLE: Final = "".join(chr(code) for code in range(0x21, 0x7F))


@dataclass(frozen=True)
class Observable:
    """An indicator whose value is valid for its kind, fanged and in lower case where case says nothing."""

    kind: Kind
    value: str


def observable(event: Event) -> Observable | None:
    """What the event's indicator is; None where it has none, of an unknown type, or not valid for its type."""
    read = _READERS.get(type_word(event.indicator_type))
    value = event.indicator.strip()
    if read is None or not value or len(value) > MAX_VALUE_LENGTH:
        return None
    return read(value)


def type_word(indicator_type: str) -> str:
    """The type without case and punctuation, which the API does not keep alike: `SHA-256`, `sha256`."""
    return re.sub("[^a-z0-9]", "", indicator_type.lower())


def domain_name(text: str) -> str | None:
    """The name in lower case and Punycode, without the root's dot; None where the text is no name with two labels."""
    name = text.lower().removesuffix(".")
    if not name.isascii():
        try:
            # Longer labels than DNS has are refused first: the codec takes quadratic time.
            name = name.encode("idna").decode("ascii").lower() if len(name) <= MAX_DOMAIN_LENGTH else ""
        except UnicodeError:
            return None
    labels = name.split(".")
    valid = len(name) <= MAX_DOMAIN_LENGTH and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    return name if valid and not labels[-1].isdecimal() else None


def _domain(value: str) -> Observable | None:
    name = domain_name(refang_indicator(value))
    return Observable(Kind.DOMAIN, name) if name else None


def _address(value: str) -> Observable | None:
    text = refang_indicator(value)
    if "%" in text:
        return None
    try:
        if "/" in text:
            network = ip_network(text, strict=False)
            whole = network.prefixlen == network.max_prefixlen
            return Observable(Kind.IP, str(network[0])) if whole else Observable(Kind.NETWORK, str(network))
        return Observable(Kind.IP, str(ip_address(text)))
    except ValueError:
        return None


def _url(value: str) -> Observable | None:
    text = refang_indicator(value)
    if not _URL.fullmatch(text) or not text.isprintable():
        return None
    scheme, rest = text.split("://", 1)
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    if not host.isascii():
        # A host is no path: it goes by Punycode, and is left out where it has none.
        name = domain_name(host)
        if name is None:
            return None
        rest = name + rest[len(host) :]
    return Observable(Kind.URL, f"{scheme.lower()}://{quote(rest, safe=_PRINTABLE)}")


def _email(value: str) -> Observable | None:
    mailbox, _, host = refang_indicator(value).rpartition("@")
    name = domain_name(host)
    return Observable(Kind.EMAIL, f"{mailbox}@{name}") if name and _MAILBOX.fullmatch(mailbox) else None


def _hash(value: str) -> Observable | None:
    digest = value.lower()
    kind = HASHES.get(len(digest))
    return Observable(kind, digest) if kind and _HEX.fullmatch(digest) else None


def _certificate(value: str) -> Observable | None:
    digest = value.lower().replace(":", "")
    return Observable(Kind.CERTIFICATE, digest) if len(digest) in HASHES and _HEX.fullmatch(digest) else None


def _ja3(value: str) -> Observable | None:
    digest = value.lower()
    return Observable(Kind.JA3, digest) if len(digest) == 32 and _HEX.fullmatch(digest) else None


def _cve(value: str) -> Observable | None:
    name = value.upper()
    return Observable(Kind.CVE, name) if _CVE.fullmatch(name) else None


def _asn(value: str) -> Observable | None:
    found = _ASN.fullmatch(value)
    return Observable(Kind.ASN, str(int(found[1]))) if found and int(found[1]) < 2**32 else None


def _filename(value: str) -> Observable | None:
    return Observable(Kind.FILENAME, value) if escape_invisible(value) == value else None


_READERS: Final[Mapping[str, Callable[[str], Observable | None]]] = {
    **dict.fromkeys(("domain", "hostname", "fqdn", "domainname"), _domain),
    **dict.fromkeys(("ip", "ipv4", "ipv6", "ipaddress", "cidr"), _address),
    **dict.fromkeys(("url", "uri"), _url),
    **dict.fromkeys(("email", "emailaddress"), _email),
    **dict.fromkeys(("hash", "filehash", "md5", "sha1", "sha256", "sha512"), _hash),
    **dict.fromkeys(("certificate", "x509"), _certificate),
    "ja3": _ja3,
    **dict.fromkeys(("cve", "vulnerability"), _cve),
    **dict.fromkeys(("asn", "as"), _asn),
    "filename": _filename,
}
