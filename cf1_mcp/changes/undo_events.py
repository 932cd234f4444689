"""Deleted events are made anew, and events that a change made are deleted."""

from collections.abc import Mapping

from pydantic import JsonValue, TypeAdapter

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.changes.undo_inverse import Inverse
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.events.snapshots import homes_of, images_of
from cf1_mcp.models import Event, NewEvent, NewRaw, Raw, RelationshipType
from cf1_mcp.models.fields import SETTABLE
from cf1_mcp.policy.writing import Writing
from cf1_mcp.store.journal_records import Change

# -- deleted events are made anew


_IMAGES = TypeAdapter[list[dict[str, JsonValue]]](list[dict[str, JsonValue]])


async def _plan_recreation(client: ThreatEventsClient, writing: Writing, change: Change) -> Effect:
    dataset = writing.to_write(change.intent.datasets[0], "change_id")
    kept = _IMAGES.validate_python(change.intent.before)
    for image in kept:
        writing.reading.admit_one(Event.model_validate(image["event"]))
    images, left_out = await _linkable(client, writing, kept)
    return Effect(
        tool="import_threat_events",
        arguments={"dataset_id": dataset.uuid, "images": [*images], "undoes": change.id},
        datasets=(dataset.uuid,),
        summary=f"Make {len(images)} deleted events of dataset {dataset.name!r} anew, with evidence, tags and links.",
        before=None,
        undo="undo_change deletes them again.",
        needs_code=False,
        facts={"links_left_out": left_out} if left_out else {},
        undoes=change.id,
    )


async def _linkable(
    client: ThreatEventsClient, writing: Writing, images: list[dict[str, JsonValue]]
) -> tuple[list[dict[str, JsonValue]], int]:
    """The images with the links alone whose other end may be written, and how many links are left out.

    A link changes both its ends. The other end must be in datasets that may be written, every copy of it, because some
    routes name an event without its dataset.
    """
    events = [Event.model_validate(image["event"]) for image in images]
    mine = {event.uuid for event in events}
    others = {str(link["other"]) for image in images for link in _LINKS.validate_python(image["links"])}
    others |= {other for event in events for other in (*event.references, *event.referenced)}
    homes = await homes_of(client, sorted(others - mine))
    may = mine | {other for other, found in homes.items() if all(writing.may_write(home) for home in found)}
    linkable: list[dict[str, JsonValue]] = []
    left_out = 0
    for image, event in zip(images, events, strict=True):
        links = [link for link in _LINKS.validate_python(image["links"]) if link["other"] in may]
        references = [other for other in event.references if other in may]
        referenced = [other for other in event.referenced if other in may]
        before = len(_LINKS.validate_python(image["links"])) + len(event.references) + len(event.referenced)
        left_out += before - len(links) - len(references) - len(referenced)
        changed = event.model_copy(update={"references": references, "referenced": referenced})
        linkable.append({**image, "event": changed.model_dump(mode="json", by_alias=True), "links": [*links]})
    return linkable, left_out


async def _recreate(client: ThreatEventsClient, effect: Effect) -> Result:
    """Events first, links when both ends exist. What fails is named; the rest is done all the same."""
    dataset = effect.datasets[0]
    images = _IMAGES.validate_python(effect.arguments["images"])
    created: list[JsonValue] = []
    new_ids: dict[str, str] = {}
    failed: list[JsonValue] = []
    for row, image in enumerate(images):
        event = Event.model_validate(image["event"])
        try:
            made = await client.create_event(_new_event(event, image["raw"], dataset))
        except ApiError as error:
            failed.append({"event": event.uuid, "reason": str(error)})
            continue
        new_ids[event.uuid] = made.uuid
        created.append({"row": row, "uuid": made.uuid})
    for image in images:
        failed += await _relink(client, dataset, image, new_ids)
    facts: dict[str, JsonValue] = {"created": created, "new_ids": {**new_ids}, **effect.facts}
    if failed:
        facts["failed"] = failed
    return Result("done" if not failed else "partial" if created else "failed", facts)


def _new_event(event: Event, raw: JsonValue, dataset_id: str) -> NewEvent:
    evidence = Raw.model_validate(raw) if raw else None
    raw_fields: dict[str, object] = {"data": evidence.data if evidence and isinstance(evidence.data, dict) else {}}
    if evidence:
        raw_fields |= {name: value for name in ("source", "tlp") if (value := getattr(evidence, name))}
    fields: dict[str, object] = {
        "category": event.category,
        "date": event.date,
        "event": event.event,
        "tlp": event.tlp,
        "dataset_id": dataset_id,
        "raw": NewRaw.model_validate(raw_fields),
    }
    optional = [field.name for field in SETTABLE if field.creation == "optional"]
    fields |= {name: value for name in optional if (value := getattr(event, name))}
    return NewEvent.model_validate(fields)


_LINKS = TypeAdapter[list[dict[str, JsonValue]]](list[dict[str, JsonValue]])
_TYPE = TypeAdapter[RelationshipType](RelationshipType)


async def _relink(
    client: ThreatEventsClient, dataset: str, image: Mapping[str, JsonValue], new_ids: Mapping[str, str]
) -> list[JsonValue]:
    """Link a recreated event as it was linked, ends that were made anew by their new ids. The failures are returned."""
    event = Event.model_validate(image["event"])
    me = new_ids.get(event.uuid)
    if me is None:
        return []
    failed: list[JsonValue] = []
    for link in _LINKS.validate_python(image["links"]):
        other = str(link["other"])
        if not link["above"] and other in new_ids:
            # Both ends are made anew, and the other end, which stands below, makes the link.
            continue
        home = str(link["other_dataset"]) if link["above"] else dataset
        parent, child = (new_ids.get(other, other), me) if link["above"] else (me, other)
        try:
            await client.create_relationships(home, parent, [child], _TYPE.validate_python(link["type"]))
        except ApiError as error:
            failed.append({"event": me, "link_to": other, "reason": str(error)})
    try:
        if event.references:
            await client.relate_event(me, [new_ids.get(other, other) for other in event.references])
        for other in event.referenced:
            if other not in new_ids:
                await client.relate_event(other, [me])
    except ApiError as error:
        failed.append({"event": me, "references": [*event.references, *event.referenced], "reason": str(error)})
    return failed


# -- created events are deleted


_CREATED = TypeAdapter[list[dict[str, JsonValue]]](list[dict[str, JsonValue]])


async def _plan_removal(client: ThreatEventsClient, writing: Writing, change: Change) -> Effect:
    dataset = writing.to_destroy(change.intent.datasets[0], "change_id")
    result = change.result if isinstance(change.result, dict) else {}
    ids = sorted(str(one["uuid"]) for one in _CREATED.validate_python(result.get("created", [])))
    if not ids:
        raise BadArgument("change_id", f"change {change.id} tells no events that it made", "another change")
    writing.within_size(len(ids), "change_id")
    images = await images_of(client, writing, dataset, ids)
    return Effect(
        tool="delete_threat_events",
        arguments={"dataset_id": dataset.uuid, "event_ids": [*ids], "undoes": change.id},
        datasets=(dataset.uuid,),
        summary=f"Delete the {len(ids)} events that change {change.id} made in dataset {dataset.name!r}.",
        before=[image.as_json() for image in images],
        undo="undo_change makes them anew, with new ids.",
        needs_code=True,
        facts={"events": len(ids)},
        events=[image.event for image in images],
        undoes=change.id,
    )


async def _remove(client: ThreatEventsClient, effect: Effect) -> Result:
    ids = [event.uuid for event in effect.events]
    deleted = await client.delete_events(effect.datasets[0], ids)
    return Result("done" if deleted == len(ids) else "partial", {"deleted": deleted})


RECREATION = Inverse(_plan_recreation, _recreate)
REMOVAL = Inverse(_plan_removal, _remove)
