"""Deleting events, and creating deleted events again."""

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.affected_queries import find_affected_queries
from cf1_mcp.changes.effect import ChangeKind, Effect, P, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.recreation import RecreateEvents, check_markings, leave_out_refused_links, recreate_events
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.snapshots import Snapshot, find_events_in, read_snapshots
from cf1_mcp.text.plurals import plural


class DeleteEvents(Payload):
    """Events of one dataset. `before` has everything that is lost with them."""

    dataset_id: str
    event_ids: list[str]
    before: list[Snapshot]


async def plan_deletion(planning: Planner, dataset_id: str, event_ids: list[str]) -> Effect[DeleteEvents]:
    """Check that the events may be deleted, and describe what is lost with them."""
    dataset = planning.dataset_to_destroy(dataset_id)
    planning.check_size(len(event_ids))
    ids = sorted(event_ids)
    snapshots = await read_snapshots(
        planning.client, planning.write_policy, dataset, ids, planning.argument("event_ids")
    )
    events = [snapshot.event for snapshot in snapshots]
    return Effect(
        kind=DELETION,
        payload=DeleteEvents(dataset_id=dataset.uuid, event_ids=ids, before=snapshots),
        datasets=(dataset.uuid,),
        summary=f"Delete {plural(len(ids), 'event')} from dataset {dataset.name!r} for good.",
        undo="undo_change creates the events again from the journal, with new ids, raw evidence and relationships.",
        needs_code=True,
        facts={
            "events": len(ids),
            "relationships_cut": sum(len(snapshot.links) for snapshot in snapshots),
            "references_cut": sum(len(event.references) + len(event.referenced) for event in events),
        },
        untrusted=await find_affected_queries(planning.client, ids),
        events=events,
    )


async def delete_events(client: ThreatEventsClient, payload: DeleteEvents) -> Result:
    """Delete the events. If the API deleted fewer, find out which are left."""
    deleted = await client.delete_events(payload.dataset_id, payload.event_ids)
    if deleted == len(payload.event_ids):
        return Result("done", {"deleted": deleted})
    left = await find_events_in(client, payload.dataset_id, payload.event_ids)
    status = "partial" if len(left) < len(payload.event_ids) else "failed"
    return Result(status, {"deleted": deleted, "left": [*left]})


async def plan_recreation(planning: Planning, change: PastChange[DeleteEvents]) -> Effect[RecreateEvents]:
    """Plan to recreate the events that a change deleted.

    They are looked up first: after a deletion without an answer they may still be there.
    """
    dataset = planning.dataset_to_write(change.payload.dataset_id)
    left = {*change.ids("left")}
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
    still_there = f"{plural(len(present), 'event is', 'events are')} still there, and not created again."
    snapshots, left_out = await leave_out_refused_links(planning, deleted)
    return Effect(
        kind=RECREATION,
        payload=RecreateEvents(dataset_id=dataset.uuid, images=snapshots, links_left_out=left_out),
        datasets=(dataset.uuid,),
        summary=f"Create {plural(len(snapshots), 'deleted event')} again in dataset {dataset.name!r}, with raw "
        "evidence, tags and relationships.",
        warnings=(still_there,) if present else (),
        undo="undo_change deletes them again.",
        needs_code=False,
    )


async def plan_deletion_of_created(planning: Planning, change: PastChange[P]) -> Effect[DeleteEvents]:
    """Plan to delete the events that a change created."""
    return await plan_deletion(planning, change.datasets[0], change.required_ids("created"))


DELETION = ChangeKind("delete_threat_events", DeleteEvents, delete_events, plan_recreation)
# Journaled as an import, because it creates events.
RECREATION = ChangeKind("import_threat_events", RecreateEvents, recreate_events, plan_deletion_of_created)
