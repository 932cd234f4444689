"""Copying events to another dataset. The originals stay; the undo deletes the copies."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import BaseModel

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.bulk.chosen_events import EventChoice
from cf1_mcp.changes.deletion import DeleteEvents, plan_deletion_of
from cf1_mcp.changes.effect import MAX_WITHOUT_CODE, ChangeKind, Effect, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.lost_evidence import NOT_READ
from cf1_mcp.changes.outcomes.event_looks import look_at_copy
from cf1_mcp.changes.outcomes.failed_events import list_failed_events
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out, hold_to_look
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.changes.remaining import find_remaining, warn_of_missing
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.events.copies import find_events_in
from cf1_mcp.events.raw_evidence import count_raw_markings, read_all_evidence, stand_in
from cf1_mcp.events.snapshots import read_events
from cf1_mcp.events.transitions import describe_copy
from cf1_mcp.models import Event, Raw, Tlp
from cf1_mcp.policy.dataset_scope import require_readable_dataset
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.uuids import id_key

# The marking of each piece of evidence is asked for, one request each.
MAX_WITH_RAW: Final = 10
LEAVE_OUT: Final = "With keep_raw_data=false the events are copied without any raw evidence."


class BeforeCopy(BaseModel, frozen=True):
    """The events that the destination had already: an undo leaves them."""

    present: list[str]


class CopyEvents(Payload):
    """Events of one dataset that are copied to another."""

    dataset_id: str
    destination_dataset_id: str
    event_ids: list[str]
    keep_raw_data: bool
    before: BeforeCopy


async def plan_copy(
    planning: Planner, chosen: EventChoice, dataset_id: str, destination_dataset_id: str, keep_raw_data: bool
) -> Effect[CopyEvents]:
    """Check that the events may be read, with what is copied of them, and that the destination may be written.

    Raises:
        Withheld: a list does not contain a dataset, or an event or its evidence is above the ceiling.
        BadArgument: the datasets are the same, or there is evidence of too many events.
    """
    policy = planning.write_policy.read_policy
    destination = planning.dataset_to_write(destination_dataset_id, "destination_dataset_id")
    source = require_readable_dataset(dataset_id, policy, planning.argument("dataset_id"))
    if id_key(source.uuid) == id_key(destination.uuid):
        argument = planning.argument("destination_dataset_id")
        raise BadArgument(argument, "the events are in this dataset already", "another dataset")
    found = await chosen.find(planning, source)
    planning, ids = chosen.name_in(planning), sorted(found.ids)
    if keep_raw_data and len(ids) > MAX_WITH_RAW:
        problem = f"the marking of the raw evidence of {len(ids)} events would take as many requests"
        argument = planning.argument("event_ids")
        raise BadArgument(argument, problem, f"at most {MAX_WITH_RAW} events at once, or keep_raw_data=false")
    events = await read_events(planning.client, planning.write_policy, source, ids, planning.argument("event_ids"))
    evidence, unread = await _read_evidence(planning.client, policy, events) if keep_raw_data else ([], [])
    becomes_public = destination.is_public and not source.is_known_public
    public = "The destination is public: anyone may search it. The highest marking of what is copied is "
    effect = Effect(
        kind=COPYING,
        payload=CopyEvents(
            dataset_id=source.uuid,
            destination_dataset_id=destination.uuid,
            event_ids=ids,
            keep_raw_data=keep_raw_data,
            before=BeforeCopy(present=await find_events_in(planning.client, destination.uuid, ids)),
        ),
        datasets=(source.uuid, destination.uuid),
        summary=f"Copy {plural(len(ids), 'event')} from dataset {source.name!r} to {destination.name!r}, with their "
        f"tags, indicators and relationships{', and their raw evidence' if keep_raw_data else ''}.",
        warnings=(
            *([f"{public}{_find_highest_marking(events, evidence)}."] if becomes_public else []),
            *([f"The raw evidence of event {', '.join(unread)} {NOT_READ}. {LEAVE_OUT}"] if unread else []),
        ),
        undo="undo_change deletes the copies.",
        needs_code=becomes_public or bool(unread) or len(ids) > MAX_WITHOUT_CODE,
        is_large=len(ids) > MAX_WITHOUT_CODE,
        facts={
            "events": len(ids),
            **count_raw_markings(evidence),
            **({"raw_not_read": len(unread)} if unread else {}),
        },
        events=events,
        evidence=evidence,
        undo_destroys=(destination.uuid,),
        only_read=(source.uuid,),
    )
    copies = [describe_copy(one, destination.uuid, policy) for one in events]
    return found.describe(await add_outside_effects(planning, effect, copies))


async def _read_evidence(
    client: ThreatEventsClient, policy: ReadPolicy, events: Sequence[Event]
) -> tuple[list[tuple[Event, Raw]], list[str]]:
    """Return the raw evidence of events that have some, and the events whose evidence could not be read.

    That counts as unmarked. Raises `Withheld` if evidence may not be seen.
    """
    pairs: list[tuple[Event, Raw]] = []
    unread: list[str] = []
    for event, one in zip(events, await read_all_evidence(client, policy, events), strict=True):
        if one.is_unread:
            unread.append(event.uuid)
            pairs.append((event, stand_in(event)))
        elif one.raw and not one.raw.is_empty:
            pairs.append((event, one.raw))
    return pairs, unread


def _find_highest_marking(events: Sequence[Event], evidence: Sequence[tuple[Event, Raw]]) -> Tlp:
    levels = [*(Tlp.of(event.tlp) for event in events), *(ReadPolicy.raw_marking(*pair) for pair in evidence)]
    return max(levels, key=lambda level: level.rank)


async def copy_events(client: ThreatEventsClient, payload: CopyEvents) -> Result:
    """Copy the events. If the answer does not say that all were, find out which are in the destination.

    Invented: that a copy has the uuid of its original. If it has another, none is found, and the outcome is unknown.
    """
    ids, destination = payload.event_ids, payload.destination_dataset_id
    look = partial(look_at_copy, client, destination, ids, payload.before.present)
    try:
        answer = await client.copy_events(payload.dataset_id, destination, ids, payload.keep_raw_data)
    except ApiError as error:
        return await find_out(error, look)
    if answer.copied == len(ids) and not answer.insert_failures:
        return Result("done", {"copied": answer.copied})
    rows = list_failed_events(answer.insert_failures, ids)
    status = "partial" if answer.copied else "failed"
    answered = Result(status, {"copied": answer.copied}, {"not_copied": rows} if rows else {})
    return await hold_to_look(answered, f"The API says that it copied {answer.copied} of {len(ids)} events.", look)


async def _plan_undo(planning: Planning, change: PastChange[CopyEvents]) -> Effect[DeleteEvents]:
    """Plan to delete the copies, as far as they are still there.

    Invented: that a copy has the uuid of its original. If it has another, no copy is found, and nothing is deleted.
    """
    payload = change.payload
    destination = planning.dataset_to_destroy(payload.destination_dataset_id)
    present = {*map(id_key, payload.before.present)}
    copied = [event_id for event_id in payload.event_ids if id_key(event_id) not in present]
    remaining = await find_remaining(planning, destination, change.id, copied) if copied else []
    if not remaining:
        problem = f"every event of change {change.id} was in the destination before"
        raise BadArgument("change_id", problem, "list_changes to see what can be undone")
    effect = await plan_deletion_of(planning, destination.uuid, remaining)
    return warn_of_missing(effect, len(copied) - len(remaining))


COPYING = ChangeKind("copy_threat_events", ToolEffect.CREATE, CopyEvents, copy_events, _plan_undo)
