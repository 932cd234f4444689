"""The journal: the intent and the outcome of each change, and whether this record is intact."""

import json
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.store import journal_entries as entries
from cf1_mcp.store.database import Connection, Database, StoreError
from cf1_mcp.store.journal_anchor import MAX_ACCEPTED, Anchor, AnchorError, AnchorFile, find_losses, read_end
from cf1_mcp.store.journal_records import (
    Change,
    Intent,
    IntentContent,
    JournalError,
    Outcome,
    OutcomeContent,
    describe_intent,
    dump_canonical,
    restore_intent,
)

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # without characters that are easily confused


class Journal:
    """The journal in a database, for any number of tasks and processes at once. `clock` returns aware times.

    A journal that does not exist yet reads as empty; only `begin` creates it. Nothing is appended while entries are
    missing that the anchor counts.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime], anchor: AnchorFile) -> None:
        self._database = database
        self._clock = clock
        self._anchor = anchor

    async def begin(self, intent: Intent) -> str:
        """Record a change that is about to be made and return its id. When this returns, the intent is on disk.

        Raises:
            JournalError: it cannot be recorded, entries are missing, or the change in `undoes` is unknown or undone.
                The change must not be made then.
        """
        with _journal_errors("The change is not made, because it cannot be journaled first: "):
            content = describe_intent(intent, self._format_now())
            pre_image = dump_canonical(intent.before)
            change_id = _create_id()

            def append(db: Connection) -> None:
                if intent.undoes is not None:
                    undone = _read_intent(db, entries.find_intent_number(db, intent.undoes), pre_image=False)
                    if entries.find_undo(db, intent.undoes):
                        raise JournalError(f"{intent.undoes} is already undone.")
                    if "marking" in content and undone.marking:
                        # An undo tells of the change that it undoes.
                        markings = undone.marking, Tlp.of(content["marking"])
                        content["marking"] = max(markings, key=lambda level: level.rank)
                entries.append(db, change_id, "intent", dump_canonical(content), intent.undoes, pre_image)

            await self._append(append)
            try:
                await self._advance_anchor()
            except StoreError as error:
                reason: OutcomeContent = {"at": self._format_now(), "result": {"error": str(error)}}
                recorded = dump_canonical(reason)
                await self._database.write(lambda db: entries.append(db, change_id, "failed", recorded))
                raise
            return change_id

    async def finish(self, change_id: str, outcome: Outcome, result: JsonValue) -> None:
        """Record the outcome of a change.

        Raises:
            JournalError: the change is unknown, has an outcome already, or the outcome cannot be written.
        """
        content: OutcomeContent = {"at": self._format_now(), "result": result}
        with _journal_errors("The outcome is not journaled: "):
            recorded = dump_canonical(content)

            def append(db: Connection) -> None:
                entries.find_intent_number(db, change_id)
                if (known := entries.find_outcome_number(db, change_id)) is not None:
                    raise JournalError(
                        f"{change_id} already has an outcome in entry {known}, and an outcome is recorded once."
                    )
                entries.append(db, change_id, outcome, recorded)

            await self._append(append)
        with _journal_errors("The outcome is journaled, but not anchored: "):
            await self._advance_anchor()

    async def changes(
        self,
        limit: int = 20,
        before: str | None = None,
        *,
        pre_images: bool = True,
        admits: Callable[[Intent], bool] = lambda _: True,
        keeps: Callable[[Change], bool] = lambda _: True,
    ) -> list[Change]:
        """Return at most `limit` changes, newest first; only those before the change `before`, where it is given.

        With `pre_images=False` they are not read, as each may be megabytes, and `intent.before` is None. Changes that
        `admits` does not admit are passed over as if they did not exist, and so are those that `keeps` does not keep.

        Raises:
            JournalError: `before` is unknown, or one of the changes was altered.
        """

        def read(db: Connection) -> list[Change]:
            start = None if before is None else entries.find_intent_number(db, before)
            numbers = entries.newest_intents(db, start)
            found = ((seq, _read_intent(db, seq, pre_images)) for seq in numbers)
            admitted = (_read_change(db, seq, intent) for seq, intent in found if admits(intent))
            return [*islice(filter(keeps, admitted), max(limit, 0))]

        with _journal_errors():
            found = await self._database.read(read)
        if found is None and before is not None:
            raise entries.unknown_change_error(before)
        return found or []

    async def change(self, change_id: str, *, pre_image: bool = True) -> Change:
        """Return one change; without its pre-image, `intent.before` is None.

        Raises:
            JournalError: it is unknown or was altered.
        """

        def read(db: Connection) -> Change:
            seq = entries.find_intent_number(db, change_id)
            return _read_change(db, seq, _read_intent(db, seq, pre_image))

        with _journal_errors():
            found = await self._database.read(read)
        if found is None:
            raise entries.unknown_change_error(change_id)
        return found

    async def verify(self) -> list[str]:
        """Return what is wrong with the journal, one sentence each; nothing when nothing was ever written.

        Raises:
            JournalError: it cannot be read at all.
        """
        with _journal_errors():
            losses = await self.find_losses()
            return [*losses, *await self._database.check(), *(await self._database.read(entries.find_problems) or [])]

    async def find_losses(self) -> list[str]:
        """Return which entries are missing according to the anchor, one sentence each.

        Raises:
            JournalError: the journal cannot be read at all.
        """
        try:
            anchor, losses = await self._compare_with_anchor()
            # Another process may have written the first anchor and the first entry in between.
            return losses if anchor or not losses else (await self._compare_with_anchor())[1]
        except AnchorError as error:
            return [f"The anchor cannot be compared: {error}"]

    async def find_end(self) -> Anchor:
        """Return how many entries there are, the hashes of the last and the first, and which losses were accepted."""
        with _journal_errors():
            end = await self._database.read(read_end) or Anchor(0, "", "")
            return replace(end, accepted=self._read_accepted())

    async def find_number(self, digest: str) -> int | None:
        """Return the number of the entry with a hash; None if no entry has it."""
        with _journal_errors():
            return await self._database.read(lambda db: entries.find_number(db, digest))

    async def accept(self) -> Anchor:
        """Anchor the journal as it is now, with what it lost, and return the anchor. Only an operator may accept that.

        Raises:
            JournalError: the entries that are left were altered, or the anchor cannot be written.
        """

        def accept(db: Connection) -> Anchor:
            if problems := entries.find_problems(db):
                altered = "what is left of it was altered, so move journal.db and journal.anchor elsewhere."
                raise JournalError(f"{altered} {' '.join(problems)}")
            end = replace(read_end(db), accepted=accepted)
            self._anchor.write(end)
            return end

        # Before the transaction, which would create a file that is missing.
        new = tuple(f"{self._clock():%Y-%m-%d %H:%M} UTC: {loss}" for loss in await self.find_losses())
        accepted = (*self._read_accepted(), *new)[-MAX_ACCEPTED:]
        with _journal_errors("The journal is not accepted: "):
            return await self._database.write(accept)

    def _read_accepted(self) -> tuple[str, ...]:
        """Return the losses that were accepted; none if the anchor cannot be read."""
        try:
            anchor = self._anchor.read()
        except AnchorError:
            return ()
        return anchor.accepted if anchor else ()

    async def _compare_with_anchor(self) -> tuple[Anchor | None, list[str]]:
        # In this order: the journal may grow meanwhile, and never has fewer entries than an anchor read before.
        anchor = self._anchor.read()
        found = await self._database.read(lambda db: find_losses(db, anchor))
        return anchor, find_losses(None, anchor) if found is None else found

    async def _append(self, append: Callable[[Connection], None]) -> None:
        """Append an entry, unless entries are missing. The first is anchored before, so that its loss shows as well."""
        # Before the transaction too, because it would create a file that is missing.
        _refuse_losses(await self.find_losses())

        def append_unless_lost(db: Connection) -> None:
            anchor = self._anchor.read()
            _refuse_losses(find_losses(db, anchor))
            if anchor is None:
                self._anchor.write(read_end(db))
            append(db)

        await self._database.write(append_unless_lost)

    async def _advance_anchor(self) -> None:
        # A transaction of its own, which writes nothing: the entry is on disk, and the lock keeps the order.
        await self._database.write(self._anchor.advance, durable=False)

    def _format_now(self) -> str:
        # Not `iso`: the entries are hashed as they are written, with the fractions of a second.
        return self._clock().astimezone(UTC).isoformat()


def _refuse_losses(losses: list[str]) -> None:
    if losses:
        problem = losses[0][0].lower() + losses[0][1:]
        raise JournalError(f"{problem} Ask the operator to run 'cf1-mcp journal verify'.")


def _read_intent(db: Connection, seq: int, pre_image: bool) -> Intent:
    entry = entries.read_intact_entry(db, seq)
    content: IntentContent = json.loads(entry.content)
    if pre_image:
        return restore_intent(content, entry.undoes, json.loads(entries.read_intact_pre_image(db, entry)))
    # Older entries do not state their marking, so it is computed from all that they hold.
    before = None if "marking" in content else json.loads(entries.read_intact_pre_image(db, entry))
    return replace(restore_intent(content, entry.undoes, before), before=None)


def _read_change(db: Connection, seq: int, intent: Intent) -> Change:
    entry = entries.read_intact_entry(db, seq)
    content: IntentContent = json.loads(entry.content)
    number = entries.find_outcome_number(db, entry.change)
    outcome = None if number is None else entries.read_intact_entry(db, number)
    finished: OutcomeContent | None = None if outcome is None else json.loads(outcome.content)
    return Change(
        id=entry.change,
        at=datetime.fromisoformat(content["at"]),
        intent=intent,
        outcome="unknown" if outcome is None or outcome.kind == "intent" else outcome.kind,
        result=None if finished is None else finished["result"],
        finished_at=None if finished is None else datetime.fromisoformat(finished["at"]),
        undone_by=entries.find_undo(db, entry.change),
    )


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
