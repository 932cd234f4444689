"""What may go into a list that something blocks by, because a wrong line there cuts people off."""

from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from cf1_mcp.exports.observables import Kind, Observable, domain_name

NOT_FILTERED: Final = (
    "Shared and well-known infrastructure (public resolvers, content networks, file sharing) is not filtered out, and"
    " addresses change hands: look through the list before anything blocks by it."
)

NO_PUBLIC_HOST: Final = "an address of no public host"

# No host of the Internet: this network, private, shared, loopback, link-local, multicast, reserved. The ranges for
# documentation are not among them: nothing is lost by blocking those, and fictional events live there.
_LOCAL: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/128", "::1/128", "::ffff:0:0/96", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
# The widest ranges that Cloudflare's own IP lists take.
_WIDEST: Final = {4: 8, 6: 12}


def plain(found: Observable) -> Observable:
    """The observable as a list takes it: IPv6 addresses that stand for IPv4 ones are those."""
    if found.kind is not Kind.IP:
        return found
    address = ip_address(found.value)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return Observable(Kind.IP, str(mapped)) if mapped else found


def objection(found: Observable) -> str | None:
    """Why a value must not be blocked, if there is a reason."""
    match found.kind:
        case Kind.IP | Kind.NETWORK:
            return _range_objection(ip_network(found.value))
        case Kind.DOMAIN:
            return (
                "a public suffix, under which others have their domains" if _suffixes().is_public(found.value) else None
            )
        case Kind.URL:
            return _host_objection(found.value)
        case _:
            return None


def order(found: Observable) -> tuple[int, int, int, str]:
    """A key that sorts addresses by number and everything else by text."""
    if found.kind in (Kind.IP, Kind.NETWORK):
        network = ip_network(found.value)
        return (network.version, int(network.network_address), network.prefixlen, "")
    return (0, 0, 0, found.value)


def _range_objection(network: IPv4Network | IPv6Network) -> str | None:
    if network.prefixlen < _WIDEST[network.version]:
        return "a range too wide to block"
    local = any(one.version == network.version and one.overlaps(network) for one in _LOCAL)  # pyright: ignore[reportArgumentType]
    return NO_PUBLIC_HOST if local else None


def _host_objection(url: str) -> str | None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "a URL whose host cannot be read"
    try:
        return objection(plain(Observable(Kind.IP, str(ip_address(host)))))
    except ValueError:
        name = domain_name(host)
        return objection(Observable(Kind.DOMAIN, name)) if name else NO_PUBLIC_HOST


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
