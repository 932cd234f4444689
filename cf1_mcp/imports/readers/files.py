"""Opens files, gzipped or not, and detects their encoding and format."""

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
from cf1_mcp.imports.readers.source_rows import ReaderNotes, quote
from cf1_mcp.text.sanitize import clean

Format = Literal["jsonl", "csv", "stix", "misp"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
GZIP_MAGIC: Final = b"\x1f\x8b"
CHUNK_SIZE: Final = 1 << 20
HEAD_SIZE: Final = 64 * 1024
_BY_SUFFIX: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".stix": "stix",
}
_BUNDLE: Final = re.compile(rb'"type"\s*:\s*"bundle"|"objects"\s*:\s*\[|"spec_version"\s*:')
_MISP: Final = re.compile(rb'^\s*[\[{]\s*(\{\s*)?"(Event|response)"\s*:')
# Of a MISP event that stands alone, in any order.
_MISP_EVENT: Final = re.compile(rb'"(?:Attribute|Orgc|orgc_id|threat_level_id|ShadowAttribute)"\s*:')


@contextmanager
def open_file(path: Path) -> Generator[BinaryIO]:
    """Open a file for its bytes, decompressed if it is gzipped.

    Raises:
        BadFile: the file cannot be read, or is corrupt.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadFile(
            f"{_quote_name(path)} is a corrupt gzip file ({clean(str(error), 80)}). Download or compress it again."
        ) from error
    except OSError as error:
        raise BadFile(
            f"{_quote_name(path)} cannot be read: {error.strerror}. Use the path of a file of events."
        ) from error


def hash_file(path: Path) -> str:
    """Return the SHA-256 of the file as it is on disk."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFile(
            f"{_quote_name(path)} cannot be read: {error.strerror}. Use the path of a file of events."
        ) from error


def detect_format(path: Path) -> Format:
    """Return the format of a file by its name or, if that is not conclusive, by its first bytes.

    Raises:
        BadFile: neither is conclusive.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    with open_file(path) as file:
        head = file.read(HEAD_SIZE)
    found = detect_json_format(head) or ("csv" if suffix != ".json" and head.strip() else None)
    if found is None:
        raise BadFile(f"{_quote_name(path)}: its format cannot be detected. Set it with --format {choices(FORMATS)}.")
    return found


def detect_json_format(head: bytes) -> Format | None:
    """Return the format of JSON text by its first bytes; None if they are not JSON in a known format."""
    head = head.removeprefix(codecs.BOM_UTF8)
    if _MISP.match(head):
        return "misp"
    first, _, rest = head.lstrip().partition(b"\n")
    if first.startswith(b"{") and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{"):
        return "jsonl"
    start = head.lstrip()[:1]
    if start == b"{" and _BUNDLE.search(head):
        return "stix"
    if start in (b"{", b"[") and _MISP_EVENT.search(head):
        return "misp"
    return "jsonl" if start == b"{" else None


def read_lines(path: Path, notes: ReaderNotes) -> Iterator[str]:
    """Yield the lines of a text file, in the encoding that its bytes indicate."""
    encoding = _detect_encoding(path)
    if encoding == "cp1252":
        notes.add("the file is not UTF-8: it is read as Windows-1252 (Latin-1)")
    # Bytes that Windows-1252 does not define become replacement characters, which most fields reject.
    errors = "replace" if encoding == "cp1252" else "strict"
    with open_file(path) as file, io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="") as lines:
        yield from lines


def _detect_encoding(path: Path) -> str:
    with open_file(path) as file:
        chunk = file.read(CHUNK_SIZE)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(CHUNK_SIZE)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _quote_name(path: Path) -> str:
    return quote(path.name)
