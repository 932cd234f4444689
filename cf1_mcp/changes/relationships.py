"""Linking events by references and typed relationships, and removing references."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.outcomes.event_looks import look_at_children, look_at_references
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.errors import ApiError, BadArgument, UnknownOutcome
from cf1_mcp.events.copies import refuse_copies
from cf1_mcp.events.snapshots import read_events
from cf1_mcp.events.transitions import describe_lost_children, describe_new_children
from cf1_mcp.models import Dataset, Event, RelationshipsCreated, RelationshipType
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

UNDO: Final = "undo_change removes the references that were added, and leaves those that existed."
UNCLEAR: Final = "The API does not say of each event whether it was related."
NO_UNDO: Final = "This cannot be undone: the API has no way to remove typed relationships."


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


# -- relating


async def plan_relating(
    planning: Planner,
    dataset_id: str,
    event_id: str,
    related_ids: list[str],
    related_dataset_id: str | None,
    relationship_type: RelationshipType | None,
) -> Effect[RelateEvents]:
    """Check that both ends may be changed, and find which links do not exist yet."""
    home = planning.dataset_to_write(dataset_id)
    other = planning.dataset_to_write(related_dataset_id, "related_dataset_id") if related_dataset_id else home
    event, related = await _read_ends(planning, home, other, event_id, related_ids)
    existing = (
        await _find_children(planning.client, other, event, related, relationship_type)
        if relationship_type
        else [one.uuid for one in related if _has_reference(event, one.uuid)]
    )
    added = [one for one in related if one.uuid not in existing]
    if not added:
        problem = "all of them already have this link"
        raise BadArgument(planning.argument("related_ids"), problem, "events that are not linked yet")
    kind: dict[str, RelationshipType] = {"relationship_type": relationship_type} if relationship_type else {}
    links = plural(len(added), f"{relationship_type} relationship" if relationship_type else "reference")
    effect = Effect(
        kind=RELATING,
        payload=RelateEvents(
            dataset_id=home.uuid,
            event_id=event.uuid,
            related_ids=sorted(related_ids),
            related_dataset_id=other.uuid,
            before=BeforeRelating(existing=existing),
            **kind,
        ),
        datasets=tuple(dict.fromkeys((home.uuid, other.uuid))),
        summary=f"Add {links} from event {event.uuid} of dataset {home.name!r} to events of {other.name!r}.",
        undo=NO_UNDO if relationship_type else UNDO,
        needs_code=False,
        events=[event, *added],
        size=len(added),
        can_undo=not relationship_type,
        undo_destroys=(home.uuid,),
    )
    transition = describe_new_children(event, are_certain=relationship_type is not None)
    return await add_outside_effects(planning, effect, [transition])


async def _find_children(
    client: ThreatEventsClient, dataset: Dataset, parent: Event, events: Sequence[Event], kind: RelationshipType
) -> list[str]:
    """Return those of the events that are children of the parent. Parents are listed per event, as they are few."""

    async def is_child(event: Event) -> bool:
        above = await client.list_relationships(event.uuid, dataset.uuid, "ancestors", 1, [kind], False)
        return any(id_key(one.uuid) == id_key(parent.uuid) for one in above)

    linked = await gather(partial(is_child, event) for event in events)
    return [event.uuid for event, is_linked in zip(events, linked, strict=True) if is_linked]


async def relate_events(client: ThreatEventsClient, payload: RelateEvents) -> Result:
    """Add the links that do not exist yet."""
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


async def _undo_relating(planning: Planning, change: PastChange[RelateEvents]) -> Effect[UnrelateEvents]:
    """Plan to remove the added references that still exist."""
    payload = change.payload
    if payload.relationship_type:
        problem = f"change {change.id} made typed relationships, which the API cannot remove"
        raise BadArgument("change_id", problem, "another change")
    home = planning.dataset_to_destroy(payload.dataset_id)
    [event] = await read_events(planning.client, planning.write_policy, home, [payload.event_id], "change_id")
    added = [one for one in change.possible_ids("related", payload.added()) if _has_reference(event, one)]
    if not added:
        problem = f"the references that change {change.id} added are removed already"
        raise BadArgument("change_id", problem, "another change")
    return await plan_unrelating(planning, payload.dataset_id, payload.event_id, added, payload.related_dataset_id)


# -- removing references


async def plan_unrelating(
    planning: Planner, dataset_id: str, event_id: str, related_ids: list[str], related_dataset_id: str | None
) -> Effect[UnrelateEvents]:
    """Check that both ends may be changed and that the references exist."""
    home = planning.dataset_to_destroy(dataset_id)
    other = home
    if related_dataset_id:
        # A reference is a part of both its ends, so that removing it takes something from either.
        planning.dataset_to_write(related_dataset_id, "related_dataset_id")
        other = planning.dataset_to_destroy(related_dataset_id, "related_dataset_id")
    event, related = await _read_ends(planning, home, other, event_id, related_ids)
    for one in related:
        if not _has_reference(event, one.uuid):
            raise BadArgument(
                planning.argument("related_ids"),
                f"event {event.uuid} has no reference to {one.uuid}, and the API cannot remove typed relationships",
                "the references that get_threat_event shows of it",
            )
    effect = Effect(
        kind=UNRELATING,
        payload=UnrelateEvents(
            dataset_id=home.uuid,
            event_id=event.uuid,
            related_ids=sorted(related_ids),
            related_dataset_id=other.uuid,
            before=BeforeUnrelating(references=sorted(event.references)),
        ),
        datasets=tuple(dict.fromkeys((home.uuid, other.uuid))),
        summary=f"Remove {plural(len(related), 'reference')} from event {event.uuid} of dataset {home.name!r}.",
        warnings=("Typed relationships stay: the API has no way to remove them.",),
        undo="undo_change adds the references again.",
        needs_code=True,
        facts={"references": len(related)},
        events=[event, *related],
        size=len(related),
    )
    return await add_outside_effects(planning, effect, [describe_lost_children(event)])


async def unrelate_events(client: ThreatEventsClient, payload: UnrelateEvents) -> Result:
    """Remove the references."""
    removed = payload.related_ids
    try:
        await client.unrelate_event(payload.event_id, removed)
    except ApiError as error:
        home, event_id = payload.dataset_id, payload.event_id
        look = partial(look_at_references, client, home, event_id, removed, verb="unrelated", are_there=False)
        return await find_out(error, look)
    return Result("done", {"unrelated": [*removed]})


async def _undo_unrelating(planning: Planning, change: PastChange[UnrelateEvents]) -> Effect[RelateEvents]:
    payload, removed = change.payload, change.possible_ids("unrelated", change.payload.related_ids)
    return await plan_relating(
        planning, payload.dataset_id, payload.event_id, removed, payload.related_dataset_id, None
    )


# -- shared


def _has_reference(event: Event, event_id: str) -> bool:
    return id_key(event_id) in {id_key(reference) for reference in event.references}


async def _read_ends(
    planning: Planning, home: Dataset, other: Dataset, event_id: str, related_ids: Sequence[str]
) -> tuple[Event, list[Event]]:
    """Return both ends of the links. Each must be in its dataset, visible, and without a copy in another one: the
    routes name events by their ids alone, so they might take the copy, in a dataset with fewer rights.
    """
    client, write_policy, argument = planning.client, planning.write_policy, planning.argument("related_ids")
    if event_id in related_ids:
        raise BadArgument(argument, f"event {event_id} would be linked to itself", "other events than event_id")
    planning.check_size(len(related_ids), "related_ids")
    [event] = await read_events(client, write_policy, home, [event_id], planning.argument("event_id"))
    related = await read_events(client, write_policy, other, sorted(related_ids), argument)
    await refuse_copies(client, write_policy.known, [event_id], (home,), planning.argument("event_id"))
    await refuse_copies(client, write_policy.known, related_ids, (other,), argument)
    return event, related


RELATING = ChangeKind("relate_threat_events", ToolEffect.CREATE, RelateEvents, relate_events, _undo_relating)
UNRELATING = ChangeKind("unrelate_threat_events", ToolEffect.DELETE, UnrelateEvents, unrelate_events, _undo_unrelating)
