"""Sending links between events: references and typed relationships, and the removal of references."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Payload, Result
from cf1_mcp.changes.outcomes.change_results import count_done
from cf1_mcp.changes.outcomes.event_looks import look_at_children, look_at_references
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out
from cf1_mcp.errors import ApiError, UnknownOutcome
from cf1_mcp.models import RelationshipsCreated, RelationshipType
from cf1_mcp.text.sanitize import clean

UNCLEAR: Final = "The API does not say of each event whether it was related."


class BeforeRelating(BaseModel, frozen=True):
    """Those of the events that already had the same link."""

    existing: list[str]


class RelateEvents(Payload):
    """Links from one event to others: plain references, or typed relationships where `relationship_type` is set."""

    dataset_id: str
    event_id: str
    related_ids: list[str]
    related_dataset_id: str
    relationship_type: RelationshipType | None = None
    before: BeforeRelating

    def added(self) -> list[str]:
        return [event_id for event_id in self.related_ids if event_id not in self.before.existing]


class BeforeUnrelating(BaseModel, frozen=True):
    """All references of the event."""

    references: list[str]


class UnrelateEvents(Payload):
    """References of one event that are removed."""

    dataset_id: str
    event_id: str
    related_ids: list[str]
    related_dataset_id: str
    before: BeforeUnrelating


async def relate_events(client: ThreatEventsClient, payload: RelateEvents) -> Result:
    """Add the links that do not exist yet."""
    return count_done(await _add_links(client, payload), "related")


async def _add_links(client: ThreatEventsClient, payload: RelateEvents) -> Result:
    new, kind, home = payload.added(), payload.relationship_type, payload.dataset_id
    if kind is None:
        try:
            await client.relate_event(payload.event_id, new)
        except ApiError as error:
            look = partial(look_at_references, client, home, payload.event_id, new, verb="related", are_there=True)
            return await find_out(error, look)
        return Result("done", {"related": [*new]})
    look = partial(look_at_children, client, home, payload.event_id, new, kind)
    try:
        answer = await client.create_relationships(home, payload.event_id, new, kind)
    except ApiError as error:
        return await find_out(error, look)
    result = _read_result(answer, new)
    if result is not None:
        return result
    says_none = not answer.success or answer.relationships_created == 0
    return await find_out(UnknownOutcome(UNCLEAR, denied=says_none and not answer.relationships), look)


def _read_result(answer: RelationshipsCreated, new: Sequence[str]) -> Result | None:
    """Return the outcome for each event, None if the answer leaves that of one unknown.

    An older form of the answer names no events, only success.
    """
    reasons = {error.child_id: clean(error.error, MAX_CELL_LENGTH) for error in answer.errors}
    named = {one.child_id for one in answer.relationships}
    count = answer.relationships_created
    if not named and answer.success and count in (None, len(new) - len(reasons)):
        named = set(new) - set(reasons)
    related = [event_id for event_id in new if event_id in named]
    if len(related) == len(new):
        return Result("done", {"related": [*related]})
    rest: dict[str, JsonValue] = {event_id: reasons[event_id] for event_id in new if event_id in reasons}
    if len(related) + len(rest) < len(new):
        return None
    return Result("partial" if related else "failed", {"related": [*related]}, {"not_related": rest})


async def unrelate_events(client: ThreatEventsClient, payload: UnrelateEvents) -> Result:
    """Remove the references."""
    return count_done(await _remove_links(client, payload), "unrelated")


async def _remove_links(client: ThreatEventsClient, payload: UnrelateEvents) -> Result:
    removed = payload.related_ids
    try:
        await client.unrelate_event(payload.event_id, removed)
    except ApiError as error:
        home, event_id = payload.dataset_id, payload.event_id
        look = partial(look_at_references, client, home, event_id, removed, verb="unrelated", are_there=False)
        return await find_out(error, look)
    return Result("done", {"unrelated": [*removed]})
