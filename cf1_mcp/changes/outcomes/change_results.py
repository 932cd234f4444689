"""The result of a change, and a change that the journal records with its result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeAlias, TypeVar

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument
from cf1_mcp.store.journal_records import Outcome
from cf1_mcp.store.payloads import Payload

Facts: TypeAlias = Mapping[str, JsonValue]
P = TypeVar("P", bound=Payload)
# In an answer: the next call may need them. Of more, a search finds those that it needs.
MAX_LISTED_CREATED: Final = 20


@dataclass(frozen=True)
class Result:
    """What was done according to the API. Partial: less than requested, and the result names the rest. Unknown: any of
    it may have been done, as far as the result does not say otherwise. With `refused` the API refused all of it before
    anything was done, so that the code can be used again.

    `facts` are counts, ids and the server's own words; `untrusted` has everything that may contain text of events or
    of the API.
    """

    status: Outcome
    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])
    refused: bool = False

    def list_fact(self, name: str) -> list[JsonValue]:
        """Return the list that the result has under a name, empty if there is none."""
        listed = self.facts.get(name, self.untrusted.get(name))
        return listed if isinstance(listed, list) else []


def count_done(result: Result, name: str) -> Result:
    """Return the result with the number of the events that it lists under a name: it names all others.

    After an unknown outcome they are listed, because it is not known of all others.
    """
    listed = result.facts.get(name)
    if result.status == "unknown" or not isinstance(listed, list):
        return result
    return replace(result, facts={**result.facts, name: len(listed)})


def shorten_created(result: Result, change_id: str) -> Facts:
    """Return the facts of a result for an answer: of many new events their number, and where their ids are.

    A result names what was not created. After an unknown outcome all are listed, because they are needed to look.
    """
    created = result.list_fact("created")
    if result.status == "unknown" or len(created) <= MAX_LISTED_CREATED:
        return result.facts
    kept = {name: value for name, value in result.facts.items() if name != "new_ids"}
    return {**kept, "created": len(created), "ids": f"`cf1-mcp journal show {change_id}` lists them"}


def _list_exceptions(result: Facts, name: str) -> list[str]:
    """Return the events that a result names as not done, or not certainly."""
    listed = [result.get("failed"), result.get("unknown"), result.get(f"not_{name}")]
    names: list[str] = []
    for part in listed:
        for row in part if isinstance(part, list | dict) else ():
            names.append(str(row.get("event")) if isinstance(row, dict) else str(row))
    return names


@dataclass(frozen=True)
class PastChange(Generic[P]):
    """A change that was made, as the journal records it."""

    id: str
    payload: P
    datasets: tuple[str, ...]
    result: Facts
    outcome: Outcome

    def ids(self, name: str) -> list[str]:
        """Return the ids that the result lists under a name, as texts or as the `uuid` of rows; empty if none."""
        listed = self.result.get(name)
        rows = listed if isinstance(listed, list) else []
        return [str(row.get("uuid")) if isinstance(row, dict) else str(row) for row in rows]

    def settled_ids(self, name: str) -> list[str]:
        """Return the ids that the result lists under a name as unchanged.

        After an unknown outcome none are: what was not done when the API was looked at may have been done since.
        """
        return [] if self.outcome == "unknown" else self.ids(name)

    def required_ids(self, name: str) -> list[str]:
        """Return the ids that the result lists under a name, sorted.

        Raises:
            BadArgument: there are none, as after a failure.
        """
        if not (ids := self.ids(name)):
            raise self._refuse(f"lists no {name} events")
        return sorted(ids)

    def done_ids(self, name: str, asked: Iterable[str]) -> list[str]:
        """Return those that were asked for without those that the result names as not done, if it counts the others
        under a name; none if it counts none.
        """
        count = self.result.get(name)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            return []
        return sorted({*asked} - {*_list_exceptions(self.result, name)})

    def possible_ids(self, name: str, asked: Iterable[str]) -> list[str]:
        """Return the ids that the result lists or counts under a name; after an unknown outcome all that were asked
        for, because what is there now decides then. Raises the same as `required_ids`.
        """
        if self.outcome == "unknown":
            return sorted(asked)
        return self.done_ids(name, asked) or self.required_ids(name)

    def created_id(self, name: str) -> int:
        """Return the numeric id that the result has under a name. Raises the same as `required_ids`."""
        if name not in self.result:
            raise self._refuse(f"has no {name}")
        return int(str(self.result[name]))

    def _refuse(self, problem: str) -> BadArgument:
        if self.outcome == "unknown":
            return BadArgument(
                "change_id",
                f"the outcome of change {self.id} is unknown: it may have been made, but its result {problem}",
                "a search or a list to show the person what is there now, and correct that",
            )
        return BadArgument("change_id", f"the result of change {self.id} {problem}", "another change")
