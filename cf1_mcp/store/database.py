"""The interface that every database of the store implements: SQLite files today, other databases later.

A caller describes one transaction as a plain function of a `Connection`. The database runs it in a worker thread, so
the event loop never waits for a disk or a lock.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cf1_mcp.errors import ThreatEventsError

T = TypeVar("T")
SqlValue = str | int | float | bytes | None
# The types of its columns are those of the query, which no type checker reads.
SqlRow = tuple[Any, ...]


class StoreError(ThreatEventsError):
    """The store cannot be read or written, or does not contain what was requested."""


class Cursor(Protocol):
    """The result of a statement. It must be read within its transaction."""

    @property
    def rowcount(self) -> int:
        """The number of rows that an INSERT, UPDATE or DELETE changed."""
        ...

    def fetchone(self) -> SqlRow | None: ...

    def fetchall(self) -> list[SqlRow]: ...

    def __iter__(self) -> Iterator[SqlRow]: ...


class Connection(Protocol):
    """What a transaction may do. Parameters are written as `?`."""

    def execute(self, statement: str, parameters: Sequence[SqlValue] = (), /) -> Cursor: ...

    def executemany(self, statement: str, parameters: Iterable[Sequence[SqlValue]], /) -> Cursor: ...


class Database(Protocol):
    """Runs transactions, for any number of tasks at once. Every failure is a `StoreError`."""

    async def read(self, work: Callable[[Connection], T]) -> T | None:
        """Return the result of `work`, which reads a consistent state. None if nothing was ever written."""
        ...

    async def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run `work` as the only writer. Everything it writes is stored, or nothing if it raises.

        The data is on disk when this returns; with `durable=False` it is on disk after the next durable write.
        """
        ...

    async def check(self) -> list[str]:
        """Return the problems that the database finds in its own storage, one sentence each."""
        ...

    async def aclose(self) -> None:
        """Release what the database holds. It may be used again afterwards."""
        ...


def statement(text: str, parameters: Sequence[SqlValue] = ()) -> Callable[[Connection], None]:
    """Return a transaction of one statement without a result."""

    def run(db: Connection) -> None:
        db.execute(text, parameters)

    return run


def statements(text: str, parameters: Sequence[Sequence[SqlValue]]) -> Callable[[Connection], None]:
    """Return a transaction of one statement without a result, run once for each sequence of parameters."""

    def run(db: Connection) -> None:
        db.executemany(text, parameters)

    return run


@dataclass(frozen=True)
class Schema:
    """The tables of one database and how its file is recognized.

    `noun` names it in errors. `application_id` distinguishes its files from other SQLite files; it is 0 for files that
    never had one. `next_step` is what an operator should do about damage.
    """

    noun: str
    application_id: int
    version: int
    statements: tuple[str, ...]
    next_step: str
