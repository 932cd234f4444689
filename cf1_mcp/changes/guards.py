"""How a planned change is previewed, confirmed, approved, journaled and carried out.

A tool names its guard in its signature as `Annotated[Planned[P], Resolve(approved(plan))]`, where `plan` is the
resolver that checks the change against the operator's rules and describes its effect. The guards run in this order:

    plan      rules, size, and the current state              -> Effect
    confirm   a code for tool, arguments and that state       -> a preview, or next
    approve   a person, in the way that the operator chose    -> refused, or next
    journal   the intent is on disk before anything is sent   -> Result
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Generic, Literal

from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve
from pydantic import BaseModel, Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import event_cells
from cf1_mcp.answers.fitting import fit
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Effect, P, Result
from cf1_mcp.context import ServerContext, ToolContext
from cf1_mcp.errors import BadArgument, NotApproved, ThreatEventsError, Unavailable, UnexpectedAnswer, Withheld
from cf1_mcp.store.journal_records import Intent, JournalError, Outcome
from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import clean

MAX_SAMPLE: Final = 10
MAX_SUMMARY_LENGTH: Final = 1_000
SAMPLE_COLUMNS: Final = ("uuid", "date", "tlp", "attacker", "event")
NOTE: Final = "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
OPERATOR_NOTE: Final = "Before that, an operator must run `cf1-mcp approve` with this code on a terminal."
NO_REPEAT: Final = "Do not repeat the call unless the person asks for it again"


@dataclass(frozen=True)
class Planned(Generic[P]):
    """A change that passed its guards, or the preview to return instead."""

    effect: Effect[P]
    preview: Card | None
    server: ServerContext
    code: str | None = None

    async def carry_out(self, client: ThreatEventsClient) -> Card:
        """Make the change with the function of its kind. Raises the same as `record`."""
        return await self.record(partial(self.effect.kind.carry_out, client, self.effect.payload))

    async def record(self, call: Callable[[], Awaitable[Result]]) -> Card:
        """Journal the intent, make the change with `call`, journal its outcome and report it.

        Raises:
            JournalError: the intent could not be written, so nothing was changed.
            ApiError: the change failed, or it is unknown whether it was made. The journal records which.
        """
        effect, journal = self.effect, self.server.stores.journal
        if self.code is not None and not await self.server.stores.spent_codes.spend(self.code):
            raise BadArgument("confirm", "this code was used already", "list_changes to see its outcome")
        intent = Intent(
            effect.tool, effect.arguments, effect.datasets, effect.sentences, effect.before, undoes=effect.undoes
        )
        change_id = await journal.begin(intent)
        try:
            result = await call()
        except ThreatEventsError as error:
            await self._record_failure(change_id, error)
            raise
        facts: dict[str, JsonValue] = {
            "status": result.status,
            "change_id": change_id,
            "change": _render_summary(effect),
        }
        facts |= {**result.facts, **_describe_repeats(self.server, effect)}
        untrusted = {**result.untrusted, **effect.read_as}
        try:
            stored: JsonValue = {**result.facts, **result.untrusted}
            await journal.finish(change_id, result.status, stored)
        except JournalError as error:
            return Card(facts, untrusted, notes=[f"The change was made, but {error}"])
        return Card(facts, untrusted)

    def report_no_change(self, note: str) -> Card:
        """Return the answer if there is nothing to change. Nothing is sent, so nothing is journaled."""
        facts = {"status": "done", "change": _render_summary(self.effect), **self.effect.facts}
        return Card(facts, {**self.effect.untrusted, **self.effect.read_as}, notes=[note])

    async def _record_failure(self, change_id: str, error: ThreatEventsError) -> None:
        # Without a readable answer the change may have been made nevertheless.
        outcome: Outcome = "unknown" if isinstance(error, Unavailable | UnexpectedAnswer) else "failed"
        if outcome == "failed" and self.code is not None:
            await self.server.stores.spent_codes.give_back(self.code)
        reason: JsonValue = {"error": str(error)}
        await self.server.stores.journal.finish(change_id, outcome, reason)


class Consent(BaseModel):
    """The question that a person answers."""

    answer: Literal["yes", "no"] = Field(description="Make this change?")


Plan = Callable[..., Awaitable[Effect[P]]]


def approved(plan: Plan[P]) -> Callable[..., Awaitable[Planned[P]]]:
    """Return a resolver that requires confirmation and approval of a plan."""

    async def consent(
        context: ToolContext, effect: Annotated[Effect[Any], Resolve(plan)], confirm: str | None
    ) -> Effect[Any] | Elicit[Consent]:
        server = context.request_context.lifespan_context
        if not effect.needs_code or confirm is None:
            return effect
        if not server.confirmation_codes.accepts(confirm, effect.tool, effect.arguments, effect.before):
            raise BadArgument(
                "confirm",
                "this code is not for this change in its current state",
                "the same call without confirm, and show the person its new preview",
            )
        match server.settings.approval:
            case "code":
                return effect
            case "ask":
                _require_elicitation(context)
                return Elicit(f"{defang(_render_summary(effect))} {effect.undo}", Consent)
            case "operator":
                await _redeem_approval(server, confirm)
                return effect

    async def approve(
        context: ToolContext,
        effect: Annotated[Effect[P], Resolve(plan)],
        outcome: Annotated[ElicitationResult[Any], Resolve(consent)],
        confirm: str | None,
    ) -> Planned[P]:
        server = context.request_context.lifespan_context
        if not isinstance(outcome, AcceptedElicitation):
            raise NotApproved("the person did not agree to it", NO_REPEAT)
        if isinstance(outcome.data, Consent) and outcome.data.answer != "yes":
            raise NotApproved("the person answered no", NO_REPEAT)
        preview = await _render_preview(server, effect) if effect.needs_code and confirm is None else None
        return Planned(effect, preview, server, confirm if effect.needs_code else None)

    return approve


def journaled(plan: Plan[P]) -> Callable[..., Awaitable[Planned[P]]]:
    """Return a resolver for a change that removes nothing: checked and journaled, but without a code."""

    async def ready(context: ToolContext, effect: Annotated[Effect[P], Resolve(plan)]) -> Planned[P]:
        return Planned(effect, None, context.request_context.lifespan_context)

    return ready


async def _render_preview(server: ServerContext, effect: Effect[Any]) -> Card:
    """Return a description of the effect, with the code that confirms it."""
    code = server.confirmation_codes.issue(effect.tool, effect.arguments, effect.before)
    facts: dict[str, JsonValue] = {
        "status": "confirmation_required",
        "change": _render_summary(effect),
        **effect.facts,
        **_describe_repeats(server, effect),
        "undo": effect.undo,
        "code": code,
    }
    untrusted = {**effect.untrusted, **effect.read_as}
    sample = Rows(SAMPLE_COLUMNS, event_cells(effect.events[:MAX_SAMPLE], SAMPLE_COLUMNS))
    by_operator = server.settings.approval == "operator"
    notes = [NOTE, OPERATOR_NOTE] if by_operator else [NOTE]
    preview = Card(facts, untrusted, {"sample": sample} if effect.events else {}, notes)
    if by_operator:
        ttl, text = float(server.settings.confirm_ttl), fit(preview).text(Renderer())
        await server.stores.approvals.ask(code, effect.tool, text, ttl)
    return preview


def _render_summary(effect: Effect[Any]) -> str:
    """Return the change in sentences. They contain names of datasets and saved queries, which are untrusted."""
    return clean(effect.sentences, MAX_SUMMARY_LENGTH)


def _describe_repeats(server: ServerContext, effect: Effect[Any]) -> dict[str, JsonValue]:
    """Return the fact `repeats`: arguments that repeat texts of events shown before.

    An undo repeats what the journal holds, not what a model wrote.
    """
    if effect.undoes:
        return {}
    sentences = server.shown_texts.find_repeated(effect.arguments)
    return {"repeats": [*sentences]} if sentences else {}


def _require_elicitation(context: ToolContext) -> None:
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        raise Withheld("A change through this client, which cannot ask a person,", "CF1_APPROVAL (ask)")


async def _redeem_approval(server: ServerContext, code: str) -> None:
    if not await server.stores.approvals.redeem(code):
        raise NotApproved(
            "CF1_APPROVAL is operator, and no operator has approved this code",
            f"Ask for `cf1-mcp approve {code}` on the operator's terminal, then repeat this call",
        )
