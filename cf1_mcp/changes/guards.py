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
from functools import partial, wraps
from typing import Annotated, Any, Final

import anyio.to_thread
from mcp.server.mcpserver import AcceptedElicitation, DeclinedElicitation, Elicit, ElicitationResult, Resolve

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.effect import Effect, P, Planner
from cf1_mcp.changes.planned import Planned, used_code_error
from cf1_mcp.changes.previews import (
    MAX_REQUEST_LENGTH,
    Consent,
    Look,
    build_preview,
    compute_state_digest,
    describe_repeats,
    describe_undo,
    render_question,
)
from cf1_mcp.context import ServerContext, ToolContext, find_origin
from cf1_mcp.errors import BadArgument, NotApproved, Withheld
from cf1_mcp.policy.write_policy import WritePolicy, too_many_events
from cf1_mcp.text.plurals import plural

NO_REPEAT: Final = "Do not repeat the call unless the person asks for it again"
# The first version of the protocol in which a call is repeated with the person's answer, so that all of it runs again.
# In older ones the call waits for the answer.
REPEATED_SINCE: Final = "2026-07-28"


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
            is_no = isinstance(outcome, DeclinedElicitation)
            raise NotApproved("the person said no" if is_no else "the person closed the question", NO_REPEAT)
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
        raise too_many_events(f"A change of {plural(effect.count, 'event')} at once", settings)
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
        raise used_code_error()
    raise BadArgument(
        "confirm",
        look.effect.code_problem,
        "the same call without confirm, and show the person its new preview",
    )


def _require_yes(consent: Consent) -> None:
    if consent.answer == "no":
        raise NotApproved("the person said no", NO_REPEAT)
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
