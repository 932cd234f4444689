"""The links of an import ledger: typed relationships between its rows."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, cast

from cf1_mcp.models import RelationshipType
from cf1_mcp.store.database import Connection, Database, statements

LINK_TABLES: Final = (
    "CREATE TABLE link (id INTEGER PRIMARY KEY, child INTEGER NOT NULL, ref TEXT NOT NULL, type TEXT NOT NULL, "
    "parent INTEGER, state TEXT NOT NULL DEFAULT 'ready', reason TEXT)",
    "CREATE INDEX link_parent ON link (parent, type)",
)
WITHOUT_EVENT: Final = "one of its rows has no event, or the id of the event is not known"
# Links that are to be created, with the ids of their events. A row that repeats another has that row's event.
_READY: Final = """
SELECT link.id, link.type, coalesce(p.uuid, pt.uuid), coalesce(c.uuid, ct.uuid),
    link.state = 'sending' OR p.state IN ('there', 'changed')
FROM link
JOIN row p ON p.number = link.parent LEFT JOIN row pt ON pt.number = p.twin
JOIN row c ON c.number = link.child LEFT JOIN row ct ON ct.number = c.twin
WHERE link.parent = ? AND link.type = ? AND link.state IN ('ready', 'sending') ORDER BY link.id LIMIT ?
"""
_FAIL: Final = """
UPDATE link SET state = 'failed', reason = ? WHERE id IN (
    SELECT link.id FROM link
    LEFT JOIN row p ON p.number = link.parent LEFT JOIN row pt ON pt.number = p.twin
    LEFT JOIN row c ON c.number = link.child LEFT JOIN row ct ON ct.number = c.twin
    WHERE link.state IN ('ready', 'sending')
        AND (coalesce(p.uuid, pt.uuid) IS NULL OR coalesce(c.uuid, ct.uuid) IS NULL))
"""
# A row that repeats another stands for that row.
_PARENTS: Final = """
SELECT DISTINCT coalesce(p.twin, p.number), coalesce(p.uuid, pt.uuid)
FROM link JOIN row p ON p.number = link.parent LEFT JOIN row pt ON pt.number = p.twin
WHERE link.state NOT IN ('made', 'there')
"""


class NewLedgerLink(NamedTuple):
    """A link to be stored. If the number of its parent is not known yet, the parent is found by `ref` later."""

    child: int
    ref: str
    type: RelationshipType
    parent: int | None = None


class LinkFamily(NamedTuple):
    """The links of one type from one parent row."""

    parent: int
    type: RelationshipType
    total: int


class ReadyLink(NamedTuple):
    """A link to create between two events. `may_exist`: an earlier request may have created it."""

    id: int
    type: RelationshipType
    parent: str
    child: str
    may_exist: bool


class LedgerLinks:
    """The links of one import."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def insert(db: Connection, links: Sequence[NewLedgerLink]) -> None:
        """Add links, within a transaction of the ledger."""
        db.executemany("INSERT INTO link (child, ref, type, parent) VALUES (?, ?, ?, ?)", links)

    @staticmethod
    def any_left(db: Connection) -> bool:
        """Whether a link is left that may succeed, within a transaction of the ledger."""
        statement = "SELECT 1 FROM link WHERE state NOT IN ('made', 'there') AND reason IS NOT ? LIMIT 1"
        return db.execute(statement, (WITHOUT_EVENT,)).fetchone() is not None

    async def counts(self) -> dict[str, int]:
        """Return the number of links in each state."""
        found = await self._database.read(
            lambda db: db.execute("SELECT state, count(*) FROM link GROUP BY state").fetchall()
        )
        return dict(found or [])

    async def families(self) -> list[LinkFamily]:
        """Return the links that are to be created, by parent and type, including those that failed before.

        Links of rows without an event fail.
        """

        def update(db: Connection) -> list[LinkFamily]:
            db.execute("UPDATE link SET state = 'ready', reason = NULL WHERE state = 'failed'")
            _fail_without_event(db)
            found = db.execute(
                "SELECT parent, type, count(*) FROM link WHERE state IN ('ready', 'sending') GROUP BY parent, type"
            )
            return [LinkFamily(*row) for row in found]

        return await self._database.write(update)

    async def parents(self) -> list[tuple[int, str | None]]:
        """Return the rows that are to become parents, each with the uuid of its event if there is one."""
        found = await self._database.read(lambda db: db.execute(_PARENTS).fetchall())
        return found or []

    async def fail_without_event(self) -> None:
        """Mark the links of rows without an event as failed."""
        await self._database.write(_fail_without_event)

    async def ready(self, family: LinkFamily, limit: int) -> list[ReadyLink]:
        """Return the next links of a family that are to be created."""
        parameters = (family.parent, family.type, limit)
        found = await self._database.read(lambda db: db.execute(_READY, parameters).fetchall())
        return [
            ReadyLink(number, cast(RelationshipType, kind), parent, child, bool(may_exist))
            for number, kind, parent, child, may_exist in found or []
        ]

    async def mark_sending(self, ids: Sequence[int]) -> None:
        """Mark links as being sent."""
        sending = [(one,) for one in ids]
        await self._database.write(statements("UPDATE link SET state = 'sending' WHERE id = ?", sending))

    async def settle(self, states: Mapping[int, Literal["made", "there"]], reasons: Mapping[int, str]) -> None:
        """Store which links were made or existed before, and why others failed."""

        def update(db: Connection) -> None:
            made = [(state, one) for one, state in states.items()]
            db.executemany("UPDATE link SET state = ? WHERE id = ?", made)
            failed = [(reason, one) for one, reason in reasons.items()]
            db.executemany("UPDATE link SET state = 'failed', reason = ? WHERE id = ?", failed)

        await self._database.write(update, durable=False)


def _fail_without_event(db: Connection) -> None:
    db.execute(_FAIL, (WITHOUT_EVENT,))
