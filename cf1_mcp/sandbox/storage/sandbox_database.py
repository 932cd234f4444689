"""The sandbox's database: one SQLite connection, in memory or to a file, and a clock."""

import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4, uuid5

from cf1_mcp.models import Aggregates, Dataset
from cf1_mcp.sandbox.actor_catalog import ACTOR_CATALOG
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import DEFAULT_DATASET, HISTORY, NAMESPACE
from cf1_mcp.sandbox.search.aggregation import AggregateRequest, count_events
from cf1_mcp.sandbox.storage.sql_schema import TABLES, TRIGGERS
from cf1_mcp.sandbox.storage.vocabulary_tables import fill_catalog_tables
from cf1_mcp.sandbox.timestamps import format_stored

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time; the clock of every database outside tests."""
    return datetime.now(UTC)


class SandboxDatabase:
    """Datasets, events and everything that belongs to them. Not for use by several threads at once."""

    def __init__(self, db: sqlite3.Connection, clock: Clock) -> None:
        self.db = db
        self.clock = clock
        self.actors: list[Mapping[str, object]] = [*ACTOR_CATALOG]
        """The catalogue of actors, which is the same for every account."""
        self._tasks: list[tuple[datetime, Callable[[], object]]] = []

    @classmethod
    def open(cls, path: Path | None = None, clock: Clock = utc_now) -> "SandboxDatabase":
        """Open a database in memory, or in a file, which is created where it does not exist.

        Raises:
            ValueError: the file is not a sandbox database, or cannot be opened.
        """
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            problem = "is a folder" if path.is_dir() else "is in a folder that does not exist"
            raise ValueError(f"{path} {problem}; name a file in a folder that exists")
        try:
            # A server may open the database in one thread and use it in another, but never in both at once.
            db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise ValueError(f"{path} cannot be opened ({error}); name another file") from error
        database = cls(db, clock)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA cache_size = -65536")
            database._prepare()
            # After the tables were found to be those of a sandbox: it changes the file.
            if path is not None:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.DatabaseError as error:
            db.close()
            raise ValueError(f"{path} is not a sandbox database ({error}); name another file") from error
        return database

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def now(self) -> str:
        """Return the time of the clock as the database stores it."""
        return format_stored(self.clock())

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Run a change completely or not at all; all of it has the same time."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.db.execute("UPDATE moment SET at = ?", (self.now(),))
            yield self.db
            self.db.execute("DELETE FROM history WHERE at < ?", (format_stored(self.clock() - HISTORY),))
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        # Does nothing until tables have grown tenfold; without it the planner would use outdated statistics.
        self.db.execute("PRAGMA optimize")

    def is_empty(self) -> bool:
        """Whether there are no events and no datasets but the default one."""
        others, events = self.db.execute(
            "SELECT (SELECT count(*) FROM dataset WHERE name <> ?), EXISTS (SELECT 1 FROM event)", (DEFAULT_DATASET,)
        ).fetchone()
        return not others and not events

    def datasets(self, *, include_deleted: bool = False) -> list[Dataset]:
        """Return every dataset, the default one first."""
        rows = self.db.execute("SELECT uuid, name, is_public, is_analytics, deleted_at FROM dataset ORDER BY id")
        found = [
            Dataset(uuid=row[0], name=row[1], is_public=bool(row[2]), is_analytics=bool(row[3]), deleted_at=row[4])
            for row in rows
        ]
        return [dataset for dataset in found if include_deleted or dataset.deleted_at is None]

    def add_dataset(self, name: str, *, is_public: bool = False, is_analytics: bool = False) -> Dataset:
        """Create a dataset, whose uuid derives from its name; BadRequest where the name is empty or taken."""
        with self.transaction() as db:
            add_dataset(db, name, is_public=is_public, is_analytics=is_analytics)
        return next(dataset for dataset in self.datasets() if dataset.name == name)

    def update_dataset(self, row_id: int, name: str, *, is_public: bool) -> Dataset:
        """Rename a dataset, and set whether it is public; BadRequest where the name is taken."""
        try:
            with self.transaction() as db:
                db.execute("UPDATE dataset SET name = ?, is_public = ? WHERE id = ?", (name, is_public, row_id))
        except sqlite3.IntegrityError:
            raise _taken_name(name) from None
        return next(dataset for dataset in self.datasets() if dataset.name == name)

    def delete_dataset(self, row_id: int) -> Dataset:
        """Mark a dataset as deleted, and return it. Its name stays taken."""
        with self.transaction() as db:
            db.execute("UPDATE dataset SET deleted_at = ? WHERE id = ?", (self.now(), row_id))
            uuid = db.execute("SELECT uuid FROM dataset WHERE id = ?", (row_id,)).fetchone()[0]
        return next(dataset for dataset in self.datasets(include_deleted=True) if dataset.uuid == uuid)

    def aggregate(self, request: AggregateRequest) -> Aggregates:
        """Return counts of events; see `count_events`."""
        return count_events(self.db, request)

    def publish_due_indicators(self) -> None:
        """Make the queued indicators visible that are due."""
        due = (self.now(),)
        if self.db.execute("SELECT 1 FROM queued_indicator WHERE due <= ?", due).fetchone() is None:
            return
        with self.transaction() as db:
            db.execute(
                "INSERT INTO indicator (dataset, event, value, type) "
                "SELECT dataset, event, value, type FROM queued_indicator WHERE due <= ? ORDER BY id",
                due,
            )
            db.execute(
                "UPDATE event SET (indicator, indicator_type) = "
                "(SELECT value, type FROM indicator i WHERE i.event = event.id ORDER BY i.id LIMIT 1) "
                "WHERE indicator IS NULL AND id IN (SELECT event FROM queued_indicator WHERE due <= ?)",
                due,
            )
            db.execute("DELETE FROM queued_indicator WHERE due <= ?", due)

    def run_later(self, delay: timedelta, task: Callable[[], object]) -> None:
        """Run a task before the first request after a delay. It is kept in memory only."""
        self._tasks.append((self.clock() + delay, task))

    def run_due_tasks(self) -> None:
        """Run the tasks that are due."""
        now = self.clock()
        due = [task for at, task in self._tasks if at <= now]
        self._tasks = [entry for entry in self._tasks if entry[0] > now]
        for task in due:
            task()

    def _prepare(self) -> None:
        event_source = "CREATE TABLE IF NOT EXISTS event_source (uuid TEXT PRIMARY KEY, source TEXT NOT NULL)"
        if self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'moment'").fetchone() is not None:
            self.db.execute(event_source)  # which a file of an earlier version does not have
            return
        if self.db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
            raise sqlite3.DatabaseError("it has the tables of another program")
        self.db.executescript(TABLES)
        self.db.execute(event_source)
        with self.transaction() as db:
            for trigger in TRIGGERS:
                db.execute(trigger)
            fill_catalog_tables(db)
            add_dataset(db, DEFAULT_DATASET, is_public=True)


def add_dataset(db: sqlite3.Connection, name: str, *, is_public: bool = False, is_analytics: bool = False) -> int:
    """Insert a dataset inside the caller's transaction and return its row id."""
    if not name.strip():
        raise BadRequest("name must not be empty; name the dataset")
    uuid = str(uuid5(NAMESPACE, f"dataset {name}"))
    if db.execute("SELECT 1 FROM dataset WHERE uuid = ? AND name <> ?", (uuid, name)).fetchone() is not None:
        uuid = str(uuid4())  # of a dataset that was renamed
    row = (uuid, name, is_public, is_analytics)
    try:
        db.execute("INSERT INTO dataset (uuid, name, is_public, is_analytics) VALUES (?, ?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise _taken_name(name) from None
    return int(db.execute("SELECT id FROM dataset WHERE name = ?", (name,)).fetchone()[0])


def _taken_name(name: str) -> BadRequest:
    return BadRequest(f"name {name!r} is taken by another dataset; choose another name")
