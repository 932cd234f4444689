"""Tagging threat events, and taking tags off again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import Field, JsonValue, TypeAdapter

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import MAX_CONCURRENT, gather
from cf1_mcp.changes.guards import Effect, Planned, Result, approved, journaled
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, EventIds, HomeDataset, NewTags
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import ApiError, BadArgument, RateLimited, Unavailable, UnexpectedAnswer, choices, nearest
from cf1_mcp.events.snapshots import events_of, without_copies
from cf1_mcp.events.validation import checked_tags
from cf1_mcp.models import Dataset, Done, Event
from cf1_mcp.policy.writing import Writer, Writing
from cf1_mcp.text.lenient import Words
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_SHOWN: Final = 5
OldTags = Annotated[Words, Field(description="Tags to take off", max_length=100)]

# Tags by the uuid of their event.
TagsOf = Mapping[str, Sequence[str]]
_TAGS_OF = TypeAdapter[dict[str, list[str]]](dict[str, list[str]])


async def _plan_tagging(
    client: Client, writing: Writer, dataset_id: str, event_ids: list[str], tags: list[str]
) -> Effect:
    dataset = writing.to_write(dataset_id)
    wanted = checked_tags(tags)
    events = await _events(client, writing, dataset, event_ids)
    lacked = {event.uuid: [tag for tag in wanted if tag.casefold() not in _folded(event)] for event in events}
    lacked = {event_id: missing for event_id, missing in lacked.items() if missing}
    if not lacked:
        raise BadArgument("tags", "all of these events have all of these tags already", "other tags, or other events")
    return Effect(
        tool="tag_threat_events",
        arguments={"dataset_id": dataset.uuid, "event_ids": [*sorted(event_ids)], "tags": [*wanted]},
        datasets=(dataset.uuid,),
        summary=f"Tag {len(lacked)} events in dataset {dataset.name!r} with {_listed(wanted)}.",
        before={event_id: [*missing] for event_id, missing in lacked.items()},
        undo="undo_change takes off what was added, and leaves the tags that were there before.",
        needs_code=False,
        events=events,
    )


async def _plan_untagging(
    client: Client, writing: Writer, dataset_id: str, event_ids: list[str], tags: list[str]
) -> Effect:
    dataset = writing.to_destroy(dataset_id)
    wanted = checked_tags(tags)
    events = await _events(client, writing, dataset, event_ids)
    there = sorted({tag for event in events for tag in event.tags}, key=str.casefold)
    taken = {event.uuid: _own(event, wanted) for event in events if _own(event, wanted)}
    if not taken:
        raise _no_such_tag(wanted, there)
    gone = list(dict.fromkeys(tag for own in taken.values() for tag in own))
    touched = [event for event in events if event.uuid in taken]
    return Effect(
        tool="untag_threat_events",
        arguments={"dataset_id": dataset.uuid, "event_ids": [*sorted(event_ids)], "tags": [*wanted]},
        datasets=(dataset.uuid,),
        summary=f"Take {_listed(gone)} off {len(touched)} events in dataset {dataset.name!r}.",
        before={event.uuid: [*event.tags] for event in touched},
        undo="undo_change tags the events again.",
        needs_code=True,
        facts={"events": len(touched), "tags_taken_off": sum(len(own) for own in taken.values())},
        events=touched,
    )


Tagging = Annotated[Planned, Resolve(journaled(_plan_tagging))]
Untagging = Annotated[Planned, Resolve(approved(_plan_untagging))]


@CURATION.tool("Tag threat events", ToolEffect.CREATE)
async def tag_threat_events(
    client: Client, plan: Tagging, dataset_id: HomeDataset, event_ids: EventIds, tags: NewTags
) -> Card:
    """Add tags to events of one dataset, beside those they have: label, flag or mark them as triaged, reviewed or a
    false positive, with the name of a campaign or an actor. For other fields use update_threat_event.
    """
    lacked = _TAGS_OF.validate_python(plan.effect.before)
    return await plan.carry_out(lambda: _each(client.tag_event, lacked, "tagged"))


@CURATION.tool("Untag threat events", ToolEffect.DELETE)
async def untag_threat_events(
    client: Client,
    plan: Untagging,
    dataset_id: HomeDataset,
    event_ids: EventIds,
    tags: OldTags,
    confirm: Confirm = None,
) -> Card:
    """Take tags off events of one dataset: strip a wrong label, flag or mark; their other tags stay. Without `confirm`
    it changes nothing and answers a preview that holds the code. To add tags use tag_threat_events.
    """
    own = {event.uuid: _own(event, tags) for event in plan.effect.events}
    return plan.preview or await plan.carry_out(lambda: _each(client.untag_event, own, "untagged"))


async def _events(
    client: ThreatEventsClient, writing: Writing, dataset: Dataset, event_ids: Sequence[str]
) -> list[Event]:
    """The events with the tags that they have, in the order of their uuids, none with a copy that could be tagged."""
    writing.within_size(len(event_ids), "event_ids")
    events = await events_of(client, writing, dataset, sorted(event_ids), "event_ids")
    await without_copies(client, event_ids, (dataset,), "event_ids")
    return events


@dataclass(frozen=True)
class _Failure:
    """Why one event was not changed. With `stop`, the others are not tried either."""

    event_id: str
    reason: str
    stop: ApiError | None = None

    def as_json(self) -> JsonValue:
        return {"event": self.event_id, "reason": self.reason}


Change = Callable[[str, Sequence[str]], Awaitable[Done]]


async def _each(change: Change, tags_of: TagsOf, done: str) -> Result:
    """Change the events, a few at a time, and tell which were changed.

    Raises:
        ApiError: none was changed as far as is known, and the API is down, overrun or answers something else.
    """
    ids = list(tags_of)
    failures: list[_Failure] = []
    tried = 0
    # Where the API is down or overrun, more requests would only use up the time of the call.
    while tried < len(ids) and not any(failure.stop for failure in failures):
        group = ids[tried : tried + MAX_CONCURRENT]
        results = await gather(partial(_one, change, event_id, tags_of[event_id]) for event_id in group)
        failures += [result for result in results if result is not None]
        tried += len(group)
    left = {failure.event_id for failure in failures}
    changed = [event_id for event_id in ids[:tried] if event_id not in left]
    # One that may have been changed weighs more than one that was surely not.
    stops = sorted((one.stop for one in failures if one.stop), key=lambda error: isinstance(error, RateLimited))
    if stops and not changed:
        raise stops[0]
    failures += [_Failure(event_id, "Not tried, because others failed.") for event_id in ids[tried:]]
    facts: dict[str, JsonValue] = {done: [*changed]}
    if not failures:
        return Result("done", facts)
    return Result("partial" if changed else "failed", {**facts, "failed": [one.as_json() for one in failures]})


async def _one(change: Change, event_id: str, tags: Sequence[str]) -> _Failure | None:
    try:
        answer = await change(event_id, tags)
    except (Unavailable, UnexpectedAnswer, RateLimited) as error:
        return _Failure(event_id, str(error), error)
    except ApiError as error:
        return _Failure(event_id, str(error))
    return None if answer.success else _Failure(event_id, "The API answered that it did not do it.")


def _folded(event: Event) -> set[str]:
    return {tag.strip().casefold() for tag in event.tags}


def _own(event: Event, wanted: Sequence[str]) -> list[str]:
    """The tags of an event that are meant, in its own spelling."""
    folded = {tag.strip().casefold() for tag in wanted}
    return [tag for tag in event.tags if tag.strip().casefold() in folded]


def _no_such_tag(wanted: Sequence[str], there: Sequence[str]) -> BadArgument:
    meant = nearest(wanted[0], there)
    hint = f", did you mean {clean(meant, MAX_NAME_LENGTH)!r}?" if meant else ""
    valid = choices([clean(tag, MAX_NAME_LENGTH) for tag in there]) or "other events"
    return BadArgument("tags", f"none of these events has {_listed(wanted)}{hint}", valid)


def _listed(tags: Sequence[str]) -> str:
    more = f" and {len(tags) - MAX_SHOWN} more" if len(tags) > MAX_SHOWN else ""
    return ", ".join(repr(clean(tag, MAX_NAME_LENGTH)) for tag in tags[:MAX_SHOWN]) + more
