"""A change that passed its guards: it is journaled, made and reported.

The journal has the intent before anything is sent. Whatever follows, one of three things is recorded: what was done,
that it failed and nothing was done, or that this is unknown.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Generic

from pydantic import JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Effect, P, Result
from cf1_mcp.changes.outcomes.change_results import shorten_created
from cf1_mcp.changes.outcomes.unknown_outcomes import describe_unknown
from cf1_mcp.changes.previews import Look, render_summary
from cf1_mcp.context import ServerContext
from cf1_mcp.errors import BadArgument, ThreatEventsError, may_have_been_made
from cf1_mcp.store.database import StoreError
from cf1_mcp.store.journal_records import ChangeOrigin, JournalError


@dataclass(frozen=True)
class Planned(Generic[P]):
    """A change that passed its guards, or the preview to return instead. `code` is the one that confirmed it."""

    look: Look[P]
    preview: Card | None
    server: ServerContext
    origin: ChangeOrigin
    code: str | None = None

    @property
    def effect(self) -> Effect[P]:
        return self.look.effect

    async def carry_out(self, client: ThreatEventsClient) -> Card:
        """Make the change with the function of its kind. Raises the same as `record`."""
        return await self.record(partial(self.effect.kind.carry_out, client, self.effect.payload))

    async def record(self, call: Callable[[], Awaitable[Result]]) -> Card:
        """Journal the intent, make the change with `call`, journal its outcome and report it.

        A change of which it is unknown whether it was made is an answer too, with what was found. Its code stays used.

        Raises:
            JournalError: the intent could not be written, so nothing was changed.
            ThreatEventsError: the change failed. The journal records that, and the code may be used again.
        """
        if self.preview is not None:  # whatever the body of the tool does
            return self.preview
        effect, journal = self.effect, self.server.stores.journal
        await self._spend_code()
        try:
            change_id = await journal.begin(effect.build_intent(self.origin))
        except JournalError:
            with suppress(StoreError):
                await self._give_code_back()
            raise
        try:
            result = await call()
        except ThreatEventsError as error:
            if not may_have_been_made(error):
                await self._record_failure(change_id, error)
                raise
            result = describe_unknown(error)
        facts: dict[str, JsonValue] = {
            "status": result.status,
            "change_id": change_id,
            "change": render_summary(effect),
        }
        facts |= {**effect.told, **shorten_created(result, change_id), **self.look.repeats}
        if not self.look.undo.certain:
            facts["undo"] = self.look.undo.text
        untrusted = {**result.untrusted, **effect.read_as}
        try:
            stored: JsonValue = {**result.facts, **result.untrusted}
            await journal.finish(change_id, result.status, stored)
        except JournalError as error:
            made = "It is unknown whether the change was made" if result.status == "unknown" else "The change was made"
            return Card(facts | {**result.facts}, untrusted, notes=[f"{made}, but {error}"])
        if result.refused:
            with suppress(StoreError):
                await self._give_code_back()
        return Card(facts, untrusted)

    def report_no_change(self, note: str) -> Card:
        """Return the answer if there is nothing to change. Nothing is sent, so nothing is journaled."""
        facts = {"status": "done", "change": render_summary(self.effect), **self.effect.facts}
        return Card(facts, {**self.effect.untrusted, **self.effect.read_as}, notes=[note])

    async def _spend_code(self) -> None:
        if self.code is None:
            return
        look, codes = self.look, self.server.stores.spent_codes
        try:
            is_first = await codes.spend(look.state, look.number, self.code)
        except StoreError:
            with suppress(StoreError):
                await self._give_code_back()
            raise
        if not is_first:
            raise used_code_error()

    async def _give_code_back(self) -> None:
        """Let the same call be repeated, because nothing was done. The approval first: only one task has it now."""
        if self.code is None:
            return
        if self.server.settings.approval == "operator":
            await self.server.stores.approvals.give_back(self.code)
        await self.server.stores.spent_codes.give_back(self.look.state, self.look.number)

    async def _record_failure(self, change_id: str, error: ThreatEventsError) -> None:
        await self.server.stores.journal.finish(change_id, "failed", {"error": str(error)})
        # A code that could not be given back stays used, which must not take the place of the reason.
        with suppress(StoreError):
            await self._give_code_back()


def used_code_error() -> BadArgument:
    """Return the error for a code that has confirmed a change already."""
    return BadArgument("confirm", "this code was used already", "list_changes to see its outcome")
