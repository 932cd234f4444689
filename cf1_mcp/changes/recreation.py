"""How deleted events are created again: with evidence and tags, and linked as far as the rules allow."""

from collections.abc import Mapping, Sequence

from pydantic import Field, JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Payload, Planning, Result
from cf1_mcp.errors import ApiError, Withheld
from cf1_mcp.events.snapshots import Snapshot, find_datasets_of
from cf1_mcp.models import Event, NewEvent, NewRaw, Raw
from cf1_mcp.models.fields import SETTABLE
from cf1_mcp.policy.read_policy import ReadPolicy


class RecreateEvents(Payload):
    """Snapshots of deleted events, without links that the rules refuse; those are counted for the result."""

    dataset_id: str
    images: list[Snapshot]
    links_left_out: int = Field(default=0, exclude=True)


def check_markings(reading: ReadPolicy, snapshots: Sequence[Snapshot]) -> None:
    """Refuse what may not be seen, as creating it directly is refused.

    Raises:
        Withheld: an event, or its raw evidence, may not be seen.
    """
    for snapshot in snapshots:
        event, raw = reading.require_readable(snapshot.event), snapshot.raw
        if raw and reading.is_above_ceiling(raw.tlp or event.tlp):
            raise Withheld("The raw evidence of a deleted event", reading.tlp_rule)


async def without_refused_links(planning: Planning, snapshots: Sequence[Snapshot]) -> tuple[list[Snapshot], int]:
    """The snapshots with only the links that may be made again, and how many links are left out.

    A link changes both its ends, and some routes name an event without its dataset. So every dataset that holds the
    other end must be one that may be written.
    """
    own = {snapshot.event.uuid for snapshot in snapshots}
    others = {other for snapshot in snapshots for other in _linked_ids(snapshot)}
    datasets = await find_datasets_of(planning.client, sorted(others - own))
    may_write = planning.writing.may_write
    allowed = own | {other for other, found in datasets.items() if all(may_write(dataset) for dataset in found)}
    kept = [_with_links_to(allowed, snapshot) for snapshot in snapshots]
    return kept, sum(map(_count_links, snapshots)) - sum(map(_count_links, kept))


def _linked_ids(snapshot: Snapshot) -> list[str]:
    return [*(link.other for link in snapshot.links), *snapshot.event.references, *snapshot.event.referenced]


def _count_links(snapshot: Snapshot) -> int:
    return len(_linked_ids(snapshot))


def _with_links_to(allowed: set[str], snapshot: Snapshot) -> Snapshot:
    event = snapshot.event.model_copy(
        update={
            "references": [other for other in snapshot.event.references if other in allowed],
            "referenced": [other for other in snapshot.event.referenced if other in allowed],
        }
    )
    links = tuple(link for link in snapshot.links if link.other in allowed)
    return Snapshot(event=event, raw=snapshot.raw, links=links)


async def recreate_events(client: ThreatEventsClient, payload: RecreateEvents) -> Result:
    """Create the events, then their links once both ends exist. What fails is named, and the rest is done."""
    created: list[JsonValue] = []
    failed: list[JsonValue] = []
    new_ids: dict[str, str] = {}
    for row, snapshot in enumerate(payload.images):
        try:
            new = await client.create_event(_new_event(snapshot.event, snapshot.raw, payload.dataset_id))
        except ApiError as error:
            failed.append({"event": snapshot.event.uuid, "reason": str(error)})
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
    if not failed:
        return Result("done", facts)
    return Result("partial" if created else "failed", facts, {"failed": failed})


def _new_event(event: Event, raw: Raw | None, dataset_id: str) -> NewEvent:
    evidence: dict[str, object] = {"data": raw.data if raw and isinstance(raw.data, dict) else {}}
    if raw:
        evidence |= {name: value for name in ("source", "tlp") if (value := getattr(raw, name))}
    required = [field.name for field in SETTABLE if field.creation == "required"]
    optional = [field.name for field in SETTABLE if field.creation == "optional"]
    fields = {name: getattr(event, name) for name in required}
    fields |= {name: value for name in optional if (value := getattr(event, name))}
    return NewEvent.model_validate({**fields, "dataset_id": dataset_id, "raw": NewRaw.model_validate(evidence)})


async def _restore_relationships(
    client: ThreatEventsClient, dataset_id: str, event_id: str, snapshot: Snapshot, new_ids: Mapping[str, str]
) -> list[JsonValue]:
    """Make the typed relationships of a recreated event again, and return the failures."""
    failed: list[JsonValue] = []
    for link in snapshot.links:
        if not link.above and link.other in new_ids:
            # Both ends are recreated: the child makes the relationship.
            continue
        parent_dataset = link.other_dataset if link.above else dataset_id
        other = new_ids.get(link.other, link.other)
        parent, child = (other, event_id) if link.above else (event_id, other)
        try:
            await client.create_relationships(parent_dataset, parent, [child], link.type)
        except ApiError as error:
            failed.append({"event": event_id, "link_to": link.other, "reason": str(error)})
    return failed


async def _restore_references(
    client: ThreatEventsClient, event_id: str, event: Event, new_ids: Mapping[str, str]
) -> list[JsonValue]:
    """Make the references of a recreated event again, in both directions, and return the failures."""
    try:
        if event.references:
            await client.relate_event(event_id, [new_ids.get(other, other) for other in event.references])
        for other in event.referenced:
            if other not in new_ids:
                await client.relate_event(other, [event_id])
    except ApiError as error:
        references = [*event.references, *event.referenced]
        return [{"event": event_id, "references": [*references], "reason": str(error)}]
    return []
