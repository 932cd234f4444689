"""What a person sees of a planned change: the preview that a call returns, and the question in a dialog or terminal.

A code is bound to the digest of all that.
"""

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Final, Generic, Literal

from pydantic import BaseModel, BeforeValidator, Field, JsonValue, WithJsonSchema

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_FIELD_LENGTH, clean_value, event_cells
from cf1_mcp.answers.fitting import STEPS
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.changes.effect import MAX_WITHOUT_CODE, Effect, Facts, P
from cf1_mcp.context import ServerContext
from cf1_mcp.errors import BadArgument, ThreatEventsError
from cf1_mcp.models import Event, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.policy.write_policy import DELETE_RULE, WRITE_RULE, WritePolicy
from cf1_mcp.settings import Approval
from cf1_mcp.store.confirmation_codes import append_time, canonicalize, split_time
from cf1_mcp.text.defang import defang
from cf1_mcp.text.person_text import set_apart
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_SAMPLE: Final = 10
MAX_SUMMARY_LENGTH: Final = 1_000
MAX_QUESTION_LENGTH: Final = 3_000  # what clients show of a message
MAX_QUESTION_WITH_TEXT: Final = 13_000  # where a text must be shown whole, with the one that it replaces
MAX_REQUEST_LENGTH: Final = 40_000
SAMPLE_COLUMNS: Final = ("uuid", "date", "tlp", "attacker", "event")
QUESTION_COLUMNS: Final = ("tlp", "date", "attacker", "event", "indicator", "uuid")
NOTE: Final = "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
LARGE: Final = f"It needs a code because it is of more than {MAX_WITHOUT_CODE} events."
OPERATOR_NOTE: Final = "Before that, an operator must run `cf1-mcp approve {code}` on a terminal."
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
CONSENT: Final[dict[Approval, str]] = {
    "code": "a code",
    "ask": "a code and the consent of a person (CF1_APPROVAL=ask)",
    "operator": "a code and the approval of the operator (CF1_APPROVAL=operator)",
}


def _read_answer(value: object) -> object:
    """Return yes or no, or an empty text for anything else, which counts as no answer."""
    return value if value in ("yes", "no") else ""


class Consent(BaseModel):
    """The question that a person answers."""

    answer: Annotated[
        Literal["yes", "no", ""],
        BeforeValidator(_read_answer),
        WithJsonSchema({"type": "string", "enum": ["yes", "no"]}),
    ] = Field(description="Make this change?")


@dataclass(frozen=True)
class UndoOutlook:
    """What an undo can restore and which rules it needs, as `text`; whether it is `certain` by the current settings."""

    text: str
    certain: bool


@dataclass(frozen=True)
class Look(Generic[P]):
    """A planned change, what its undo would need, and the digest of all that a preview of it shows.

    `number` is how often a change was made from exactly this state before. Where no code is needed or given, there is
    no `state`. `plan_again` plans the change from what the API has by then.
    """

    effect: Effect[P]
    undo: UndoOutlook
    state: str
    number: int
    plan_again: Callable[[], Awaitable[Effect[P]]]
    repeats: Facts = field(default_factory=dict[str, JsonValue])

    async def complete(self, server: ServerContext, code: str | None) -> "Look[P]":
        """Return the same with what the change needs and a preview leaves out. A code stays bound to what was shown.

        Raises:
            ThreatEventsError: a rule forbids the change after all, or the API failed. The code can be used again.
        """
        if self.effect.complete is None:
            return self
        try:
            return replace(self, effect=await self.effect.complete(self.effect))
        except ThreatEventsError:
            if code is not None and server.settings.approval == "operator":
                await server.stores.approvals.give_back(code)
            raise

    def issue_code(self, server: ServerContext) -> str:
        code = server.confirmation_codes.issue(self.effect.tool, {}, [self.state, self.number])
        return append_time(code, self.effect.fixed_time) if self.effect.fixed_time else code

    def is_confirmed_by(self, code: str, server: ServerContext) -> bool:
        if self.effect.fixed_time:
            code, _ = split_time(code)
        return server.confirmation_codes.accepts(code, self.effect.tool, {}, [self.state, self.number])


def describe_undo(effect: Effect[Any], write_policy: WritePolicy) -> UndoOutlook:
    """Return what an undo of the effect would restore, need, and whether the current settings allow it."""
    kind = effect.kind
    if not effect.can_undo or kind.plan_undo is None:
        return UndoOutlook(effect.undo, certain=False)
    settings, inverse = write_policy.settings, kind.inverse
    destroyed = effect.undo_destroys
    if destroyed is None:
        destroyed = effect.datasets if inverse is ToolEffect.DELETE else ()
    written = tuple(uuid for uuid in effect.datasets if uuid not in (*destroyed, *effect.only_read))
    needs = [f"CF1_MODE={inverse.mode}"]
    needs += [_name_list(DELETE_RULE, destroyed, len(effect.datasets))] if destroyed else []
    needs += [_name_list(WRITE_RULE, written, len(effect.datasets))] if written else []
    needs += [f"CF1_MAX_CHANGE of at least {effect.count}"] if effect.count > 1 else []
    consent = CONSENT[settings.approval]
    needs.append(consent if inverse is ToolEffect.DELETE else f"in some cases {consent}")
    refusing = [
        *([] if settings.allows(inverse.mode) else [f"CF1_MODE ({settings.mode})"]),
        *([] if all(map(write_policy.may_destroy, destroyed)) else [DELETE_RULE]),
        *([] if all(map(write_policy.may_write, written)) else [WRITE_RULE]),
        *([f"CF1_MAX_CHANGE ({settings.max_change})"] if effect.count > settings.max_change else []),
    ]
    text = f"{effect.undo} The undo needs {', '.join(needs[:-1])} and {needs[-1]}."
    if refusing:
        text += f" The current settings refuse it: {', '.join(refusing)}."
    return UndoOutlook(text, certain=not refusing)


def compute_state_digest(effect: Effect[Any], undo: str) -> str:
    """Return the digest of everything that a preview shows, and of the arguments as they were typed.

    Raises:
        BadArgument: an argument is not JSON, or too deeply nested.
    """
    try:
        text = canonicalize([effect.tool, effect.arguments, effect.state(), undo])
    except ValueError as error:
        raise BadArgument("confirm", str(error).rstrip("."), "smaller and flatter arguments") from error
    if dates := effect.relative_dates:
        # A date that was typed relative to now is another time when the call is confirmed.
        typed = _TIME.sub(lambda time: dates.get(time[0], time[0]), text.decode("utf-8", "surrogatepass"))
        text = typed.encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()


def render_summary(effect: Effect[Any]) -> str:
    """Return the change in sentences. They contain names of datasets and saved queries, which are untrusted."""
    return defang(clean(effect.sentences, MAX_SUMMARY_LENGTH))


async def describe_repeats(server: ServerContext, effect: Effect[Any]) -> dict[str, JsonValue]:
    """Return the fact `repeats`: arguments that repeat texts of events shown before.

    An undo repeats what the journal holds, not what a model wrote.
    """
    if effect.undoes:
        return {}
    sentences = await run_in_thread(partial(server.shown_texts.find_repeated, effect.arguments))
    return {"repeats": [*sentences]} if sentences else {}


def build_preview(server: ServerContext, effect: Effect[Any], undo: str, code: str, repeats: Facts) -> Card:
    """Return the answer to a call without `confirm`: the effect, and the code that confirms it."""
    facts: dict[str, JsonValue] = {
        "status": "confirmation_required",
        "change": render_summary(effect),
        **effect.told,
        **effect.facts,
        **(_count_markings(effect) if len(effect.events) > MAX_SAMPLE else {}),
        **repeats,
        "undo": undo,
        "code": code,
    }
    sample = Rows(SAMPLE_COLUMNS, event_cells(effect.events[:MAX_SAMPLE], SAMPLE_COLUMNS))
    notes = [LARGE] if effect.is_large and effect.kind.effect is not ToolEffect.DELETE else []
    notes += [NOTE, OPERATOR_NOTE.format(code=code)] if server.settings.approval == "operator" else [NOTE]
    return Card(facts, {**effect.untrusted, **effect.read_as}, {"sample": sample} if effect.events else {}, notes)


def render_question(effect: Effect[Any], undo: str, repeats: Facts, size: int = MAX_QUESTION_LENGTH) -> str:
    """Return the preview as text for a person, within `size` characters. It is cut by rows of the sample first.

    The events with the highest markings come first in the sample.

    Raises:
        BadArgument: a text that must be shown whole does not fit.
    """
    if effect.must_show:
        size = max(size, MAX_QUESTION_WITH_TEXT)
        _require_short(*effect.must_show)
    facts: dict[str, JsonValue] = {
        "change": render_summary(effect),
        **effect.told,
        **effect.facts,
        **_count_markings(effect),
        **repeats,
        "undo": undo,
    }
    card = Card(facts, {**effect.untrusted, **effect.read_as})
    events = sorted(effect.events, key=lambda event: -Tlp.of(event.tlp).rank)
    text = ""
    for count in range(min(MAX_SAMPLE, len(events)), -1, -1):
        text = _render_lines(_add_sample(card, events, count))
        if len(text) <= size:
            return text
    if effect.must_show:
        raise _too_long_error(effect.must_show[0])
    for step in STEPS:
        text = _render_lines(_add_sample(card.clipped(*step), events, min(len(events), 1)))
        if len(text) <= size:
            return text
    return f"{text[: size - 40]}… (+{plural(len(text) - size + 40, 'character')})"


def _require_short(argument: str, text: str) -> None:
    if clean_value(text, MAX_FIELD_LENGTH, name="query_json") != clean_value(text, sys.maxsize, name="query_json"):
        raise _too_long_error(argument)


def _too_long_error(argument: str) -> BadArgument:
    problem = "the text of this query is longer than what the person who is asked is shown, and it acts outside"
    return BadArgument(argument, problem, f"a text of at most {MAX_FIELD_LENGTH:,} characters, or several queries")


def _add_sample(card: Card, events: Sequence[Event], count: int) -> Card:
    if not events:
        return card
    shown = [f"{count} of {plural(len(events), 'event')} shown."]
    sample = Rows(QUESTION_COLUMNS, event_cells(events[:count], QUESTION_COLUMNS), notes=shown)
    return replace(card, parts={"sample": sample})


def _render_lines(card: Card) -> str:
    blocks = card.blocks(Renderer())
    lines = [text for block in blocks for line in block.lines for text in set_apart(line, untrusted=block.untrusted)]
    return "\n".join(lines)


def _count_markings(effect: Effect[Any]) -> dict[str, JsonValue]:
    """Return how many events, and how much of their evidence, have each marking, the highest first."""
    events = _count_levels(Tlp.of(event.tlp) for event in effect.events)
    evidence = _count_levels(ReadPolicy.raw_marking(event, raw) for event, raw in effect.evidence)
    counted = {"markings": events, "raw_markings": evidence}
    return {name: counts for name, counts in counted.items() if counts}


def _count_levels(levels: Iterable[Tlp]) -> dict[str, JsonValue]:
    counts = Counter(levels)
    return {level.value: counts[level] for level in sorted(counts, key=lambda level: -level.rank)}


def _name_list(rule: str, uuids: Sequence[str], total: int) -> str:
    """Return which datasets a list has to contain, by uuid where it is not all of the change."""
    if len(uuids) == total:
        every = {1: "the dataset", 2: "both datasets"}.get(total, f"all {total} datasets")
        return f"{every} in {rule}"
    return f"{plural(len(uuids), 'dataset').removeprefix('1 ')} {', '.join(uuids)} in {rule}"
