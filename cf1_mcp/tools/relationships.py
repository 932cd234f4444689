"""Linking threat events, by references and by typed relationships, and taking references away."""

from functools import partial
from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.changes.guards import Effect, Planned, Result, approved, journaled
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, EventId, EventIds, HomeDataset
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.snapshots import events_of, without_copies
from cf1_mcp.models import Dataset, Event, RelationshipsCreated, RelationshipType
from cf1_mcp.policy.writing import Writer, Writing
from cf1_mcp.text.sanitize import clean

OtherDataset = Annotated[str | None, Field(description="Dataset of related_ids where it is another one")]
Kind = Annotated[RelationshipType | None, Field(description="Without it: a plain reference, which can be undone")]


# -- relating


async def _plan_relation(
    client: Client,
    writing: Writer,
    dataset_id: str,
    event_id: str,
    related_ids: list[str],
    related_dataset_id: str | None,
    relationship_type: RelationshipType | None,
) -> Effect:
    home = writing.to_write(dataset_id)
    other = writing.to_write(related_dataset_id, "related_dataset_id") if related_dataset_id else home
    event, related = await _ends(client, writing, home, other, event_id, related_ids)
    existing = (
        await _children(client, other, event, related, relationship_type)
        if relationship_type
        else [one.uuid for one in related if one.uuid in event.references]
    )
    added = [one for one in related if one.uuid not in existing]
    if not added:
        raise BadArgument("related_ids", "every one of them is linked so already", "events that are not linked yet")
    what = f"{len(added)} {relationship_type} relationships" if relationship_type else f"{len(added)} references"
    arguments: dict[str, JsonValue] = {
        "dataset_id": home.uuid,
        "event_id": event.uuid,
        "related_ids": [*sorted(related_ids)],
        "related_dataset_id": other.uuid,
    }
    if relationship_type:
        arguments["relationship_type"] = relationship_type
    return Effect(
        tool="relate_threat_events",
        arguments=arguments,
        datasets=tuple(dict.fromkeys((home.uuid, other.uuid))),
        summary=f"Add {what} from event {event.uuid} of dataset {home.name!r} to events of {other.name!r}.",
        before={"existing": [*existing]},
        undo="This cannot be undone: the API has no way to remove typed relationships."
        if relationship_type
        else "undo_change removes the references that were added, and leaves those that existed.",
        needs_code=False,
        events=added,
    )


async def _ends(
    client: ThreatEventsClient, writing: Writing, home: Dataset, other: Dataset, event_id: str, related_ids: list[str]
) -> tuple[Event, list[Event]]:
    """Both ends of the links, each of them in its dataset, visible, and without a copy that could be taken for it."""
    if event_id in related_ids:
        raise BadArgument("related_ids", f"event {event_id} would be linked to itself", "other events than event_id")
    writing.within_size(len(related_ids), "related_ids")
    [event] = await events_of(client, writing, home, [event_id], "event_id")
    related = await events_of(client, writing, other, sorted(related_ids), "related_ids")
    await without_copies(client, [event_id, *related_ids], (home, other), "related_ids")
    return event, related


async def _children(
    client: ThreatEventsClient, dataset: Dataset, parent: Event, events: list[Event], kind: RelationshipType
) -> list[str]:
    """Those of the events that are children of the parent. Each is asked for its parents, of which there are few."""

    async def is_child(event: Event) -> bool:
        above = await client.list_relationships(event.uuid, dataset.uuid, "ancestors", 1, [kind], False)
        return any(one.uuid == parent.uuid for one in above)

    linked = await gather(partial(is_child, event) for event in events)
    return [event.uuid for event, is_linked in zip(events, linked, strict=True) if is_linked]


Relation = Annotated[Planned, Resolve(journaled(_plan_relation))]


@CURATION.tool("Relate threat events", ToolEffect.CREATE)
async def relate_threat_events(
    client: Client,
    plan: Relation,
    dataset_id: HomeDataset,
    event_id: EventId,
    related_ids: EventIds,
    related_dataset_id: OtherDataset = None,
    relationship_type: Kind = None,
) -> Card:
    """Link or connect one event to others, such as a phishing mail to the malware it dropped: a plain reference, or
    with `relationship_type` a typed relationship of which event_id is the parent (the campaign, the cause). Typed ones
    cannot be removed again. To make events use create_threat_event.
    """
    new = [event.uuid for event in plan.effect.events]
    return await plan.carry_out(lambda: _relate(client, plan.effect, event_id, new, relationship_type))


async def _relate(
    client: ThreatEventsClient, effect: Effect, event_id: str, new: list[str], kind: RelationshipType | None
) -> Result:
    if kind is None:
        answer = await client.relate_event(event_id, new)
        return Result("done", {"related": [*new]}) if answer.success else Result("failed", {"not_related": [*new]})
    return _related(await client.create_relationships(effect.datasets[0], event_id, new, kind), new)


def _related(answer: RelationshipsCreated, new: list[str]) -> Result:
    """What the answer says of each event; an older form of it names none and tells success alone."""
    reasons = {error.child_id: clean(error.error, MAX_CELL_LENGTH) for error in answer.errors}
    named = {one.child_id for one in answer.relationships}
    count = answer.relationships_created
    if not named and answer.success and count in (None, len(new) - len(reasons)):
        named = set(new) - set(reasons)
    related = [event_id for event_id in new if event_id in named]
    if len(related) == len(new):
        return Result("done", {"related": [*related]})
    if not related and count:
        return Result("partial", {"related_count": count, "unclear_which": [*new]})
    rest = {event_id: reasons.get(event_id, "the API does not say why") for event_id in new if event_id not in named}
    return Result("partial" if related else "failed", {"related": [*related], "not_related": {**rest}})


# -- taking references away


async def _plan_removal(
    client: Client,
    writing: Writer,
    dataset_id: str,
    event_id: str,
    related_ids: list[str],
    related_dataset_id: str | None,
) -> Effect:
    home = writing.to_destroy(dataset_id)
    other = writing.to_write(related_dataset_id, "related_dataset_id") if related_dataset_id else home
    event, related = await _ends(client, writing, home, other, event_id, related_ids)
    for one in related:
        if one.uuid not in event.references:
            raise BadArgument(
                "related_ids",
                f"event {event.uuid} has no reference to {one.uuid}, and the API cannot remove typed relationships",
                "the references that get_threat_event shows of it",
            )
    return Effect(
        tool="unrelate_threat_events",
        arguments={
            "dataset_id": home.uuid,
            "event_id": event.uuid,
            "related_ids": [*sorted(related_ids)],
            "related_dataset_id": other.uuid,
        },
        datasets=tuple(dict.fromkeys((home.uuid, other.uuid))),
        summary=f"Remove {len(related)} references from event {event.uuid} of dataset {home.name!r}. "
        "Typed relationships stay: the API has no way to remove them.",
        before={"references": [*sorted(event.references)]},
        undo="undo_change adds the references again.",
        needs_code=True,
        facts={"references": len(related)},
        events=related,
    )


Removal = Annotated[Planned, Resolve(approved(_plan_removal))]


@CURATION.tool("Unrelate threat events", ToolEffect.DELETE)
async def unrelate_threat_events(
    client: Client,
    plan: Removal,
    dataset_id: HomeDataset,
    event_id: EventId,
    related_ids: EventIds,
    related_dataset_id: OtherDataset = None,
    confirm: Confirm = None,
) -> Card:
    """Remove references from one event to others: cut a link or connection made by mistake. Without `confirm` it
    changes nothing and answers a preview that holds the code. Typed relationships cannot be removed: the API has no way
    to. To make one use relate_threat_events.
    """
    return plan.preview or await plan.carry_out(lambda: _unrelate(client, plan.effect, event_id))


async def _unrelate(client: ThreatEventsClient, effect: Effect, event_id: str) -> Result:
    gone = [event.uuid for event in effect.events]
    answer = await client.unrelate_event(event_id, gone)
    return Result("done", {"unrelated": [*gone]}) if answer.success else Result("failed", {"not_unrelated": [*gone]})
