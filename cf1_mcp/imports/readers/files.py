"""Opens files and recognizes their compression, encoding and format."""

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast, get_args

from cf1_mcp.errors import BadFile, choices
from cf1_mcp.imports.readers.rows import ReaderNotes, quote_text
from cf1_mcp.text.sanitize import clean

Format = Literal["jsonl", "csv", "stix", "misp"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
GZIP: Final = b"\x1f\x8b"
CHUNK: Final = 1 << 20
HEAD: Final = 64 * 1024
_BY_SUFFIX: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".stix": "stix",
}
_BUNDLE: Final = re.compile(rb'"type"\s*:\s*"bundle"|"objects"\s*:\s*\[|"spec_version"\s*:')
_MISP: Final = re.compile(rb'^\s*[\[{]\s*(\{\s*)?"(Event|response)"\s*:')


@contextmanager
def open_source(path: Path) -> Generator[BinaryIO]:
    """Open a file for reading bytes, decompressed if it is gzipped.

    Raises:
        BadFile: it cannot be read, or is broken.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadFile(
            f"{_name(path)} is a broken gzip file ({clean(str(error), 80)}). Download or compress it again."
        ) from error
    except OSError as error:
        raise BadFile(f"{_name(path)} cannot be read: {error.strerror}. Name a file with events.") from error


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as it is on disk."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFile(f"{_name(path)} cannot be read: {error.strerror}. Name a file with events.") from error


def detect_format(path: Path) -> Format:
    """Return the format of a file by its name, or else by its first bytes.

    Raises:
        BadFile: its format is not recognized.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    with open_source(path) as file:
        head = file.read(HEAD)
    found = recognize_format(head) or ("csv" if suffix != ".json" and head.strip() else None)
    if found is None:
        raise BadFile(f"{_name(path)}: its format is not recognized. Set it with --format {choices(FORMATS)}.")
    return found


def recognize_format(head: bytes) -> Format | None:
    """Return the format of JSON by its first bytes; None where they are not JSON."""
    head = head.removeprefix(codecs.BOM_UTF8)
    if _MISP.match(head):
        return "misp"
    first, _, rest = head.lstrip().partition(b"\n")
    if first.startswith(b"{") and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{"):
        return "jsonl"
    if head.lstrip().startswith(b"{"):
        return "stix" if _BUNDLE.search(head) else "jsonl"
    return None


def text_lines(path: Path, notes: ReaderNotes) -> Iterator[str]:
    """Return the lines of a text file in its encoding, which is detected."""
    encoding = _encoding(path)
    if encoding == "cp1252":
        notes.add("the file is not UTF-8: it is read as Windows-1252 (Latin-1)")
    # Bytes that Windows-1252 leaves undefined are shown as such, and refused where they matter.
    errors = "replace" if encoding == "cp1252" else "strict"
    with open_source(path) as file, io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="") as lines:
        yield from lines


def _encoding(path: Path) -> str:
    with open_source(path) as file:
        chunk = file.read(CHUNK)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _name(path: Path) -> str:
    return quote_text(path.name)
