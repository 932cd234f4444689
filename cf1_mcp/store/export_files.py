"""The operator's folder of exports: whole files, for their owner alone, gone after a day.

The name of a file is its id, a digest of the rules that it was made under, and its format. The id is random and cannot
be guessed; under other rules for reading the same id names nothing, so a file never tells what it would not hold today.
"""

import codecs
import errno
import json
import os
import re
from base64 import b32encode
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final

from cf1_mcp.errors import BadArgument, ThreatEventsError
from cf1_mcp.settings import Settings

LIFETIME: Final = timedelta(hours=24)
# Of a page, in bytes of UTF-8, so in no more characters; and in characters of the JSON that carries it, which writes
# some characters as six.
MAX_PAGE_LENGTH: Final = 32_000
MAX_ESCAPED_LENGTH: Final = 37_000
# What all files together may take, in bytes; the oldest go first.
MAX_FOLDER_SIZE: Final = 4 * 1024**3
UNFINISHED: Final = ".part"
_ID: Final = re.compile("[a-z2-7]{16}")
_FILE: Final = re.compile(rf"{_ID.pattern}\.[0-9a-f]{{8}}\.([a-z0-9]+)\.(?:[a-z]+)")


class ExportError(ThreatEventsError):
    """An export cannot be written or read."""


@dataclass(frozen=True)
class Stored:
    """A whole export. `size` is in bytes."""

    id: str
    format: str
    media_type: str
    size: int
    expires: datetime


@dataclass(frozen=True)
class Page:
    """Part of an export, word for word: from `offset` up to `next_offset` (bytes), None where it ends."""

    export: Stored
    offset: int
    text: str
    next_offset: int | None


class Draft:
    """An export in the making, under a name that nothing reads it by until it is kept."""

    def __init__(self, path: Path, made: datetime, media_types: Mapping[str, str]) -> None:
        self._media_types = media_types
        self._path = path
        self._part = path.with_name(path.name + UNFINISHED)
        self._made = made
        self.characters = 0
        with _worded():
            descriptor = os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            # Half a character, which no format lets through, would be the only one without UTF-8.
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")

    def write(self, text: str) -> None:
        with _worded():
            self._file.write(text)
        self.characters += len(text)

    def keep(self) -> Stored:
        """The file, whole from now on."""
        with _worded():
            self._file.close()
            os.utime(self._part, (self._made.timestamp(), self._made.timestamp()))
            self._part.rename(self._path)
            return _stored(self._path, self._media_types)

    def discard(self) -> None:
        """Leaves nothing of a file that was not kept."""
        # What could not be written cannot be flushed either.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


class ExportFolder:
    """Where exports lie, as seen at one moment by one set of rules. `media_types` are those of the formats, by name."""

    def __init__(self, settings: Settings, now: datetime, media_types: Mapping[str, str]) -> None:
        self._media_types = media_types
        self._folder = settings.state_dir / "exports"
        self._now = now
        account = settings.credentials.account_id if settings.credentials else ""
        rules = [account, settings.base_url, sorted(settings.read_datasets), settings.max_tlp]
        self._rules = sha256(json.dumps(rules).encode()).hexdigest()[:8]

    def draft(self, name: str, suffix: str) -> Draft:
        """A new file. What has expired goes first.

        Raises:
            ExportError: the folder cannot be written.
        """
        with _worded():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
        export_id = b32encode(token_bytes(10)).decode().lower()
        return Draft(self._folder / f"{export_id}.{self._rules}.{name}{suffix}", self._now, self._media_types)

    def page(self, export_id: str, offset: int) -> Page:
        """The part of an export that begins at `offset`; it ends with a line where it can.

        Raises:
            BadArgument: there is no such export, or no page begins there.
            ExportError: the file cannot be read.
        """
        path = self._path(export_id)
        with _worded():
            found = _stored(path, self._media_types)
        if offset >= found.size:
            raise BadArgument("offset", f"the file ends at {found.size}", "next_offset of the page before, or 0")
        with _worded(), path.open("rb") as file:
            file.seek(offset)
            text = _whole_characters(file.read(MAX_PAGE_LENGTH))
        if offset + len(text.encode()) < found.size:
            text = text[: text.rfind("\n") + 1] or text
        end = offset + len(text.encode())
        return Page(found, offset, text, end if end < found.size else None)

    def _path(self, export_id: str) -> Path:
        word = export_id.strip().lower()
        with _worded():
            self._sweep()
            known = [*self._folder.glob(f"{word}.{self._rules}.*")] if _ID.fullmatch(word) else []
        found = [path for path in known if _FILE.fullmatch(path.name)]
        if not found:
            hours = LIFETIME // timedelta(hours=1)
            raise BadArgument(
                "export_id",
                f"there is no such export: an export is gone after {hours} hours, and unreadable once the operator has "
                "changed what may be read",
                "the id of an earlier answer, or export anew",
            )
        return found[0]

    def _sweep(self) -> None:
        """Deletes what has expired, and the oldest of what takes too much room. Other files are left alone."""
        kept: list[tuple[float, int, Path]] = []
        for path in self._files():
            with suppress(FileNotFoundError):
                about = path.stat()
                if about.st_mtime + LIFETIME.total_seconds() <= self._now.timestamp():
                    path.unlink()
                elif path.suffix != UNFINISHED:
                    kept.append((about.st_mtime, about.st_size, path))
        room = MAX_FOLDER_SIZE
        for _, size, path in sorted(kept, reverse=True):
            room -= size
            if room < 0:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        if self._folder.exists():
            yield from (one for one in self._folder.iterdir() if _FILE.fullmatch(one.name.removesuffix(UNFINISHED)))


def _stored(path: Path, media_types: Mapping[str, str]) -> Stored:
    about = path.stat()
    export_id, _, name, _ = path.name.split(".")
    expires = datetime.fromtimestamp(about.st_mtime, UTC) + LIFETIME
    return Stored(export_id, name, media_types.get(name, "text/plain"), about.st_size, expires)


def _whole_characters(data: bytes) -> str:
    """The text of some bytes, as much as fits, without the part of a character at their end."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        raise BadArgument("offset", "no page begins there", "next_offset of the page before, or 0") from None
    while (size := len(json.dumps(text))) > MAX_ESCAPED_LENGTH:
        text = text[: len(text) * MAX_ESCAPED_LENGTH // size]
    return text


@contextmanager
def _worded() -> Generator[None]:
    """Failures of the file system, for whoever can do something about them."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
            raise ExportError(
                "The export cannot be written, as the disk is full or failing. "
                "Ask the operator to make room where CF1_STATE_DIR is."
            ) from error
        raise ExportError(
            "The folder of exports cannot be used. Ask the operator to check CF1_STATE_DIR and who may write there."
        ) from error
