"""The ledger of one import: every row of the file and what became of it, on disk before and after each request.

A row is `bad` (not right), `ready` (to be sent), `sending` (in a request whose answer is not known), `created`,
`there` (it was there before), `changed` (it was there and was brought up to date) or `refused` (by the API or a rule).
A link between rows is `ready`, `sending`, `made`, `there` or `failed`.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from cf1_mcp.errors import BadFile

VERSION: Final = "1"
MAX_REASON_LENGTH: Final = 2_000
_TABLES: Final = (
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE row (number INTEGER PRIMARY KEY, place INTEGER NOT NULL, state TEXT NOT NULL, event TEXT, key BLOB, "
    "ref TEXT, request INTEGER, uuid TEXT, twin INTEGER, reason TEXT, told INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE link (id INTEGER PRIMARY KEY, child INTEGER NOT NULL, ref TEXT NOT NULL, type TEXT NOT NULL, "
    "parent INTEGER, state TEXT NOT NULL DEFAULT 'ready', reason TEXT)",
    "CREATE TABLE request (id INTEGER PRIMARY KEY, at REAL NOT NULL)",
    # Events that were in the dataset before, and so are not what a lost request made.
    "CREATE TABLE older (uuid TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE INDEX row_ref ON row (ref) WHERE ref IS NOT NULL",
    "CREATE INDEX link_parent ON link (parent, type)",
)


class NewLine(NamedTuple):
    """A row to be noted: its event as JSON text and the key of the event, or what is wrong with it."""

    number: int
    place: int
    state: str
    event: str | None
    key: bytes | None
    ref: str | None
    reason: str | None


class Line(NamedTuple):
    """A row whose event is to be sent or looked for."""

    number: int
    place: int
    event: str


class Taken(NamedTuple):
    """Rows that are being sent, and the number of their request."""

    request: int
    lines: list[Line]


class Ledger:
    """One import on disk, for the threads of one process; a second process is kept out by a lock beside it."""

    def __init__(self, path: Path) -> None:
        """Open a ledger, or make one for its owner alone.

        Raises:
            BadFile: it cannot be used, or another process is at the same import.
        """
        self.path = path
        self._mutex = threading.Lock()
        self._from = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._lock = _locked(path.with_suffix(".lock"))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise BadFile(
                f"The import ledger {path.name} cannot be used ({error}). Ask the operator to check CF1_STATE_DIR."
            ) from error

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    # -- facts about the import

    def fact(self, name: str) -> str | None:
        """Something noted about the import as a whole."""
        with self._mutex:
            found = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def note(self, facts: Mapping[str, str | None]) -> None:
        """Note facts about the import; None takes one away."""
        with self.change() as db:
            for name, value in facts.items():
                if value is None:
                    db.execute("DELETE FROM fact WHERE name = ?", (name,))
                else:
                    db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    @contextmanager
    def change(self, *, at_once: bool = True) -> Generator[sqlite3.Connection]:
        """A transaction: all of it or nothing, whenever the process ends.

        It is on disk when this ends, or with the next one that is: that is enough for what can be found out again.
        """
        with self._mutex:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if at_once else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def select(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The answer to a query."""
        with self._mutex:
            return self._db.execute(query, parameters).fetchall()

    def stream(self, query: str, most: int = 1000) -> Iterator[list[tuple[object, ...]]]:
        """The answer to a query that names rows by `number > ?` and limits them by `LIMIT ?`, some at a time.

        The first column is the number.
        """
        last = -1
        while some := self.select(query, (last, most)):
            yield some
            last = int(str(some[-1][0]))

    # -- rows

    def start_over(self) -> None:
        """Forget all rows, before the file is read."""
        with self.change() as db:
            for table in ("row", "link", "request", "older", "fact"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module's own
            db.execute("INSERT INTO fact VALUES ('version', ?)", (VERSION,))

    def add(self, lines: Sequence[NewLine], links: Sequence[tuple[int, str, str]]) -> None:
        """Rows of the file, and links as `(child, ref of the parent, type)`."""
        with self.change(at_once=False) as db:
            db.executemany(
                "INSERT INTO row (number, place, state, event, key, ref, reason) VALUES (?, ?, ?, ?, ?, ?, ?)", lines
            )
            db.executemany("INSERT INTO link (child, ref, type) VALUES (?, ?, ?)", links)

    def counts(self) -> dict[str, int]:
        """How many rows are in which state."""
        return {str(state): int(str(n)) for state, n in self.select("SELECT state, count(*) FROM row GROUP BY state")}

    def take(self, group: int, most: int, at: float) -> list[Taken]:
        """The next rows to be sent, in at most so many groups, marked so on disk. `at` is the time in seconds.

        Several groups share one transaction, because a disk takes as long for one as for many.
        """
        taken: list[Taken] = []
        with self.change() as db:
            found = db.execute(
                "SELECT number, place, event FROM row WHERE number >= ? AND state = 'ready' ORDER BY number LIMIT ?",
                (self._from, group * most),
            ).fetchall()
            for start in range(0, len(found), group):
                request = int(db.execute("INSERT INTO request (at) VALUES (?)", (at,)).lastrowid or 0)
                taken.append(Taken(request, [Line(*row) for row in found[start : start + group]]))
                self._mark(db, [line.number for line in taken[-1].lines], "sending", request)
            if found:
                self._from = int(found[-1][0]) + 1
        return taken

    def put_back(self, numbers: Iterable[int]) -> None:
        """Rows that were certainly not made are to be sent again."""
        numbers = list(numbers)
        with self.change() as db:
            self._mark(db, numbers, "ready", None)
            self._from = min([*numbers, self._from])

    def created(self, uuids: Mapping[int, str | None], reasons: Mapping[int, str]) -> None:
        """What came of rows: the ids of those that were made, and why others were refused."""
        with self.change(at_once=False) as db:
            made = [(uuid, number) for number, uuid in uuids.items()]
            db.executemany("UPDATE row SET state = 'created', uuid = ?, reason = NULL WHERE number = ?", made)
            self._refuse(db, reasons)

    def settle(self, state: str, uuids: Mapping[int, str]) -> None:
        """Rows that need not be made, because there is an event for them: `there` or `changed`."""
        with self.change(at_once=False) as db:
            found = [(state, uuid, number) for number, uuid in uuids.items()]
            db.executemany("UPDATE row SET state = ?, uuid = ?, reason = NULL WHERE number = ?", found)

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Rows that are not made, and why."""
        with self.change() as db:
            self._refuse(db, reasons)

    def remember_older(self, uuids: Iterable[str]) -> None:
        """Events that were in the dataset before the import."""
        with self.change(at_once=False) as db:
            db.executemany("INSERT OR IGNORE INTO older VALUES (?)", ((uuid,) for uuid in uuids))

    def accounted(self, uuids: Sequence[str]) -> set[str]:
        """Those of the events that are older than the import, or are known to be of some row."""
        query = "SELECT uuid FROM {} WHERE uuid IN (SELECT value FROM json_each(?1))"
        both = f"{query.format('older')} UNION {query.format('row')}"
        return {str(row[0]) for row in self.select(both, (json.dumps(uuids),))}

    def _mark(self, db: sqlite3.Connection, numbers: Iterable[int], state: str, request: int | None) -> None:
        marks = ((state, request, number) for number in numbers)
        db.executemany("UPDATE row SET state = ?, request = ? WHERE number = ?", marks)

    def _refuse(self, db: sqlite3.Connection, reasons: Mapping[int, str]) -> None:
        refused = [(reason[:MAX_REASON_LENGTH], number) for number, reason in reasons.items()]
        db.executemany("UPDATE row SET state = 'refused', reason = ? WHERE number = ?", refused)

    def _prepare(self) -> None:
        if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            with self.change() as db:
                for statement in _TABLES:
                    db.execute(statement)
                db.execute("INSERT INTO fact VALUES ('version', ?)", (VERSION,))
        elif (version := self.fact("version")) != VERSION:
            raise sqlite3.DatabaseError(f"it has format {version}")


def _locked(path: Path) -> sqlite3.Connection:
    """A lock that the system takes away with the process, however that ends."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        db.close()
        raise BadFile("Another process is at this very import. Wait until it ends.") from error
    path.chmod(0o600)
    return db
