"""The rows of a file, or of a text with the content of a file, in any format."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cf1_mcp.errors import BadArgument
from cf1_mcp.imports.readers.csv_reader import csv_rows
from cf1_mcp.imports.readers.files import Format, opened, text_lines
from cf1_mcp.imports.readers.jsonl_reader import jsonl_rows
from cf1_mcp.imports.readers.misp_reader import misp_rows
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRows
from cf1_mcp.imports.readers.stix_reader import stix_rows


@dataclass(frozen=True)
class Source:
    """A file and how to read it: `mapping` from columns to fields, `constants` for fields that a row lacks."""

    path: Path
    format: Format
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    constants: Mapping[str, str] = field(default_factory=dict[str, str])


def rows_of(source: Source, notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a file.

    Raises:
        BadFile: the file cannot be read in its format.
        BadArgument: `mapping` does not match the file.
    """
    if source.mapping and source.format != "csv":
        raise BadArgument("--map", f"a {source.format} file has no columns", "it with CSV files only")
    match source.format:
        case "jsonl":
            with opened(source.path) as file:
                yield from jsonl_rows(file, notes)
        case "csv":
            yield from csv_rows(text_lines(source.path, notes), source.mapping, source.constants, notes)
        case "stix":
            with opened(source.path) as file:
                yield from stix_rows(file, notes)
        case "misp":
            with opened(source.path) as file:
                yield from misp_rows(file, notes)


def rows_in(text: str, form: Format, constants: Mapping[str, str], notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a text with the content of a file.

    Raises:
        BadFile: the text is not in this format.
    """
    match form:
        case "jsonl":
            yield from jsonl_rows(io.BytesIO(text.encode()), notes)
        case "csv":
            yield from csv_rows(io.StringIO(text, newline=""), {}, constants, notes)
        case "stix":
            yield from stix_rows(io.BytesIO(text.encode()), notes)
        case "misp":
            yield from misp_rows(io.BytesIO(text.encode()), notes)
