"""The store's database in SQLite: files that only their owner may read, or memory."""

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import anyio.to_thread

from cf1_mcp.store.database import Connection, Schema, StoreError
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

T = TypeVar("T")
BUSY_TIMEOUT: Final = 5.0  # seconds to wait for another process that holds the file
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_MOVE: Final = "Ask the operator to move it elsewhere, or to set another CF1_STATE_DIR."
_NO_SPACE: Final = "cannot be written, as the disk is full or failing. Ask the operator to free space in CF1_STATE_DIR."
_NO_ACCESS: Final = "cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
_CREATING: Final = threading.Lock()


class FileInUse(StoreError):
    """Another process holds a file that one process uses at a time."""


class SqliteFile:
    """A database in a file that any number of threads and processes share. Each transaction has its own connection.

    The file is created by the first write, with its folder. `busy_timeout` is in seconds.
    """

    def __init__(self, path: Path, schema: Schema, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self._path = path
        self._schema = schema
        self._busy_timeout = busy_timeout

    async def read(self, work: Callable[[Connection], T]) -> T | None:
        """See `Database.read`."""
        return await anyio.to_thread.run_sync(self._read, work)

    async def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """See `Database.write`."""
        return await anyio.to_thread.run_sync(self._write, work, durable)

    async def check(self) -> list[str]:
        """See `Database.check`."""
        return await self.read(_check_integrity) or []

    async def aclose(self) -> None:
        """Do nothing: no connection outlives its transaction."""

    def _read(self, work: Callable[[Connection], T]) -> T | None:
        with _translate_errors(self._path.name, self._schema):
            try:
                self._path.stat()
            except FileNotFoundError:
                return None
            with self._connect() as db:
                db.execute("BEGIN")
                return None if _is_empty(db, self._path.name, self._schema) else work(db)

    def _write(self, work: Callable[[Connection], T], durable: bool) -> T:
        with _translate_errors(self._path.name, self._schema):
            _create_private(self._path)
            with self._connect() as db:
                _use_wal(db)
                db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                db.execute("BEGIN IMMEDIATE")
                if _is_empty(db, self._path.name, self._schema):
                    _create_tables(db, self._schema)
                result = work(db)
                db.execute("COMMIT")
                return result

    @contextmanager
    def _connect(self) -> Generator[sqlite3.Connection]:
        """Open a connection for one transaction. Closing it rolls back what was not committed."""
        address = f"{self._path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=self._busy_timeout, isolation_level=None, uri=True)) as db:
            db.text_factory = _decode
            _is_empty(db, self._path.name, self._schema)  # before any other kind of file is changed
            yield db


class SqliteSession:
    """A database over one connection that stays open: in memory, or in a file that one process at a time may use.

    A lock next to the file keeps other processes out. Nothing is opened before the first transaction.
    """

    def __init__(self, path: Path | None, schema: Schema) -> None:
        self._path = path
        self._name = path.name if path else ":memory:"
        self._schema = schema
        self._mutex = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._lock: sqlite3.Connection | None = None

    async def read(self, work: Callable[[Connection], T]) -> T | None:
        """See `Database.read`. The tables always exist, so None can only be the result of `work`."""
        return await anyio.to_thread.run_sync(self._read, work)

    async def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """See `Database.write`."""
        return await anyio.to_thread.run_sync(self._write, work, durable)

    async def check(self) -> list[str]:
        """See `Database.check`."""
        return await self.read(_check_integrity) or []

    async def aclose(self) -> None:
        """Close the connection and release the lock. What was in memory is lost."""
        await anyio.to_thread.run_sync(self._close)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._mutex, _translate_errors(self._name, self._schema):
            return _reject_cursor(work(self._ensure_open()))

    def _write(self, work: Callable[[Connection], T], durable: bool) -> T:
        with self._mutex, _translate_errors(self._name, self._schema):
            db = self._ensure_open()
            db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            db.execute("BEGIN IMMEDIATE")
            try:
                result = _reject_cursor(work(db))
                db.execute("COMMIT")
            finally:
                if db.in_transaction:  # a full disk may have ended the transaction already
                    db.execute("ROLLBACK")
            return result

    def _ensure_open(self) -> sqlite3.Connection:
        if self._db is None:
            if self._path:
                _create_private(self._path)
                self._lock = _take_lock(self._path.with_suffix(".lock"))
            try:
                self._db = self._open()
            except BaseException:
                self._release()
                raise
        return self._db

    def _open(self) -> sqlite3.Connection:
        # Worker threads take turns, guarded by the mutex.
        db = sqlite3.connect(self._path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            db.text_factory = _decode
            empty = _is_empty(db, self._name, self._schema)
            _use_wal(db)
            if empty:
                db.execute("BEGIN IMMEDIATE")
                _create_tables(db, self._schema)
                db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    def _close(self) -> None:
        with self._mutex:
            if self._db:
                self._db.close()
                self._db = None
            self._release()

    def _release(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None


def _reject_cursor(result: T) -> T:
    """Reject a cursor as a result: if freed in another thread, it could disturb a transaction there."""
    if isinstance(result, sqlite3.Cursor):
        raise TypeError("A cursor must not leave its transaction.")
    return result


def _create_private(path: Path) -> None:
    """Create the folder and an empty file, private to their owner. SQLite's files next to it get the same mode."""
    # One thread at a time, and without opening a file that exists: closing a second descriptor would release the
    # locks that SQLite holds on the file for this process.
    with _CREATING:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            if path.is_file() and path.stat().st_mode & 0o077:
                path.chmod(0o600)


def _take_lock(path: Path) -> sqlite3.Connection:
    """Take a lock that the operating system releases when the process ends, however it ends.

    Raises:
        FileInUse: another process holds it.
    """
    _create_private(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        db.close()
        if _primary_code(error) in _BUSY:
            raise FileInUse(f"{clean(path.stem, MAX_NAME_LENGTH)} is used by another process.") from error
        raise
    return db


def _use_wal(db: sqlite3.Connection) -> None:
    try:
        db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # Fails at once while another process creates the file, whatever the timeout. That process sets the mode, too.
        if _primary_code(error) not in _BUSY:
            raise


def _create_tables(db: sqlite3.Connection, schema: Schema) -> None:
    for statement in schema.statements:
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {schema.application_id}")
    db.execute(f"PRAGMA user_version = {schema.version}")


def _is_empty(db: sqlite3.Connection, file: str, schema: Schema) -> bool:
    """Return whether the file holds nothing yet.

    Raises:
        StoreError: it holds something else, or a newer format.
    """
    name = clean(file, MAX_NAME_LENGTH)
    application, version, tables = db.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if (application, version, tables) == (0, 0, 0):
        return True
    if application != schema.application_id:
        raise StoreError(f"{name} is a database of something else. {_MOVE}")
    if version != schema.version:
        raise StoreError(
            f"{name} has format {version}, and this version of cf1-mcp reads {schema.version}. "
            "Ask the operator to update cf1-mcp."
        )
    return False


def _check_integrity(db: Connection) -> list[str]:
    found = [clean(str(row[0]), 200) for row in db.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else [f"SQLite finds: {problem}." for problem in found]


@contextmanager
def _translate_errors(file: str, schema: Schema) -> Generator[None]:
    """Raise failures of the system and of SQLite as a StoreError with the cause and the next step."""
    name = clean(file, MAX_NAME_LENGTH)
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
        raise StoreError(f"{name} {_NO_SPACE if full else _NO_ACCESS}") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # UnicodeDecodeError is raised if a message of SQLite quotes damaged text.
        raise StoreError(_describe_error(error, name, schema)) from error


def _describe_error(error: sqlite3.Error | UnicodeDecodeError, name: str, schema: Schema) -> str:
    match _primary_code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return f"{name} is locked by another program. Try again in a moment."
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return f"{name} {_NO_SPACE}"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"{name} {_NO_ACCESS}"
        case sqlite3.SQLITE_NOTADB:
            return f"{name} is not {schema.noun}. {_MOVE}"
        case _:
            return f"{name} cannot be used (SQLite: {clean(str(error), 120)}). {schema.next_step}"


def _primary_code(error: Exception) -> int:
    """Return SQLite's primary error code; SQLITE_ERROR for errors that Python raises itself."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _decode(text: bytes) -> str:
    """Decode text, keeping damaged bytes, so that the entry with the damage can be reported."""
    return text.decode("utf-8", "surrogateescape")
