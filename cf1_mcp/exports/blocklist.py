"""A plain block list, one value per line, and the rules for what may be blocked: a wrong line blocks harmless sites."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import ClassVar, Final
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.observables import Observable, ObservableKind, normalize_domain, read_observable
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.plurals import plural

NOT_FILTERED: Final = (
    "Shared and well-known infrastructure (public resolvers, content delivery networks, file sharing) is not filtered"
    " out, and addresses change owners: review the list before you block anything with it."
)
NOT_PUBLIC: Final = "not the address of a public host"

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
# The shortest prefix that Cloudflare's own IP lists accept, by IP version.
_MIN_PREFIX_LENGTH: Final = {4: 8, 6: 12}


class ListKind(StrEnum):
    """The kind of values in a list. A list has one kind, because systems that block by a list support one kind."""

    IP = "ip"
    DOMAIN = "domain"
    URL = "url"
    HASH = "hash"


_OBSERVABLE_KINDS: Final[Mapping[ListKind, frozenset[ObservableKind]]] = {
    ListKind.IP: frozenset({ObservableKind.IP, ObservableKind.NETWORK}),
    ListKind.DOMAIN: frozenset({ObservableKind.DOMAIN}),
    ListKind.URL: frozenset({ObservableKind.URL}),
    ListKind.HASH: frozenset({ObservableKind.MD5, ObservableKind.SHA1, ObservableKind.SHA256, ObservableKind.SHA512}),
}


class BlockList(ExportFile):
    """The distinct, valid values of one kind in order, below a heading of comment lines."""

    media_type: ClassVar[str] = "text/plain;charset=utf-8"
    suffix: ClassVar[str] = ".txt"

    def __init__(self, max_tlp: Tlp, heading: FileHeading, kind: ListKind) -> None:
        super().__init__(max_tlp, heading)
        self._kind: Final = kind
        self._values: Final = set[Observable]()

    def tail(self) -> Iterator[str]:
        count = plural(len(self._values), "value")
        yield f"# {self._provenance()}\n# {count} of kind {self._kind}. {NOT_FILTERED}\n"
        yield from (f"{one.value}\n" for one in sorted(self._values, key=sort_key))

    def notes(self) -> Sequence[str]:
        return (NOT_FILTERED,)

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        value = list_value(event, self._kind)
        if isinstance(value, Omission):
            return value
        self._values.add(value)
        return ""


def list_value(event: Event, kind: ListKind) -> Observable | Omission:
    """Return the event's value for a list of the kind, or the reason why it must not be in the list."""
    found = read_observable(event)
    if found is None:
        return Omission("an indicator that is not valid for its type" if event.indicator.strip() else "no indicator")
    if found.kind not in _OBSERVABLE_KINDS[kind]:
        return Omission(f"an indicator that is not of kind {kind}")
    value = _unmap(found)
    reason = _objection(value)
    return Omission(reason) if reason else value


def sort_key(found: Observable) -> tuple[int, int, int, str]:
    """Return a key that sorts addresses by number and all other values by text."""
    if found.kind in (ObservableKind.IP, ObservableKind.NETWORK):
        network = ip_network(found.value)
        return (network.version, int(network.network_address), network.prefixlen, "")
    return (0, 0, 0, found.value)


def _unmap(found: Observable) -> Observable:
    """Return the IPv4 address of an IPv4-mapped IPv6 address; all other observables are returned unchanged."""
    if found.kind is not ObservableKind.IP:
        return found
    address = ip_address(found.value)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return Observable(ObservableKind.IP, str(mapped)) if mapped else found


def _objection(found: Observable) -> str | None:
    """Return the reason why a value must not be blocked, if there is one."""
    match found.kind:
        case ObservableKind.IP | ObservableKind.NETWORK:
            return _objection_to_network(ip_network(found.value))
        case ObservableKind.DOMAIN:
            is_suffix = _public_suffixes().is_public(found.value)
            return "a public suffix, below which anyone can register domains" if is_suffix else None
        case ObservableKind.URL:
            return _objection_to_host(found.value)
        case _:
            return None


def _objection_to_network(network: IPv4Network | IPv6Network) -> str | None:
    if network.prefixlen < _MIN_PREFIX_LENGTH[network.version]:
        return "a range that is too wide to block"
    local = any(one.version == network.version and one.overlaps(network) for one in _LOCAL)  # pyright: ignore[reportArgumentType]
    return NOT_PUBLIC if local else None


def _objection_to_host(url: str) -> str | None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "a URL whose host cannot be read"
    try:
        return _objection(_unmap(Observable(ObservableKind.IP, str(ip_address(host)))))
    except ValueError:
        name = normalize_domain(host)
        return _objection(Observable(ObservableKind.DOMAIN, name)) if name else NOT_PUBLIC


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()
