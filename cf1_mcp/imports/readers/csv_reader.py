"""CSV files as people and tools write them: with any of the usual separators, headers and encodings."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.errors import BadFile, choices
from cf1_mcp.imports.readers.rows import (
    FIELDS,
    ParentRef,
    ReaderNotes,
    SourceRow,
    SourceRows,
    parse_relationship_type,
    quote_text,
    unknown_field,
)
from cf1_mcp.models.fields import REQUIRED_TEXTS, SETTABLE, SETTABLE_TEXTS
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

SEPARATORS: Final = (",", ";", "\t", "|")
MAX_CELL_LENGTH: Final = 100_000  # characters; a title or an insight longer than that is a mistake
MAX_COLUMNS: Final = 1_000
MAX_EVIDENCE_LENGTH: Final = 1_000_000
# The module rejects a whole file for one cell above its own limit of 131,072; here only the row is rejected.
MAX_FIELD_SIZE: Final = 64_000_000
_WORDS: Final = re.compile(r"[\W_]+")
_TAGS: Final = re.compile(r"[;,|]")

# Names of columns, without case, spaces and punctuation, and the fields that they mean.
MEANINGS: Final[Mapping[str, str]] = {
    **{name.replace("_", ""): name for name in FIELDS},
    **{header: field.name for field in SETTABLE for header in field.headers},
    **dict.fromkeys(("evidence", "rawdata"), "raw"),
    **dict.fromkeys(("id", "key", "eventid"), "ref"),
    **dict.fromkeys(("parent", "parentid"), "parent_ref"),
    **dict.fromkeys(("relation", "relationship"), "relationship_type"),
}


class NoColumn(BadFile):
    """A required column is missing. `problem` describes it without the next step."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem}. Name it with --map COLUMN=FIELD, or give every row the same with --set FIELD=VALUE."
        )
        self.problem = problem


def read_csv(
    lines: Iterator[str], mapping: Mapping[str, str], constants: Mapping[str, str], notes: ReaderNotes
) -> SourceRows:
    """Return the rows below a header. `mapping` names the field of a column where its name does not.

    Raises:
        BadFile: there is no header, or a column that events need is missing.
        BadArgument: `mapping` names a column or field that does not exist.
    """
    csv.field_size_limit(MAX_FIELD_SIZE)
    header = next((line for line in lines if line.strip()), "").removeprefix("\ufeff")
    separator = max(SEPARATORS, key=_unquoted(header).count)
    names = next(csv.reader([header], delimiter=separator), list[str]())
    if len(names) > MAX_COLUMNS:
        raise BadFile(
            f"The first line of the file has {len(names):,} cells, and at most {MAX_COLUMNS:,} are read. "
            "Begin it with a header of the columns that events need."
        )
    columns = _columns(names, mapping, notes)
    missing = [name for name in REQUIRED_TEXTS if name not in {*columns, *constants}]
    if missing:
        raise NoColumn(
            f"the file has no column for {choices(missing)}: its columns are "
            f"{choices([quote_text(name) for name in names], 20) or 'none'}"
        )
    reader = csv.reader(lines, delimiter=separator, strict=True)
    place = 1
    while True:
        start, place = place + 1, place + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield SourceRow(
                start, {}, problems=(f"the row cannot be read as CSV ({clean(str(error), MAX_NAME_LENGTH)})",)
            )
            place = 1 + reader.line_num
            continue
        place = 1 + reader.line_num
        if cells:
            yield _row(start, cells, columns)


def _row(place: int, cells: Sequence[str], columns: Sequence[str]) -> SourceRow:
    if len(cells) != len(columns):
        return SourceRow(place, {}, problems=(f"the row has {len(cells)} cells under {len(columns)} columns",))
    fields: dict[str, JsonValue] = {}
    links: dict[str, str] = {}
    problems: list[str] = []
    for name, text in zip(columns, cells, strict=True):
        if not name or not text or text.isspace():
            continue
        if len(text) > (MAX_EVIDENCE_LENGTH if name == "raw" else MAX_CELL_LENGTH):
            problems.append(f"{name}: the cell has {len(text):,} characters, and at most {MAX_CELL_LENGTH:,} are read")
        elif name in SETTABLE_TEXTS:
            fields[name] = text
        elif name == "tags":
            fields[name] = [tag for part in _TAGS.split(text) if (tag := part.strip())]
        elif name == "raw":
            try:
                fields[name] = {"data": json.loads(text)}
            except (ValueError, RecursionError):
                problems.append("raw: the cell is not a JSON object")
        else:
            links[name] = text.strip()
    if not links:
        return SourceRow(place, fields, None, (), tuple(problems))
    parents = _parents(links, problems)
    return SourceRow(place, fields, links.get("ref"), parents, tuple(problems))


def _parents(links: Mapping[str, str], problems: list[str]) -> tuple[ParentRef, ...]:
    above = links.get("parent_ref")
    kind = parse_relationship_type(links.get("relationship_type", "related_to"))
    if kind is None:
        problems.append(f"relationship_type: {quote_text(links['relationship_type'])} is not a type of relationship")
    return (ParentRef(above, kind),) if above and kind else ()


def _columns(names: Sequence[str], mapping: Mapping[str, str], notes: ReaderNotes) -> list[str]:
    """Return the field of each column, empty for one that is not imported."""
    by_name = {_plain(column): field for column, field in mapping.items()}
    for column, field in mapping.items():
        if field not in FIELDS:
            raise unknown_field(field, "--map")
        if _plain(column) not in {_plain(name) for name in names}:
            known = choices([quote_text(name) for name in names], 20)
            raise BadFile(f"--map: there is no column {quote_text(column)}. The columns are {known}.")
    columns = [by_name.get(_plain(name)) or MEANINGS.get(_plain(name), "") for name in names]
    mapped = [_plain(name) in by_name for name in names]
    for place, field in enumerate(columns):
        taken = field in columns[:place] or (field in by_name.values() and not mapped[place])
        if field and taken:
            notes.add(f"column {quote_text(names[place])} is left out: another one is {field} already")
            columns[place] = ""
        elif not field:
            notes.add(f"column {quote_text(names[place])} is left out: its name is not that of a field")
    return columns


def _plain(name: str) -> str:
    return _WORDS.sub("", name).lower()


def _unquoted(header: str) -> str:
    return re.sub(r'"[^"]*"', "", header)
