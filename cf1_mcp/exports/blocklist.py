"""A plain list of what to block, one value a line."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Final

from cf1_mcp.exports.blocking import NOT_FILTERED, objection, order, plain
from cf1_mcp.exports.format import Format, Heading, LeftOut
from cf1_mcp.exports.handling import Handling
from cf1_mcp.exports.observables import Kind, Observable, observable
from cf1_mcp.models import Event, Tlp


class ListKind(StrEnum):
    """What a list holds: one kind, because whatever blocks by a list knows one kind."""

    IP = "ip"
    DOMAIN = "domain"
    URL = "url"
    HASH = "hash"


_HELD: Final[Mapping[ListKind, frozenset[Kind]]] = {
    ListKind.IP: frozenset({Kind.IP, Kind.NETWORK}),
    ListKind.DOMAIN: frozenset({Kind.DOMAIN}),
    ListKind.URL: frozenset({Kind.URL}),
    ListKind.HASH: frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256, Kind.SHA512}),
}


class BlockList(Format):
    """The distinct values of one kind, valid and sorted, under a heading of comment lines."""

    media_type: ClassVar[str] = "text/plain;charset=utf-8"
    suffix: ClassVar[str] = ".txt"

    def __init__(self, handling: Handling, heading: Heading, kind: ListKind) -> None:
        super().__init__(handling, heading)
        self._kind: Final = kind
        self._values: Final = set[Observable]()

    def tail(self) -> Iterator[str]:
        yield f"# {self._provenance()}\n# {len(self._values)} values of kind {self._kind}. {NOT_FILTERED}\n"
        yield from (f"{one.value}\n" for one in sorted(self._values, key=order))

    def notes(self) -> Sequence[str]:
        return (NOT_FILTERED,)

    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        found = blockable(event, self._kind)
        if isinstance(found, LeftOut):
            return found
        self._values.add(found)
        return ""


def blockable(event: Event, kind: ListKind) -> Observable | LeftOut:
    """The event's value in a list of the kind, or why it has none."""
    found = observable(event)
    if found is None:
        return LeftOut("an indicator that is not valid for its type" if event.indicator.strip() else "no indicator")
    if found.kind not in _HELD[kind]:
        return LeftOut(f"an indicator of another kind than {kind}")
    value = plain(found)
    reason = objection(value)
    return LeftOut(reason) if reason else value
