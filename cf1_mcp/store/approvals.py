"""Requests that a person approves on a terminal (`CF1_APPROVAL=operator`), in a database that several servers share.

A request is stored under the confirmation code of its change. The code is not secret and authorizes nothing by itself:
a person must approve it, and then it can be used once, before it expires. It is given back if nothing was done.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from cf1_mcp.store.database import Connection, Database, Schema, StoreError
from cf1_mcp.text.person_text import collapse_blanks
from cf1_mcp.text.sanitize import clean

T = TypeVar("T")
MAX_LINE_LENGTH = 8_000  # characters of one line of a preview, such as the text of a saved query
REFUSED = "A person refused this change. Do not request it again; report the refusal."
RETENTION = timedelta(days=7)  # after a request expires, so that its outcome can still be seen

State = Literal["waiting", "approved", "used", "refused", "expired"]

# `letters` is the normalized code. Times are UTC texts, which sort chronologically.
_TABLE = """
CREATE TABLE request (
    letters TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    tool TEXT NOT NULL,
    preview TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'used', 'refused'))
) STRICT
"""
SCHEMA = Schema(
    "an approvals file",
    0,
    0,
    (_TABLE,),
    "Ask the operator to move it elsewhere: its requests can be made again.",
)
_SELECT = "SELECT code, tool, preview, asked_at, expires_at, state FROM request"
_MISREAD = str.maketrans("OIL", "011")


class ApprovalError(StoreError):
    """A request cannot be stored, found or decided."""


class UnknownCode(ApprovalError):
    """There is no request for a code."""


@dataclass(frozen=True)
class Request:
    """A change that waits, or waited, for a person's decision."""

    code: str
    tool: str
    preview: str
    asked_at: datetime
    expires_at: datetime
    state: State


class Approvals:
    """The requests in one database, for any number of tasks and processes. `clock` returns aware times.

    Every method raises ApprovalError if the database cannot be read or written. Nothing was done then.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def ask(self, code: str, tool: str, preview: str, ttl: float) -> None:
        """Request a person's approval for `ttl` seconds. A request that already waits or is approved does not change.

        Invisible characters in the preview are escaped and runs of blanks collapsed: it is shown on a terminal, and
        attackers wrote parts of it.

        Raises:
            ApprovalError: this code was refused or used, and cannot be requested again.
        """
        shown = "\n".join(collapse_blanks(clean(line, MAX_LINE_LENGTH)) for line in preview.split("\n"))

        def insert(db: Connection, now: datetime) -> None:
            known = _find_request(db, code, now)
            if known is not None and known.state == "refused":
                raise ApprovalError(REFUSED)
            if known is not None and known.state == "used":
                raise ApprovalError(
                    f"The approval for code {known.code} was already used, and it can be used once. "
                    "Check its outcome with list_changes before requesting the change again."
                )
            if known is None or known.state == "expired":
                times = (_format_time(now), _format_time(now + timedelta(seconds=ttl)))
                db.execute(
                    "INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                    (_normalize_code(code), code, tool, shown, *times),
                )

        await self._write(insert)

    async def waiting(self) -> list[Request]:
        """Return the requests that a person may decide now, oldest first."""

        def read(db: Connection) -> list[Request]:
            now = self._clock()
            found = [_build_request(*row, now=now) for row in db.execute(_SELECT + " ORDER BY asked_at, letters")]
            return [request for request in found if request.state == "waiting"]

        with _approval_errors():
            return await self._database.read(read) or []

    async def forget_old(self) -> None:
        """Delete the requests that expired long ago, with their previews. Every other write does so as well."""
        with _approval_errors():
            # Reading first: a write would create the file.
            if await self._database.read(lambda db: db.execute("SELECT 1 FROM request LIMIT 1").fetchone()):
                await self._database.write(lambda db: _delete_old(db, self._clock()))

    async def find(self, code: str) -> Request:
        """Return the request for a code, however the code is typed.

        Raises:
            ApprovalError: there is none.
        """
        with _approval_errors():
            found = await self._database.read(lambda db: _find_request(db, code, self._clock()))
        if found is None:
            raise _unknown_code_error(code)
        return found

    async def decide(self, code: str, approved: bool) -> Request:
        """Record a person's decision, which is final, and return the request.

        Raises:
            ApprovalError: the request is unknown, expired or already decided.
        """

        def update(db: Connection, now: datetime) -> Request:
            request = _require(db, code, now)
            if request.state != "waiting":
                raise ApprovalError(explain_closed(request))
            decision = "approved" if approved else "refused"
            db.execute("UPDATE request SET state = ? WHERE letters = ?", (decision, _normalize_code(code)))
            return _require(db, code, now)

        return await self._write(update)

    async def redeem(self, code: str) -> bool:
        """Use an approval. Return True exactly once for an approved code that has not expired, across all processes.

        Raises:
            ApprovalError: a person refused the change, and need not be asked again.
        """

        def update(db: Connection, now: datetime) -> bool:
            request = _find_request(db, code, now)
            if request is not None and request.state == "refused":
                raise ApprovalError(REFUSED)
            if request is None or request.state != "approved":
                return False
            db.execute("UPDATE request SET state = 'used' WHERE letters = ?", (_normalize_code(code),))
            return True

        return await self._write(update)

    async def give_back(self, code: str) -> None:
        """Let a used approval be used again until it expires, because its change was refused and nothing was done."""

        def update(db: Connection, now: datetime) -> None:
            request = _find_request(db, code, now)
            if request is not None and request.state == "used":
                db.execute("UPDATE request SET state = 'approved' WHERE letters = ?", (_normalize_code(code),))

        await self._write(update)

    async def _write(self, work: Callable[[Connection, datetime], T]) -> T:
        """Run a transaction with the time at which it starts, after waiting for other writers."""

        def run(db: Connection) -> T:
            now = self._clock()
            _delete_old(db, now)
            return work(db, now)

        with _approval_errors():
            return await self._database.write(run)


@contextmanager
def _approval_errors() -> Generator[None]:
    """Raise every error of the store as an ApprovalError that states that nothing was done."""
    try:
        yield
    except ApprovalError:
        raise
    except StoreError as error:
        raise ApprovalError(f"Nothing was done: {error}") from error


def _normalize_code(code: str) -> str:
    """Return a code in normal form: without case, spaces and dashes; O is read as 0, I and L as 1."""
    return "".join(char for char in code if char.isalnum()).upper().translate(_MISREAD)


def _delete_old(db: Connection, now: datetime) -> None:
    db.execute("DELETE FROM request WHERE expires_at < ?", (_format_time(now - RETENTION),))


def _find_request(db: Connection, code: str, now: datetime) -> Request | None:
    row = db.execute(_SELECT + " WHERE letters = ?", (_normalize_code(code),)).fetchone()
    return None if row is None else _build_request(*row, now=now)


def _require(db: Connection, code: str, now: datetime) -> Request:
    request = _find_request(db, code, now)
    if request is None:
        raise _unknown_code_error(code)
    return request


def _unknown_code_error(code: str) -> UnknownCode:
    return UnknownCode(
        f"There is no request for the code {clean(code, 40)!r}. Compare it with the code in the preview."
    )


def _build_request(
    code: str, tool: str, preview: str, asked_at: str, expires_at: str, state: State, *, now: datetime
) -> Request:
    if state in ("waiting", "approved") and expires_at <= _format_time(now):
        state = "expired"
    try:
        times = datetime.fromisoformat(asked_at), datetime.fromisoformat(expires_at)
    except ValueError as error:
        raise StoreError(f"a time in the approvals file is damaged. {SCHEMA.next_step}") from error
    return Request(code, tool, preview, *times, state)


def explain_closed(request: Request) -> str:
    """Return why a request can no longer be decided."""
    if request.state == "expired":
        ended = request.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"The request for code {request.code} expired at {ended}. Have the change requested again."
    if request.state == "used":
        return f"The approval for code {request.code} was already used. See its outcome with `cf1-mcp journal list`."
    return f"The request for code {request.code} was already {request.state}, and that decision is final."


def _format_time(moment: datetime) -> str:
    # Not `iso`: stored times are compared as texts with those of earlier versions.
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
