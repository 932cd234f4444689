"""Tags that a change added are taken off; tags that it took off are added again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic import JsonValue, TypeAdapter

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.changes.undo_inverse import TEXTS, Inverse, told
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.events.snapshots import events_of, without_copies
from cf1_mcp.models import Dataset, Done, Event
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.journal_records import Change

# Tags by the uuid of their event.
TagsOf = dict[str, list[str]]
_TAGS_OF = TypeAdapter[TagsOf](TagsOf)


async def _events(
    client: ThreatEventsClient, writing: WritePolicy, dataset: Dataset, ids: list[str], change: Change
) -> list[Event]:
    """The events, none with a copy in another dataset: tags are set by the id of an event alone."""
    if not ids:
        raise BadArgument("change_id", f"change {change.id} tells no events that it changed", "another change")
    events = await events_of(client, writing, dataset, ids, "change_id")
    await without_copies(client, ids, (dataset,), "change_id")
    return events


async def _plan_untagging(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    dataset = writing.require_destroyable(change.intent.datasets[0], "change_id")
    added = _TAGS_OF.validate_python(change.intent.before)
    ids = sorted(event_id for event_id in told(change, "tagged") if event_id in added)
    events = await _events(client, writing, dataset, ids, change)
    meant = {event_id: {_folded(tag) for tag in tags} for event_id, tags in added.items()}
    off = {event.uuid: [tag for tag in event.tags if _folded(tag) in meant[event.uuid]] for event in events}
    return Effect(
        tool="untag_threat_events",
        arguments={"dataset_id": dataset.uuid, "event_ids": [*ids], "tags": [*_every(off)], "undoes": change.id},
        datasets=(dataset.uuid,),
        summary=f"Take off {len(ids)} events of dataset {dataset.name!r} the tags that change {change.id} added.",
        before={event_id: [*tags] for event_id, tags in off.items()},
        undo="undo_change tags them again.",
        needs_code=True,
        facts={"events": len(ids)},
        events=events,
        undoes=change.id,
    )


async def _plan_tagging(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    dataset = writing.require_writable(change.intent.datasets[0], "change_id")
    had = _TAGS_OF.validate_python(change.intent.before)
    meant = {_folded(tag) for tag in TEXTS.validate_python(change.intent.arguments["tags"])}
    ids = sorted(event_id for event_id in told(change, "untagged") if event_id in had)
    events = await _events(client, writing, dataset, ids, change)
    again = {event_id: [tag for tag in had[event_id] if _folded(tag) in meant] for event_id in ids}
    return Effect(
        tool="tag_threat_events",
        arguments={"dataset_id": dataset.uuid, "event_ids": [*ids], "tags": [*_every(again)], "undoes": change.id},
        datasets=(dataset.uuid,),
        summary=f"Give {len(ids)} events of dataset {dataset.name!r} the tags back that change {change.id} took off.",
        before={event_id: [*tags] for event_id, tags in again.items()},
        undo="undo_change takes them off again.",
        needs_code=False,
        events=events,
        undoes=change.id,
    )


async def _untag(client: ThreatEventsClient, effect: Effect) -> Result:
    return await _each(client.untag_event, _TAGS_OF.validate_python(effect.before), "untagged")


async def _tag(client: ThreatEventsClient, effect: Effect) -> Result:
    return await _each(client.tag_event, _TAGS_OF.validate_python(effect.before), "tagged")


async def _each(
    change: Callable[[str, Sequence[str]], Awaitable[Done]], tags_of: Mapping[str, Sequence[str]], done: str
) -> Result:
    changed: list[JsonValue] = []
    failed: list[JsonValue] = []
    for event_id, tags in tags_of.items():
        try:
            answer = await change(event_id, tags)
        except ApiError as error:
            failed.append({"event": event_id, "reason": str(error)})
            continue
        (changed if answer.success else failed).append(event_id)
    facts: dict[str, JsonValue] = {done: changed}
    if failed:
        facts["failed"] = failed
    return Result("done" if not failed else "partial" if changed else "failed", facts)


def _every(tags_of: TagsOf) -> list[str]:
    return sorted({tag for tags in tags_of.values() for tag in tags})


def _folded(tag: str) -> str:
    return tag.strip().casefold()


UNTAGGING = Inverse(_plan_untagging, _untag)
TAGGING = Inverse(_plan_tagging, _tag)
