"""Reads CSV files with any of the usual separators, header names and encodings."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.errors import BadFile, choices, list_words
from cf1_mcp.imports.readers.source_rows import (
    FIELDS,
    ParentRef,
    ReaderNotes,
    SourceRow,
    SourceRows,
    parse_relationship_type,
    quote,
    unknown_field_error,
)
from cf1_mcp.imports.readers.tag_markings import is_marking
from cf1_mcp.models.fields import REQUIRED_TEXTS, SETTABLE, SETTABLE_TEXTS
from cf1_mcp.text.distinct_json import DistinctJson, RepeatedKey
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

SEPARATORS: Final = (",", ";", "\t", "|")
MAX_CELL_LENGTH: Final = 100_000  # characters; a title or an insight longer than that is a mistake
MAX_COLUMNS: Final = 1_000
MAX_EVIDENCE_LENGTH: Final = 1_000_000
# Python's csv module rejects a whole file for one cell above its limit of 131,072; here only the row is rejected.
MAX_FIELD_SIZE: Final = 64_000_000
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
_TAGS: Final = re.compile(r"[;,|]")

# Fields by column name in lower case, without spaces and punctuation.
FIELD_BY_NAME: Final[Mapping[str, str]] = {
    **{name.replace("_", ""): name for name in FIELDS},
    **{header: field.name for field in SETTABLE for header in field.headers},
    **dict.fromkeys(("evidence", "rawdata"), "raw"),
    **dict.fromkeys(("id", "key", "eventid"), "ref"),
    **dict.fromkeys(("parent", "parentid"), "parent_ref"),
    **dict.fromkeys(("relation", "relationship"), "relationship_type"),
}


class NoColumn(BadFile):
    """A required column is missing. `problem` is the message without the next step."""

    def __init__(self, problem: str, words: Sequence[str]) -> None:
        super().__init__(
            f"{problem}. Name the column with --map COLUMN=FIELD, "
            "or set the same value for all rows with --set FIELD=VALUE.",
            words,
        )
        self.problem = problem


def read_csv(
    lines: Iterator[str], mapping: Mapping[str, str], constants: Mapping[str, str], notes: ReaderNotes
) -> SourceRows:
    """Yield the rows below the header. `mapping` assigns fields to columns whose names are not known.

    Raises:
        BadFile: there is no header, or a required column is missing.
        BadArgument: `mapping` names an unknown field.
    """
    csv.field_size_limit(MAX_FIELD_SIZE)
    header = next((line for line in lines if line.strip()), "").removeprefix("\ufeff")
    separator = max(SEPARATORS, key=_remove_quoted(header).count)
    columns = _read_columns(next(csv.reader([header], delimiter=separator), list[str]()), mapping, constants, notes)
    yield from _read_rows(lines, separator, columns)


def _read_columns(
    names: Sequence[str], mapping: Mapping[str, str], constants: Mapping[str, str], notes: ReaderNotes
) -> list[str]:
    """Return the field of each column, empty for columns that are left out, and check that no field is missing."""
    if len(names) > MAX_COLUMNS:
        raise BadFile(
            f"The first line of the file has {len(names):,} cells, and at most {MAX_COLUMNS:,} are read. "
            "Start it with a header of the columns that events need."
        )
    columns = _assign_fields(names, mapping, notes)
    missing = [name for name in REQUIRED_TEXTS if name not in {*columns, *constants}]
    if missing:
        raise NoColumn(
            f"the file has no column for {choices(missing)}: its columns are {'these' if names else 'none'}",
            list_words([quote(name) for name in names], 20),
        )
    return columns


def _read_rows(lines: Iterator[str], separator: str, columns: Sequence[str]) -> SourceRows:
    """Yield the rows below the header, numbered by the line on which they start."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        # The header is line 1 of the file, and the reader counts the lines after it.
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"the row cannot be read as CSV ({clean(str(error), MAX_NAME_LENGTH)})"
            yield SourceRow(line, {}, problems=(problem,))
            continue
        if cells:
            yield _read_row(line, cells, columns)


def _read_row(place: int, cells: Sequence[str], columns: Sequence[str]) -> SourceRow:
    if len(cells) != len(columns):
        problem = f"the row has {plural(len(cells), 'cell')} under {plural(len(columns), 'column')}"
        return SourceRow(place, {}, problems=(problem,))
    fields: dict[str, JsonValue] = {}
    links: dict[str, str] = {}
    problems: list[str] = []
    for name, text in zip(columns, cells, strict=True):
        if not name or not text or text.isspace():
            if is_marking(text):
                problems.append("a cell has a marking, but its column is not read: keep one column, called tlp")
            continue
        if len(text) > (MAX_EVIDENCE_LENGTH if name == "raw" else MAX_CELL_LENGTH):
            problems.append(f"{name}: the cell has {len(text):,} characters, and at most {MAX_CELL_LENGTH:,} are read")
        elif name in SETTABLE_TEXTS:
            fields[name] = text
        elif name == "tags":
            fields[name] = [tag for part in _TAGS.split(text) if (tag := part.strip())]
        elif name == "raw":
            try:
                fields[name] = {"data": DistinctJson().read(text)}
            except RepeatedKey as error:
                problems.append(f"raw: {error}")
            except (ValueError, RecursionError):
                problems.append("raw: the cell is not a JSON object")
        else:
            links[name] = text.strip()
    if not links:
        return SourceRow(place, fields, None, (), tuple(problems))
    parents = _read_parents(links, problems)
    return SourceRow(place, fields, links.get("ref"), parents, tuple(problems))


def _read_parents(links: Mapping[str, str], problems: list[str]) -> tuple[ParentRef, ...]:
    above = links.get("parent_ref")
    kind = parse_relationship_type(links.get("relationship_type", "related_to"))
    if kind is None:
        problems.append(f"relationship_type: {quote(links['relationship_type'])} is not a relationship type")
    return (ParentRef(above, kind),) if above and kind else ()


def _assign_fields(names: Sequence[str], mapping: Mapping[str, str], notes: ReaderNotes) -> list[str]:
    """Return the field of each column, empty for columns that are left out."""
    by_name = {_normalize(column): field for column, field in mapping.items()}
    for column, field in mapping.items():
        if field not in FIELDS:
            raise unknown_field_error(field, "--map")
        if _normalize(column) not in {_normalize(name) for name in names}:
            raise BadFile(
                f"--map: there is no column {quote(column)}. The columns are these.",
                list_words([quote(name) for name in names], 20),
            )
    columns = [by_name.get(_normalize(name)) or FIELD_BY_NAME.get(_normalize(name), "") for name in names]
    mapped = [_normalize(name) in by_name for name in names]
    for place, field in enumerate(columns):
        taken = field in columns[:place] or (field in by_name.values() and not mapped[place])
        if field and taken:
            notes.add(f"column {quote(names[place])} is left out: another column is already read as {field}")
            columns[place] = ""
        if not columns[place] and "tlp" not in by_name.values() and _is_marking(names[place]):
            raise BadFile(
                "A column that is not read has a marking by its name, so it is not certain which marking counts. "
                "Keep one column of markings, and call it tlp.",
                [quote(names[place])],
            )
        if not field:
            notes.add(f"column {quote(names[place])} is left out: its name does not match a field of an event")
    return columns


def _is_marking(name: str) -> bool:
    normalized = _normalize(unicodedata.normalize("NFKC", name))
    return "tlp" in normalized or FIELD_BY_NAME.get(normalized) == "tlp"


def _normalize(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name).lower()


def _remove_quoted(header: str) -> str:
    return re.sub(r'"[^"]*"', "", header)
