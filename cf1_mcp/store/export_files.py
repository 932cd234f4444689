"""The folder of exports: complete files, readable by their owner alone, deleted after a day.

A file name consists of the id, a keyed digest and the format. The id is random and cannot be guessed. The digest binds
the file to its id, account, base, format and the rules for reading, so under other rules the id is unknown. Next to
each file are the ids of its events, so that a reader can find out whether they may still be shown.
"""

import codecs
import hmac
import json
import os
import re
from base64 import b32encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final, Self

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument
from cf1_mcp.settings import Settings
from cf1_mcp.store.confirmation_codes import canonicalize
from cf1_mcp.store.export_drafts import (
    EVENT_IDS,
    LIFETIME,
    NAME_END,
    UNFINISHED,
    UNUSABLE,
    ExportDraft,
    ExportError,
    StoredExport,
    read_stored,
    translate_errors,
)

# Of a page: in bytes of UTF-8, and in characters of the JSON that contains it, which escapes some characters as six.
MAX_PAGE_LENGTH: Final = 32_000
MAX_ESCAPED_LENGTH: Final = 37_000
# Of all files together, in bytes; the oldest are deleted first.
MAX_FOLDER_SIZE: Final = 4 * 1024**3
KEY_NAME: Final = "key"
KEY_LENGTH: Final = 32
# To be changed when the content of the digest of a file changes.
_VERSION: Final = "cf1-mcp export 1"
_ID: Final = re.compile("[a-z2-7]{16}")
# Files of earlier releases have a digest of 8 digits; they are only deleted.
_FILE: Final = re.compile(rf"{_ID.pattern}\.(?:[0-9a-f]{{8}}|[0-9a-f]{{32}})\.[a-z0-9]+(?:{NAME_END})?\.[a-z]+")


@dataclass(frozen=True)
class StoredPage:
    """Part of an export, verbatim: from `offset` up to `next_offset` in bytes, which is None at the end."""

    export: StoredExport
    offset: int
    text: str
    next_offset: int | None


class ExportFolder:
    """The folder of exports. `under` returns it under the rules of a call. `clock` returns aware times."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._folder = settings.state_dir / "exports"
        self._clock = clock
        self._confirm_key = settings.confirm_key
        account = settings.credentials.account_id if settings.credentials else ""
        self._scope: JsonValue = [account, settings.base_url]
        self._rules: JsonValue = None
        # When the events of an export were last looked at, by the id of the export.
        self._checks: dict[str, datetime] = {}

    def under(self, rules: JsonValue) -> Self:
        """Return the folder under some rules for reading: only exports that were made under the same ones are found."""
        bound = copy(self)
        bound._rules = rules
        return bound

    def create_draft(self, name: str, suffix: str) -> ExportDraft:
        """Begin a new file of the format `name`. Expired files are deleted first.

        Raises:
            ExportError: the folder cannot be written.
        """
        with translate_errors():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._delete_expired()
            key = self._load_key()
        export_id = b32encode(token_bytes(10)).decode().lower()
        kind = f"{name}{NAME_END}{suffix}"
        return ExportDraft(self._folder / f"{export_id}.{self._digest(key, export_id, kind)}.{kind}", self._clock())

    def find(self, export_id: str) -> StoredExport:
        """Return an export.

        Raises:
            BadArgument: there is no such export.
            ExportError: the folder cannot be read.
        """
        path = self._find_path(export_id)
        with translate_errors():
            return read_stored(path)

    def list_kept(self) -> list[StoredExport]:
        """Return all complete exports, the newest first, under whatever rules they were made: for the operator, whose
        folder this is. Expired files are deleted first.

        Raises:
            ExportError: the folder cannot be read.
        """
        with translate_errors():
            self._delete_expired()
            paths = [path for path in self._list_files() if path.suffix not in (UNFINISHED, EVENT_IDS)]
            return sorted(map(read_stored, paths), key=lambda one: (one.expires, one.id), reverse=True)

    def read_event_ids(self, export_id: str) -> list[str]:
        """Return the ids of the events in an export. Raises the same as `find`."""
        path = self._find_path(export_id)
        try:
            return path.with_name(path.name + EVENT_IDS).read_text("utf-8").split("\n")[:-1]
        except FileNotFoundError:
            raise _no_such_export() from None
        except OSError as error:
            raise ExportError(UNUSABLE) from error

    def age_of_check(self, export_id: str) -> timedelta | None:
        """Return how long ago this process last recorded a check of an export's events; None if it never did."""
        checked = self._checks.get(export_id.strip())
        return None if checked is None else self._clock() - checked

    def record_check(self, export_id: str) -> None:
        """Record that the events of an export may be shown now."""
        oldest = self._clock() - LIFETIME
        for old in [one for one, checked in self._checks.items() if checked < oldest]:
            del self._checks[old]
        self._checks[export_id.strip()] = self._clock()

    def age(self, export: StoredExport) -> timedelta:
        """Return how long ago an export was made."""
        return self._clock() - export.created

    def read_page(self, export_id: str, offset: int) -> StoredPage:
        """Return the part of an export that begins at `offset`. It ends at the end of a line if possible.

        Raises:
            BadArgument: there is no such export, or no page begins at `offset`.
            ExportError: the file cannot be read.
        """
        path = self._find_path(export_id)
        with translate_errors():
            found = read_stored(path)
        if offset >= found.size:
            raise BadArgument("offset", f"the file ends at {found.size}", "next_offset of the previous page, or 0")
        with translate_errors(), path.open("rb") as file:
            file.seek(offset)
            text = _decode_page(file.read(MAX_PAGE_LENGTH))
        if offset + len(text.encode()) < found.size:
            text = text[: text.rfind("\n") + 1] or text
        end = offset + len(text.encode())
        return StoredPage(found, offset, text, end if end < found.size else None)

    def _find_path(self, export_id: str) -> Path:
        word = export_id.strip()
        found: list[Path] = []
        if _ID.fullmatch(word):
            with translate_errors():
                self._delete_expired()
                known = [*self._folder.glob(f"{word}.*")]
                key = self._load_key() if known else b""
            found = [path for path in known if self._is_bound(path, key)]
        if not found:
            raise _no_such_export()
        return found[0]

    def _load_key(self) -> bytes:
        return load_export_key(self._folder, self._confirm_key)

    def _is_bound(self, path: Path, key: bytes) -> bool:
        """Whether a file is an export that was made by this server, or one with the same key, under these rules."""
        if not _FILE.fullmatch(path.name):
            return False
        export_id, digest, kind = path.name.split(".", 2)
        return hmac.compare_digest(digest, self._digest(key, export_id, kind))

    def _digest(self, key: bytes, export_id: str, kind: str) -> str:
        message = canonicalize([self._scope, self._rules, export_id, kind])
        return hmac.digest(key, message, "sha256").hex()[:32]

    def _delete_expired(self) -> None:
        """Delete expired files, and the oldest ones beyond the folder's maximum size. Other files are left alone."""
        now = self._clock().timestamp()
        kept: list[tuple[float, int, Path]] = []
        for path in self._list_files():
            with suppress(FileNotFoundError):
                about = path.stat()
                if about.st_mtime + LIFETIME.total_seconds() <= now:
                    path.unlink()
                elif path.suffix not in (UNFINISHED, EVENT_IDS):
                    kept.append((about.st_mtime, about.st_size, path))
        free = MAX_FOLDER_SIZE
        for _, size, path in sorted(kept, reverse=True):
            free -= size
            if free < 0:
                path.unlink(missing_ok=True)
                path.with_name(path.name + EVENT_IDS).unlink(missing_ok=True)

    def _list_files(self) -> Iterator[Path]:
        if self._folder.exists():
            files = self._folder.iterdir()
            yield from (one for one in files if _FILE.fullmatch(re.sub(r"\.(?:part|events)$", "", one.name)))


def _no_such_export() -> BadArgument:
    hours = LIFETIME // timedelta(hours=1)
    return BadArgument(
        "export_id",
        f"there is no such export: exports are deleted after {hours} hours, and cannot be read after what may be read "
        "has changed",
        "the id of an earlier answer, or export again",
    )


def _decode_page(data: bytes) -> str:
    """Return as much text of some bytes as fits a page, without a partial character at the end."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        raise BadArgument("offset", "no page begins there", "next_offset of the previous page, or 0") from None
    while (size := len(json.dumps(text))) > MAX_ESCAPED_LENGTH:
        text = text[: len(text) * MAX_ESCAPED_LENGTH // size]
    return text


def load_export_key(folder: Path, confirm_key: bytes | None) -> bytes:
    """Return the key of a folder of exports, which is created on first use.

    Raises:
        OSError: the key cannot be read or written, or its file is damaged.
    """
    return hmac.digest(confirm_key or _load_random_key(folder / KEY_NAME), _VERSION.encode(), "sha256")


def _load_random_key(path: Path) -> bytes:
    if not path.exists():
        _create_key(path)
    key = path.read_bytes()
    if len(key) != KEY_LENGTH:
        raise OSError(f"{path} is damaged")
    return key


def _create_key(path: Path) -> None:
    """Create the file of a key, unless another process has created it in the meantime."""
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(token_bytes(KEY_LENGTH))
        # Unlike a rename, a link never replaces a key that is in use already, and the file is complete from the start.
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        except OSError:
            # A file system without links.
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
