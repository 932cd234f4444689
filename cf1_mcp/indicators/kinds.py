"""The kinds of indicators, and the canonical form of each."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal[
    "domain", "ipv4", "ipv6", "cidr", "url", "email", "md5", "sha1", "sha256", "sha512", "ja3", "ja4", "cve", "asn"
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

# The kind of a hash by its number of hexadecimal digits. An MD5 and a JA3 look alike: only the surrounding words
# distinguish them.
HASHES: Final[dict[int, Kind]] = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
MAX_ASN: Final = 2**32 - 1

# Building blocks for other patterns, following each specification. Word processors replace hyphens by the others.
CVE: Final = r"(?i:cve)[-_ \u2010-\u2013\u2212]?((?:19|20)\d\d)[-_\u2010-\u2013\u2212](\d{4,7})"
JA4: Final = r"[tqd](?:1[0-3]|s[23]|d[1-3]|00)[di]\d{4}[0-9A-Za-z]{2}_[0-9A-Fa-f]{12}_[0-9A-Fa-f]{12}"
ASN: Final = r"(?:AS|(?i:asn)[ :#]{0,2})(\d{1,10})"

_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_CVE: Final = re.compile(CVE, re.ASCII)
_JA4: Final = re.compile(JA4, re.ASCII)
_ASN: Final = re.compile(ASN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator in its canonical form.

    `value` is refanged: names and hashes in lower case, international names in ASCII, addresses in their shortest form,
    a CIDR as its network. `reserved` marks values that nobody on the Internet can own: private, loopback and
    documentation addresses (RFC 6890), names such as example.com (RFC 6761).
    """

    kind: Kind
    value: str
    reserved: bool = False


def parse_hash(text: str) -> Indicator | None:
    """Return an MD5, SHA-1, SHA-256 or SHA-512, by its length."""
    kind = HASHES.get(len(text))
    return Indicator(kind, text.lower()) if kind and _HEX.fullmatch(text) else None


def parse_cve(text: str) -> Indicator | None:
    """Return `CVE-2026-12345`, whatever the case and the hyphens of the text."""
    found = _CVE.fullmatch(text)
    return Indicator("cve", f"CVE-{found[1]}-{found[2]}") if found else None


def parse_ja4(text: str) -> Indicator | None:
    """Return a JA4 fingerprint, such as `t13d1516h2_8daaf6152771_b186095e22b6`."""
    return Indicator("ja4", text.lower()) if _JA4.fullmatch(text) else None


def parse_asn(text: str) -> Indicator | None:
    """Return `AS64496`, from `AS64496` or `ASN 64496`."""
    found = _ASN.fullmatch(text)
    if found is None or not 0 < int(found[1]) <= MAX_ASN:
        return None
    return Indicator("asn", f"AS{int(found[1])}")
