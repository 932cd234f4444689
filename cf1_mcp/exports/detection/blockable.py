"""What may be blocked or marked for detection: a wrong value blocks harmless sites, or raises an alarm all day."""

import hashlib
from collections import Counter
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from cf1_mcp.exports.detection.warning_lists import find_warning
from cf1_mcp.exports.observables import Observable, ObservableKind, normalize_domain
from cf1_mcp.text.plurals import plural

NOT_PUBLIC: Final = "not the address of a public host"
RESOLVER: Final = "a public DNS resolver"
TOO_WIDE: Final = "a range that is too wide to block: wider than /16 of IPv4 or /32 of IPv6"

# Ranges without hosts of the Internet: this network, private, shared, loopback, link-local, multicast, reserved. The
# documentation ranges are not listed: blocking them harms nobody, and fictional events use them.
_LOCAL: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/128", "::1/128", "::ffff:0:0/96", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
# Large resolvers that anybody may use. Reports list them because malware asks them too.
_RESOLVERS: Final = tuple(
    ip_network(text)
    for text in (
        *("1.0.0.0/30", "1.1.1.0/30", "8.8.8.8", "8.8.4.4", "9.9.9.9", "9.9.9.10", "9.9.9.11", "149.112.112.112"),
        *("208.67.222.222", "208.67.220.220", "4.2.2.0/29", "64.6.64.6", "64.6.65.6", "94.140.14.14", "94.140.15.15"),
        *("77.88.8.8", "77.88.8.1", "114.114.114.114", "223.5.5.5", "223.6.6.6", "119.29.29.29", "185.228.168.9"),
        *("2606:4700:4700::/112", "2001:4860:4860::/112", "2620:fe::/112", "2620:119:35::/112", "2620:119:53::/112"),
    )
)
_RESOLVER_NAMES: Final = frozenset(
    {"dns.google", "one.one.one.one", "cloudflare-dns.com", "dns.quad9.net", "doh.opendns.com", "resolver1.opendns.com"}
)
_EMPTY_HASHES: Final = frozenset(
    hashlib.new(name, b"", usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")
)
# By IP version: what one network of the Internet has at most. A wider range is one of many owners.
_MIN_PREFIX_LENGTH: Final = {4: 16, 6: 32}
# Names inside a network, and names of addresses. Those of RFC 2606 are not among them: blocking them harms nobody.
_LOCAL_NAMES: Final = frozenset(
    "arpa corp domain home internal intranet lan local localdomain localhost private workgroup".split()  # noqa: SIM905
)


def unmap(found: Observable) -> Observable:
    """Return the IPv4 address of an IPv4-mapped IPv6 address; all other observables are returned unchanged."""
    if found.kind is not ObservableKind.IP:
        return found
    address = ip_address(found.value)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return Observable(ObservableKind.IP, str(mapped)) if mapped else found


def find_objection(found: Observable) -> str | None:
    """Return the reason why a value must not be blocked or detected, None if there is none."""
    found = unmap(found)
    return _find_rule(found) or find_warning(found)


def describe_undetectable(reasons: Counter[str]) -> list[str]:
    """Return a sentence for each reason why indicators of a file are not marked for detection, with their number."""
    return [
        f"{plural(count, 'indicator')} not marked for detection: {reason}." for reason, count in reasons.most_common()
    ]


def _find_rule(found: Observable) -> str | None:
    match found.kind:
        case ObservableKind.IP | ObservableKind.NETWORK:
            return _objection_to_network(ip_network(found.value))
        case ObservableKind.DOMAIN:
            return _objection_to_name(found.value)
        case ObservableKind.URL:
            return _objection_to_host(found.value)
        case ObservableKind.EMAIL:
            reason = _objection_to_name(found.value.rpartition("@")[2])
            return None if reason == RESOLVER else reason
        case ObservableKind.MD5 | ObservableKind.SHA1 | ObservableKind.SHA256 | ObservableKind.SHA512:
            return "the hash of an empty file" if found.value in _EMPTY_HASHES else _objection_to_digest(found.value)
        case ObservableKind.JA3 | ObservableKind.CERTIFICATE:
            return _objection_to_digest(found.value)
        case _:
            return None


def _objection_to_digest(digest: str) -> str | None:
    return "a hash of zeros, which stands for none" if not digest.strip("0") else None


def _objection_to_network(network: IPv4Network | IPv6Network) -> str | None:
    if network.prefixlen < _MIN_PREFIX_LENGTH[network.version]:
        return TOO_WIDE
    if _overlaps(network, _LOCAL):
        return NOT_PUBLIC
    return RESOLVER if _overlaps(network, _RESOLVERS) else None


def _overlaps(network: IPv4Network | IPv6Network, others: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(one.version == network.version and one.overlaps(network) for one in others)  # pyright: ignore[reportArgumentType]


def _objection_to_name(name: str) -> str | None:
    if name.rpartition(".")[2] in _LOCAL_NAMES:
        return NOT_PUBLIC
    if _public_suffixes().is_public(name):
        return "a public suffix, below which anyone can register domains"
    return RESOLVER if name in _RESOLVER_NAMES else None


def _objection_to_host(url: str) -> str | None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "a URL whose host cannot be read"
    try:
        return _find_rule(unmap(Observable(ObservableKind.IP, str(ip_address(host)))))
    except ValueError:
        name = normalize_domain(host)
        return _objection_to_name(name) if name else NOT_PUBLIC


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()
