"""The log of calls, for auditors (CF1_LOG_READS): when, who, which tool, which datasets, and how many of what.

It holds no argument and no text of an event, so it can be kept longer, and shown to more people, than what was read.
Unlike the journal it is not chained: it tells what was asked, and proves nothing. Nothing is deleted from it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from cf1_mcp.store.database import Connection, Database, Schema, StoreError, statement
from cf1_mcp.store.journal_records import ChangeOrigin

SCHEMA: Final = Schema(
    "a log of reads",
    0x43463152,
    1,
    (
        "CREATE TABLE call (id INTEGER PRIMARY KEY, at TEXT NOT NULL, tool TEXT NOT NULL, outcome TEXT NOT NULL, "
        "datasets TEXT NOT NULL, counts TEXT NOT NULL, origin TEXT NOT NULL) STRICT",
        "CREATE INDEX call_at ON call (at)",
    ),
    "Ask the operator to move it elsewhere: a new log begins then.",
)
NOT_LOGGED: Final = "The call is not answered, because it cannot be logged first (CF1_LOG_READS): "

CallOutcome = Literal["answered", "refused"]


@dataclass(frozen=True)
class LoggedCall:
    """A call. `datasets` are the names or ids that the answer states, `counts` its numbers, such as events shown."""

    at: datetime
    tool: str
    outcome: CallOutcome
    datasets: tuple[str, ...]
    counts: Mapping[str, int]
    origin: ChangeOrigin


class ReadLog:
    """The log in a database, for any number of tasks and processes at once. `clock` returns aware times."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self,
        tool: str,
        outcome: CallOutcome,
        origin: ChangeOrigin,
        datasets: tuple[str, ...] = (),
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Log a call.

        Raises:
            StoreError: it cannot be logged. The call must not be answered then.
        """
        at = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
        row = (at, tool, outcome, json.dumps(datasets), json.dumps(counts or {}), json.dumps(asdict(origin)))
        insert = statement(
            "INSERT INTO call (at, tool, outcome, datasets, counts, origin) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        try:
            # One log entry that is lost with the power of the machine is not worth a wait for the disk at each call.
            await self._database.write(insert, durable=False)
        except StoreError as error:
            raise StoreError(f"{NOT_LOGGED}{error}") from error

    async def calls(self, limit: int, keeps: Callable[[LoggedCall], bool] = lambda _: True) -> list[LoggedCall]:
        """Return at most `limit` calls, newest first, of those that `keeps` keeps.

        Raises:
            StoreError: the log cannot be read.
        """

        def read(db: Connection) -> list[LoggedCall]:
            found: list[LoggedCall] = []
            for row in db.execute("SELECT at, tool, outcome, datasets, counts, origin FROM call ORDER BY id DESC"):
                call = _read_row(row)
                if len(found) < limit and keeps(call):
                    found.append(call)
                if len(found) == limit:
                    break
            return found

        return await self._database.read(read) or []


def _read_row(row: tuple[Any, ...]) -> LoggedCall:
    at, tool, outcome, datasets, counts, origin = row
    return LoggedCall(
        datetime.fromisoformat(at),
        tool,
        outcome,
        tuple(json.loads(datasets)),
        json.loads(counts),
        ChangeOrigin(**json.loads(origin)),
    )
