"""Moving events from one dataset to another, and back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.bulk.chosen_events import EventChoice
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.lost_evidence import (
    count_evidence,
    count_links,
    count_unread,
    describe_unread,
    describe_unread_links,
    list_not_saved,
    read_later,
    replace_sentences,
)
from cf1_mcp.changes.outcomes.event_looks import look_at_move
from cf1_mcp.changes.outcomes.failed_events import list_failed_events
from cf1_mcp.changes.outcomes.unknown_outcomes import (
    NOT_LOOKED,
    NOT_SEEN,
    describe_unknown,
    find_out,
)
from cf1_mcp.changes.queries.affected_queries import find_affected_queries
from cf1_mcp.changes.queries.outside_effects import add_effects_through, list_account_queries
from cf1_mcp.errors import ApiError, BadArgument, NotApproved, UnknownOutcome
from cf1_mcp.events.copies import find_events_in
from cf1_mcp.events.raw_evidence import MAX_READ_AHEAD, count_raw_markings, stand_in
from cf1_mcp.events.snapshots import Snapshot, SnapshotSet, count_visible_links, list_evidence, read_snapshots
from cf1_mcp.events.transitions import describe_move
from cf1_mcp.models import Event, Raw, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

UNDO: Final = "undo_change moves them back."
UNDO_WITHOUT_RAW: Final = "undo_change moves them back without the raw evidence, which is left in the journal only."


class Destination(BaseModel, frozen=True):
    """The dataset that events are moved to, and whether anyone may search it."""

    uuid: str
    is_public: bool


class BeforeMove(BaseModel, frozen=True):
    """The events in their source, and the destination as it was."""

    destination: Destination
    images: list[Snapshot]


class MoveEvents(Payload):
    """Events of one dataset that are moved to another."""

    dataset_id: str
    destination_dataset_id: str
    event_ids: list[str]
    keep_raw_data: bool
    before: BeforeMove


Completion = Callable[[Effect[MoveEvents]], Awaitable[Effect[MoveEvents]]]


async def plan_move(
    planning: Planner, events: EventChoice, dataset_id: str, destination_dataset_id: str, keep_raw_data: bool
) -> Effect[MoveEvents]:
    """Check that the events may be removed from their dataset and added to the other, and describe the move."""
    source = planning.dataset_to_destroy(dataset_id)
    planning.dataset_to_write(destination_dataset_id, "destination_dataset_id")
    chosen = await events.find(planning, source)
    effect = await _plan_move(events.name_in(planning), source.uuid, destination_dataset_id, chosen.ids, keep_raw_data)
    return chosen.describe(effect)


async def _plan_move(
    planning: Planning, dataset_id: str, destination_dataset_id: str, event_ids: Sequence[str], keep_raw_data: bool
) -> Effect[MoveEvents]:
    source = planning.dataset_to_destroy(dataset_id)
    destination = planning.dataset_to_write(destination_dataset_id, "destination_dataset_id")
    if source.uuid == destination.uuid:
        argument = planning.argument("destination_dataset_id")
        raise BadArgument(argument, "the events are in this dataset already", "another dataset")
    planning.check_size(len(event_ids))
    ids = sorted(event_ids)
    snapshots = await read_snapshots(
        planning.client, planning.write_policy, source, ids, planning.argument("event_ids")
    )
    evidence = list_evidence(snapshots)
    unread = describe_unread(planning, snapshots, is_lost=not keep_raw_data)
    relationships, _ = count_visible_links(planning.write_policy.read_policy, snapshots)
    queries = await list_account_queries(planning)
    raw_count = count_evidence(snapshots)
    lost = f"The raw evidence of {plural(raw_count, 'event')} is lost for good."
    leaving = _find_highest_marking(snapshots.images, with_raw=keep_raw_data)
    becomes_public = destination.is_public and not source.is_known_public

    public = f"The destination is public: anyone may search it. The highest marking of what leaves is {leaving}."
    effect = Effect(
        kind=MOVE,
        payload=MoveEvents(
            dataset_id=source.uuid,
            destination_dataset_id=destination.uuid,
            event_ids=ids,
            keep_raw_data=keep_raw_data,
            before=BeforeMove(
                destination=Destination(uuid=destination.uuid, is_public=destination.is_public), images=snapshots.images
            ),
        ),
        datasets=(source.uuid, destination.uuid),
        summary=f"Move {plural(len(ids), 'event')} from dataset {source.name!r} to {destination.name!r}.",
        warnings=(
            *(() if keep_raw_data else (lost,)),
            *unread,
            *describe_unread_links(snapshots.without_links, is_lost=False),
            *((public,) if becomes_public else ()),
        ),
        undo=UNDO if keep_raw_data else UNDO_WITHOUT_RAW,
        needs_code=True,
        facts={
            "events": len(ids),
            **count_links("relationships", relationships, snapshots),
            "raw_kept" if keep_raw_data else "raw_lost": raw_count,
            **count_raw_markings(evidence),
            **count_unread(snapshots),
        },
        untrusted=await find_affected_queries(planning, snapshots.events, queries),
        events=snapshots.events,
        evidence=evidence,
        complete=_complete_later(planning, snapshots, keep_raw_data, leaving if becomes_public else None),
        undo_destroys=(destination.uuid,),
    )
    transitions = [describe_move(event, destination.uuid) for event in snapshots.events]
    return await add_effects_through(planning, effect, transitions, queries)


def _complete_later(
    planning: Planning, snapshots: SnapshotSet, keep_raw_data: bool, shown: Tlp | None
) -> Completion | None:
    """Return what reads the evidence that the preview left for the move; None if it left none. `shown` is the highest
    marking that the preview named of what becomes public.
    """
    if (later := read_later(planning, snapshots)) is None:
        return None
    unread = describe_unread(planning, snapshots, is_lost=not keep_raw_data)

    async def complete(effect: Effect[MoveEvents]) -> Effect[MoveEvents]:
        full = await later()
        if shown is not None:
            _require_as_shown(_find_highest_marking(full.images, with_raw=keep_raw_data), shown)
        before = effect.payload.before.model_copy(update={"images": full.images})
        payload = effect.payload.model_copy(update={"before": before})
        now = describe_unread(planning, full, is_lost=not keep_raw_data)
        warnings = replace_sentences(effect.warnings, unread, now)
        return replace(effect, payload=payload, evidence=list_evidence(full), warnings=warnings, complete=None)

    return complete


def _find_highest_marking(snapshots: Sequence[Snapshot], *, with_raw: bool) -> Tlp:
    """Return the highest marking of the events and, if it moves with them, of their raw evidence."""
    levels = [Tlp.of(snapshot.event.tlp) for snapshot in snapshots]
    if with_raw:
        levels += [ReadPolicy.raw_marking(event, raw) for event, raw in _list_filled(snapshots)]
    return max(levels, key=lambda level: level.rank)


def _list_filled(snapshots: Sequence[Snapshot]) -> list[tuple[Event, Raw]]:
    """Return the evidence that is not empty, and stand-ins for what was not read."""
    unread = [(one.event, stand_in(one.event)) for one in snapshots if one.raw_unread]
    return unread + [(one.event, one.raw) for one in snapshots if one.raw and not one.raw.is_empty]


def _require_as_shown(leaving: Tlp, shown: Tlp) -> None:
    """Refuse to publish evidence with a higher marking than the person was shown.

    Raises:
        NotApproved: there is some.
    """
    if leaving.rank > shown.rank:
        raise NotApproved(
            f"raw evidence that was not read for the preview is marked {leaving}, and the destination is public",
            f"Move at most {MAX_READ_AHEAD} events at once, whose evidence the preview reads",
        )


async def move_events(client: ThreatEventsClient, payload: MoveEvents) -> Result:
    """Move the events. If the answer does not say that all were, find out which are left."""
    result = await _move(client, payload)
    if payload.keep_raw_data:
        return result
    left = {str(one) for one in result.list_fact("still_in_source")}
    lost = list_not_saved([one for one in payload.before.images if one.event.uuid not in left])
    return replace(result, facts={**result.facts, **lost})


async def _move(client: ThreatEventsClient, payload: MoveEvents) -> Result:
    source, ids = payload.dataset_id, payload.event_ids
    destination = payload.destination_dataset_id
    try:
        answer = await client.move_events(source, destination, ids, payload.keep_raw_data)
    except ApiError as error:
        return await find_out(error, partial(look_at_move, client, source, destination, ids))
    facts: dict[str, JsonValue] = {"moved": answer.moved}
    if answer.moved == len(ids) and not answer.insert_failures and not answer.deletion_failures:
        return Result("done", facts)
    untrusted: dict[str, JsonValue] = {}
    if answer.insert_failures:
        untrusted["not_moved"] = list_failed_events(answer.insert_failures, ids)
    if answer.deletion_failures:
        # These events were copied: they are now in both datasets.
        reasons = [clean(str(one.get("reason", "")), MAX_CELL_LENGTH) for one in answer.deletion_failures]
        untrusted["not_removed_from_source"] = [*reasons]
    unclear = UnknownOutcome(f"The API says that it moved {answer.moved} of {plural(len(ids), 'event')}.")
    left = await _find_still_in(client, source, ids)
    if left is None:
        facts["still_in_source"] = "unknown: the search for them failed"
        return describe_unknown(unclear, Result("unknown", facts, untrusted), NOT_LOOKED)
    if not left and not untrusted:
        return await find_out(unclear, partial(look_at_move, client, source, destination, ids))
    facts["still_in_source"] = [*left]
    if answer.moved != len(ids) - len(left) and not answer.deletion_failures:
        # The answer leaves another number of them in the source.
        del facts["moved"]
        return describe_unknown(unclear, Result("unknown", facts, untrusted), NOT_SEEN)
    nothing_done = left == ids and not answer.moved and not answer.deletion_failures
    return Result("failed" if nothing_done else "partial", facts, untrusted)


async def _find_still_in(client: ThreatEventsClient, dataset_id: str, ids: Sequence[str]) -> list[str] | None:
    """Return the events that are still in a dataset; None if a read fails."""
    try:
        return await find_events_in(client, dataset_id, ids)
    except ApiError:
        return None


async def _undo(planning: Planning, change: PastChange[MoveEvents]) -> Effect[MoveEvents]:
    """Plan to move back the events that were moved. Events that are in the source, as copies or because they were not
    moved, are left alone.

    All are looked up: the result of a change may be unknown, or list only some of them.
    """
    payload = change.payload
    destination = planning.dataset_to_destroy(payload.destination_dataset_id)
    source = planning.dataset_to_write(payload.dataset_id)
    arrived = await find_events_in(planning.client, destination.uuid, payload.event_ids)
    stayed = {*change.settled_ids("still_in_source"), *await find_events_in(planning.client, source.uuid, arrived)}
    moved = [event_id for event_id in arrived if event_id not in stayed]
    if not moved:
        raise BadArgument(
            "change_id",
            f"no event of change {change.id} is in dataset {destination.uuid} and not in {source.uuid}, so there is "
            "none to move back",
            "list_changes to see what can be undone",
        )
    effect = await _plan_move(planning, destination.uuid, source.uuid, moved, True)
    dropped = {one.event.uuid for one in payload.before.images if one.raw and not one.raw.is_empty} & {*moved}
    if payload.keep_raw_data or not dropped:
        return effect
    lost = f"The raw evidence of {plural(len(dropped), 'event')} was dropped by the move and does not come back."
    return replace(
        effect,
        warnings=(*effect.warnings, f"{lost} Change {change.id} in the journal has it."),
        facts={**effect.facts, "raw_not_restored": len(dropped)},
    )


MOVE = ChangeKind("move_threat_events", ToolEffect.DELETE, MoveEvents, move_events, _undo, undo_removes=True)
