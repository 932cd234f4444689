"""Looks at events after a change of them whose answer does not tell whether it was made.

Each returns `done` if all of it certainly was, `failed` if certainly nothing was, `unknown` if the API leaves that open
(`events/certainty.py`), and `partial` otherwise. It takes one request where one can tell.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.outcomes.change_results import Result
from cf1_mcp.events.certainty import has_item, has_value, negated, read_whole
from cf1_mcp.events.copies import Presence, locate_events
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Condition, Event, EventSearch, NewEvent, RelationshipType, SearchValue
from cf1_mcp.store.journal_records import Outcome
from cf1_mcp.text.uuids import id_key

MAX_FOUND: Final = 100
NOT_CERTAIN: Final = (Presence.ELSEWHERE, Presence.UNCLEAR)
MAY_BE_NEW: Final = (
    "A look at the API right after it found events with exactly these values (same_values). One of them may be the new "
    "event, or all of them may be older."
)


def rate(done: Sequence[object], asked: Sequence[object]) -> Outcome:
    """Return the outcome of a change by what was found done of what was asked for."""
    return "done" if len(done) == len(asked) else "partial" if done else "failed"


def rate_answers(answers: Mapping[str, bool | None]) -> Outcome:
    """Return the outcome of a change by what was found of each part of it: None if that is unknown."""
    if None in answers.values():
        return "unknown"
    return rate([one for one, is_done in answers.items() if is_done], [*answers])


def _list_with(answers: Mapping[str, bool | None], answer: bool | None) -> list[JsonValue]:
    return [one for one, given in answers.items() if given is answer]


async def look_at_fields(client: ThreatEventsClient, dataset_id: str, event_id: str, sent: Mapping[str, str]) -> Result:
    """Find which fields of an event have the values that were sent, by their snake-case names."""
    event = await client.read_event(dataset_id, event_id)
    found = {name: has_value(event, name, value) if _is_in(event, dataset_id) else None for name, value in sent.items()}
    return Result(rate_answers(found), {"event_id": event_id, "changed": _list_with(found, True)})


def _is_in(event: Event, dataset_id: str) -> bool:
    """Whether an answer is about the event of a dataset: another one may be about a copy."""
    return id_key(event.dataset_id) == id_key(dataset_id)


async def look_at_raw(client: ThreatEventsClient, event_id: str, raw_id: str, parts: Mapping[str, JsonValue]) -> Result:
    """Find which parts of raw evidence have the values that were sent."""
    raw = await client.read_raw(event_id, raw_id)
    changed = [name for name, value in parts.items() if _is_same_json(value, getattr(raw, name))]
    facts: dict[str, JsonValue] = {"event_id": event_id, "changed": ["raw"] if changed else []}
    return Result(rate(changed, [*parts]), facts)


async def list_again(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> dict[str, Event]:
    """Return those of up to 100 events that a list of the dataset shows now, in one request."""
    among = Condition(field="uuid", op="in", value=list[SearchValue]([*event_ids]))
    search = EventSearch(dataset_id=[dataset_id], search=[among], page_size=MAX_FOUND)
    asked = {id_key(one): one for one in event_ids}
    return {
        asked[id_key(event.uuid)]: event
        for event in (await client.list_events(search)).result
        if id_key(event.uuid) in asked and _is_in(event, dataset_id)
    }


async def look_at_references(
    client: ThreatEventsClient, dataset_id: str, event_id: str, others: Sequence[str], *, verb: str, are_there: bool
) -> Result:
    """Find which references of an event are there, or are not there any more, and report them under `verb`."""
    event = await client.read_event(dataset_id, event_id)
    there = {one: has_item(event, "references", one) if _is_in(event, dataset_id) else None for one in others}
    return _report(there if are_there else {one: negated(answer) for one, answer in there.items()}, verb)


def _report(found: Mapping[str, bool | None], verb: str) -> Result:
    left, unknown = _list_with(found, False), _list_with(found, None)
    facts: dict[str, JsonValue] = {verb: _list_with(found, True)}
    facts |= {name: listed for name, listed in ((f"not_{verb}", left), ("unknown", unknown)) if listed}
    return Result(rate_answers(found), facts)


async def look_at_children(
    client: ThreatEventsClient, dataset_id: str, parent_id: str, children: Sequence[str], kind: RelationshipType
) -> Result:
    """Find which events are children of another by one type of relationship."""
    listed, is_whole = await read_whole(
        client.list_relationships(parent_id, dataset_id, "descendants", 1, [kind], False)
    )
    found = {id_key(one.uuid) for one in listed}
    return _report({one: id_key(one) in found or (False if is_whole else None) for one in children}, "related")


async def look_at_deletion(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> Result:
    """Find which of the events are still in the dataset."""
    found = {
        one: None if place in NOT_CERTAIN else place is Presence.ABSENT
        for one, place in (await locate_events(client, dataset_id, event_ids)).items()
    }
    left, unknown = _list_with(found, False), _list_with(found, None)
    facts: dict[str, JsonValue] = {"deleted": len(_list_with(found, True))}
    facts |= {name: listed for name, listed in (("left", left), ("unknown", unknown)) if listed}
    return Result(rate_answers(found), facts)


async def look_at_move(
    client: ThreatEventsClient, source_id: str, destination_id: str, event_ids: Sequence[str]
) -> Result:
    """Find which of the events are in the destination, and not in the source any more."""
    before = await locate_events(client, source_id, event_ids)
    after = await locate_events(client, destination_id, event_ids)
    arrived = [one for one in event_ids if after[one] is Presence.HERE]
    left = [one for one in event_ids if before[one] is Presence.HERE]
    gone = [
        one
        for one in event_ids
        if before[one] is Presence.ABSENT or (before[one] is Presence.ELSEWHERE and one in arrived)
    ]
    moved = [one for one in arrived if one in gone]
    lost = [one for one in gone if after[one] is Presence.ABSENT]
    unknown = [one for one in event_ids if one not in (*left, *moved, *lost)]
    facts: dict[str, JsonValue] = {"moved": len(moved)}
    named = (("still_in_source", left), ("in_neither_dataset", lost), ("unknown", unknown))
    facts |= {name: [*listed] for name, listed in named if listed}
    if unknown:
        return Result("unknown", facts)
    return Result(rate(moved, event_ids) if moved or len(left) == len(event_ids) else "partial", facts)


async def look_at_copy(
    client: ThreatEventsClient, destination_id: str, event_ids: Sequence[str], present: Sequence[str]
) -> Result:
    """Find which of the events are in the destination, apart from those that were `present` there before."""
    before = set(map(id_key, present))
    places = await locate_events(client, destination_id, event_ids)
    arrived = [one for one in event_ids if places[one] is Presence.HERE]
    copied = [one for one in arrived if id_key(one) not in before]
    is_told = not any(place in NOT_CERTAIN for place in places.values())
    status = rate(copied, event_ids) if is_told else "unknown"
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
    facts: dict[str, JsonValue] = {"same_values": [event.uuid for event in found]}
    return Result("partial", {**facts, "look": MAY_BE_NEW} if found else facts)


def _has_values_of(event: Event, new: NewEvent) -> bool:
    """Whether an event has every text that was sent, its marking and its dataset included."""
    texts = {name: text for name in Event.model_fields if isinstance(text := getattr(new, name, None), str)}
    return all(is_same_value(name, text, str(getattr(event, name))) for name, text in texts.items())


def _is_same_json(one: JsonValue, other: JsonValue) -> bool:
    # As text, because True equals 1 in Python.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
