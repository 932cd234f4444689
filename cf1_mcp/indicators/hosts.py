"""Addresses, networks and domain names, and the public suffix list."""

import re
import unicodedata
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from itertools import islice
from typing import TYPE_CHECKING, Final

from cf1_mcp.indicators.kinds import Indicator

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MAX_HOST_LENGTH: Final = 253
# Full stops of other scripts, which resolvers treat as dots (RFC 3490).
OTHER_DOTS: Final = "\u3002\uff0e\uff61"

# Top-level names that are used without being registered; all except the hidden services are reserved
# (RFC 6761, 6762, 9476 and ICANN's .internal).
_HIDDEN_SERVICES: Final = frozenset({"onion", "i2p"})
_SPECIAL: Final = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "alt"})
_DOCUMENTATION: Final = (".example.com", ".example.net", ".example.org")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(
    rf"(?:[a-z0-9_](?:[a-z0-9_-]{{0,61}}[a-z0-9_])?\.)*{_LABEL}\.[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])"
)
_DOTS: Final = str.maketrans(dict.fromkeys(OTHER_DOTS, "."))


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Indicator | None:
    """Return an IPv4 or IPv6 address. An IPv4 address mapped into IPv6 is returned as IPv4."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return Indicator("ipv4" if isinstance(found, IPv4Address) else "ipv6", str(found), _is_reserved(found))


def parse_network(text: str) -> Indicator | None:
    """Return a range of addresses, such as 198.51.100.0/24; host bits are dropped. One with a single address is it."""
    if "/" not in text:
        return None
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return None
    if found.prefixlen == found.max_prefixlen:
        return parse_address(str(found.network_address))
    return Indicator("cidr", str(found), _is_reserved(found.network_address))


def parse_range(first: str, last: str) -> list[Indicator]:
    """Return the network from one address to another, or else both addresses; nothing if they are not a range."""
    one, other = parse_address(first), parse_address(last)
    if one is None or other is None or one.kind != other.kind:
        return []
    ends = ip_address(one.value), ip_address(other.value)
    if int(ends[0]) > int(ends[1]):
        return []
    networks = islice(summarize_address_range(*ends), 2)
    whole = [network for text in map(str, networks) if (network := parse_network(text))]
    return whole if len(whole) == 1 else [one, other]


def parse_domain(text: str) -> Indicator | None:
    """Return a domain name, checked for its syntax only; use `is_top_level` to check that it can exist."""
    if len(text) > MAX_HOST_LENGTH:
        return None
    name = text.lower()
    if not name.isascii():
        # Compatible forms may have capitals of their own.
        compatible = normalize_dots(unicodedata.normalize("NFKC", name).lower())
        name = ".".join(_to_ascii(label) for label in compatible.split("."))
    if len(name) > MAX_HOST_LENGTH or not _NAME.fullmatch(name):
        return None
    top = name.rpartition(".")[2]
    return Indicator("domain", name, top in _SPECIAL or f".{name}".endswith(_DOCUMENTATION))


@lru_cache(maxsize=4096)
def is_top_level(label: str) -> bool:
    """Whether a label, in lower case and ASCII, is a top-level domain, or is used as one without registration."""
    special = label in _SPECIAL or label in _HIDDEN_SERVICES
    return special or _suffixes().publicsuffix(label, accept_unknown=False) is not None


def public_suffix(name: str) -> str:
    """Return the part of a name below which names are registered: `co.uk` of `shop.evil.co.uk`."""
    return _suffixes().publicsuffix(name) or ""


def registered_domain(host: str) -> str | None:
    """Return the registered part of a name: `evil.co.uk` of `shop.evil.co.uk`.

    None for an address, and for a name that is itself a public suffix.
    """
    found = parse_domain(host)
    return _suffixes().privatesuffix(found.value) if found else None


def unicode_name(name: str) -> str:
    """Return a name as people read it: `b\u00fccher.example` of `xn--bcher-kva.example`.

    A label that does not come back as it was, or that would hide characters, stays in ASCII.
    """
    return ".".join(_to_unicode(label) for label in name.split(".")) if "xn--" in name else name


def normalize_dots(text: str) -> str:
    """Replace the full stops of other scripts by dots."""
    return text if text.isascii() else text.translate(_DOTS)


def _to_ascii(label: str) -> str:
    # Punycode without IDNA's tables: a name that no registry would accept is still returned as written.
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _to_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        found = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    is_same = found.isprintable() and _to_ascii(unicodedata.normalize("NFKC", found.lower())) == label
    return found if is_same and "." not in normalize_dots(found) else label


@cache
def _suffixes() -> "PublicSuffixList":
    # Imported late: parsing the list takes longer than the rest of the server's start.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def _is_reserved(found: IPv4Address | IPv6Address) -> bool:
    return not found.is_global or found.is_multicast
