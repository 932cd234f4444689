"""A plain block list, one value per line."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from ipaddress import ip_network
from typing import ClassVar, Final

from cf1_mcp.exports.detection.blockable import find_objection, unmap
from cf1_mcp.exports.detection.detectable import omit
from cf1_mcp.exports.detection.warning_lists import describe_lists
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.observables import Observable, ObservableKind, read_observable
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.plurals import plural

REVIEW: Final = "and addresses change owners: review the list before you block anything with it."
NOT_FILTERED: Final = (
    "Shared and well-known infrastructure (content delivery networks, file sharing) is not filtered out (the extra"
    f" cf1-mcp[warninglists] does that), {REVIEW}"
)


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
        yield f"# {self._provenance()}\n# {count} of kind {self._kind}. {describe_filter()}\n"
        yield from (f"{one.value}\n" for one in sorted(self._values, key=sort_key))

    def notes(self) -> Sequence[str]:
        return (describe_filter(),)

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        value = list_value(event, self._kind)
        if isinstance(value, Omission):
            return value
        self._values.add(value)
        return ""


def describe_filter() -> str:
    """Return what is filtered out of lists of values, and what is not."""
    lists = describe_lists()
    return f"What stands on one of {lists} is left out. Lists are incomplete, {REVIEW}" if lists else NOT_FILTERED


def list_value(event: Event, kind: ListKind) -> Observable | Omission:
    """Return the event's value for a list of the kind, or the reason why it must not be in the list."""
    found = read_observable(event)
    if found is None:
        return Omission("an indicator that is not valid for its type" if event.indicator.strip() else "no indicator")
    if found.kind not in _OBSERVABLE_KINDS[kind]:
        return Omission(f"an indicator that is not of kind {kind}")
    value = unmap(found)
    reason = find_objection(value)
    return omit(value, reason) if reason else value


def sort_key(found: Observable) -> tuple[int, int, int, str]:
    """Return a key that sorts addresses by number and all other values by text."""
    if found.kind in (ObservableKind.IP, ObservableKind.NETWORK):
        network = ip_network(found.value)
        return (network.version, int(network.network_address), network.prefixlen, "")
    return (0, 0, 0, found.value)
