"""The rows of an import ledger: the event of each, and its outcome."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from cf1_mcp.models import Tlp
from cf1_mcp.store.database import Connection, Database, statement, statements

MAX_REASON_LENGTH: Final = 2_000
MAX_DEPTH: Final = 100  # levels of parents; deeper ones are treated as a circle
# `told` is 1 once a journaled outcome contains the created event; `twin` is the row that a row repeats.
ROW_TABLES: Final = (
    "CREATE TABLE row (number INTEGER PRIMARY KEY, place INTEGER NOT NULL, state TEXT NOT NULL, event TEXT, key BLOB, "
    "ref TEXT, request INTEGER, uuid TEXT, twin INTEGER, reason TEXT, told INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE request (id INTEGER PRIMARY KEY, at REAL NOT NULL)",
    # Events that existed before the import, so no lost request created them.
    "CREATE TABLE older (uuid TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE INDEX row_ref ON row (ref) WHERE ref IS NOT NULL",
)
_REPEATED: Final = """
UPDATE row SET state = 'there', twin = first.number, reason = 'it repeats row ' || first.place || ' of the file'
FROM (
    SELECT number, place, key FROM row
    WHERE number IN (SELECT min(number) FROM row WHERE state = 'ready' GROUP BY key HAVING count(*) > 1)
) AS first
WHERE row.key = first.key AND row.state = 'ready' AND row.number <> first.number
"""
_INVALID: Final = (
    """
    SELECT r.number, 'ref: row ' || f.place || ' already has the same ref' FROM row r JOIN (
        SELECT ref, min(number) number, min(place) place FROM row WHERE ref IS NOT NULL GROUP BY ref HAVING count(*) > 1
    ) f ON f.ref = r.ref AND f.number <> r.number
    """,
    "SELECT child, 'parent_ref: no row has the ref ' || quote(substr(ref, 1, 80)) FROM link WHERE parent IS NULL",
    "SELECT DISTINCT child, 'parent_ref: the row would be its own ancestor, or is too many levels deep' FROM above",
)


class NewLedgerRow(NamedTuple):
    """A row to be stored: its event as JSON text and the key of the event, or the reason why it is invalid.

    `uuid` is that of its event or, as long as the row is `ready`, of the event that it was exported from.
    """

    number: int
    place: int
    state: Literal["bad", "ready", "there"]
    event: str | None = None
    key: bytes | None = None
    ref: str | None = None
    reason: str | None = None
    uuid: str | None = None


class LedgerRow(NamedTuple):
    """A row whose event is to be sent or searched for. `same_as` is the uuid of the event that it was exported from."""

    number: int
    event: str
    same_as: str | None = None


class RowGroup(NamedTuple):
    """Rows that are sent in one request, and its number."""

    request: int
    rows: Sequence[LedgerRow]


class ReadyRows(NamedTuple):
    """How many rows are to be sent, and their first and last date."""

    total: int
    first: str
    last: str


class ImportOutcome(NamedTuple):
    """An import in numbers. `created` counts events that no journaled outcome contains yet, `left` rows without an
    event, and `unknown` those of them whose answer is not known.
    """

    created: int
    links: int
    left: int
    unknown: int


class LedgerRows:
    """The rows of one import."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # No row before this one is to be sent. Changed only within transactions, which run one after another.
        self._from = 0

    @staticmethod
    def insert(db: Connection, rows: Sequence[NewLedgerRow]) -> None:
        """Add rows, within a transaction of the ledger."""
        db.executemany(
            "INSERT INTO row (number, place, state, event, key, ref, reason, uuid) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def rewind(self) -> None:
        """Start at the first row again."""
        self._from = 0

    async def resolve_parents(self) -> None:
        """Find the parent of each link, and mark rows whose refs or parents are invalid."""
        await self._database.write(_resolve_parents)

    async def skip_repeated(self) -> None:
        """Treat rows with the key of an earlier row as the same event."""
        await self._database.write(statement(_REPEATED))

    async def counts(self) -> dict[str, int]:
        """Return the number of rows in each state."""
        found = await self._database.read(
            lambda db: db.execute("SELECT state, count(*) FROM row GROUP BY state").fetchall()
        )
        return dict(found or [])

    async def ready(self) -> ReadyRows:
        """Return the number and the dates of the rows that are to be sent."""
        query = (
            "SELECT count(*), coalesce(min(event ->> 'date'), ''), coalesce(max(event ->> 'date'), '') "
            "FROM row WHERE state = 'ready'"
        )
        found = await self._database.read(lambda db: db.execute(query).fetchone())
        return ReadyRows(*found) if found else ReadyRows(0, "", "")

    async def highest_marking(self) -> Tlp:
        """Return the highest marking of the valid rows and of their raw evidence, which counts as amber if unmarked."""
        query = (
            "SELECT event ->> '$.tlp' FROM row WHERE state <> 'bad' AND event IS NOT NULL UNION "
            "SELECT event ->> '$.raw.tlp' FROM row WHERE state <> 'bad' AND "
            "coalesce(event ->> '$.raw.tlp', event ->> '$.raw.data') IS NOT NULL"
        )
        found = await self._database.read(lambda db: db.execute(query).fetchall())
        return max((Tlp.of(text or "") for (text,) in found or []), key=lambda level: level.rank, default=Tlp.CLEAR)

    async def ready_after(self, number: int, limit: int) -> list[LedgerRow]:
        """Return the next rows that are to be sent, without changing their state."""
        query = "SELECT number, event, uuid FROM row WHERE number > ? AND state = 'ready' ORDER BY number LIMIT ?"
        found = await self._database.read(lambda db: db.execute(query, (number, limit)).fetchall())
        return [LedgerRow(*row) for row in found or []]

    async def left_after(self, number: int, limit: int) -> list[tuple[LedgerRow, int]]:
        """Return the next rows that may still be sent, each with its place."""
        query = (
            "SELECT number, event, place FROM row WHERE number > ? AND state IN ('ready', 'sending', 'refused') "
            "ORDER BY number LIMIT ?"
        )
        found = await self._database.read(lambda db: db.execute(query, (number, limit)).fetchall())
        return [(LedgerRow(number, event), place) for number, event, place in found or []]

    async def retry_refused(self) -> bool:
        """Mark rows that were refused as ready again. Return whether there were any."""

        def update(db: Connection) -> bool:
            self._from = 0
            return db.execute("UPDATE row SET state = 'ready', reason = NULL WHERE state = 'refused'").rowcount > 0

        return await self._database.write(update)

    async def take(self, size: int, groups: int, at: float) -> list[RowGroup]:
        """Mark the next rows as being sent, and return them in at most `groups` groups. `at` is the time in seconds.

        The groups share one transaction, because writing many to disk takes as long as writing one.
        """

        def update(db: Connection) -> list[RowGroup]:
            taken: list[RowGroup] = []
            found = db.execute(
                "SELECT number, event FROM row WHERE number >= ? AND state = 'ready' ORDER BY number LIMIT ?",
                (self._from, size * groups),
            ).fetchall()
            for start in range(0, len(found), size):
                [request] = db.execute("INSERT INTO request (at) VALUES (?) RETURNING id", (at,)).fetchall()[0]
                rows = [LedgerRow(*row) for row in found[start : start + size]]
                _mark(db, [row.number for row in rows], "sending", request)
                taken.append(RowGroup(request, rows))
                self._from = rows[-1].number + 1
            return taken

        return await self._database.write(update)

    async def put_back(self, numbers: Sequence[int]) -> None:
        """Mark rows that were certainly not created as ready again."""

        def update(db: Connection) -> None:
            _mark(db, numbers, "ready", None)
            self._from = min([*numbers, self._from])

        await self._database.write(update)

    async def record_answer(self, uuids: Mapping[int, str | None], reasons: Mapping[int, str]) -> None:
        """Store the ids of rows that were created, and why others were refused."""

        def update(db: Connection) -> None:
            created = [(uuid, number) for number, uuid in uuids.items()]
            db.executemany("UPDATE row SET state = 'created', uuid = ?, reason = NULL WHERE number = ?", created)
            _refuse(db, reasons)

        await self._database.write(update, durable=False)

    async def settle(self, state: Literal["there", "changed"], uuids: Mapping[int, str]) -> None:
        """Mark rows that need not be created, each with the uuid of its existing event."""
        found = [(state, uuid, number) for number, uuid in uuids.items()]
        update = statements("UPDATE row SET state = ?, uuid = ?, reason = NULL WHERE number = ?", found)
        await self._database.write(update, durable=False)

    async def refuse(self, reasons: Mapping[int, str]) -> None:
        """Mark rows as refused, each with the reason."""
        await self._database.write(lambda db: _refuse(db, reasons))

    async def unanswered(self) -> list[LedgerRow]:
        """Return the rows of requests whose answer is not known."""
        query = "SELECT number, event FROM row WHERE state = 'sending' ORDER BY number"
        found = await self._database.read(lambda db: db.execute(query).fetchall())
        return [LedgerRow(*row) for row in found or []]

    async def unanswered_times(self) -> tuple[float, float]:
        """Return when the first and the last request without a known answer were sent, in seconds since 1970."""
        query = "SELECT min(at), max(at) FROM request WHERE id IN (SELECT request FROM row WHERE state = 'sending')"
        found = await self._database.read(lambda db: db.execute(query).fetchone())
        first, last = found or (0.0, 0.0)
        return first, last

    async def remember_older(self, uuids: Iterable[str]) -> None:
        """Store which events existed before the import."""
        older = [(uuid,) for uuid in uuids]
        await self._database.write(statements("INSERT OR IGNORE INTO older VALUES (?)", older), durable=False)

    async def find_accounted(self, uuids: Sequence[str]) -> set[str]:
        """Return those of the events that existed before the import or belong to a row."""
        part = "SELECT uuid FROM {} WHERE uuid IN (SELECT value FROM json_each(?1))"
        query = f"{part.format('older')} UNION {part.format('row')}"
        found = await self._database.read(lambda db: db.execute(query, (json.dumps(uuids),)).fetchall())
        return {uuid for (uuid,) in found or []}

    async def outcome(self) -> ImportOutcome:
        """Return the outcome of the import in numbers."""
        query = (
            "SELECT (SELECT count(*) FROM row WHERE state = 'created' AND told = 0), "
            "(SELECT count(*) FROM link WHERE state = 'made'), "
            "(SELECT count(*) FROM row WHERE state IN ('ready', 'sending', 'refused')), "
            "(SELECT count(*) FROM row WHERE state = 'sending')"
        )
        found = await self._database.read(lambda db: db.execute(query).fetchone())
        return ImportOutcome(*found) if found else ImportOutcome(0, 0, 0, 0)

    async def created(self) -> list[tuple[int, str]]:
        """Return the place and the uuid of each created row that no journaled outcome contains yet."""
        query = "SELECT place, uuid FROM row WHERE state = 'created' AND told = 0 AND uuid IS NOT NULL ORDER BY number"
        return await self._database.read(lambda db: db.execute(query).fetchall()) or []


def _mark(db: Connection, numbers: Iterable[int], state: str, request: int | None) -> None:
    marks = ((state, request, number) for number in numbers)
    db.executemany("UPDATE row SET state = ?, request = ? WHERE number = ?", marks)


def _refuse(db: Connection, reasons: Mapping[int, str]) -> None:
    refused = [(reason[:MAX_REASON_LENGTH], number) for number, reason in reasons.items()]
    db.executemany("UPDATE row SET state = 'refused', reason = ? WHERE number = ?", refused)


def _resolve_parents(db: Connection) -> None:
    db.execute("UPDATE link SET parent = (SELECT min(number) FROM row WHERE row.ref = link.ref)")
    # Links whose parent has no parent left are not part of a circle. They are removed level by level; circles remain.
    db.execute("CREATE TEMP TABLE above (child INTEGER, parent INTEGER)")
    db.execute("INSERT INTO above SELECT child, parent FROM link WHERE parent IS NOT NULL")
    db.execute("CREATE INDEX temp.above_child ON above (child)")
    for _ in range(MAX_DEPTH):
        if not db.execute("DELETE FROM above WHERE parent NOT IN (SELECT child FROM above)").rowcount:
            break
    problems = [found for query in _INVALID for found in db.execute(query).fetchall()]
    db.execute("DROP TABLE above")
    db.executemany(
        "UPDATE row SET state = 'bad', reason = coalesce(reason || char(10), '') || ? WHERE number = ?",
        ((reason, number) for number, reason in problems),
    )
