"""Deleting events, and creating deleted events again."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.bulk.chosen_events import EventChoice
from cf1_mcp.changes.effect import (
    MAX_WITHOUT_CODE,
    ChangeKind,
    Effect,
    P,
    PastChange,
    Payload,
    Planner,
    Planning,
    Result,
)
from cf1_mcp.changes.lost_evidence import (
    count_links,
    count_unread,
    count_unread_fields,
    describe_unread,
    describe_unread_fields,
    describe_unread_links,
    list_not_saved,
    read_later,
    replace_sentences,
)
from cf1_mcp.changes.outcomes.event_looks import look_at_deletion
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out, hold_to_look
from cf1_mcp.changes.parents import describe_parents
from cf1_mcp.changes.queries.affected_queries import find_affected_queries
from cf1_mcp.changes.queries.outside_effects import add_effects_through, add_outside_effects, list_account_queries
from cf1_mcp.changes.recreation import (
    RecreateEvents,
    check_markings,
    describe_uncreatable,
    leave_out_refused_links,
    leave_out_uncreatable,
    recreate_events,
)
from cf1_mcp.changes.remaining import find_remaining, warn_of_missing
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.events.copies import find_events_in
from cf1_mcp.events.raw_evidence import count_raw_markings
from cf1_mcp.events.snapshots import Snapshot, SnapshotSet, count_visible_links, list_evidence, read_snapshots
from cf1_mcp.events.transitions import (
    describe_deletion,
    describe_recreation,
)
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.plurals import plural


class DeleteEvents(Payload):
    """Events of one dataset. `before` has everything that is lost with them."""

    dataset_id: str
    event_ids: list[str]
    before: list[Snapshot]


async def plan_deletion(planning: Planner, events: EventChoice, dataset_id: str) -> Effect[DeleteEvents]:
    """Check that the events may be deleted, and describe what is lost with them."""
    dataset = planning.dataset_to_destroy(dataset_id)
    chosen = await events.find(planning, dataset)
    return chosen.describe(await plan_deletion_of(events.name_in(planning), dataset.uuid, chosen.ids))


async def plan_deletion_of(planning: Planning, dataset_id: str, event_ids: Sequence[str]) -> Effect[DeleteEvents]:
    """Plan to delete events by their ids. Raises the same as `plan_deletion`."""
    dataset = planning.dataset_to_destroy(dataset_id)
    planning.check_size(len(event_ids))
    ids = sorted(event_ids)
    snapshots = await read_snapshots(
        planning.client, planning.write_policy, dataset, ids, planning.argument("event_ids")
    )
    read_policy, later = planning.write_policy.read_policy, read_later(planning, snapshots)
    unread = describe_unread(planning, snapshots, is_lost=True)
    unread_links = describe_unread_links(snapshots.without_links, is_lost=True)
    relationships, references = count_visible_links(read_policy, snapshots)
    queries = await list_account_queries(planning)

    async def complete(effect: Effect[DeleteEvents]) -> Effect[DeleteEvents]:
        full = await later() if later else snapshots
        payload = effect.payload.model_copy(update={"before": full.images})
        warnings = replace_sentences(effect.warnings, unread, describe_unread(planning, full, is_lost=True))
        return replace(effect, payload=payload, evidence=list_evidence(full), warnings=warnings, complete=None)

    effect = Effect(
        kind=DELETION,
        payload=DeleteEvents(dataset_id=dataset.uuid, event_ids=ids, before=snapshots.images),
        datasets=(dataset.uuid,),
        summary=f"Delete {plural(len(ids), 'event')} from dataset {dataset.name!r} for good.",
        warnings=(*unread, *unread_links, *describe_unread_fields(snapshots.images), *describe_uncreatable(snapshots)),
        undo="undo_change creates the events again from the journal, with new ids, raw evidence and relationships.",
        needs_code=True,
        facts={
            "events": len(ids),
            **count_links("relationships_cut", relationships, snapshots),
            "references_cut": references,
            **count_raw_markings(evidence := list_evidence(snapshots)),
            **count_unread(snapshots),
            **count_unread_fields("fields_not_read", snapshots.images),
        },
        untrusted=await find_affected_queries(planning, snapshots.events, queries),
        events=snapshots.events,
        evidence=evidence,
        complete=complete if later else None,
    )
    deleted = [describe_deletion(event) for event in snapshots.events]
    parents = await describe_parents(planning, snapshots.images, gain=False, copies=snapshots.copies)
    return await add_effects_through(planning, effect, [*deleted, *parents], queries)


async def delete_events(client: ThreatEventsClient, payload: DeleteEvents) -> Result:
    """Delete the events. If the answer does not say that all were, find out which are left."""
    result = await _delete(client, payload.dataset_id, payload.event_ids)
    left = {str(one) for one in result.list_fact("left")}
    gone = [one for one in payload.before if one.event.uuid not in left]
    lost = {**list_not_saved(gone), **count_unread_fields("fields_not_saved", gone)}
    return replace(result, facts={**result.facts, **lost})


async def _delete(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> Result:
    look = partial(look_at_deletion, client, dataset_id, event_ids)
    try:
        deleted = await client.delete_events(dataset_id, event_ids)
    except ApiError as error:
        return await find_out(error, look)
    if deleted == len(event_ids):
        return Result("done", {"deleted": deleted})
    problem = f"The API says that it deleted {deleted} of {plural(len(event_ids), 'event')}."
    return await hold_to_look(Result("partial" if deleted else "failed", {"deleted": deleted}), problem, look)


async def plan_recreation(planning: Planning, change: PastChange[DeleteEvents]) -> Effect[RecreateEvents]:
    """Plan to recreate the events that a change deleted.

    They are looked up first: after a deletion without an answer they may still be there.
    """
    dataset = planning.dataset_to_write(change.payload.dataset_id)
    left = {*change.settled_ids("left")}
    named = [snapshot for snapshot in change.payload.before if snapshot.event.uuid not in left]
    present = {*await find_events_in(planning.client, dataset.uuid, [snapshot.event.uuid for snapshot in named])}
    deleted = [snapshot for snapshot in named if snapshot.event.uuid not in present]
    if not deleted:
        raise BadArgument(
            "change_id",
            f"the events of change {change.id} are still in dataset {dataset.uuid}, so nothing has to be undone",
            "list_changes to see what can be undone",
        )
    planning.check_size(len(deleted))
    check_markings(planning.write_policy.read_policy, deleted)
    deleted, left_blank = leave_out_uncreatable(deleted)
    if not deleted:
        raise BadArgument(
            "change_id",
            f"no event of change {change.id} can be created again. {' '.join(left_blank).rstrip('.')}",
            "list_changes to read what the journal has of them, and create_threat_event",
        )
    still_there = f"{plural(len(present), 'event is', 'events are')} still there, and not created again."
    snapshots, left_out = await leave_out_refused_links(planning, deleted)
    effect = Effect(
        kind=RECREATION,
        payload=RecreateEvents(dataset_id=dataset.uuid, images=snapshots, links_left_out=left_out),
        datasets=(dataset.uuid,),
        summary=f"Create {plural(len(snapshots), 'deleted event')} again in dataset {dataset.name!r}, with raw "
        "evidence, tags and relationships.",
        warnings=((still_there,) if present else ()) + (*left_blank, *describe_losses(deleted, left_out)),
        undo="undo_change deletes them again.",
        needs_code=len(snapshots) > MAX_WITHOUT_CODE,
        is_large=len(snapshots) > MAX_WITHOUT_CODE,
        facts=count_raw_markings(evidence := list_evidence(SnapshotSet(snapshots))),
        events=[snapshot.event for snapshot in snapshots],
        evidence=evidence,
    )
    recreated = [describe_recreation(snapshot.event, dataset.uuid) for snapshot in snapshots]
    parents = await describe_parents(planning, snapshots, gain=True)
    return await add_outside_effects(planning, effect, [*recreated, *parents])


def describe_losses(snapshots: Sequence[Snapshot], links_left_out: int) -> tuple[str, ...]:
    """Return a sentence for everything that cannot be created again."""
    unread = sum(snapshot.raw_unread for snapshot in snapshots)
    other = sum(one.raw is not None and not isinstance(one.raw.data, dict | None) for one in snapshots)
    sentences: list[str] = []
    if other:
        sentences.append(
            f"The raw data of {plural(other, 'event')} is not a JSON object, and is left in the journal only."
        )
    if unread:
        sentences.append(f"The raw evidence of {plural(unread, 'event')} could not be read, and does not come back.")
    if unlinked := sum(snapshot.links_unread for snapshot in snapshots):
        sentences.append(
            f"The relationships of {plural(unlinked, 'event')} were not read, or not all, and do not come back."
        )
    sentences += describe_unread_fields(snapshots, is_past=True)
    return (*sentences, *describe_links_left_out(links_left_out))


def describe_links_left_out(count: int) -> tuple[str, ...]:
    """Return a sentence on links that are not made again because the rules for writing refuse them."""
    if not count:
        return ()
    links, datasets = plural(count, "link is", "links are"), "the dataset" if count == 1 else "datasets"
    return (f"{links} not made again: {datasets} at the other end may not be written.",)


async def plan_deletion_of_created(planning: Planning, change: PastChange[P]) -> Effect[DeleteEvents]:
    """Plan to delete the events that a change created, as far as they are still there."""
    dataset, created = planning.dataset_to_destroy(change.datasets[0]), change.required_ids("created")
    remaining = await find_remaining(planning, dataset, change.id, created)
    return warn_of_missing(await plan_deletion_of(planning, dataset.uuid, remaining), len(created) - len(remaining))


DELETION = ChangeKind("delete_threat_events", ToolEffect.DELETE, DeleteEvents, delete_events, plan_recreation)
# Journaled as an import, because it creates events.
RECREATION = ChangeKind(
    "import_threat_events", ToolEffect.CREATE, RecreateEvents, recreate_events, plan_deletion_of_created
)
