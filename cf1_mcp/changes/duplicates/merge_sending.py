"""Sending a merge of duplicates, and its undo: what the kept event gets, and the events that are deleted."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.deletion import DeleteEvents, delete_events
from cf1_mcp.changes.effect import Payload, Result
from cf1_mcp.changes.outcomes.unknown_outcomes import describe_unknown
from cf1_mcp.changes.recreation import RecreateEvents, recreate_events
from cf1_mcp.errors import ApiError, may_have_been_made
from cf1_mcp.events.links import EventLink
from cf1_mcp.events.snapshots import Snapshot
from cf1_mcp.models import EventChange

NOTHING_DELETED: Final = "No event was deleted: the kept event has to have everything first."

Step = tuple[str, Callable[[], Awaitable[object]]]


class Additions(BaseModel, frozen=True):
    """What an event gets: values of its fields, tags, references to others and from others, typed relationships."""

    fields: dict[str, str] = {}
    tags: list[str] = []
    references: list[str] = []
    referenced: list[str] = []
    links: list[EventLink] = []


class BeforeMerge(BaseModel, frozen=True):
    """The kept event and the duplicates as they were."""

    kept: Snapshot
    images: list[Snapshot]


class MergeEvents(Payload):
    """Duplicates that are deleted after one event got what they have and it lacks."""

    dataset_id: str
    event_id: str
    event_ids: list[str]
    added: Additions
    before: BeforeMerge


class SplitEvents(Payload):
    """The undo of a merge: duplicates that are created again, and what the kept event loses.

    The fields in `removed` have old values.
    """

    dataset_id: str
    event_id: str
    images: list[Snapshot]
    removed: Additions
    before: dict[str, str]


async def merge_events(client: ThreatEventsClient, payload: MergeEvents) -> Result:
    """Add to the kept event what it lacks, then delete the duplicates. They are not deleted if anything fails before.

    Raises:
        ApiError: the first step failed, and nothing was done.
    """
    kept, added, home = payload.event_id, payload.added, payload.dataset_id
    steps: list[Step] = []
    if added.fields:
        change = EventChange.model_validate({**added.fields, "dataset_id": home})
        steps.append(("fields", partial(client.update_event, kept, change)))
    if added.tags:
        steps.append(("tags", partial(client.tag_event, kept, added.tags)))
    if added.references:
        steps.append(("references", partial(client.relate_event, kept, added.references)))
    steps += [("references", partial(client.relate_event, other, [kept])) for other in added.referenced]
    steps += [("relationships", partial(_add_link, client, home, kept, link)) for link in added.links]
    if failure := await _take(steps):
        return failure
    deletion = DeleteEvents(dataset_id=home, event_ids=payload.event_ids, before=payload.before.images)
    try:
        result = await delete_events(client, deletion)
    except ApiError as error:
        if not steps:
            raise
        return Result("partial", {"kept": kept, "deleted": 0}, {"failed": str(error)})
    status = "partial" if result.status == "failed" and steps else result.status
    return Result(status, {"kept": kept, **result.facts}, result.untrusted)


async def split_events(client: ThreatEventsClient, payload: SplitEvents) -> Result:
    """Create the duplicates again, then take from the kept event what it got. Nothing is taken if that fails.

    Raises:
        ApiError: nothing was done.
    """
    kept, removed, result = payload.event_id, payload.removed, Result("done")
    if payload.images:
        result = await recreate_events(client, RecreateEvents(dataset_id=payload.dataset_id, images=payload.images))
        if result.status != "done":
            return result
    steps: list[Step] = []
    if removed.tags:
        steps.append(("tags", partial(client.untag_event, kept, removed.tags)))
    if removed.references:
        steps.append(("references", partial(client.unrelate_event, kept, removed.references)))
    steps += [("references", partial(client.unrelate_event, other, [kept])) for other in removed.referenced]
    if removed.fields:
        # Last, because it may lower the marking.
        change = EventChange.model_validate({**removed.fields, "dataset_id": payload.dataset_id})
        steps.append(("fields", partial(client.update_event, kept, change)))
    failure = await _take(steps, is_begun=bool(payload.images))
    if failure is None:
        return Result("done", {**result.facts, "restored": kept}, result.untrusted)
    return Result(failure.status, {**result.facts, **failure.facts}, {**result.untrusted, **failure.untrusted})


async def _take(steps: Sequence[Step], *, is_begun: bool = False) -> Result | None:
    """Take steps until one fails; return the result if one did.

    Raises:
        ApiError: the first one failed, and nothing was done.
    """
    done: list[str] = []
    for name, step in steps:
        try:
            await step()
        except ApiError as error:
            facts: dict[str, JsonValue] = {"done": [*dict.fromkeys(done)], "not_done": name}
            if not is_begun:
                facts |= {"deleted": 0, "note": NOTHING_DELETED}
            if may_have_been_made(error):
                return describe_unknown(error, Result("unknown", facts))
            if not done and not is_begun:
                raise
            return Result("partial", facts, {"failed": str(error)})
        done.append(name)
    return None


async def _add_link(client: ThreatEventsClient, home: str, kept: str, link: EventLink) -> None:
    parent, child = (link.other, kept) if link.above else (kept, link.other)
    await client.create_relationships(link.other_dataset if link.above else home, parent, [child], link.type)
