"""The ledger of one import: every row and its outcome, stored before and after each request.

A row is `bad` (invalid), `ready` (to be sent), `sending` (in a request whose answer is not known), `created`, `there`
(it existed before), `changed` (it existed and was updated) or `refused` (by the API or a rule). A link between rows is
`ready`, `sending`, `made`, `there` or `failed`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

from cf1_mcp.errors import BadFile
from cf1_mcp.store.database import Connection, Schema, SqlRow, StoreError, statements
from cf1_mcp.store.import_links import LINK_TABLES, LedgerLinks, NewLedgerLink
from cf1_mcp.store.import_rows import ROW_TABLES, LedgerRows, NewLedgerRow
from cf1_mcp.store.sqlite import FileInUse, SqliteSession

VERSION: Final = "1"
PAGE_SIZE: Final = 1000
Fact = Literal["version", "begun", "compared", "change", "notes", "lost"]
_SCHEMA: Final = Schema(
    "an import ledger",
    0,
    0,
    (
        "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "INSERT INTO fact VALUES ('version', '1')",
        *ROW_TABLES,
        *LINK_TABLES,
    ),
    "Ask the operator to check CF1_STATE_DIR.",
)
_REPORTED: Final = "SELECT number, place, state, uuid, ref, reason FROM row"


class ReportedRow(NamedTuple):
    """A row and its outcome, as a report lists them."""

    place: int
    state: str
    uuid: str | None
    ref: str | None
    reason: str | None


class ReportedLink(NamedTuple):
    """A link and its outcome. `parent` is the place of its row, None where no row has the ref `parent_ref`."""

    parent: int | None
    child: int
    type: str
    state: str
    reason: str | None
    parent_ref: str


class ImportLedger:
    """The ledger of one import: in memory, or in a file that one process at a time may use."""

    def __init__(self, database: SqliteSession) -> None:
        self._database = database
        self.rows = LedgerRows(database)
        self.links = LedgerLinks(database)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the ledger in a file, or create one that only its owner may read.

        Raises:
            BadFile: the ledger cannot be used, or another process is running the same import.
        """
        ledger = cls(SqliteSession(path, _SCHEMA))
        try:
            version = await ledger.read_fact("version")
        except FileInUse as error:
            raise BadFile("Another process is running this import. Wait until it ends.") from error
        except StoreError as error:
            raise BadFile(f"The import ledger cannot be used: {error}") from error
        if version != VERSION:
            await ledger.aclose()
            raise BadFile(
                f"The import ledger {path.name} has format {version}, and this version of cf1-mcp reads {VERSION}. "
                "Ask the operator to update cf1-mcp."
            )
        return ledger

    @classmethod
    def in_memory(cls) -> Self:
        """Return a ledger that is lost when it is closed."""
        return cls(SqliteSession(None, _SCHEMA))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the ledger, so that another process may use it."""
        await self._database.aclose()

    async def read_fact(self, name: Fact) -> str | None:
        """Return a fact about the import as a whole."""
        found = await self._database.read(
            lambda db: db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        )
        return found[0] if found else None

    async def store_facts(self, facts: Mapping[Fact, str]) -> None:
        """Store facts about the import."""
        await self._database.write(statements("INSERT OR REPLACE INTO fact VALUES (?, ?)", [*facts.items()]))

    async def start_over(self) -> None:
        """Delete all rows, links and facts, before the file is read."""

        def delete(db: Connection) -> None:
            for table in ("row", "link", "request", "older", "fact"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are constants
            db.execute("INSERT INTO fact VALUES ('version', ?)", (VERSION,))
            self.rows.rewind()

        await self._database.write(delete)

    async def add(self, rows: Sequence[NewLedgerRow], links: Sequence[NewLedgerLink] = ()) -> None:
        """Add rows and the links to their parents."""

        def insert(db: Connection) -> None:
            LedgerRows.insert(db, rows)
            LedgerLinks.insert(db, links)

        await self._database.write(insert, durable=False)

    async def has_work(self) -> bool:
        """Whether a row or link is left that may succeed, or something was made that the journal does not contain."""

        def read(db: Connection) -> bool:
            statements = (
                "SELECT 1 FROM row WHERE state IN ('ready', 'sending', 'refused') LIMIT 1",
                "SELECT 1 FROM row WHERE state = 'created' AND told = 0 LIMIT 1",
                "SELECT 1 FROM fact WHERE name = 'change'",
            )
            return LedgerLinks.any_left(db) or any(db.execute(statement).fetchone() for statement in statements)

        return bool(await self._database.read(read))

    async def work_left(self) -> tuple[int, int]:
        """Return how many events and how many links are left to create, or are created and not in the journal."""
        statement = (
            "SELECT (SELECT count(*) FROM row WHERE state IN ('ready', 'sending') OR state = 'created' AND told = 0), "
            "(SELECT count(*) FROM link WHERE state NOT IN ('made', 'there'))"
        )
        rows, links = await self._database.read(lambda db: db.execute(statement).fetchone()) or (0, 0)
        return rows, links

    async def close_change(self) -> None:
        """Record that the journal contains everything that was created so far."""

        def update(db: Connection) -> None:
            db.execute("UPDATE row SET told = 1 WHERE state = 'created'")
            db.execute("DELETE FROM fact WHERE name = 'change'")

        await self._database.write(update)

    async def reported_rows(self) -> AsyncGenerator[list[ReportedRow]]:
        """Yield all rows in their order, a page at a time."""
        async for page in self._read_pages(f"{_REPORTED} WHERE number > ? ORDER BY number LIMIT ?"):
            yield [ReportedRow(*row[1:]) for row in page]

    async def rejected_rows(self) -> AsyncGenerator[list[ReportedRow]]:
        """Yield the rows that are invalid or were refused, in their order, a page at a time."""
        rejected = "state IN ('bad', 'refused')"
        async for page in self._read_pages(f"{_REPORTED} WHERE number > ? AND {rejected} ORDER BY number LIMIT ?"):
            yield [ReportedRow(*row[1:]) for row in page]

    async def reported_links(self) -> AsyncGenerator[list[ReportedLink]]:
        """Yield all links in their order, a page at a time."""
        statement = (
            "SELECT link.id - 1, p.place, c.place, link.type, link.state, link.reason, link.ref FROM link "
            "JOIN row c ON c.number = link.child LEFT JOIN row p ON p.number = link.parent "
            "WHERE link.id - 1 > ? ORDER BY link.id LIMIT ?"
        )
        async for page in self._read_pages(statement):
            yield [ReportedLink(*row[1:]) for row in page]

    async def _read_pages(self, statement: str) -> AsyncGenerator[list[SqlRow]]:
        """Yield the result of a statement in pages. It takes the last number and a limit, and returns numbers first."""
        last = -1
        while page := await self._database.read(partial(_read_page, statement, last)):
            yield page
            last = page[-1][0]


def _read_page(statement: str, last: int, db: Connection) -> list[SqlRow]:
    return db.execute(statement, (last, PAGE_SIZE)).fetchall()
