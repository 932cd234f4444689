"""How a planned change is previewed, confirmed, approved, journaled and carried out.

A tool names its guard in its signature as `Annotated[Planned[P], Resolve(approved(plan))]`, where `plan` is the
resolver that checks the change against the operator's rules and describes its effect. The guards run in this order:

    plan      datasets, markings, and the current state       -> Effect
    allow     mode and size, by the kind of the effect        -> refused, or next
    confirm   a code for tool, arguments and that state       -> a preview, or next
    approve   a person, in the way that the operator chose    -> refused, or next
    again     the state once more, if a person took time      -> refused, or next
    journal   the intent is on disk before anything is sent   -> Result

They hold for what a change does, not for the tool that makes it: an undo that deletes passes those of a deletion.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any, Final, Generic

import anyio.to_thread
from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve
from pydantic import JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Effect, P, Planner, Result
from cf1_mcp.changes.previews import (
    MAX_REQUEST_LENGTH,
    Consent,
    Look,
    build_preview,
    compute_state_digest,
    describe_repeats,
    describe_undo,
    render_question,
    render_summary,
)
from cf1_mcp.context import ServerContext, ToolContext, find_origin
from cf1_mcp.errors import BadArgument, NotApproved, ThreatEventsError, Unavailable, UnexpectedAnswer, Withheld
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.database import StoreError
from cf1_mcp.store.journal_records import ChangeOrigin, JournalError, Outcome
from cf1_mcp.text.plurals import plural

NO_REPEAT: Final = "Do not repeat the call unless the person asks for it again"
# The first version of the protocol in which a call is repeated with the person's answer, so that all of it runs again.
# In older ones the call waits for the answer.
REPEATED_SINCE: Final = "2026-07-28"


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

        Raises:
            JournalError: the intent could not be written, so nothing was changed.
            ApiError: the change failed, or it is unknown whether it was made. The journal records which.
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
            await self._record_failure(change_id, error)
            raise
        facts: dict[str, JsonValue] = {
            "status": result.status,
            "change_id": change_id,
            "change": render_summary(effect),
        }
        facts |= {**result.facts, **self.look.repeats}
        if not self.look.undo.certain:
            facts["undo"] = self.look.undo.text
        untrusted = {**result.untrusted, **effect.read_as}
        try:
            stored: JsonValue = {**result.facts, **result.untrusted}
            await journal.finish(change_id, result.status, stored)
        except JournalError as error:
            return Card(facts, untrusted, notes=[f"The change was made, but {error}"])
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
            raise _used_code_error()

    async def _give_code_back(self) -> None:
        """Let the same call be repeated, because nothing was done. The approval first: only one task has it now."""
        if self.code is None:
            return
        if self.server.settings.approval == "operator":
            await self.server.stores.approvals.give_back(self.code)
        await self.server.stores.spent_codes.give_back(self.look.state, self.look.number)

    async def _record_failure(self, change_id: str, error: ThreatEventsError) -> None:
        # Without a readable answer the change may have been made nevertheless.
        outcome: Outcome = "unknown" if isinstance(error, Unavailable | UnexpectedAnswer) else "failed"
        await self.server.stores.journal.finish(change_id, outcome, {"error": str(error)})
        if outcome == "failed":
            # A code that could not be given back stays used, which must not take the place of the reason.
            with suppress(StoreError):
                await self._give_code_back()


Plan = Callable[..., Awaitable[Effect[P]]]


def approved(plan: Plan[P], plan_again: Plan[P] | None = None) -> Callable[..., Awaitable[Planned[P]]]:
    """Return a resolver that requires confirmation and approval of a plan.

    `plan_again` takes the same parameters and plans from the current state; it is needed where `plan` gets state from
    another resolver.
    """

    @wraps(plan)  # so that the SDK resolves the parameters of the plan
    async def read_plan(**parameters: Any) -> tuple[Effect[P], Callable[[], Awaitable[Effect[P]]]]:  # noqa: ANN401
        return await plan(**parameters), partial(plan_again or plan, **parameters)

    async def look_at(
        context: ToolContext,
        planning: Planner,
        planned: Annotated[tuple[Effect[P], Callable[[], Awaitable[Effect[P]]]], Resolve(read_plan)],
        confirm: str | None,
    ) -> Look[P]:
        effect, again = planned
        server = context.request_context.lifespan_context
        return await _look(server, planning.write_policy, effect, again, has_code=confirm is not None)

    async def consent(
        context: ToolContext, look: Annotated[Look[Any], Resolve(look_at)], confirm: str | None
    ) -> Look[Any] | Elicit[Consent]:
        server = context.request_context.lifespan_context
        if confirm is None or (look.effect.changes_nothing and not look.effect.must_confirm):
            return look
        await _require_code(server, look, confirm)
        match server.settings.approval:
            case "code":
                return look
            case "ask":
                _require_elicitation(context)
                return Elicit(render_question(look.effect, look.undo.text, look.repeats), Consent)
            case "operator":
                await _redeem_approval(server, confirm)
                return look

    async def approve(
        context: ToolContext,
        planning: Planner,
        look: Annotated[Look[P], Resolve(look_at)],
        outcome: Annotated[ElicitationResult[Any], Resolve(consent)],
        confirm: str | None,
    ) -> Planned[P]:
        server = context.request_context.lifespan_context
        if not isinstance(outcome, AcceptedElicitation):
            raise NotApproved("the person did not agree to it", NO_REPEAT)
        if isinstance(outcome.data, Consent):
            _require_yes(outcome.data)
            if (context.protocol_version or "") < REPEATED_SINCE:
                look = await _look_again(server, planning.write_policy, look)
        origin = find_origin(context)
        if look.effect.must_confirm and confirm is None:
            return Planned(look, await _render_preview(server, look), server, origin)
        return Planned(await look.complete(server, confirm), None, server, origin, confirm)

    return approve


async def _look(
    server: ServerContext,
    write_policy: WritePolicy,
    effect: Effect[P],
    plan_again: Callable[[], Awaitable[Effect[P]]],
    *,
    has_code: bool,
) -> Look[P]:
    """Hold the effect to the mode and the size that the operator allows, and compute what a code is bound to.

    Raises:
        Withheld: the mode, or CF1_MAX_CHANGE, forbids what the change does.
    """
    settings, kind = server.settings, effect.kind
    if not settings.allows(kind.effect.mode):
        raise Withheld(f"A change as {kind.tool} makes it", f"CF1_MODE ({settings.mode})")
    if kind.limited and effect.count > settings.max_change:
        what = f"A change of {plural(effect.count, 'event')} at once"
        raise Withheld(what, f"CF1_MAX_CHANGE ({settings.max_change})")
    undo = describe_undo(effect, write_policy)
    # Before the change: what takes time or fails must not come between a change and its report.
    repeats = await describe_repeats(server, effect)
    if not (effect.must_confirm or has_code):
        return Look(effect, undo, "", 0, plan_again, repeats)
    # In a thread: the state of many events is megabytes.
    state = await anyio.to_thread.run_sync(compute_state_digest, effect, undo.text)
    return Look(effect, undo, state, await server.stores.spent_codes.next_round(state), plan_again, repeats)


async def _look_again(server: ServerContext, write_policy: WritePolicy, look: Look[P]) -> Look[P]:
    """Plan again after a person took their time to answer.

    Raises:
        NotApproved: the person agreed to something else than what would happen now.
    """
    current = await _look(server, write_policy, await look.plan_again(), look.plan_again, has_code=True)
    if (current.state, current.number) != (look.state, look.number):
        raise NotApproved(
            "what it concerns has changed since the person was asked",
            "Make the same call without confirm, and show the person its new preview",
        )
    return current


async def _require_code(server: ServerContext, look: Look[Any], code: str) -> None:
    """Refuse a code that was not issued for this change in its current state, or was used."""
    if look.effect.must_confirm and look.is_confirmed_by(code, server):
        return
    if await server.stores.spent_codes.is_spent(code):
        raise _used_code_error()
    raise BadArgument(
        "confirm",
        "this code is not for this change in its current state",
        "the same call without confirm, and show the person its new preview",
    )


def _used_code_error() -> BadArgument:
    return BadArgument("confirm", "this code was used already", "list_changes to see its outcome")


def _require_yes(consent: Consent) -> None:
    if consent.answer == "no":
        raise NotApproved("the person answered no", NO_REPEAT)
    if consent.answer != "yes":
        raise NotApproved("the answer was neither yes nor no", NO_REPEAT)


async def _render_preview(server: ServerContext, look: Look[Any]) -> Card:
    """Return the preview with its code, and store it for the operator if the operator decides."""
    code = look.issue_code(server)
    if server.settings.approval == "ask":
        render_question(look.effect, look.undo.text, look.repeats)  # refused now if it could not be asked later
    elif server.settings.approval == "operator":
        text = render_question(look.effect, look.undo.text, look.repeats, MAX_REQUEST_LENGTH)
        await server.stores.approvals.ask(code, look.effect.tool, text, float(server.settings.confirm_ttl))
    return build_preview(server, look.effect, look.undo.text, code, look.repeats)


def _require_elicitation(context: ToolContext) -> None:
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # A client that only opens addresses cannot show the question.
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        raise Withheld("A change through this client, which cannot ask a person,", "CF1_APPROVAL (ask)")


async def _redeem_approval(server: ServerContext, code: str) -> None:
    if not await server.stores.approvals.redeem(code):
        raise NotApproved(
            "CF1_APPROVAL is operator, and no operator has approved this code",
            f"Ask for `cf1-mcp approve {code}` on the operator's terminal, then repeat this call",
        )
