"""The texts of a file in which indicators are looked for, in parts that one call of a tool takes."""

import csv
import json
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, Literal, cast, get_args

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.files import read_lines
from cf1_mcp.imports.readers.source_rows import ReaderNotes

TextFormat = Literal["text", "csv", "jsonl"]
TEXT_FORMATS: Final[tuple[TextFormat, ...]] = get_args(TextFormat)
# So that a part has fewer indicators than one call takes, and is looked up within its time.
PART_SIZE: Final = 24_000  # characters
MAX_CELL_SIZE: Final = 10_000_000
DELIMITERS: Final = ",;\t|"
_BY_SUFFIX: Final[dict[str, TextFormat]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_BLANK: Final = re.compile(r"\s")


@contextmanager
def as_file(name: str, stdin: BinaryIO) -> Generator[Path]:
    """Open a file by its path, or with `-` what comes through stdin."""
    if name != "-":
        yield Path(name)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            copyfileobj(stdin, file)
        yield path


def detect_text_format(path: Path) -> TextFormat:
    """Return the format of a file by its name. What has another name is text."""
    return _BY_SUFFIX.get(Path(path.name.lower().removesuffix(".gz")).suffix, "text")


def read_parts(path: Path, form: TextFormat, notes: ReaderNotes) -> Iterator[str]:
    """Yield the texts of a file, each of at most PART_SIZE characters, cut between lines or words where possible.

    Of a CSV file these are its cells, of JSON lines the texts and numbers in each object, of any other file its lines.

    Raises:
        BadFile: the file cannot be read.
    """
    lines = read_lines(path, notes)
    match form:
        case "csv":
            yield from _join_parts(_read_cells(lines))
        case "jsonl":
            yield from _join_parts(text for line in lines for text in _read_json_texts(line))
        case "text":
            yield from _join_parts(line.rstrip("\r\n") for line in lines)


def _join_parts(texts: Iterable[str]) -> Iterator[str]:
    part: list[str] = []
    size = 0
    for text in texts:
        for piece in _split(text):
            if size + len(piece) + 1 > PART_SIZE and part:
                yield "\n".join(part)
                part, size = [], 0
            part.append(piece)
            size += len(piece) + 1
    if part:
        yield "\n".join(part)


def _split(text: str) -> Iterator[str]:
    """Yield a text in pieces that fit into a part, cut at a blank of its last quarter if there is one."""
    start = 0
    while len(text) - start >= PART_SIZE:
        end = start + PART_SIZE - 1
        blanks = [*_BLANK.finditer(text, end - PART_SIZE // 4, end)]
        cut = blanks[-1].start() if blanks else end
        yield text[start:cut]
        start = cut
    yield text[start:]


def _read_cells(lines: Iterator[str]) -> Iterator[str]:
    csv.field_size_limit(MAX_CELL_SIZE)
    first = next(lines, "")
    delimiter = max(DELIMITERS, key=first.count)

    def all_lines() -> Iterator[str]:
        yield first
        yield from lines

    try:
        for row in csv.reader((line.replace("\0", "") for line in all_lines()), delimiter=delimiter):
            yield from row
    except csv.Error as error:
        raise BadFile(f"The file is not CSV that can be read: {error}. Look it up with --format text.") from error


def _read_json_texts(line: str) -> Iterator[str]:
    """Yield the texts and numbers in a line of JSON; the line itself if it is not JSON."""
    try:
        value: JsonValue = json.loads(line)
    except (ValueError, RecursionError):
        yield line.rstrip("\r\n")
        return
    # A list of parts instead of recursion: a line may be nested deeply.
    parts: list[JsonValue] = [value]
    while parts:
        match parts.pop():
            case str() as text:
                yield text.encode("utf-8", "replace").decode()  # without halves of characters
            case list() as items:
                parts += reversed(items)
            case dict() as fields:
                parts += reversed(cast("list[JsonValue]", [*fields.values()]))
            case _:
                continue
