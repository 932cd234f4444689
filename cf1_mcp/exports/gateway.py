"""Lists for Cloudflare Gateway, as Zero Trust takes them in an upload."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from cf1_mcp.exports.blocking import NOT_FILTERED, order
from cf1_mcp.exports.blocklist import ListKind, blockable
from cf1_mcp.exports.csv_rows import csv_line
from cf1_mcp.exports.format import Format, Heading, LeftOut
from cf1_mcp.exports.handling import Handling, label, milder
from cf1_mcp.exports.observables import Kind, Observable
from cf1_mcp.models import Event, Tlp

LIST_TYPES: Final = {ListKind.IP: "IP", ListKind.DOMAIN: "DOMAIN", ListKind.URL: "URL"}
"""What a list can hold, and how Zero Trust calls its type."""
MAX_LIST_ROWS: Final = 1_000
"""Entries of one list on standard plans; Enterprise plans take 5,000."""
# An upload must be smaller than 2 MB.
MAX_FILE_SIZE: Final = 1_900_000


class GatewayList(Format):
    """`value,description` lines of one kind, in as many files as lists are needed.

    A description begins with the mildest marking among the events that hold the value.
    """

    media_type: ClassVar[str] = "text/csv;charset=utf-8;header=present"
    suffix: ClassVar[str] = ".csv"

    def __init__(self, handling: Handling, heading: Heading, kind: ListKind) -> None:
        super().__init__(handling, heading)
        self._kind: Final = kind
        self._values: Final = dict[Observable, Tlp]()
        self._further: list[str] = []

    def tail(self) -> Iterator[str]:
        first, *self._further = self._files()
        yield first

    def further_files(self) -> Sequence[str]:
        return self._further

    def notes(self) -> Sequence[str]:
        count = len(self._further) + 1
        several = [f"{count} files for {count} lists: a list takes {MAX_LIST_ROWS:,} entries on standard plans."]
        use = f"Upload each file as a list of the type {LIST_TYPES[self._kind]}."
        return (use, *(several if self._further else []), NOT_FILTERED)

    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        found = blockable(event, self._kind)
        if isinstance(found, LeftOut):
            return found
        if found.kind is Kind.URL:
            # Gateway takes an address with and without the last slash for a duplicate, and refuses the list.
            found = Observable(Kind.URL, found.value.rstrip("/"))
        self._values[found] = milder(level, self._values.get(found, level))
        return ""

    def _files(self) -> list[str]:
        files = [header := csv_line(("value", "description"))]
        entries = size = 0
        for one in sorted(self._values, key=order):
            line = csv_line((one.value, f"{label(self._values[one])} {self._source()}"))
            if entries == MAX_LIST_ROWS or size + len(line) > MAX_FILE_SIZE:
                files.append(header)
                entries = size = 0
            files[-1] += line
            entries += 1
            size += len(line)
        return files
