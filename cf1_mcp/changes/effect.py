"""What a change is: its kind, its payload, its effect when planned, its result when made, and its past when undone.

Every change is typed from its plan to its undo. The payload is what the confirmation code binds, what the journal
stores, what is sent, and what an undo reads back.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Self, TypeAlias, TypeVar

from mcp.server.mcpserver import Resolve
from pydantic import BaseModel, ConfigDict, JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.context import Client
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import Dataset, Event
from cf1_mcp.policy.write_policy import CurrentWritePolicy, WritePolicy

Facts: TypeAlias = Mapping[str, JsonValue]


class Payload(BaseModel):
    """What a change of one kind sends, and in the field `before`, where it has one, the state that it overwrites.

    Field names are the keys of the journal's entries, so renaming one needs an alias for older journals.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    def arguments(self) -> dict[str, JsonValue]:
        """What is sent, as JSON. Fields that were never set are left out, as on the wire."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"before"})

    def overwritten(self) -> JsonValue:
        """`before` as JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, include={"before"}).get("before")

    @classmethod
    def restore(cls, arguments: Facts, before: JsonValue) -> Self:
        """The payload of a journal entry.

        Raises:
            ValidationError: the entry is of another kind.
        """
        return cls.model_validate({**arguments, "before": before})


P = TypeVar("P", bound=Payload)


@dataclass(frozen=True)
class Result:
    """What the API's answer says was done. Partial: less than requested, with the rest named.

    `facts` are counts, ids and names of ours; whatever can hold text of events or of the API is `untrusted`.
    """

    status: Literal["done", "partial", "failed"]
    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True)
class Planning:
    """What a plan reads from, and the rules that hold it. An undo is planned through the plan of the inverse change."""

    client: ThreatEventsClient
    writing: WritePolicy
    is_undo: bool = False

    def argument(self, name: str) -> str:
        """The argument that an error names: an undo has none but `change_id`."""
        return "change_id" if self.is_undo else name

    def dataset_to_write(self, name: str, argument: str = "dataset_id") -> Dataset:
        """The dataset, if events may be created and changed in it."""
        return self.writing.require_writable(name, self.argument(argument))

    def dataset_to_destroy(self, name: str, argument: str = "dataset_id") -> Dataset:
        """The dataset, if something may be removed from it for good."""
        return self.writing.require_destroyable(name, self.argument(argument))

    def check_size(self, count: int, argument: str = "event_ids") -> None:
        """Refuse more events at once than the operator allows."""
        self.writing.require_size(count, self.argument(argument))


async def _planning(client: Client, writing: CurrentWritePolicy) -> Planning:
    return Planning(client, writing)


Planner = Annotated[Planning, Resolve(_planning)]


@dataclass(frozen=True)
class PastChange(Generic[P]):
    """A change that was made, as the journal has it."""

    id: str
    payload: P
    datasets: tuple[str, ...]
    result: Facts

    def ids(self, name: str) -> list[str]:
        """The ids that the result lists under a name, bare or as the `uuid` of rows; empty where it lists none."""
        listed = self.result.get(name)
        rows = listed if isinstance(listed, list) else []
        return [str(row.get("uuid")) if isinstance(row, dict) else str(row) for row in rows]

    def required_ids(self, name: str) -> list[str]:
        """The ids that the result lists under a name, sorted.

        Raises:
            BadArgument: it lists none, as after a failure.
        """
        if not (ids := self.ids(name)):
            raise BadArgument("change_id", f"the result of change {self.id} lists no {name} events", "another change")
        return sorted(ids)

    def created_id(self, name: str) -> int:
        """The number of what the change created."""
        if name not in self.result:
            raise BadArgument("change_id", f"the result of change {self.id} has no {name}", "another change")
        return int(str(self.result[name]))


@dataclass(frozen=True)
class ChangeKind(Generic[P]):
    """A kind of change, journaled under the name of its tool. `plan_undo` is None where the API has no inverse."""

    tool: str
    payload: type[P]
    carry_out: Callable[[ThreatEventsClient, P], Awaitable[Result]]
    plan_undo: Callable[[Planning, PastChange[P]], Awaitable["Effect[Any]"]] | None


@dataclass(frozen=True)
class Effect(Generic[P]):
    """What a change would do.

    `summary` and `warnings` are sentences for the person who decides, `undo` says what undo_change can restore.
    `facts` are ours, `untrusted` may hold text of others; `events` are those that it touches. `read_as` reports what of
    the call was read differently from how it was typed.
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
    undoes: str | None = None

    @property
    def tool(self) -> str:
        return self.kind.tool

    @property
    def arguments(self) -> dict[str, JsonValue]:
        """What the journal stores and the confirmation code binds, in addition to `before`."""
        return self.payload.arguments() | ({"undoes": self.undoes} if self.undoes else {})

    @property
    def before(self) -> JsonValue:
        """The state that the change overwrites, bound by the confirmation code and kept for undo."""
        return self.payload.overwritten()

    @property
    def sentences(self) -> str:
        """The summary with its warnings."""
        return " ".join((self.summary, *self.warnings))
