"""Confirmation codes that were used, in a file that all servers on one state folder share.

A code is bound to the state in which a change was previewed. Some changes, such as imports, do not alter that state,
and others come back to it: without this record, a second or a concurrent call with the same code would make them again.
Each use of a code is a round of its state. The next code for the same state belongs to the next round, so a change that
is repeated gets a code of its own.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from cf1_mcp.store.confirmation_codes import MAX_TTL, normalize_code
from cf1_mcp.store.database import Connection, Database, Schema, statement

# Longer than any code is valid: a code that is forgotten here has expired.
RETENTION: Final = timedelta(seconds=MAX_TTL) + timedelta(days=6)
SCHEMA = Schema(
    "a list of used codes",
    0x43463153,
    1,
    (
        "CREATE TABLE spent_code (state TEXT, round INTEGER, code TEXT NOT NULL, spent_at TEXT NOT NULL, "
        "PRIMARY KEY (state, round)) STRICT, WITHOUT ROWID",
        "CREATE INDEX spent_code_code ON spent_code (code)",
    ),
    "Ask the operator to move it elsewhere: codes that were issued before are refused then.",
)


class SpentCodes:
    """Which codes were used, for any number of tasks and processes. `clock` returns aware times.

    `state` is the digest of the state that a code is bound to. A code is known however it is typed.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def next_round(self, state: str) -> int:
        """Return the round that a code for this state belongs to now: 0 if none was used."""
        return await self._database.read(lambda db: _find_next_round(db, state)) or 0

    async def is_spent(self, code: str) -> bool:
        """Return whether a code was used."""

        def read(db: Connection) -> bool:
            return db.execute("SELECT 1 FROM spent_code WHERE code = ?", (_encode_code(code),)).fetchone() is not None

        return await self._database.read(read) or False

    async def spend(self, state: str, number: int, code: str) -> bool:
        """Use a code of a round. Return True the first time only, across all processes, and only in its round."""

        def insert(db: Connection) -> bool:
            now = self._clock()
            db.execute("DELETE FROM spent_code WHERE spent_at < ?", (_format_time(now - RETENTION),))
            if _find_next_round(db, state) != number:
                return False
            row = (state, number, _encode_code(code), _format_time(now))
            db.execute("INSERT INTO spent_code VALUES (?, ?, ?, ?)", row)
            return True

        return await self._database.write(insert)

    async def give_back(self, state: str, number: int) -> None:
        """Let a code be used again, because its change was refused and nothing was done."""
        await self._database.write(statement("DELETE FROM spent_code WHERE state = ? AND round = ?", (state, number)))


def _find_next_round(db: Connection, state: str) -> int:
    rows = db.execute("SELECT round FROM spent_code WHERE state = ? ORDER BY round DESC LIMIT 1", (state,)).fetchall()
    return int(rows[0][0]) + 1 if rows else 0


def _encode_code(code: str) -> str:
    # As hex, because a code may be any text, including lone surrogates, and different texts must stay different.
    return normalize_code(code).encode("utf-8", "surrogatepass").hex()


def _format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
