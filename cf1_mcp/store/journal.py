"""The journal: what will be changed, what became of it, and whether that record holds."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from pydantic import JsonValue

from cf1_mcp.store import journal_entries as entries
from cf1_mcp.store.journal_file import JournalFile
from cf1_mcp.store.journal_records import Change, Intent, JournalError, Outcome

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # none is taken for another


class _Intended(TypedDict):
    """The content of an intent's entry; the pre-image is kept beside it."""

    at: str
    tool: str
    arguments: dict[str, JsonValue]
    datasets: list[str]
    summary: str


class _Finished(TypedDict):
    """The content of an outcome's entry."""

    at: str
    result: JsonValue


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """The journal in a file, for any number of threads and processes at once. Nothing is opened before the first use.

    All may be asked while there is no file; only `begin` makes one. `busy_timeout`, in seconds, bounds the wait for
    others who are writing.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = _utc_now, busy_timeout: float = 5.0) -> None:
        self._file = JournalFile(path, busy_timeout)
        self._clock = clock

    def begin(self, intent: Intent) -> str:
        """The id of a change that is about to be made. When this returns, the intent is on disk.

        JournalError when it cannot be, or when `undoes` names no change: then the change must not be made.
        """
        with _saying("The change is not made, because it cannot be journaled first"):
            content: _Intended = {
                "at": self._now(),
                "tool": intent.tool,
                "arguments": dict(intent.arguments),
                "datasets": list(intent.datasets),
                "summary": intent.summary,
            }
            recorded, pre_image = _canonical(content), _canonical(intent.before)
            with self._file.writing() as db:
                if intent.undoes is not None:
                    entries.intent_number(db, intent.undoes)
                    if other := entries.undoing(db, intent.undoes):
                        raise JournalError(f"{intent.undoes} is undone already, by {other}.")
                change_id = _new_id()
                entries.append(db, change_id, "intent", recorded, intent.undoes, pre_image)
            return change_id

    def finish(self, change_id: str, outcome: Outcome, result: JsonValue) -> None:
        """What became of a change. JournalError when it is unknown, has an outcome already, or cannot be written."""
        content: _Finished = {"at": self._now(), "result": result}
        with _saying("The outcome is not journaled"), self._file.writing() as db:
            entries.intent_number(db, change_id)
            if (known := entries.outcome_number(db, change_id)) is not None:
                raise JournalError(f"{change_id} has an outcome in entry {known} already, and it is recorded once.")
            entries.append(db, change_id, outcome, _canonical(content))

    def changes(self, limit: int = 20, before: str | None = None, *, pre_images: bool = True) -> list[Change]:
        """At most `limit` changes, newest first; `before` is the id of the change after which the list goes on.

        With `pre_images=False` they are not read, as each may be megabytes, and `intent.before` is None.
        JournalError when `before` is unknown or one of the changes was altered.
        """
        with self._file.reading() as db:
            if db is None:
                if before is None:
                    return []
                raise entries.unknown_change(before)
            start = None if before is None else entries.intent_number(db, before)
            return [_change(db, seq, pre_images) for seq in entries.newest_intents(db, start, limit)]

    def change(self, change_id: str) -> Change:
        """One change with its pre-image. JournalError when it is unknown or was altered."""
        with self._file.reading() as db:
            if db is None:
                raise entries.unknown_change(change_id)
            return _change(db, entries.intent_number(db, change_id), pre_image=True)

    def verify(self) -> list[str]:
        """What is wrong with the journal, a sentence each; nothing when it holds, or when nothing was ever written.

        JournalError when it cannot be read at all.
        """
        with self._file.reading() as db:
            return [] if db is None else entries.problems(db)

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat()


def _change(db: sqlite3.Connection, seq: int, pre_image: bool) -> Change:
    intent = entries.intact_entry(db, seq)
    intended: _Intended = json.loads(intent.content)
    number = entries.outcome_number(db, intent.change)
    outcome = None if number is None else entries.intact_entry(db, number)
    finished: _Finished | None = None if outcome is None else json.loads(outcome.content)
    return Change(
        id=intent.change,
        at=datetime.fromisoformat(intended["at"]),
        intent=Intent(
            tool=intended["tool"],
            arguments=intended["arguments"],
            datasets=tuple(intended["datasets"]),
            summary=intended["summary"],
            before=json.loads(entries.intact_pre_image(db, intent)) if pre_image else None,
            undoes=intent.undoes,
        ),
        outcome="unknown" if outcome is None or outcome.kind == "intent" else outcome.kind,
        result=None if finished is None else finished["result"],
        finished_at=None if finished is None else datetime.fromisoformat(finished["at"]),
        undone_by=entries.undoing(db, intent.change),
    )


def _canonical(value: JsonValue | _Intended | _Finished) -> str:
    """JSON in its one form: keys sorted, no spaces, ASCII, so that any text comes back as it was."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise JournalError(
            "its arguments or what it changes cannot be written as JSON, being nested too deeply or too large. "
            "Ask for a smaller change."
        ) from error


def _new_id() -> str:
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(10))
    return f"c-{drawn[:5]}-{drawn[5:]}"


@contextmanager
def _saying(failing: str) -> Generator[None]:
    try:
        yield
    except JournalError as error:
        raise JournalError(f"{failing}: {error}") from error
