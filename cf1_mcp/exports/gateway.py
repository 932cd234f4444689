"""Lists for Cloudflare Gateway, in the format of uploads to Zero Trust."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from cf1_mcp.exports.blocklist import ListKind, describe_filter, list_value, sort_key
from cf1_mcp.exports.csv_rows import csv_line
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.markings import less_restrictive, tlp_label
from cf1_mcp.exports.observables import Observable, ObservableKind
from cf1_mcp.models import Event, Tlp

LIST_TYPES: Final = {ListKind.IP: "IP", ListKind.DOMAIN: "DOMAIN", ListKind.URL: "URL"}
"""The kinds that a Gateway list can have, and the name of each type in Zero Trust."""
MAX_LIST_ROWS: Final = 1_000
"""Entries in one list on standard plans; Enterprise plans allow 5,000."""
# An upload must be smaller than 2 MB.
MAX_FILE_SIZE: Final = 1_900_000


class GatewayList(ExportFile):
    """`value,description` lines of one kind, in as many files as lists are needed.

    A description begins with the least restrictive marking of the events that contain the value.
    """

    media_type: ClassVar[str] = "text/csv;charset=utf-8;header=present"
    suffix: ClassVar[str] = ".csv"

    def __init__(self, max_tlp: Tlp, heading: FileHeading, kind: ListKind) -> None:
        super().__init__(max_tlp, heading)
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
        notes = [f"Upload each file as a list of type {LIST_TYPES[self._kind]}."]
        if self._further:
            notes.append(
                f"{count} files for {count} lists: a list has at most {MAX_LIST_ROWS:,} entries on standard plans."
            )
        return [*notes, describe_filter()]

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        found = list_value(event, self._kind)
        if isinstance(found, Omission):
            return found
        if found.kind is ObservableKind.URL:
            # Gateway treats a URL with and without its last slash as duplicates, and rejects the whole list.
            found = Observable(ObservableKind.URL, found.value.rstrip("/"))
        self._values[found] = less_restrictive(level, self._values.get(found, level))
        return ""

    def _files(self) -> list[str]:
        files = [header := csv_line(("value", "description"))]
        entries = size = 0
        for one in sorted(self._values, key=sort_key):
            line = csv_line((one.value, f"{tlp_label(self._values[one])} {self._source()}"))
            if entries == MAX_LIST_ROWS or size + len(line) > MAX_FILE_SIZE:
                files.append(header)
                entries = size = 0
            files[-1] += line
            entries += 1
            size += len(line)
        return files
