"""Confirmation codes that were used.

A code is bound to the state in which a change was previewed. Some changes, such as imports, do not alter that state:
without this record, a second or a concurrent call with the same code would make them again.
"""

from cf1_mcp.store.confirmation_codes import normalize_code
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
        """Use a code. Return True the first time only."""

        def insert(db: Connection) -> bool:
            return db.execute("INSERT OR IGNORE INTO spent_code VALUES (?)", (_encode_code(code),)).rowcount == 1

        return await self._database.write(insert)

    async def give_back(self, code: str) -> None:
        """Let a code be used again, because its change was refused and nothing was done."""
        await self._database.write(statement("DELETE FROM spent_code WHERE code = ?", (_encode_code(code),)))


def _encode_code(code: str) -> str:
    # As hex, because a code may be any text, including lone surrogates, and different texts must stay different.
    return normalize_code(code).encode("utf-8", "surrogatepass").hex()
