"""Reads CSV files with any of the usual separators, header names and encodings.

Lines that begin with `#` are comments. A header may be the last of them, as feeds write it. A table that this server
exported is read back exactly: what its cells escape is unescaped, and its column of uuids recognises events that exist.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final, NamedTuple

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.exports.csv_rows import split_items, unescape_formula
from cf1_mcp.imports.indicator_values import is_blank, is_indicator, read_indicators
from cf1_mcp.imports.readers.csv_columns import OWN_COLUMNS, Columns, NoColumn, is_header, is_value, read_columns
from cf1_mcp.imports.readers.misp_csv import is_misp_table, read_misp_row
from cf1_mcp.imports.readers.own_records import note_not_whole, read_uuid
from cf1_mcp.imports.readers.source_rows import (
    ParentRef,
    ReaderNotes,
    SourceRow,
    SourceRows,
    parse_relationship_type,
    quote,
)
from cf1_mcp.imports.readers.tag_markings import is_marking
from cf1_mcp.models.fields import SETTABLE_TEXTS
from cf1_mcp.text.distinct_json import DistinctJson, RepeatedKey
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

__all__ = ["NoColumn", "read_csv"]

SEPARATORS: Final = (",", ";", "\t", "|")
MAX_CELL_LENGTH: Final = 100_000  # characters; a title or an insight longer than that is a mistake
MAX_EVIDENCE_LENGTH: Final = 1_000_000
# Python's csv module rejects a whole file for one cell above its limit of 131,072; here only the row is rejected.
MAX_FIELD_SIZE: Final = 64_000_000
# Rows that are read before it is decided what the columns are.
MAX_SAMPLE: Final = 20
# Rows without an indicator that are remembered, to notice those that differ only in columns that are not read.
MAX_REMEMBERED: Final = 500_000
_TAGS: Final = re.compile(r"[;,|]")
_COMMENT: Final = "#"
# The line with which spreadsheets name the separator.
_NAMED_SEPARATOR: Final = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
# Not in any text: a line of a list is one cell.
_NO_SEPARATOR: Final = "\x1f"


class _Line(NamedTuple):
    """The cells of a row and the line on which it starts, or the reason why it cannot be read."""

    place: int
    cells: Sequence[str]
    problem: str = ""


def read_csv(
    lines: Iterator[str], mapping: Mapping[str, str], constants: Mapping[str, str], notes: ReaderNotes
) -> SourceRows:
    """Yield the rows below the header. `mapping` assigns fields to columns whose names are not known.

    Raises:
        BadFile: there is no header, or a required column is missing.
        BadArgument: `mapping` names an unknown field.
    """
    csv.field_size_limit(MAX_FIELD_SIZE)
    names, separator, before, lines = _find_header(_without_mark(lines), notes)
    if not mapping and not is_header(names):
        names, separator, before, lines = _read_list(names, separator, before, lines)
    rows = _read_lines(lines, separator, before, len(names), notes, spaced=not {*names} >= OWN_COLUMNS)
    sample = [*islice(rows, MAX_SAMPLE)]
    if is_misp_table(names):
        for line in chain(sample, rows):
            yield from [_invalid(line)] if line.problem else read_misp_row(line.place, names, line.cells, notes)
        return
    columns = read_columns(names, [line.cells for line in sample], mapping, constants, notes)
    reader = _RowReader(columns, notes)
    for line in chain(sample, rows):
        yield _invalid(line) if line.problem else reader.read(line.place, line.cells)


def _find_header(lines: Iterator[str], notes: ReaderNotes) -> tuple[list[str], str, int, Iterator[str]]:
    """Return the names of the columns, the separator, the number of lines up to the header, and the lines below it."""
    comments: list[str] = []
    count = 0
    sep = ""
    for plain in lines:
        count += 1
        if named := _NAMED_SEPARATOR.fullmatch(plain):
            sep = named[1]
            continue
        if not plain.strip():
            continue
        if not plain.lstrip().startswith(_COMMENT):
            names, separator = _split_header(plain, sep)
            if comments and not is_header(names):
                above, sign = _split_header(comments[-1].strip().lstrip("# "))
                if is_header(above) and len(above) == len(_split_line(plain, sign)):
                    if len(comments) > 1:
                        notes.add("a comment line is left out", len(comments) - 1)
                    return above, sign, count - 1, chain([plain], lines)
            if comments:
                notes.add("a comment line is left out", len(comments))
            return names, separator, count, lines
        comments.append(plain)
    if comments:
        above, sign = _split_header(comments[-1].strip().lstrip("# "))
        return above, sign, count, lines
    return [], ",", count, lines


def _without_mark(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines without the mark of their encoding."""
    for line in islice(lines, 1):
        yield line.removeprefix("\ufeff")
    yield from lines


def _read_list(
    names: list[str], separator: str, before: int, lines: Iterator[str]
) -> tuple[list[str], str, int, Iterator[str]]:
    """Return a list without a header as a table of one column; any other table is returned as it is.

    Raises:
        BadFile: the first line has an indicator and other cells, so it is neither a header nor a list.
    """
    are_values = [is_value(name) for name in names]
    if not any(are_values):
        return names, separator, before, lines
    if not all(are_values) and not is_value(separator.join(names)):
        raise BadFile(
            "The first line of the file has an indicator where the names of the columns are expected. Put a line of "
            "names above it, such as indicator,event,date.",
            [quote(name) for name in names[:20]],
        )
    return ["indicator"], _NO_SEPARATOR, before - 1, chain([f"{separator.join(names)}\n"], lines)


def _split_header(header: str, sep: str = "") -> tuple[list[str], str]:
    separator = sep or max(SEPARATORS, key=re.sub(r'"[^"]*"', "", header).count)
    return [name.strip() for name in _split_line(header, separator)], separator


def _split_line(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), list[str]())
    except csv.Error as error:
        raise BadFile(
            f"The header of the file cannot be read as CSV ({clean(str(error), MAX_NAME_LENGTH)}). Correct that line."
        ) from error


def _read_lines(
    lines: Iterator[str], separator: str, before: int, width: int, notes: ReaderNotes, *, spaced: bool
) -> Iterator[_Line]:
    """Yield the rows below the header, numbered by the line on which they start. `spaced`: blanks may follow a sign."""
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=spaced)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Line(line, (), f"the row cannot be read as CSV ({clean(str(error), MAX_NAME_LENGTH)})")
            continue
        if cells and cells[0].lstrip().startswith(_COMMENT) and len(cells) != width:
            notes.add("a comment line is left out")
        elif len(cells) != width and cells:
            yield _Line(line, (), f"the row has {plural(len(cells), 'cell')} under {plural(width, 'column')}")
        elif cells:
            yield _Line(line, cells)


def _invalid(line: _Line) -> SourceRow:
    return SourceRow(line.place, {}, problems=(line.problem,))


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, columns: Columns, notes: ReaderNotes) -> None:
        self._columns = columns
        self._notes = notes
        self._unread = columns.unread
        self._seen: dict[bytes, tuple[int, bytes]] = {}

    def read(self, place: int, cells: Sequence[str]) -> SourceRow:
        fields: dict[str, JsonValue] = {}
        links: dict[str, str] = {}
        problems: list[str] = []
        for name, cell in zip(self._columns.fields, cells, strict=True):
            if not name or not cell or cell.isspace():
                if is_marking(cell):
                    problems.append("a cell has a marking, but its column is not read: keep one column, called tlp")
                continue
            if len(cell) > (MAX_EVIDENCE_LENGTH if name == "raw" else MAX_CELL_LENGTH):
                problems.append(
                    f"{name}: the cell has {len(cell):,} characters, and at most {MAX_CELL_LENGTH:,} are read"
                )
            elif name in ("indicator", "indicator_type") and not self._columns.own and is_blank(cell):
                continue
            elif name in SETTABLE_TEXTS:
                fields[name] = unescape_formula(cell)
            elif name == "tags":
                fields[name] = self._read_tags(cell)
            elif name == "raw":
                _read_raw(fields, cell, problems)
            else:
                links[name] = cell.strip()
        self._read_values(fields, cells, problems)
        same_as = read_uuid(links.pop("uuid", ""))
        if self._columns.own:
            note_not_whole(fields, place, self._notes)
        parents = _read_parents(links, problems) if links else ()
        if not (same_as or links):
            problems += self._find_unread_difference(place, fields, cells)
        return SourceRow(place, fields, links.get("ref"), parents, tuple(problems), same_as=same_as)

    def _read_tags(self, cell: str) -> list[JsonValue]:
        if self._columns.own:
            return [*split_items(cell)]
        return [tag for part in _TAGS.split(cell) if (tag := unescape_formula(part.strip()))]

    def _read_values(self, fields: dict[str, JsonValue], cells: Sequence[str], problems: list[str]) -> None:
        """Add the indicators in columns of one kind of value, such as `ip` and `sha256`."""
        found: list[JsonValue] = []
        for place, kind in self._columns.types.items():
            cell = unescape_formula(cells[place].strip())
            if is_blank(cell):
                continue
            if len(cell) > MAX_CELL_LENGTH:
                problems.append(f"indicator: the cell has {len(cell):,} characters")
                continue
            # The name of a column is a hint: one called `host` may have addresses.
            named = None if read_indicators(cell, kind).problem and is_indicator(cell) else kind
            found.append({"value": cell, "indicator_type": named})
        if not found:
            return
        if "indicator" in fields:
            first: JsonValue = {"value": fields.pop("indicator"), "indicator_type": fields.pop("indicator_type", None)}
            found = [first, *found]
        if len(found) > 1:
            fields["indicators"] = found
        elif isinstance(one := found[0], dict):
            fields["indicator"] = one["value"]
            if one["indicator_type"]:
                fields.setdefault("indicator_type", one["indicator_type"])

    def _find_unread_difference(self, place: int, fields: dict[str, JsonValue], cells: Sequence[str]) -> list[str]:
        """Return the problem of a row that an earlier one repeats except in cells that are not read."""
        if not self._unread or "indicator" in fields or "indicators" in fields or len(self._seen) >= MAX_REMEMBERED:
            return []
        key, rest = (
            hashlib.blake2b(json.dumps(value).encode(), digest_size=16).digest()
            for value in (fields, [cells[one] for one in self._unread])
        )
        first, known = self._seen.setdefault(key, (place, rest))
        if known == rest:
            return []
        names = ", ".join(quote(self._columns.names[one]) for one in self._unread[:5])
        return [
            f"the row differs from row {first} only in columns that are not read ({names}), so they would be one "
            "event: name the column of indicators with --map COLUMN=indicator"
        ]


def _read_raw(fields: dict[str, JsonValue], cell: str, problems: list[str]) -> None:
    try:
        fields["raw"] = {"data": DistinctJson().read(cell)}
    except RepeatedKey as error:
        problems.append(f"raw: {error}")
    except (ValueError, RecursionError):
        problems.append("raw: the cell is not a JSON object")


def _read_parents(links: Mapping[str, str], problems: list[str]) -> tuple[ParentRef, ...]:
    above = links.get("parent_ref")
    kind = parse_relationship_type(links.get("relationship_type", "related_to"))
    if kind is None:
        problems.append(f"relationship_type: {quote(links['relationship_type'])} is not a relationship type")
    return (ParentRef(above, kind),) if above and kind else ()
