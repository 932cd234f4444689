"""The sandbox's state: one SQLite connection, in memory or in a file, and a clock."""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid5

from cf1_mcp.models import Aggregates, Condition, Dataset
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import DEFAULT_DATASET, HISTORY, NAMESPACE
from cf1_mcp.sandbox.search import aggregation as aggregate
from cf1_mcp.sandbox.search.dataset_scope import dataset_numbers
from cf1_mcp.sandbox.storage import vocabulary_tables as vocabulary
from cf1_mcp.sandbox.storage.sql_schema import TABLES, TRIGGERS
from cf1_mcp.sandbox.timestamps import stored

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of everything that is not a test."""
    return datetime.now(UTC)


class SandboxDatabase:
    """Datasets, events and all that hangs on them. Not for several threads at once."""

    def __init__(self, db: sqlite3.Connection, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    @classmethod
    def open(cls, path: Path | None = None, clock: Clock = utc_now) -> "SandboxDatabase":
        """A store in memory, or in a file that keeps its state and is made when missing.

        ValueError when the file is something else.
        """
        # The server may open the store in one thread and serve it in another; it never uses both at once.
        db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        store = cls(db, clock)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA cache_size = -65536")
            if path is not None:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
            store._prepare()
        except sqlite3.DatabaseError as error:
            db.close()
            raise ValueError(f"{path} is no sandbox database ({error}); name another file") from error
        return store

    def close(self) -> None:
        self.db.close()

    def now(self) -> str:
        """The clock's time in the store's form."""
        return stored(self.clock())

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All of a change or nothing of it; everything in it happens at one moment of the clock."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.db.execute("UPDATE moment SET at = ?", (self.now(),))
            yield self.db
            self.db.execute("DELETE FROM history WHERE at < ?", (stored(self.clock() - HISTORY),))
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        # Costs nothing until tables have grown tenfold; then the planner would weigh indexes by what they held once.
        self.db.execute("PRAGMA optimize")

    def is_empty(self) -> bool:
        """Whether there are neither events nor datasets other than the default one."""
        others, events = self.db.execute(
            "SELECT (SELECT count(*) FROM dataset WHERE name <> ?), EXISTS (SELECT 1 FROM event)", (DEFAULT_DATASET,)
        ).fetchone()
        return not others and not events

    def datasets(self, *, include_deleted: bool = False) -> list[Dataset]:
        """Every dataset, the default one first."""
        rows = self.db.execute("SELECT uuid, name, is_public, is_analytics, deleted_at FROM dataset ORDER BY id")
        found = [
            Dataset(uuid=row[0], name=row[1], is_public=bool(row[2]), is_analytics=bool(row[3]), deleted_at=row[4])
            for row in rows
        ]
        return [dataset for dataset in found if include_deleted or dataset.deleted_at is None]

    def add_dataset(self, name: str, *, is_public: bool = False, is_analytics: bool = False) -> Dataset:
        """A new dataset; its uuid follows from its name. BadRequest when the name is taken or empty."""
        with self.transaction() as db:
            add_dataset(db, name, is_public=is_public, is_analytics=is_analytics)
        return next(dataset for dataset in self.datasets() if dataset.name == name)

    def aggregate(
        self,
        *,
        datasets: Sequence[str],
        columns: Sequence[str],
        start: str | None,
        end: str | None,
        daily: bool,
        limit: int,
        search: Sequence[Condition],
    ) -> Aggregates:
        """Counts of events by columns (camel case), highest first; scope words and limits as the API has them.

        No datasets means the default one; `all` leaves analytics datasets out. BadRequest for an unknown column,
        dataset, date or condition.
        """
        numbers = dataset_numbers(self.db, datasets, without_analytics=True)
        return aggregate.aggregate(
            self.db, numbers, columns=columns, start=start, end=end, daily=daily, limit=limit, search=search
        )

    def settle(self) -> None:
        """Make queued indicators visible whose time has come."""
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

    def _prepare(self) -> None:
        if self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'moment'").fetchone() is not None:
            return
        self.db.executescript(TABLES)
        with self.transaction() as db:
            for trigger in TRIGGERS:
                db.execute(trigger)
            vocabulary.seed(db)
            add_dataset(db, DEFAULT_DATASET, is_public=True)


def add_dataset(db: sqlite3.Connection, name: str, *, is_public: bool = False, is_analytics: bool = False) -> int:
    """The number of a new dataset, inside a transaction."""
    if not name.strip():
        raise BadRequest("name must not be empty; name the dataset")
    row = (str(uuid5(NAMESPACE, f"dataset {name}")), name, is_public, is_analytics)
    try:
        db.execute("INSERT INTO dataset (uuid, name, is_public, is_analytics) VALUES (?, ?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise BadRequest(f"name {name!r} is taken by another dataset; choose another name") from None
    return int(db.execute("SELECT id FROM dataset WHERE name = ?", (name,)).fetchone()[0])
