"""The anchor of the journal: what the journal held last, in a file of its own.

The chain of the journal shows that an entry was altered, but not that the whole file is gone, that its end was cut off
together with its head, or that an older copy of it was restored. The anchor has the number of entries and the hash of
the last one, and the journal must have at least that many entries, with that hash in that place.

The anchor is written after the entry is on disk, so it never claims more than the journal had: after a crash between
the two, it is one entry behind, which is not damage. It is written under the write lock of the journal, so that of
several processes none sets it back.

It has no key. Someone who can rewrite both files can hide what they removed, and so can someone who deletes both.
Against that, an operator notes the last hash elsewhere, and compares with `cf1-mcp journal verify --expect`.
"""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from cf1_mcp.store import journal_entries as entries
from cf1_mcp.store.database import Connection
from cf1_mcp.store.journal_records import JournalError
from cf1_mcp.text.plurals import plural

MAX_SIZE: Final = 16_384  # bytes; an anchor has about 200, and more with losses that were accepted
MAX_ACCEPTED: Final = 20  # losses, the newest


class AnchorError(JournalError):
    """The anchor cannot be read or written."""


@dataclass(frozen=True)
class Anchor:
    """The number of entries, the hash of the last, and that of the first, which tells journals apart.

    `accepted` has the losses that an operator accepted, one sentence each.
    """

    entries: int
    hash: str
    first: str
    accepted: tuple[str, ...] = ()


class AnchorFile:
    """The file of an anchor, which only its owner may read. It is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Anchor | None:
        """Return the anchor; None if there is none.

        Raises:
            AnchorError: it cannot be read, or is not an anchor.
        """
        try:
            with self._path.open("rb") as file:
                content = json.loads(file.read(MAX_SIZE))
            anchor = Anchor(int(content["entries"]), str(content["hash"]), str(content["first"]))
            anchor = replace(anchor, accepted=tuple(map(str, content.get("accepted", ()))))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise AnchorError(f"{self._path.name} cannot be read.") from error
        # What is not JSON of this form, however deep or long its numbers.
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise AnchorError(f"{self._path.name} is damaged: it is not an anchor of a journal.") from error
        if anchor.entries < 0:
            raise AnchorError(f"{self._path.name} is damaged: it counts {anchor.entries} entries.")
        return anchor

    def write(self, anchor: Anchor) -> None:
        """Replace the anchor. When this returns, it is on disk. One process at a time may write.

        Raises:
            AnchorError: it cannot be written.
        """
        new = self._path.with_name(self._path.name + ".new")
        try:
            with suppress(FileNotFoundError):
                new.unlink()  # of a process that was killed
            with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
                file.write(json.dumps(asdict(anchor)))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            raise AnchorError(
                f"{self._path.name} cannot be written. Ask the operator to check the free space of CF1_STATE_DIR and "
                "who may write there."
            ) from error

    def advance(self, db: Connection) -> None:
        """Anchor the end of the journal, within a write transaction. An anchor that is further on stays.

        Raises:
            AnchorError: the anchor cannot be read or written.
        """
        known, end = self.read(), read_end(db)
        if known is None or known.entries < end.entries:
            self.write(replace(end, accepted=known.accepted if known else ()))


def read_end(db: Connection) -> Anchor:
    """Return the number of entries of the journal, and the hashes of the last and of the first."""
    count, last = entries.find_end(db)
    return Anchor(count, last, entries.find_hash(db, 1) or "")


def find_losses(db: Connection | None, anchor: Anchor | None) -> list[str]:
    """Return what the journal lost since it was anchored, one sentence each. `db` is None if there is no journal.

    The anchor must have been read before the transaction began, or under the write lock: other processes append.
    """
    if anchor is None:
        # Releases before 0.3 wrote no anchor, and this one writes it before the first entry.
        anchored = db is not None and entries.is_last_intent_of_this_format(db)
        return ["The anchor is missing, so entries may have been removed from the end."] if anchored else []
    if not anchor.entries:
        return []
    counted = plural(anchor.entries, "entry", "entries")
    count = entries.find_end(db)[0] if db else 0
    if db is None or not count:
        return [f"The journal is {'missing' if db is None else 'empty'}: its anchor counts {counted}."]
    if entries.find_hash(db, 1) != anchor.first:
        which = f"Entry 1 is not the one of the anchor, which counts {counted}"
        return [f"{which}: this is another journal, or its start was removed."]
    if count < anchor.entries:
        return [f"The journal ends with entry {count}, and its anchor counts {counted}: those at the end were removed."]
    if (left := entries.count_entries(db)) < count:
        return [f"The journal ends with entry {count}, and has {plural(left, 'entry', 'entries')}: some were removed."]
    if entries.find_hash(db, anchor.entries) != anchor.hash:
        return [f"Entry {anchor.entries} is not the one of the anchor: entries were replaced or removed."]
    return []


def _sync_folder(folder: Path) -> None:
    """Put the new name of a file on disk. Windows has no such call for folders, and does not need one."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
