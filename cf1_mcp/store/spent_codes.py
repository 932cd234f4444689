"""Confirmation codes that were used.

A code is bound to the state in which a change was previewed. A change that leaves that state as it was, such as an
import, could otherwise be made again by a second call with the same code, or by two calls at once.
"""

from cf1_mcp.store.confirmation_codes import spelled
from cf1_mcp.store.database import Connection, Database, Schema, statement

SCHEMA = Schema(
    "a list of used codes",
    0x43463153,
    1,
    ("CREATE TABLE spent_code (code TEXT PRIMARY KEY) WITHOUT ROWID",),
    "Start the server again.",
)


class SpentCodes:
    """Which codes were used, however they were typed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, code: str) -> bool:
        """Use a code. True the first time only."""

        def insert(db: Connection) -> bool:
            return db.execute("INSERT OR IGNORE INTO spent_code VALUES (?)", (_stored(code),)).rowcount == 1

        return await self._database.write(insert)

    async def give_back(self, code: str) -> None:
        """Let a code be used again, because its change was refused and nothing was done."""
        await self._database.write(statement("DELETE FROM spent_code WHERE code = ?", (_stored(code),)))


def _stored(code: str) -> str:
    # A code of any characters may be spent, half characters included, and none of two may be taken for one.
    return spelled(code).encode("utf-8", "surrogatepass").hex()
