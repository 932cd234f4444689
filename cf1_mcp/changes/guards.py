"""How a change is made: previewed, confirmed, approved, journaled, carried out, told.

A tool names its guard in its signature as `Annotated[Planned, Resolve(approved(plan))]`, where `plan` is the resolver
that holds the change to the operator's rules and describes its effect. The guards stand in this order, and each of them
is code:

    plan      rules, size, and the state just seen            -> Effect
    confirm   a code over tool, arguments and that state      -> a preview, or on
    approve   a person, in the way that the operator chose    -> refused, or on
    journal   the intent is on disk before the request leaves -> Change
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve
from pydantic import BaseModel, Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import event_cells
from cf1_mcp.answers.fitting import fit
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.answers.rows import Rows
from cf1_mcp.context import ServerContext, ToolContext
from cf1_mcp.errors import BadArgument, ThreatEventsError, Unavailable, UnexpectedAnswer, Withheld
from cf1_mcp.models import Event
from cf1_mcp.store.journal_records import Intent, JournalError, Outcome
from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import clean

SAMPLE: Final = 10
MAX_SUMMARY_LENGTH: Final = 1_000
NOTE: Final = "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
# Ids, names of fields, numbers and ranges: too short a form to tell a model anything else.
_WORDLESS: Final = re.compile(r"[\w.:,+-]{0,40}")
SAMPLE_COLUMNS: Final = ("uuid", "date", "tlp", "attacker", "event")


@dataclass(frozen=True)
class Effect:
    """What a change would do, as it stands now. `before` is what undo needs, and what the code is bound to; `read_as`
    says what of the call was read otherwise than it was typed.
    """

    tool: str
    arguments: Mapping[str, JsonValue]
    datasets: tuple[str, ...]
    summary: str
    before: JsonValue
    undo: str
    needs_code: bool
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    events: Sequence[Event] = ()
    undoes: str | None = None
    read_as: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True)
class Result:
    """What the API's answer says was done. Partial: less than was asked, with the rest named in the facts."""

    status: Literal["done", "partial", "failed"]
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True)
class Planned:
    """A change that passed its guards, or the preview that stands in for it."""

    effect: Effect
    preview: Card | None
    server: ServerContext
    code: str | None = None

    async def carry_out(self, call: Callable[[], Awaitable[Result]]) -> Card:
        """Journal the intent, make the change, journal and tell what came of it.

        Raises:
            JournalError: the intent could not be written, so nothing was changed.
            ApiError: the change failed, or it is unknown whether it was made; the journal says which.
        """
        effect, journal = self.effect, self.server.stores.journal
        if self.code is not None and not await self.server.stores.spent_codes.spend(self.code):
            raise BadArgument("confirm", "this code was used already", "list_changes to see what came of it")
        intent = Intent(
            effect.tool, effect.arguments, effect.datasets, effect.summary, effect.before, undoes=effect.undoes
        )
        change_id = await journal.begin(intent)
        try:
            result = await call()
        except ThreatEventsError as error:
            await self._failed(change_id, error)
            raise
        ours, untrusted = _by_origin({**result.facts, **effect.read_as})
        told: dict[str, JsonValue] = {"status": result.status, "change_id": change_id, "change": _summary(effect)}
        told |= ours | _repeats(self.server, effect)
        try:
            await journal.finish(change_id, result.status, dict(result.facts))
        except JournalError as error:
            return Card(told, untrusted, notes=[f"The change was made, but {error}"])
        return Card(told, untrusted)

    def nothing(self, words: str) -> Card:
        """The answer where the change turned out to be made already. Nothing was sent, so nothing is journaled."""
        ours, untrusted = _by_origin({**self.effect.facts, **self.effect.read_as})
        return Card({"status": "done", "change": _summary(self.effect), **ours}, untrusted, notes=[words])

    async def _failed(self, change_id: str, error: ThreatEventsError) -> None:
        # No answer, or an unreadable one, does not tell that nothing was done.
        outcome: Outcome = "unknown" if isinstance(error, Unavailable | UnexpectedAnswer) else "failed"
        if outcome == "failed" and self.code is not None:
            await self.server.stores.spent_codes.give_back(self.code)
        reason: JsonValue = {"error": str(error)}
        await self.server.stores.journal.finish(change_id, outcome, reason)


class Consent(BaseModel):
    """What a person is asked for."""

    answer: Literal["yes", "no"] = Field(description="Make this change?")


Plan = Callable[..., Awaitable[Effect]]


def approved(plan: Plan) -> Callable[..., Awaitable[Planned]]:
    """The resolver that holds a plan to confirmation and approval."""

    async def consent(
        context: ToolContext, effect: Annotated[Effect, Resolve(plan)], confirm: str | None
    ) -> Effect | Elicit[Consent]:
        server = context.request_context.lifespan_context
        if not effect.needs_code or confirm is None:
            return effect
        if not server.confirmation_codes.accepts(confirm, effect.tool, effect.arguments, effect.before):
            raise BadArgument(
                "confirm",
                "this code is not for this change as things stand now",
                "the same call without confirm, and show the person its new preview",
            )
        match server.settings.approval:
            case "code":
                return effect
            case "ask":
                _refuse_who_cannot_ask(context)
                return Elicit(f"{_summary(effect)} {effect.undo}", Consent)
            case "operator":
                await _redeem(server, confirm)
                return effect

    async def approve(
        context: ToolContext,
        effect: Annotated[Effect, Resolve(plan)],
        outcome: Annotated[ElicitationResult[Any], Resolve(consent)],
        confirm: str | None,
    ) -> Planned:
        server = context.request_context.lifespan_context
        if not isinstance(outcome, AcceptedElicitation):
            raise Withheld("The change", "the person, who did not agree to it")
        if isinstance(outcome.data, Consent) and outcome.data.answer != "yes":
            raise Withheld("The change", "the person, who answered no")
        preview = await _preview(server, effect) if effect.needs_code and confirm is None else None
        return Planned(effect, preview, server, confirm if effect.needs_code else None)

    return approve


def journaled(plan: Plan) -> Callable[..., Awaitable[Planned]]:
    """The resolver for a change that takes nothing away: held to the rules and journaled, without a code."""

    async def ready(context: ToolContext, effect: Annotated[Effect, Resolve(plan)]) -> Planned:
        return Planned(effect, None, context.request_context.lifespan_context)

    return ready


async def _preview(server: ServerContext, effect: Effect) -> Card:
    """What would happen, and the code that lets it."""
    code = server.confirmation_codes.code(effect.tool, effect.arguments, effect.before)
    ours, untrusted = _by_origin({**effect.facts, **effect.read_as})
    shown: dict[str, JsonValue] = {
        "status": "confirmation_required",
        "change": _summary(effect),
        **ours,
        **_repeats(server, effect),
        "undo": effect.undo,
        "code": code,
    }
    sample = Rows(SAMPLE_COLUMNS, event_cells(effect.events[:SAMPLE], SAMPLE_COLUMNS))
    preview = Card(shown, untrusted, {"sample": sample} if effect.events else {}, [NOTE])
    if server.settings.approval == "operator":
        ttl, told = float(server.settings.confirm_ttl), fit(preview).text(Renderer())
        await server.stores.approvals.ask(code, effect.tool, told, ttl)
    return preview


def _summary(effect: Effect) -> str:
    """The change in a sentence. It names datasets and saved queries, which others named."""
    return defang(clean(effect.summary, MAX_SUMMARY_LENGTH))


def _by_origin(facts: Mapping[str, JsonValue]) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """The facts that are ours, and those that may hold words of strangers: whatever has room for a sentence."""
    ours = {name: value for name, value in facts.items() if _wordless(value)}
    return ours, {name: value for name, value in facts.items() if name not in ours}


def _wordless(value: JsonValue) -> bool:
    match value:
        case str():
            return _WORDLESS.fullmatch(value) is not None
        case list():
            return all(_wordless(item) for item in value)
        case dict():
            return all(_wordless(item) for pair in value.items() for item in pair)
        case _:
            return True


def _repeats(server: ServerContext, effect: Effect) -> dict[str, JsonValue]:
    """What of the change repeats texts that were read before, where anything does."""
    sentences = server.shown_texts.repeated(effect.arguments)
    return {"repeats": [*sentences]} if sentences else {}


def _refuse_who_cannot_ask(context: ToolContext) -> None:
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        raise Withheld("The change: this client cannot ask a person, and it", "CF1_APPROVAL (ask)")


async def _redeem(server: ServerContext, code: str) -> None:
    if not await server.stores.approvals.redeem(code):
        raise Withheld("The change has not been approved by the operator, and until then it", "CF1_APPROVAL (operator)")
