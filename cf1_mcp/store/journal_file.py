"""The file that holds the journal: made for its owner alone, appended to by one at a time, read as of one moment."""

import errno
import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from cf1_mcp.store.journal_entries import TABLES
from cf1_mcp.store.journal_records import JournalError
from cf1_mcp.text.sanitize import clean

APPLICATION = 0x43463154  # tells a journal from any other SQLite file
VERSION = 1


class JournalFile:
    """A SQLite file for any number of threads and processes. `busy_timeout` is in seconds.

    Every failure is a JournalError.
    """

    def __init__(self, path: Path, busy_timeout: float) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._making = threading.Lock()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """A transaction that alone may append, on disk when this ends. The file is made when missing."""
        with self._worded():
            self._make()
            with self._connected() as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("BEGIN IMMEDIATE")
                if self._is_empty(db):
                    for statement in TABLES:
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {APPLICATION}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
                yield db
                db.execute("COMMIT")

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection | None]:
        """The journal as it stands at one moment, or None when nothing was ever written."""
        with self._worded():
            if not self._path.exists():
                yield None
                return
            with self._connected() as db:
                db.execute("BEGIN")
                yield None if self._is_empty(db) else db

    @contextmanager
    def _connected(self) -> Generator[sqlite3.Connection]:
        """A connection of one operation's own. What was not committed is undone when it closes."""
        address = f"{self._path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=self._busy_timeout, isolation_level=None, uri=True)) as db:
            db.text_factory = _decoded
            self._is_empty(db)  # before anything is done to a file that is something else
            yield db

    def _make(self) -> None:
        """The folder and an empty file, for their owner alone; SQLite gives its files beside it the same mode."""
        # Held until the file is closed: on POSIX that would end the locks which another thread has on it by then.
        with self._making:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))

    def _is_empty(self, db: sqlite3.Connection) -> bool:
        """Whether the file holds nothing yet. JournalError when it holds something else, or a newer journal."""
        name = clean(self._path.name, 60)
        application, version, tables = db.execute(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
            "FROM pragma_application_id, pragma_user_version"
        ).fetchone()
        if (application, version, tables) == (0, 0, 0):
            return True
        if application != APPLICATION:
            raise JournalError(f"{name} is a database of something else. {_ELSEWHERE}")
        if version != VERSION:
            raise JournalError(
                f"{name} has format {version}, and this version of cf1-mcp knows {VERSION}. "
                "Ask the operator to update cf1-mcp."
            )
        return False

    @contextmanager
    def _worded(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(_cause_in_system(error, clean(self._path.name, 60))) from error
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # The second comes where a message of SQLite's quotes damaged text.
            raise JournalError(_cause_in_sqlite(error, clean(self._path.name, 60))) from error


_ELSEWHERE = "Ask the operator to move it elsewhere, or to set another CF1_STATE_DIR."
_NO_ROOM = "cannot be written, as the disk is full or failing. Ask the operator to make room where CF1_STATE_DIR is."
_NO_WAY = "cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."


def _cause_in_system(error: OSError, name: str) -> str:
    return f"{name} {_NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else _NO_WAY}"


def _cause_in_sqlite(error: sqlite3.Error | UnicodeDecodeError, name: str) -> str:
    # The low byte is the kind of failure, what stands above it the variety; failures of Python's own have neither.
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return f"{name} is locked by another program. Try again in a moment."
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return f"{name} {_NO_ROOM}"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"{name} {_NO_WAY}"
        case sqlite3.SQLITE_NOTADB:
            return f"{name} is no journal. {_ELSEWHERE}"
        case _:
            reason = clean(str(error), 120)
            return f"{name} cannot be used (SQLite: {reason}). Ask the operator to run 'cf1-mcp journal verify'."


def _decoded(text: bytes) -> str:
    """Text in which a byte may be damaged: it is still read, that it can be told which entry holds it."""
    return text.decode("utf-8", "surrogateescape")
