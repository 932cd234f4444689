"""Exports that are being written. Until a file is complete, it has a name that is never read."""

import errno
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cf1_mcp.store.database import StoreError

LIFETIME: Final = timedelta(hours=24)
UNFINISHED: Final = ".part"
EVENT_IDS: Final = ".events"
# Ends the format in the name of a file, which for CSV would otherwise be that of its suffix as well.
NAME_END: Final = "-export"
UNUSABLE: Final = (
    "The folder of exports cannot be used. Ask the operator to check CF1_STATE_DIR and who may write there."
)


class ExportError(StoreError):
    """An export cannot be written or read."""


@dataclass(frozen=True)
class StoredExport:
    """A complete export in the file `path`. `size` is in bytes."""

    id: str
    format: str
    size: int
    expires: datetime
    path: Path

    @property
    def created(self) -> datetime:
        return self.expires - LIFETIME


class ExportDraft:
    """An export that is being written. Until it is kept, its file has a name that is never read."""

    def __init__(self, path: Path, made: datetime) -> None:
        self._path = path
        self._part = path.with_name(path.name + UNFINISHED)
        self._event_ids = path.with_name(path.name + EVENT_IDS)
        self._is_kept = False
        self._made = made
        self.characters = 0
        with translate_errors():
            descriptor = os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            # UTF-8 cannot encode lone surrogates. No format writes one, and here they would be escaped.
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")

    def write(self, text: str) -> None:
        with translate_errors():
            self._file.write(text)
        self.characters += len(text)

    def keep(self, event_ids: Iterable[str]) -> StoredExport:
        """Finish the file and give it its final name. `event_ids` are those of the events in it."""
        times = (self._made.timestamp(), self._made.timestamp())
        with translate_errors():
            self._file.close()
            # Before the file itself, which is not shown without it.
            descriptor = os.open(self._event_ids, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                file.writelines(f"{event_id}\n" for event_id in event_ids)
            os.utime(self._event_ids, times)
            os.utime(self._part, times)
            self._part.rename(self._path)
            self._is_kept = True
            return read_stored(self._path)

    def discard(self) -> None:
        """Delete a file that was not kept."""
        # Closing flushes the file, which fails if the disk is full.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
        if not self._is_kept:
            with suppress(OSError):
                self._event_ids.unlink(missing_ok=True)


def read_stored(path: Path) -> StoredExport:
    about = path.stat()
    export_id, _, name, _ = path.name.split(".")
    expires = datetime.fromtimestamp(about.st_mtime, UTC) + LIFETIME
    return StoredExport(export_id, name.removesuffix(NAME_END), about.st_size, expires, path)


@contextmanager
def translate_errors() -> Generator[None]:
    """Raise failures of the file system as an ExportError with the next step."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
            raise ExportError(
                "The export cannot be written, as the disk is full or failing. "
                "Ask the operator to free space in CF1_STATE_DIR."
            ) from error
        raise ExportError(UNUSABLE) from error
