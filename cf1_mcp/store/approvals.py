"""What a person approves on a terminal (`CF1_APPROVAL=operator`): one small SQLite file that several servers share.

A request stands under the confirmation code of its change. The code is no secret and authorises nothing: a person
must have approved it, and then it serves exactly once, before its time is over.
"""

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Literal

from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.text.sanitize import clean

MAX_LINE_LENGTH = 2000  # characters of a preview's line
KEPT = timedelta(days=7)  # after its end, so that a person who comes late is told what became of a request

State = Literal["waiting", "approved", "used", "refused", "expired"]

# `letters` is the code as it counts, however it is typed; times are text in UTC, which sorts as time does.
_TABLE = """
CREATE TABLE IF NOT EXISTS request (
    letters TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    tool TEXT NOT NULL,
    preview TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'used', 'refused'))
) STRICT
"""
_SELECT = "SELECT code, tool, preview, asked_at, expires_at, state FROM request"
_MISREAD = str.maketrans("OIL", "011")


class ApprovalError(ThreatEventsError):
    """A request cannot be asked, found or decided."""


@dataclass(frozen=True)
class Request:
    """A change that waits, or waited, for a person."""

    code: str
    tool: str
    preview: str
    asked_at: datetime
    expires_at: datetime
    state: State


class Approvals:
    """The requests in one file. One instance a process serves all its threads; a connection lives for one operation."""

    def __init__(self, path: Path, clock: Callable[[], datetime], patience: float = 5.0) -> None:
        """`path` is made when missing, its folder too, for this user alone. `clock` tells aware times.

        `patience`: seconds to wait for another process that holds the file.
        """
        self._path = path
        self._clock = clock
        self._patience = patience
        self._making = Lock()

    def ask(self, code: str, tool: str, preview: str, ttl: float) -> None:
        """Put a change before a person for `ttl` seconds. What already waits or is approved stays as it is.

        Unseen characters in the preview are escaped: it is shown on a terminal, and attackers wrote parts of it.
        ApprovalError when this code was refused or used: neither is asked twice.
        """
        shown = "\n".join(clean(line, MAX_LINE_LENGTH) for line in preview.split("\n"))
        with self._changing() as (db, now):
            db.execute("DELETE FROM request WHERE expires_at < ?", (_stored(now - KEPT),))
            known = _find(db, code, now)
            if known is not None and known.state == "refused":
                raise ApprovalError("A person refused this change. Do not ask for it again; say that it was refused.")
            if known is not None and known.state == "used":
                raise ApprovalError(
                    f"The approval for code {known.code} was used already and serves once. "
                    "See in list_changes what came of it before asking anew."
                )
            if known is None or known.state == "expired":
                times = (_stored(now), _stored(now + timedelta(seconds=ttl)))
                db.execute(
                    "INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                    (_letters(code), code, tool, shown, *times),
                )

    def waiting(self) -> list[Request]:
        """What a person may decide now, oldest first."""
        with self._open() as db:
            now = self._clock()
            rows = db.execute(_SELECT + " ORDER BY asked_at, letters").fetchall()
            return [request for row in rows if (request := _request(row, now)).state == "waiting"]

    def find(self, code: str) -> Request:
        """The request under a code, however it is typed. ApprovalError when there is none."""
        with self._open() as db:
            return _known(db, code, self._clock())

    def decide(self, code: str, approved: bool) -> Request:
        """Record what a person decided; it stands. ApprovalError when the request is unknown, over or decided."""
        with self._changing() as (db, now):
            request = _known(db, code, now)
            if request.state != "waiting":
                raise ApprovalError(_over(request))
            decision = "approved" if approved else "refused"
            db.execute("UPDATE request SET state = ? WHERE letters = ?", (decision, _letters(code)))
            return _known(db, code, now)

    def redeem(self, code: str) -> bool:
        """Use an approval up. True exactly once for an approved code in its time, whoever else tries meanwhile.

        ApprovalError when the file cannot be read or written: then nothing is used up and nothing may be done.
        """
        with self._changing() as (db, now):
            request = _find(db, code, now)
            if request is None or request.state != "approved":
                return False
            db.execute("UPDATE request SET state = 'used' WHERE letters = ?", (_letters(code),))
        return True  # only once it is on disk

    @contextmanager
    def _changing(self) -> Generator[tuple[sqlite3.Connection, datetime]]:
        """All of a change or nothing of it, with no other writer in between. The time is told after the wait."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")  # whatever leaves without a commit is rolled back when the file is closed
            yield db, self._clock()
            db.execute("COMMIT")

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            self._keep_private()
            with closing(sqlite3.connect(self._path, timeout=self._patience, isolation_level=None)) as db:
                # Fails at once, patience or not, while another process is making the file; that one sets it as well.
                with suppress(sqlite3.OperationalError):
                    db.execute("PRAGMA journal_mode = WAL")
                db.execute(_TABLE)
                yield db
        except (OSError, sqlite3.Error, ValueError) as error:  # ValueError: a damaged file says a time that is none
            raise ApprovalError(self._unusable(error)) from error

    def _keep_private(self) -> None:
        """For this user alone. Files that SQLite puts beside it get the same rights."""
        # One thread at a time, and never opening a file that exists: closing a second descriptor would drop the locks
        # that SQLite holds on it for this process.
        with self._making:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if self._path.is_file() and self._path.stat().st_mode & 0o077:
            self._path.chmod(0o600)

    def _unusable(self, error: OSError | sqlite3.Error | ValueError) -> str:
        name = self._path.name
        if isinstance(error, sqlite3.Error) and _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return f"Another process holds the approvals file {name}, so nothing was done. Try again in a moment."
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return (
            f"The approvals file {name} cannot be used ({reason}), so nothing was done. "
            "An operator must check it, its disk and its rights in the state folder (CF1_STATE_DIR)."
        )


def _primary(error: sqlite3.Error) -> int | None:
    """SQLite's error without its finer distinctions; the sqlite3 module itself raises errors that have none."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _letters(code: str) -> str:
    """What counts of a code: case, spaces and dashes do not; O reads as 0, I and L as 1."""
    return "".join(char for char in code if char.isalnum()).upper().translate(_MISREAD)


def _find(db: sqlite3.Connection, code: str, now: datetime) -> Request | None:
    row = db.execute(_SELECT + " WHERE letters = ?", (_letters(code),)).fetchone()
    return None if row is None else _request(row, now)


def _known(db: sqlite3.Connection, code: str, now: datetime) -> Request:
    request = _find(db, code, now)
    if request is None:
        raise ApprovalError(
            f"Nothing was asked under the code {clean(code, 40)!r}. Compare it with the code in the preview."
        )
    return request


def _request(row: tuple[str, str, str, str, str, State], now: datetime) -> Request:
    code, tool, preview, asked_at, expires_at, state = row
    if state in ("waiting", "approved") and expires_at <= _stored(now):
        state = "expired"
    return Request(code, tool, preview, datetime.fromisoformat(asked_at), datetime.fromisoformat(expires_at), state)


def _over(request: Request) -> str:
    """Why a request can no longer be decided."""
    if request.state == "expired":
        ended = request.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"The request under code {request.code} expired at {ended}. Have the change asked for anew."
    if request.state == "used":
        return f"The approval for code {request.code} was used already. See what it did with `cf1-mcp journal list`."
    return f"The request under code {request.code} was {request.state} already, and that decision stands."


def _stored(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
