"""The one table of the names that people, formats and accounts give to types of indicators."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.indicators.kinds import Kind

_PUNCTUATION: Final = re.compile(r"[\W_]+")
_HASHES: Final[frozenset[Kind]] = frozenset({"md5", "sha1", "sha256", "sha512"})


@dataclass(frozen=True, slots=True)
class TypeMeaning:
    """What a type means: the name that accounts usually give it, and the kinds of values that it has.

    Without `kinds` any text can be a value of the type.
    """

    name: str
    kinds: frozenset[Kind] = frozenset()


def _meanings() -> dict[str, TypeMeaning]:
    table: Sequence[tuple[str, str, Iterable[Kind]]] = (
        ("ip", "ip ipaddress ipaddr address ipaddresses ips ipsrc ipdst srcip dstip ipport", ("ipv4", "ipv6", "cidr")),
        ("ip", "ipv4 ip4 ipv4addr ipv4address v4", ("ipv4", "cidr")),
        ("ip", "ipv6 ip6 ipv6addr ipv6address v6", ("ipv6", "cidr")),
        ("cidr", "cidr network net subnet netblock iprange networkrange cidrrange cidrblock", ("cidr", "ipv4", "ipv6")),
        ("domain", "domain domains domainname hostname hostnames host fqdn dns dnsname sitename", ("domain",)),
        ("url", "url urls uri uris urluri link weblink webaddress", ("url",)),
        ("email", "email emails emailaddress emailaddr mail mailaddress emailsrc emaildst sender mailbox", ("email",)),
        ("hash", "hash hashes filehash filehashes checksum digest", _HASHES),
        ("hash", "md5 md5hash md5sum filehashmd5 filemd5 hashmd5", ("md5",)),
        ("hash", "sha1 sha1sum sha1hash filehashsha1 filesha1 hashsha1", ("sha1",)),
        ("hash", "sha256 sha256sum sha256hash sha2 filehashsha256 filesha256 hashsha256", ("sha256",)),
        ("hash", "sha512 sha512hash filehashsha512 filesha512 hashsha512", ("sha512",)),
        ("ja3", "ja3 ja3s ja3hash ja3fingerprint ja3fingerprintmd5", ("ja3",)),
        ("ja4", "ja4 ja4hash ja4fingerprint", ("ja4",)),
        ("cve", "cve cves cveid vulnerability vuln", ("cve",)),
        ("asn", "asn as asnumber asnnumber autonomoussystem autonomoussystemnumber", ("asn",)),
        ("filename", "filename file filepath path", ()),
        ("certificate", "certificate cert x509 x509fingerprint certificatefingerprint", ()),
        ("wallet", "wallet cryptowallet btc bitcoin bitcoinaddress cryptoaddress", ()),
    )  # fmt: skip
    return {word: TypeMeaning(name, frozenset(kinds)) for name, words, kinds in table for word in words.split()}


_MEANINGS: Final = _meanings()
# The names that a kind may have in an account, the usual one first.
_NAMES: Final[dict[Kind, tuple[str, ...]]] = {
    "domain": ("domain", "hostname"),
    "ipv4": ("ip", "ipv4"),
    "ipv6": ("ip", "ipv6"),
    "cidr": ("cidr", "ip"),
    "url": ("url", "uri"),
    "email": ("email",),
    "md5": ("hash", "md5"),
    "sha1": ("hash", "sha1"),
    "sha256": ("hash", "sha256"),
    "sha512": ("hash", "sha512"),
    "ja3": ("ja3",),
    "ja4": ("ja4",),
    "cve": ("cve",),
    "asn": ("asn",),
}


def fold_type(text: str) -> str:
    """Return a type without case and punctuation, in which people differ: `SHA-256`, `sha256`."""
    return _PUNCTUATION.sub("", text).casefold()


def type_meaning(text: str) -> TypeMeaning | None:
    """Return what a type means; None if it is one that only some accounts have."""
    return _MEANINGS.get(fold_type(text))


def find_types(typed: str, known: Sequence[str]) -> list[str]:
    """Return the types of an account that a type means: those of the same name, else those of the same meaning."""
    folded = fold_type(typed)
    if same := [word for word in known if fold_type(word) == folded]:
        return same
    meaning = _MEANINGS.get(folded)
    return [word for word in known if meaning and _is_part_of(type_meaning(word), meaning)]


def type_of_kind(kind: Kind, known: Sequence[str]) -> str:
    """Return the type that an account gives to values of a kind; the usual one if the account has none for it."""
    for name in _NAMES[kind]:
        for word in known:
            if fold_type(word) == name:
                return word
    for word in known:
        meaning = type_meaning(word)
        if meaning and kind in meaning.kinds:
            return word
    return _NAMES[kind][0]


def _is_part_of(word: TypeMeaning | None, meaning: TypeMeaning) -> bool:
    """Whether a type of the account may be meant: the wider one, or one of the narrower ones."""
    return (
        word is not None and word.name == meaning.name and (word.kinds >= meaning.kinds or word.kinds <= meaning.kinds)
    )
