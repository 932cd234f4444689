"""Moved events are moved back."""

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.changes.undo_inverse import TEXTS, Inverse, told
from cf1_mcp.events.snapshots import images_of
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.journal_records import Change


async def _plan(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    arguments = change.intent.arguments
    source = writing.require_destroyable(str(arguments["destination_dataset_id"]), "change_id")
    destination = writing.require_writable(str(arguments["dataset_id"]), "change_id")
    # Of a partial move, only those that went.
    stayed = {*told(change, "still_in_source")}
    ids = sorted(one for one in TEXTS.validate_python(arguments["event_ids"]) if one not in stayed)
    writing.require_size(len(ids), "change_id")
    images = await images_of(client, writing, source, ids)
    return Effect(
        tool="move_threat_events",
        arguments={
            "dataset_id": source.uuid,
            "destination_dataset_id": destination.uuid,
            "event_ids": [*ids],
            "keep_raw_data": True,
            "undoes": change.id,
        },
        datasets=(source.uuid, destination.uuid),
        summary=f"Move {len(ids)} events back from dataset {source.name!r} to {destination.name!r}."
        + (" That one is public: anyone may search it." if destination.is_public and not source.is_public else ""),
        before={
            "destination": {"uuid": destination.uuid, "is_public": destination.is_public},
            "images": [image.as_json() for image in images],
        },
        undo="undo_change moves them there again.",
        needs_code=True,
        facts={"events": len(ids)},
        events=[image.event for image in images],
        undoes=change.id,
    )


async def _move(client: ThreatEventsClient, effect: Effect) -> Result:
    source, destination = effect.datasets
    ids = [event.uuid for event in effect.events]
    answer = await client.move_events(source, destination, ids)
    whole = answer.moved == len(ids) and not answer.insert_failures and not answer.deletion_failures
    if whole:
        return Result("done", {"moved": answer.moved})
    failures: list[JsonValue] = [*answer.insert_failures, *answer.deletion_failures]
    status = "partial" if answer.moved or answer.deletion_failures else "failed"
    return Result(status, {"moved": answer.moved, "failures": failures})


MOVING_BACK = Inverse(_plan, _move)
