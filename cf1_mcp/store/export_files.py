"""The folder of exports: complete files, readable by their owner alone, deleted after a day.

A file name consists of the id, a digest of the rules that applied, and the format. The id is random and cannot be
guessed. Under other reading rules the id is unknown, so a file never shows what the current rules withhold.
"""

import codecs
import errno
import json
import os
import re
from base64 import b32encode
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.settings import Settings
from cf1_mcp.store.database import StoreError

LIFETIME: Final = timedelta(hours=24)
# Of a page: in bytes of UTF-8, and in characters of the JSON that contains it, which escapes some characters as six.
MAX_PAGE_LENGTH: Final = 32_000
MAX_ESCAPED_LENGTH: Final = 37_000
# Of all files together, in bytes; the oldest are deleted first.
MAX_FOLDER_SIZE: Final = 4 * 1024**3
UNFINISHED: Final = ".part"
_ID: Final = re.compile("[a-z2-7]{16}")
_FILE: Final = re.compile(rf"{_ID.pattern}\.[0-9a-f]{{8}}\.([a-z0-9]+)\.(?:[a-z]+)")


class ExportError(StoreError):
    """An export cannot be written or read."""


@dataclass(frozen=True)
class StoredExport:
    """A complete export. `size` is in bytes."""

    id: str
    format: str
    size: int
    expires: datetime


@dataclass(frozen=True)
class StoredPage:
    """Part of an export, verbatim: from `offset` up to `next_offset` in bytes, which is None at the end."""

    export: StoredExport
    offset: int
    text: str
    next_offset: int | None


class ExportDraft:
    """An export that is being written. Until it is kept, its file has a name that is never read."""

    def __init__(self, path: Path, made: datetime) -> None:
        self._path = path
        self._part = path.with_name(path.name + UNFINISHED)
        self._made = made
        self.characters = 0
        with _translate_errors():
            descriptor = os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            # UTF-8 cannot encode lone surrogates. No format writes one, and here they would be escaped.
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")

    def write(self, text: str) -> None:
        with _translate_errors():
            self._file.write(text)
        self.characters += len(text)

    def keep(self) -> StoredExport:
        """Finish the file and give it its final name."""
        with _translate_errors():
            self._file.close()
            os.utime(self._part, (self._made.timestamp(), self._made.timestamp()))
            self._part.rename(self._path)
            return _read_stored(self._path)

    def discard(self) -> None:
        """Delete a file that was not kept."""
        # Closing flushes the file, which fails if the disk is full.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


class ExportFolder:
    """The folder of exports under one set of rules. `clock` returns aware times."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._folder = settings.state_dir / "exports"
        self._clock = clock
        account = settings.credentials.account_id if settings.credentials else ""
        rules = [account, settings.base_url, sorted(settings.read_datasets), settings.max_tlp]
        self._rules = sha256(json.dumps(rules).encode()).hexdigest()[:8]

    def create_draft(self, name: str, suffix: str) -> ExportDraft:
        """Begin a new file of the format `name`. Expired files are deleted first.

        Raises:
            ExportError: the folder cannot be written.
        """
        with _translate_errors():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._delete_expired()
        export_id = b32encode(token_bytes(10)).decode().lower()
        return ExportDraft(self._folder / f"{export_id}.{self._rules}.{name}{suffix}", self._clock())

    def read_page(self, export_id: str, offset: int) -> StoredPage:
        """Return the part of an export that begins at `offset`. It ends at the end of a line if possible.

        Raises:
            BadArgument: there is no such export, or no page begins at `offset`.
            ExportError: the file cannot be read.
        """
        path = self._find_path(export_id)
        with _translate_errors():
            found = _read_stored(path)
        if offset >= found.size:
            raise BadArgument("offset", f"the file ends at {found.size}", "next_offset of the previous page, or 0")
        with _translate_errors(), path.open("rb") as file:
            file.seek(offset)
            text = _decode_page(file.read(MAX_PAGE_LENGTH))
        if offset + len(text.encode()) < found.size:
            text = text[: text.rfind("\n") + 1] or text
        end = offset + len(text.encode())
        return StoredPage(found, offset, text, end if end < found.size else None)

    def _find_path(self, export_id: str) -> Path:
        word = export_id.strip().lower()
        with _translate_errors():
            self._delete_expired()
            known = [*self._folder.glob(f"{word}.{self._rules}.*")] if _ID.fullmatch(word) else []
        found = [path for path in known if _FILE.fullmatch(path.name)]
        if not found:
            hours = LIFETIME // timedelta(hours=1)
            raise BadArgument(
                "export_id",
                f"there is no such export: exports are deleted after {hours} hours, and cannot be read after the "
                "operator has changed what may be read",
                "the id of an earlier answer, or export again",
            )
        return found[0]

    def _delete_expired(self) -> None:
        """Delete expired files, and the oldest ones beyond the folder's maximum size. Other files are left alone."""
        now = self._clock().timestamp()
        kept: list[tuple[float, int, Path]] = []
        for path in self._list_files():
            with suppress(FileNotFoundError):
                about = path.stat()
                if about.st_mtime + LIFETIME.total_seconds() <= now:
                    path.unlink()
                elif path.suffix != UNFINISHED:
                    kept.append((about.st_mtime, about.st_size, path))
        free = MAX_FOLDER_SIZE
        for _, size, path in sorted(kept, reverse=True):
            free -= size
            if free < 0:
                path.unlink(missing_ok=True)

    def _list_files(self) -> Iterator[Path]:
        if self._folder.exists():
            yield from (one for one in self._folder.iterdir() if _FILE.fullmatch(one.name.removesuffix(UNFINISHED)))


def _read_stored(path: Path) -> StoredExport:
    about = path.stat()
    export_id, _, name, _ = path.name.split(".")
    expires = datetime.fromtimestamp(about.st_mtime, UTC) + LIFETIME
    return StoredExport(export_id, name, about.st_size, expires)


def _decode_page(data: bytes) -> str:
    """Return as much text of some bytes as fits a page, without a partial character at the end."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        raise BadArgument("offset", "no page begins there", "next_offset of the previous page, or 0") from None
    while (size := len(json.dumps(text))) > MAX_ESCAPED_LENGTH:
        text = text[: len(text) * MAX_ESCAPED_LENGTH // size]
    return text


@contextmanager
def _translate_errors() -> Generator[None]:
    """Raise failures of the file system as an ExportError with the next step."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
            raise ExportError(
                "The export cannot be written, as the disk is full or failing. "
                "Ask the operator to free space in CF1_STATE_DIR."
            ) from error
        raise ExportError(
            "The folder of exports cannot be used. Ask the operator to check CF1_STATE_DIR and who may write there."
        ) from error
