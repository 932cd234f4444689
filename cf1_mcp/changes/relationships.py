"""Linking events by references and typed relationships, and removing references."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.changes.bulk.chosen_events import RelatedChoice
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Planner, Planning
from cf1_mcp.changes.linking.link_sending import (
    BeforeRelating,
    BeforeUnrelating,
    RelateEvents,
    UnrelateEvents,
    relate_events,
    unrelate_events,
)
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.certainty import describe_nulls, require_told
from cf1_mcp.events.copies import refuse_copies
from cf1_mcp.events.snapshots import read_events
from cf1_mcp.events.transitions import describe_lost_children, describe_new_children
from cf1_mcp.models import Dataset, Event, RelationshipType
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.uuids import id_key

MAX_ASKED: Final = 8  # events whose parents are listed, one request each
UNDO: Final = "undo_change removes the references that were added, and leaves those that existed."
NO_UNDO: Final = "This cannot be undone: the API has no way to remove typed relationships."


# -- relating


async def plan_relating(
    planning: Planner,
    events: RelatedChoice,
    dataset_id: str,
    event_id: str,
    related_dataset_id: str | None,
    relationship_type: RelationshipType | None,
) -> Effect[RelateEvents]:
    """Check that both ends may be changed, and find which links do not exist yet."""
    home = planning.dataset_to_write(dataset_id)
    other = planning.dataset_to_write(related_dataset_id, "related_dataset_id") if related_dataset_id else home
    argument = "related_dataset_id" if related_dataset_id else "dataset_id"
    chosen = await events.find(planning, other, argument, event_id)
    return chosen.describe(
        await _plan_relating(events.name_in(planning), home, other, event_id, chosen.ids, relationship_type)
    )


async def _plan_relating(
    planning: Planning,
    home: Dataset,
    other: Dataset,
    event_id: str,
    related_ids: Sequence[str],
    relationship_type: RelationshipType | None,
) -> Effect[RelateEvents]:
    event, related = await _read_ends(planning, home, other, event_id, related_ids)
    if not relationship_type:
        require_told([event], "references", planning.argument("event_id"), but_null=True)
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
        warnings=() if relationship_type else tuple(describe_nulls([event], "references")),
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
    """Return those of the events that are children of the parent.

    An event has few parents, where a parent may have thousands of children: of a few events the parents are listed.
    """
    if len(events) > MAX_ASKED:
        children: set[str] = set()
        async for page in client.children_pages(parent.uuid, parent.dataset_id, kind):
            children |= {id_key(child.uuid) for child in page}
        return [event.uuid for event in events if id_key(event.uuid) in children]

    async def is_child(event: Event) -> bool:
        above = await client.list_relationships(event.uuid, dataset.uuid, "ancestors", 1, [kind], False)
        return any(id_key(one.uuid) == id_key(parent.uuid) for one in above)

    linked = await gather(partial(is_child, event) for event in events)
    return [event.uuid for event, is_linked in zip(events, linked, strict=True) if is_linked]


async def _undo_relating(planning: Planning, change: PastChange[RelateEvents]) -> Effect[UnrelateEvents]:
    """Plan to remove the added references that still exist."""
    payload = change.payload
    if payload.relationship_type:
        problem = f"change {change.id} made typed relationships, which the API cannot remove"
        raise BadArgument("change_id", problem, "another change")
    home = planning.dataset_to_destroy(payload.dataset_id)
    [event] = await read_events(planning.client, planning.write_policy, home, [payload.event_id], "change_id")
    require_told([event], "references", "change_id")
    added = [one for one in change.possible_ids("related", payload.added()) if _has_reference(event, one)]
    if not added:
        problem = f"the references that change {change.id} added are removed already"
        raise BadArgument("change_id", problem, "another change")
    home, other = _require_destroyable(planning, payload.dataset_id, payload.related_dataset_id)
    return await _plan_unrelating(planning, home, other, payload.event_id, added)


# -- removing references


async def plan_unrelating(
    planning: Planner, events: RelatedChoice, dataset_id: str, event_id: str, related_dataset_id: str | None
) -> Effect[UnrelateEvents]:
    """Check that both ends may be changed and that the references exist."""
    home, other = _require_destroyable(planning, dataset_id, related_dataset_id)
    argument = "related_dataset_id" if related_dataset_id else "dataset_id"
    chosen = await events.find(planning, other, argument, event_id)
    return chosen.describe(await _plan_unrelating(events.name_in(planning), home, other, event_id, chosen.ids))


def _require_destroyable(
    planning: Planning, dataset_id: str, related_dataset_id: str | None
) -> tuple[Dataset, Dataset]:
    """Return the datasets of both ends. A reference is a part of both, so that removing it takes something from either.

    Raises:
        Withheld: one of them is not in a list that it has to be in.
    """
    home = planning.dataset_to_destroy(dataset_id)
    if not related_dataset_id:
        return home, home
    planning.dataset_to_write(related_dataset_id, "related_dataset_id")
    return home, planning.dataset_to_destroy(related_dataset_id, "related_dataset_id")


async def _plan_unrelating(
    planning: Planning, home: Dataset, other: Dataset, event_id: str, related_ids: Sequence[str]
) -> Effect[UnrelateEvents]:
    event, related = await _read_ends(planning, home, other, event_id, related_ids)
    require_told([event], "references", planning.argument("event_id"))
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


async def _undo_unrelating(planning: Planning, change: PastChange[UnrelateEvents]) -> Effect[RelateEvents]:
    payload, removed = change.payload, change.possible_ids("unrelated", change.payload.related_ids)
    home, other = planning.dataset_to_write(payload.dataset_id), payload.related_dataset_id
    related = planning.dataset_to_write(other, "related_dataset_id") if other else home
    return await _plan_relating(planning, home, related, payload.event_id, removed, None)


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
