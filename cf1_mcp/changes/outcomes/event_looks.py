"""Looks at events after a change of them whose answer does not tell whether it was made.

Each returns `done` if everything was made, `failed` if nothing was, and `partial` otherwise. It takes one request
where one can tell.
"""

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.outcomes.change_results import Result
from cf1_mcp.events.copies import find_events_in
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Condition, Event, EventSearch, NewEvent, RelationshipType, SearchValue
from cf1_mcp.store.journal_records import Outcome
from cf1_mcp.text.uuids import id_key

MAX_FOUND = 100


def rate(done: Sequence[object], asked: Sequence[object]) -> Outcome:
    """Return the outcome of a change by what was found done of what was asked for."""
    return "done" if len(done) == len(asked) else "partial" if done else "failed"


async def look_at_fields(client: ThreatEventsClient, dataset_id: str, event_id: str, sent: Mapping[str, str]) -> Result:
    """Find which fields of an event have the values that were sent, by their snake-case names."""
    event = await client.read_event(dataset_id, event_id)
    changed = [name for name, value in sent.items() if is_same_value(name, value, str(getattr(event, name)))]
    return Result(rate(changed, [*sent]), {"event_id": event_id, "changed": [*changed]})


async def look_at_raw(client: ThreatEventsClient, event_id: str, raw_id: str, parts: Mapping[str, JsonValue]) -> Result:
    """Find which parts of raw evidence have the values that were sent."""
    raw = await client.read_raw(event_id, raw_id)
    changed = [name for name, value in parts.items() if _is_same_json(value, getattr(raw, name))]
    facts: dict[str, JsonValue] = {"event_id": event_id, "changed": ["raw"] if changed else []}
    return Result(rate(changed, [*parts]), facts)


async def find_tags(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the tags, in lower case, of those of up to 100 events that a list of the dataset shows, in one request."""
    among = Condition(field="uuid", op="in", value=list[SearchValue]([*event_ids]))
    search = EventSearch(dataset_id=[dataset_id], search=[among], page_size=MAX_FOUND)
    asked = {id_key(one): one for one in event_ids}
    return {
        asked[id_key(event.uuid)]: {tag.strip().casefold() for tag in event.tags}
        for event in (await client.list_events(search)).result
        if id_key(event.uuid) in asked and id_key(event.dataset_id) == id_key(dataset_id)
    }


async def look_at_references(
    client: ThreatEventsClient, dataset_id: str, event_id: str, others: Sequence[str], *, verb: str, are_there: bool
) -> Result:
    """Find which references of an event are there, or are not there any more, and report them under `verb`."""
    references = set(map(id_key, (await client.read_event(dataset_id, event_id)).references))
    done = [one for one in others if (id_key(one) in references) is are_there]
    left = [one for one in others if one not in done]
    return Result(rate(done, others), {verb: [*done], **({f"not_{verb}": [*left]} if left else {})})


async def look_at_children(
    client: ThreatEventsClient, dataset_id: str, parent_id: str, children: Sequence[str], kind: RelationshipType
) -> Result:
    """Find which events are children of another by one type of relationship."""
    listed = await client.list_relationships(parent_id, dataset_id, "descendants", 1, [kind], False)
    found = {id_key(one.uuid) for one in listed}
    related = [one for one in children if id_key(one) in found]
    left = [one for one in children if one not in related]
    return Result(rate(related, children), {"related": [*related], **({"not_related": [*left]} if left else {})})


async def look_at_deletion(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> Result:
    """Find which of the events a dataset no longer contains."""
    left = await find_events_in(client, dataset_id, event_ids)
    gone = [one for one in event_ids if one not in left]
    return Result(rate(gone, event_ids), {"deleted": len(gone), **({"left": [*left]} if left else {})})


async def look_at_move(
    client: ThreatEventsClient, source_id: str, destination_id: str, event_ids: Sequence[str]
) -> Result:
    """Find which of the events are in the destination, and not in the source any more."""
    left = await find_events_in(client, source_id, event_ids)
    arrived = await find_events_in(client, destination_id, event_ids)
    moved = [one for one in arrived if one not in left]
    facts: dict[str, JsonValue] = {"moved": len(moved)}
    if left:
        facts["still_in_source"] = [*left]
    if lost := [one for one in event_ids if one not in left and one not in arrived]:
        facts["in_neither_dataset"] = [*lost]
    return Result(rate(moved, event_ids) if moved or len(left) == len(event_ids) else "partial", facts)


async def look_at_copy(
    client: ThreatEventsClient, destination_id: str, event_ids: Sequence[str], present: Sequence[str]
) -> Result:
    """Find which of the events are in the destination, apart from those that were `present` there before."""
    before = set(map(id_key, present))
    arrived = await find_events_in(client, destination_id, event_ids)
    copied = [one for one in arrived if id_key(one) not in before]
    status = rate(copied, event_ids)
    return Result(status, {"copied": len(copied), **({} if status == "done" else {"in_destination": [*arrived]})})


async def look_for_new(client: ThreatEventsClient, new: NewEvent) -> Result:
    """Find the events of the dataset that have exactly the values of a new one.

    One of them may be the new one, or an older one with the same values: no field tells them apart. So what is found is
    never taken for it.
    """
    conditions = [
        Condition(field="category", op="equals", value=new.category),
        Condition(field="date", op="gte", value=new.date),
        Condition(field="date", op="lte", value=new.date),
    ]
    search = EventSearch(dataset_id=[new.dataset_id or ""], search=conditions, page_size=MAX_FOUND)
    found = [event for event in (await client.list_events(search)).result if _has_values_of(event, new)]
    return Result("partial", {"same_values": [event.uuid for event in found]})


def _has_values_of(event: Event, new: NewEvent) -> bool:
    """Whether an event has every text that was sent, its marking and its dataset included."""
    texts = {name: text for name in Event.model_fields if isinstance(text := getattr(new, name, None), str)}
    return all(is_same_value(name, text, str(getattr(event, name))) for name, text in texts.items())


def _is_same_json(one: JsonValue, other: JsonValue) -> bool:
    # As text, because True equals 1 in Python.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
