"""Recreates deleted events with evidence and tags, and with the links that the rules allow."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field, JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Payload, Planning, Result
from cf1_mcp.changes.lost_evidence import count_unread_fields
from cf1_mcp.changes.outcomes.unknown_outcomes import combine
from cf1_mcp.errors import LOOK_FIRST, ApiError, may_have_been_made
from cf1_mcp.events.certainty import NEVER_EMPTY
from cf1_mcp.events.copies import find_copies
from cf1_mcp.events.snapshots import Snapshot, SnapshotSet
from cf1_mcp.models import Event, NewEvent, NewRaw, Raw, Tlp
from cf1_mcp.models.fields import SETTABLE
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.uuids import id_key

NEEDED: Final = "the API does not tell the category, the date or the text, which a new event needs"
MAX_NAMED: Final = 5


class RecreateEvents(Payload):
    """Snapshots of deleted events, without the links that the rules refuse. The result reports how many of those end in
    a dataset that may be read and not written.
    """

    dataset_id: str
    images: list[Snapshot]
    links_left_out: int = Field(default=0, exclude=True)


def check_markings(read_policy: ReadPolicy, snapshots: Sequence[Snapshot]) -> None:
    """Refuse to recreate events that may not be seen, just as creating them is refused.

    Raises:
        Withheld: an event, or its raw evidence, may not be seen.
    """
    for snapshot in snapshots:
        read_policy.require_readable(snapshot.event)
        if snapshot.raw is not None:
            read_policy.require_raw_readable(snapshot.event, snapshot.raw)


def _list_lacking(event: Event) -> list[str]:
    """Return what a new event needs and this one was not told to have."""
    return [name for name in NEVER_EMPTY if not getattr(event, name).strip()]


def describe_uncreatable(snapshots: SnapshotSet) -> list[str]:
    """Return a sentence on events that could not be created again if they were deleted."""
    if not (count := sum(bool(_list_lacking(event)) for event in snapshots.events)):
        return []
    return [f"{plural(count, 'event')} could not be created again by undo_change: {NEEDED}."]


def leave_out_uncreatable(snapshots: Sequence[Snapshot]) -> tuple[list[Snapshot], list[str]]:
    """Return the snapshots that can be created again, and sentences on the others, each by itself."""
    others = [one.event for one in snapshots if _list_lacking(one.event)]
    sentences = [_describe_lacking(event) for event in others[:MAX_NAMED]]
    if more := len(others) - MAX_NAMED if len(others) > MAX_NAMED else 0:
        sentences.append(f"The same holds for {plural(more, 'other event')}.")
    return [one for one in snapshots if not _list_lacking(one.event)], sentences


def _describe_lacking(event: Event) -> str:
    lacking = " and ".join(_list_lacking(event))
    return f"Event {event.uuid} is not created again: the API did not tell its {lacking} when it was deleted."


async def leave_out_refused_links(planning: Planning, snapshots: Sequence[Snapshot]) -> tuple[list[Snapshot], int]:
    """Return the snapshots with only the links that may be recreated, and how many others may be told.

    A link changes both its ends, and some routes name an event without its dataset. So the other end must be visible
    and its dataset writable, and that of each of its copies. A link is told if its other end may be read in a dataset
    that may not be written: counting any other would reveal an event that is withheld.
    """
    own = {id_key(snapshot.event.uuid) for snapshot in snapshots}
    others = {id_key(other) for snapshot in snapshots for other in _list_linked_ids(snapshot)}
    copies = await find_copies(planning.client, planning.write_policy.known, sorted(others - own))
    allowed = own | {other for other, found in copies.items() if all(_may_link(planning, one) for one in found)}
    kept = [_keep_links_to(allowed, snapshot) for snapshot in snapshots]
    told = {other for other, found in copies.items() if any(_may_only_read(planning, one) for one in found)}
    return kept, sum(id_key(other) in told for snapshot in snapshots for other in _list_linked_ids(snapshot))


def _may_link(planning: Planning, event: Event) -> bool:
    policy = planning.write_policy
    return policy.may_write(event.dataset_id) and policy.read_policy.may_show(event)


def _may_only_read(planning: Planning, event: Event) -> bool:
    policy = planning.write_policy
    return policy.read_policy.may_show(event) and not policy.may_write(event.dataset_id)


def _list_linked_ids(snapshot: Snapshot) -> list[str]:
    return [*(link.other for link in snapshot.links), *snapshot.event.references, *snapshot.event.referenced]


def _keep_links_to(allowed: set[str], snapshot: Snapshot) -> Snapshot:
    event = snapshot.event.model_copy(
        update={
            "references": [other for other in snapshot.event.references if id_key(other) in allowed],
            "referenced": [other for other in snapshot.event.referenced if id_key(other) in allowed],
        }
    )
    links = tuple(link for link in snapshot.links if id_key(link.other) in allowed)
    return snapshot.model_copy(update={"event": event, "links": links})


async def recreate_events(client: ThreatEventsClient, payload: RecreateEvents) -> Result:
    """Create the events, then their links. The result names what failed; the rest is created."""
    created: list[JsonValue] = []
    failed: list[JsonValue] = []
    new_ids: dict[str, str] = {}
    for row, snapshot in enumerate(payload.images):
        if _list_lacking(snapshot.event):
            failed.append({"event": snapshot.event.uuid, "reason": _describe_lacking(snapshot.event)})
            continue
        try:
            new = await client.create_event(_build_new_event(snapshot.event, snapshot.raw, payload.dataset_id))
        except ApiError as error:
            failed.append({"event": snapshot.event.uuid, **_describe(error)})
            continue
        new_ids[snapshot.event.uuid] = new.uuid
        created.append({"row": row, "uuid": new.uuid})
    for snapshot in payload.images:
        if event_id := new_ids.get(snapshot.event.uuid):
            failed += await _restore_relationships(client, payload.dataset_id, event_id, snapshot, new_ids)
            failed += await _restore_references(client, event_id, snapshot.event, new_ids)
    facts: dict[str, JsonValue] = {"created": created, "new_ids": {**new_ids}}
    if payload.links_left_out:
        facts["links_left_out"] = payload.links_left_out
    facts |= count_unread_fields("fields_not_restored", payload.images)
    is_unknown = any(isinstance(row, dict) and "outcome" in row for row in failed)
    if is_unknown:
        facts["next"] = LOOK_FIRST
    status = combine(is_any_done=bool(created), is_any_open=bool(failed), is_any_unknown=is_unknown)
    return Result(status, facts, {"failed": failed} if failed else {})


def _build_new_event(event: Event, raw: Raw | None, dataset_id: str) -> NewEvent:
    evidence: dict[str, object] = {"data": raw.data if raw and isinstance(raw.data, dict) else {}}
    if raw:
        evidence |= {name: value for name in ("source", "tlp") if (value := getattr(raw, name))}
    required = [field.name for field in SETTABLE if field.creation == "required"]
    optional = [field.name for field in SETTABLE if field.creation == "optional"]
    fields = {name: getattr(event, name) for name in required}
    fields |= {name: value for name in optional if (value := getattr(event, name))}
    if not fields.get("indicator"):
        fields.pop("indicator_type", None)
    # The API might give a new event without a marking a lower one than it counts as here.
    fields["tlp"] = event.tlp.strip() or Tlp.of("").value
    return NewEvent.model_validate({**fields, "dataset_id": dataset_id, "raw": NewRaw.model_validate(evidence)})


async def _restore_relationships(
    client: ThreatEventsClient, dataset_id: str, event_id: str, snapshot: Snapshot, new_ids: Mapping[str, str]
) -> list[JsonValue]:
    """Recreate the typed relationships of a recreated event, and return the failures."""
    failed: list[JsonValue] = []
    for link in snapshot.links:
        if not link.above and link.other in new_ids:
            # Both ends are recreated: the relationship is made with the links of the child.
            continue
        parent_dataset = link.other_dataset if link.above else dataset_id
        other = new_ids.get(link.other, link.other)
        parent, child = (other, event_id) if link.above else (event_id, other)
        try:
            await client.create_relationships(parent_dataset, parent, [child], link.type)
        except ApiError as error:
            failed.append({"event": event_id, "link_to": link.other, **_describe(error)})
    return failed


async def _restore_references(
    client: ThreatEventsClient, event_id: str, event: Event, new_ids: Mapping[str, str]
) -> list[JsonValue]:
    """Recreate the references of a recreated event, in both directions, and return the failures."""
    try:
        if event.references:
            await client.relate_event(event_id, [new_ids.get(other, other) for other in event.references])
        for other in event.referenced:
            if other not in new_ids:
                await client.relate_event(other, [event_id])
    except ApiError as error:
        references = [*event.references, *event.referenced]
        return [{"event": event_id, "references": [*references], **_describe(error)}]
    return []


def _describe(error: ApiError) -> dict[str, JsonValue]:
    """Return the reason why a part was not made, or why it is unknown whether it was."""
    unknown: dict[str, JsonValue] = {"outcome": "unknown"} if may_have_been_made(error) else {}
    return {"reason": str(error), **unknown}
