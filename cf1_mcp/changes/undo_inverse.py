"""What an inverse is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.journal_records import Change

OBJECT = TypeAdapter[dict[str, JsonValue]](dict[str, JsonValue])
TEXTS = TypeAdapter[list[str]](list[str])


@dataclass(frozen=True)
class Inverse:
    """How a kind of change is taken back: described first, carried out when its guards let it."""

    plan: Callable[[ThreatEventsClient, WritePolicy, Change], Awaitable[Effect]]
    carry: Callable[[ThreatEventsClient, Effect], Awaitable[Result]]


def told(change: Change, name: str) -> list[str]:
    """The ids that a change's result lists under a name; none where it tells none, as after a failure."""
    result = change.result if isinstance(change.result, dict) else {}
    listed = result.get(name)
    return TEXTS.validate_python(listed) if isinstance(listed, list) else []
