"""Reads the rows of a file, or of the content of a file, in any format."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cf1_mcp.errors import BadArgument
from cf1_mcp.imports.readers.csv_reader import read_csv
from cf1_mcp.imports.readers.files import Format, open_file, read_lines
from cf1_mcp.imports.readers.jsonl_reader import read_jsonl
from cf1_mcp.imports.readers.misp_reader import read_misp
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRows
from cf1_mcp.imports.readers.stix.stix_reader import read_stix


@dataclass(frozen=True)
class Source:
    """A file and how to read it. `mapping` assigns fields to columns; `constants` are for fields that a row lacks."""

    path: Path
    format: Format
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    constants: Mapping[str, str] = field(default_factory=dict[str, str])


def read_file_rows(source: Source, notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a file.

    Raises:
        BadFile: the file cannot be read in its format.
        BadArgument: `mapping` does not match the file.
    """
    if source.mapping and source.format != "csv":
        raise BadArgument("--map", f"a {source.format} file has no columns", "it with CSV files only")
    match source.format:
        case "jsonl":
            with open_file(source.path) as file:
                yield from read_jsonl(file, notes)
        case "csv":
            yield from read_csv(read_lines(source.path, notes), source.mapping, source.constants, notes)
        case "stix":
            with open_file(source.path) as file:
                yield from read_stix(file, notes)
        case "misp":
            with open_file(source.path) as file:
                yield from read_misp(file, notes)


def read_text_rows(text: str, form: Format, constants: Mapping[str, str], notes: ReaderNotes) -> SourceRows:
    """Yield the rows of the content of a file.

    Raises:
        BadFile: the text is not in this format.
    """
    match form:
        case "jsonl":
            yield from read_jsonl(io.BytesIO(text.encode()), notes)
        case "csv":
            yield from read_csv(io.StringIO(text, newline=""), {}, constants, notes)
        case "stix":
            yield from read_stix(io.BytesIO(text.encode()), notes)
        case "misp":
            yield from read_misp(io.BytesIO(text.encode()), notes)
