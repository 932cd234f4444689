"""The journal: the intent and the outcome of each change, and whether this record is intact."""

import json
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypedDict

from pydantic import JsonValue

from cf1_mcp.store import journal_entries as entries
from cf1_mcp.store.database import Connection, Database, StoreError
from cf1_mcp.store.journal_records import Change, Intent, JournalError, Outcome

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # without characters that are easily confused


class _IntentContent(TypedDict):
    """The content of an intent's entry; the pre-image is stored in a column of its own."""

    at: str
    tool: str
    arguments: dict[str, JsonValue]
    datasets: list[str]
    summary: str


class _OutcomeContent(TypedDict):
    """The content of an outcome's entry."""

    at: str
    result: JsonValue


class Journal:
    """The journal in a database, for any number of tasks and processes at once. `clock` returns aware times.

    A journal that does not exist yet reads as empty; only `begin` creates it.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, intent: Intent) -> str:
        """Record a change that is about to be made and return its id. When this returns, the intent is on disk.

        Raises:
            JournalError: it cannot be recorded, or the change in `undoes` is unknown or undone. The change must not
                be made then.
        """
        with _journal_errors("The change is not made, because it cannot be journaled first: "):
            content: _IntentContent = {
                "at": self._format_now(),
                "tool": intent.tool,
                "arguments": dict(intent.arguments),
                "datasets": list(intent.datasets),
                "summary": intent.summary,
            }
            recorded, pre_image = _dump_canonical(content), _dump_canonical(intent.before)
            change_id = _create_id()

            def append(db: Connection) -> None:
                if intent.undoes is not None:
                    entries.find_intent_number(db, intent.undoes)
                    if other := entries.find_undo(db, intent.undoes):
                        raise JournalError(f"{intent.undoes} is already undone, by {other}.")
                entries.append(db, change_id, "intent", recorded, intent.undoes, pre_image)

            await self._database.write(append)
            return change_id

    async def finish(self, change_id: str, outcome: Outcome, result: JsonValue) -> None:
        """Record the outcome of a change.

        Raises:
            JournalError: the change is unknown, has an outcome already, or the outcome cannot be written.
        """
        content: _OutcomeContent = {"at": self._format_now(), "result": result}
        with _journal_errors("The outcome is not journaled: "):
            recorded = _dump_canonical(content)

            def append(db: Connection) -> None:
                entries.find_intent_number(db, change_id)
                if (known := entries.find_outcome_number(db, change_id)) is not None:
                    raise JournalError(
                        f"{change_id} already has an outcome in entry {known}, and an outcome is recorded once."
                    )
                entries.append(db, change_id, outcome, recorded)

            await self._database.write(append)

    async def changes(self, limit: int = 20, before: str | None = None, *, pre_images: bool = True) -> list[Change]:
        """Return at most `limit` changes, newest first; only those before the change `before`, where it is given.

        With `pre_images=False` they are not read, as each may be megabytes, and `intent.before` is None.

        Raises:
            JournalError: `before` is unknown, or one of the changes was altered.
        """

        def read(db: Connection) -> list[Change]:
            start = None if before is None else entries.find_intent_number(db, before)
            return [_read_change(db, seq, pre_images) for seq in entries.list_newest_intents(db, start, limit)]

        with _journal_errors():
            found = await self._database.read(read)
        if found is None and before is not None:
            raise entries.unknown_change_error(before)
        return found or []

    async def change(self, change_id: str) -> Change:
        """Return one change with its pre-image.

        Raises:
            JournalError: it is unknown or was altered.
        """
        with _journal_errors():
            found = await self._database.read(
                lambda db: _read_change(db, entries.find_intent_number(db, change_id), pre_image=True)
            )
        if found is None:
            raise entries.unknown_change_error(change_id)
        return found

    async def verify(self) -> list[str]:
        """Return what is wrong with the journal, one sentence each; nothing when nothing was ever written.

        Raises:
            JournalError: it cannot be read at all.
        """
        with _journal_errors():
            return [*await self._database.check(), *(await self._database.read(entries.find_problems) or [])]

    def _format_now(self) -> str:
        # Not `iso`: the entries are hashed as they are written, with the fractions of a second.
        return self._clock().astimezone(UTC).isoformat()


def _read_change(db: Connection, seq: int, pre_image: bool) -> Change:
    intent = entries.read_intact_entry(db, seq)
    content: _IntentContent = json.loads(intent.content)
    number = entries.find_outcome_number(db, intent.change)
    outcome = None if number is None else entries.read_intact_entry(db, number)
    finished: _OutcomeContent | None = None if outcome is None else json.loads(outcome.content)
    return Change(
        id=intent.change,
        at=datetime.fromisoformat(content["at"]),
        intent=Intent(
            tool=content["tool"],
            arguments=content["arguments"],
            datasets=tuple(content["datasets"]),
            summary=content["summary"],
            before=json.loads(entries.read_intact_pre_image(db, intent)) if pre_image else None,
            undoes=intent.undoes,
        ),
        outcome="unknown" if outcome is None or outcome.kind == "intent" else outcome.kind,
        result=None if finished is None else finished["result"],
        finished_at=None if finished is None else datetime.fromisoformat(finished["at"]),
        undone_by=entries.find_undo(db, intent.change),
    )


def _dump_canonical(value: JsonValue | _IntentContent | _OutcomeContent) -> str:
    """Return JSON in one form: sorted keys, no spaces, ASCII. Any text is read back unchanged."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise JournalError(
            "its arguments or what it changes cannot be written as JSON, as they are nested too deeply or too large. "
            "Request a smaller change."
        ) from error


def _create_id() -> str:
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(10))
    return f"c-{drawn[:5]}-{drawn[5:]}"


@contextmanager
def _journal_errors(prefix: str = "") -> Generator[None]:
    """Raise every error of the store as a JournalError whose message begins with `prefix`."""
    try:
        yield
    except StoreError as error:
        raise JournalError(f"{prefix}{error}") from error
