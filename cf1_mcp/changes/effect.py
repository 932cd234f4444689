"""The types of a change: its kind, payload, planned effect, result, and its past form, from which it is undone.

Every change is typed from its plan to its undo. The confirmation code is bound to the payload, the journal
stores it, the change sends it, and an undo reads it back.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.outcomes.change_results import Facts, PastChange, Result
from cf1_mcp.context import Client
from cf1_mcp.models import Dataset, Event, Raw, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.policy.write_policy import CurrentWritePolicy, WritePolicy
from cf1_mcp.store.journal_records import ChangeOrigin, Intent
from cf1_mcp.store.payloads import Payload

P = TypeVar("P", bound=Payload)
MAX_WITHOUT_CODE: Final = 25  # events at once: a person would not read through more
INVERSES: Final[Mapping[ToolEffect, ToolEffect]] = {
    ToolEffect.CREATE: ToolEffect.DELETE,
    ToolEffect.UPDATE: ToolEffect.UPDATE,
    ToolEffect.DELETE: ToolEffect.CREATE,
}


@dataclass(frozen=True)
class Planning:
    """What plans use: the API and the operator's rules. An undo uses the plan of the inverse change.

    `given` has the arguments that a call has instead of others, such as a selection instead of ids.
    """

    client: ThreatEventsClient
    write_policy: WritePolicy
    is_undo: bool = False
    given: Mapping[str, str] = field(default_factory=dict[str, str])

    def argument(self, name: str) -> str:
        """Return the argument that an error names. In an undo that is `change_id`, its only one."""
        return "change_id" if self.is_undo else self.given.get(name, name)

    def dataset_to_write(self, name: str, argument: str = "dataset_id") -> Dataset:
        """Return the dataset if events may be created and changed in it."""
        return self.write_policy.require_writable(name, self.argument(argument))

    def dataset_to_destroy(self, name: str, argument: str = "dataset_id") -> Dataset:
        """Return the dataset if something may be removed from it for good."""
        return self.write_policy.require_destroyable(name, self.argument(argument))

    def check_size(self, count: int, argument: str = "event_ids") -> None:
        """Refuse a change of more events than the operator allows at once."""
        self.write_policy.require_size(count, self.argument(argument))


async def _resolve_planning(client: Client, write_policy: CurrentWritePolicy) -> Planning:
    return Planning(client, write_policy)


Planner = Annotated[Planning, Resolve(_resolve_planning)]


@dataclass(frozen=True)
class ChangeKind(Generic[P]):
    """A kind of change, journaled under the name of its tool. `plan_undo` is None if the API has no inverse.

    `effect` is what the change does to the data. The guards hold the change to the mode of that effect, whichever tool
    makes it: an undo that deletes needs what a deletion needs. `inverse` is the effect of its undo. New events are not
    `limited` in number; all other changes are. `undo_removes` says that the undo removes something, though its own
    effect is another: a move is undone by a move, and a merge takes off what it added.
    """

    tool: str
    effect: ToolEffect
    payload: type[P]
    carry_out: Callable[[ThreatEventsClient, P], Awaitable[Result]]
    plan_undo: Callable[[Planning, PastChange[P]], Awaitable["Effect[Any]"]] | None
    limited: bool = True
    undo_removes: bool = False

    @property
    def inverse(self) -> ToolEffect:
        """The effect of the undo."""
        return ToolEffect.DELETE if self.undo_removes else INVERSES[self.effect]


@dataclass(frozen=True)
class Effect(Generic[P]):
    """What a change would do.

    `summary` and `warnings` are sentences for the person who decides; `undo` states what undo_change can restore.
    `facts` are the server's own words, `untrusted` may contain text of events or of the API. `events` are all events
    that the preview is about, `size` how many of them the change creates, alters or removes: all, unless it is given.
    `evidence` is raw evidence that the change holds, each with its event, and `new_markings` are markings that it sets.
    `seen` is state that the preview only summarises. A code is bound to all of these.

    `read_as` reports the arguments that were read differently than typed, and `told` what else is worth knowing, such
    as what a query finds by now: no code is bound to these. `relative_dates` are dates that were typed relative to now,
    by the time that they are now: the code is bound to them as they were typed.

    `fixed_time` is a time that the preview fixed. The code carries it, so that the plan finds it in `confirm`; the
    payload must contain it, so that the code is bound to it.

    `must_show` is an argument and its text, such as that of a query that feeds a block list. A person who is asked has
    to see it whole.

    An effect that `changes_nothing` is reported, and not made. Without `can_undo` the change cannot be undone.
    `undo_destroys` are the datasets from which an undo would remove something; if it is not given, all of them where
    the undo deletes. An undo writes to the others, except to those in `only_read`.

    `is_large`: it is of so many events that it needs a code, whatever it does to them.

    `code_problem` is what an error says of a code that does not fit, if there is more to say than that.

    `complete` returns the effect with what has to be read for the change itself and is too much for a preview, which
    must have said so.
    """

    kind: ChangeKind[P]
    payload: P
    datasets: tuple[str, ...]
    summary: str
    undo: str
    needs_code: bool
    warnings: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])
    events: Sequence[Event] = ()
    read_as: Facts = field(default_factory=dict[str, JsonValue])
    told: Facts = field(default_factory=dict[str, JsonValue])
    undoes: str | None = None
    size: int | None = None
    seen: JsonValue = None
    evidence: Sequence[tuple[Event, Raw]] = ()
    new_markings: Sequence[str] = ()
    relative_dates: Mapping[str, str] = field(default_factory=dict[str, str])
    fixed_time: datetime | None = None
    must_show: tuple[str, str] | None = None
    changes_nothing: bool = False
    can_undo: bool = True
    undo_destroys: tuple[str, ...] | None = None
    complete: Callable[["Effect[P]"], Awaitable["Effect[P]"]] | None = None
    only_read: tuple[str, ...] = ()
    is_large: bool = False
    code_problem: str = "this code is not for this change in its current state"

    @property
    def tool(self) -> str:
        return self.kind.tool

    @property
    def must_confirm(self) -> bool:
        """Whether a person must see a preview first: wherever something is removed, and where the plan says so."""
        return self.needs_code or self.kind.effect is ToolEffect.DELETE

    @property
    def count(self) -> int:
        """How many events the change creates, alters or removes."""
        return len(self.events) if self.size is None else self.size

    @property
    def marking(self) -> Tlp:
        """The highest marking of all that the change holds: its events, their evidence, and markings that it sets.

        Clear if it holds nothing that is marked.
        """
        markings = [Tlp.of(marking) for marking in (*(event.tlp for event in self.events), *self.new_markings)]
        markings += [ReadPolicy.raw_marking(event, raw) for event, raw in self.evidence]
        return max(markings, key=lambda level: level.rank, default=Tlp.CLEAR)

    @property
    def arguments(self) -> dict[str, JsonValue]:
        """What the journal stores, and what the confirmation code covers."""
        return self.payload.arguments() | ({"undoes": self.undoes} if self.undoes else {})

    @property
    def before(self) -> JsonValue:
        """The state that the change overwrites. The confirmation code covers it, and undo needs it."""
        return self.payload.overwritten()

    def build_intent(self, origin: ChangeOrigin) -> Intent:
        """Return what the journal records before the change is made."""
        return Intent(
            tool=self.tool,
            arguments=self.arguments,
            datasets=self.datasets,
            summary=self.sentences,
            before=self.before,
            undoes=self.undoes,
            origin=origin,
            marking=self.marking,
        )

    @property
    def sentences(self) -> str:
        """The summary and the warnings."""
        return " ".join((self.summary, *self.warnings))

    def state(self) -> JsonValue:
        """Return everything that the preview shows or summarises, with each event and its evidence in full."""
        # Sorted, because the API may list the same events in another order.
        events: list[JsonValue] = [*sorted(map(_dump, self.events), key=_sort_key)]
        evidence: list[JsonValue] = [
            [event.uuid, _dump(raw)] for event, raw in sorted(self.evidence, key=lambda pair: pair[0].uuid)
        ]
        return {
            "before": self.before,
            "seen": self.seen,
            "sentences": [self.summary, *self.warnings, self.undo],
            "facts": {**self.facts},
            "untrusted": {**self.untrusted},
            "events": events,
            "evidence": evidence,
            "new_markings": [*sorted(self.new_markings)],
        }


def warn_of_overwriting(effect: Effect[P], names: Sequence[str]) -> Effect[P]:
    """Return the effect of an undo with a warning, and the need of a code, if it overwrites later changes of fields."""
    if not names:
        return effect
    return replace(
        effect,
        needs_code=True,
        facts={**effect.facts, "overwritten": [*names]},
        warnings=(f"Later changes of {', '.join(names)} are overwritten.", *effect.warnings),
    )


def _dump(model: Event | Raw) -> dict[str, JsonValue]:
    return model.model_dump(mode="json", by_alias=True)


def _sort_key(event: Mapping[str, JsonValue]) -> tuple[str, str]:
    return str(event.get("uuid")), str(event.get("datasetId"))
