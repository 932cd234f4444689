"""Creating one or many events. Their undo deletes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Self

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.deletion import plan_deletion_of_created
from cf1_mcp.changes.effect import MAX_WITHOUT_CODE, ChangeKind, Effect, Facts, Payload, Planner, Planning, Result
from cf1_mcp.changes.outcomes.event_looks import look_for_new
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out
from cf1_mcp.changes.parents import describe_read_parents
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.events.copies import refuse_copies
from cf1_mcp.events.field_sizes import check_length
from cf1_mcp.events.read_as import describe_read_as
from cf1_mcp.events.transitions import Transition, describe_creation
from cf1_mcp.events.validation import (
    EventTexts,
    EventValidator,
    Validator,
    check_raw,
    check_tags,
    check_text,
    find_differences,
    find_relative_dates,
)
from cf1_mcp.imports.batch import Batch
from cf1_mcp.imports.call_arguments import CheckedBatch
from cf1_mcp.models import ArticleSource, Event, NewEvent, NewRaw, Raw
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.store.payloads import ImportEvents
from cf1_mcp.text.plurals import plural

# Invented: how long it takes. If wrong, a search that finds nothing yet is explained by this, or needlessly repeated.
INDICATOR_DELAY: Final = "a search or look-up may find new indicators only after some seconds"


class CreateEvent(Payload):
    """One event. The journal keeps it as it is sent."""

    new: NewEvent

    def arguments(self) -> dict[str, JsonValue]:
        return self.new.wire()

    @classmethod
    def restore(cls, arguments: Facts, before: JsonValue) -> Self:
        return cls(new=NewEvent.model_validate(arguments))


# -- one event


async def plan_creation(
    planning: Planner,
    validator: Validator,
    given: EventTexts,
    dataset_id: str,
    tags: list[str] | None,
    raw_data: dict[str, JsonValue] | None,
    raw_source: str | None,
    raw_tlp: str | None,
    source_article: str | None,
) -> Effect[CreateEvent]:
    """Check the fields, tags and raw evidence of a new event."""
    dataset = planning.dataset_to_write(dataset_id)
    if given.get("indicator_type") and not given.get("indicator"):
        raise BadArgument("indicator_type", "there is no indicator of this type", "indicator as well, or neither")
    raw = _check_raw(validator, raw_data, raw_source, raw_tlp)
    fields = await validator.check_fields(given, infers_type=True)
    labels: dict[str, object] = {"tags": check_tags(tags)} if tags else {}
    if source_article:
        labels["source"] = ArticleSource.of_article(source_article)
    new = NewEvent.model_validate({**fields, **labels, "dataset_id": dataset.uuid, "raw": raw}, by_name=True)
    effect = Effect(
        kind=CREATION,
        payload=CreateEvent(new=new),
        datasets=(dataset.uuid,),
        summary=f"Create an event of category {new.category!r}, marked {new.tlp}, in dataset {dataset.name!r}.",
        undo="undo_change deletes the event again.",
        needs_code=False,
        read_as={**describe_read_as(given, fields), **validator.describe_unread()},
        size=1,
        relative_dates=find_relative_dates(given, fields),
        new_markings=_list_markings([new]),
        told=_describe_delay([new]),
    )
    return await add_outside_effects(planning, effect, [describe_creation(new, dataset.uuid, "new")])


def _check_raw(
    validator: EventValidator, data: dict[str, JsonValue] | None, source: str | None, tlp: str | None
) -> NewRaw:
    raw: dict[str, object] = {"data": check_raw(data) if data is not None else None}
    if source is not None:
        raw["source"] = check_text(check_length(source, "raw_source", "raw_source"), "raw_source")
    read_policy = validator.read_policy
    if tlp:
        raw["tlp"] = validator.check_marking(tlp, "raw_tlp")
    elif (data or source) and read_policy.is_above_ceiling(""):
        # Nobody could read, change or delete it here afterwards.
        problem = f"raw evidence without a marking counts as amber, which is withheld by {read_policy.tlp_rule}"
        raise BadArgument("raw_tlp", problem, f"the marking of the evidence, up to {read_policy.ceiling.value}")
    return NewRaw.model_validate(raw)


async def create_event(client: ThreatEventsClient, payload: CreateEvent) -> Result:
    """Create the event, and report where the answer differs from what was sent."""
    new = payload.new
    try:
        created = await client.create_event(new)
    except ApiError as error:
        return await find_out(error, partial(look_for_new, client, new))
    sent = {name: value for name in type(created).model_fields if isinstance(value := getattr(new, name, None), str)}
    differs = find_differences(sent, created)
    kept = {tag.casefold() for tag in created.tags}
    if lost := [tag for tag in new.tags or () if tag.casefold() not in kept]:
        differs.append({"field": "tags", "not_set": [*lost]})
    facts: dict[str, JsonValue] = {"created": [{"row": 0, "uuid": created.uuid}]}
    return Result("partial", facts, {"differs": differs}) if differs else Result("done", facts)


# -- many events


async def plan_import(batch: CheckedBatch, planning: Planner, on_duplicate: str) -> Effect[ImportEvents]:
    """Describe the events and relationships of a checked batch."""
    dataset, events, links = batch.dataset, [*batch.events.values()], batch.links
    joining = await _check_existing_links(planning, batch)
    most = planning.write_policy.settings.max_change
    undo = "undo_change deletes the events whose ids the API reports, within the operator's rules; new tags stay."
    if len(events) > most:
        undo = f"Not by undo_change: CF1_MAX_CHANGE ({most}) lets it delete fewer at once."
    if joining:
        stay = "Relationships between events that existed before stay."
        undo = f"{undo} {stay}" if events else f"Not by undo_change. {stay}"
    counted = f"{plural(len(events), 'event')} with {plural(len(links), 'relationship')}"
    counted += f", {joining} of them between events that exist already," if joining else ""
    effect = Effect(
        kind=IMPORT,
        payload=ImportEvents(
            dataset_id=dataset.uuid, rows=batch.row_count, digest=batch.digest, on_duplicate=on_duplicate
        ),
        datasets=(dataset.uuid,),
        summary=f"Create {counted} in dataset {dataset.name!r}.",
        undo=undo,
        # By all rows: a code must not become unnecessary because some of them were created elsewhere meanwhile.
        needs_code=batch.row_count > MAX_WITHOUT_CODE and bool(events or links),
        is_large=batch.row_count > MAX_WITHOUT_CODE,
        facts={"events": len(events), "relationships": len(links), **_count_markings(events)},
        untrusted=_describe(events),
        events=batch.sample(),
        read_as=batch.facts,
        relative_dates=batch.relative_dates,
        size=len(events),
        changes_nothing=not (events or links),
        new_markings=_list_markings(events),
        told=_describe_delay(events),
        can_undo=len(events) <= most and bool(events or not joining),
    )
    return await add_outside_effects(planning, effect, await _describe_transitions(planning, batch))


async def _check_existing_links(planning: Planning, batch: Batch) -> int:
    """Return how many relationships join two events that exist. To make them is to change these events.

    Raises:
        Withheld: more than the operator allows to change at once.
        BadArgument: an event that exists and gets a relationship has a copy in another dataset.
    """
    existing = batch.existing
    joining = sum(link.parent in existing and link.child in existing for link in batch.links)
    planning.write_policy.require_size(joining, planning.argument("rows"))
    linked = dict.fromkeys(existing[row] for link in batch.links for row in link[:2] if row in existing)
    known, argument = planning.write_policy.known, planning.argument("rows")
    await refuse_copies(planning.client, known, [*linked], (batch.dataset,), argument)
    return joining


async def _describe_transitions(planning: Planning, batch: Batch) -> list[Transition]:
    """Return the creation of the rows, and the children that they add to events that exist."""
    dataset, parents = batch.dataset.uuid, {link.parent for link in batch.links}
    created = [
        describe_creation(new, dataset, f"row {row}", is_parent=row in parents) for row, new in batch.events.items()
    ]
    existing = {event_id: (dataset, True) for row, event_id in batch.existing.items() if row in parents}
    return [*created, *await describe_read_parents(planning, existing, gain=True)]


async def plan_import_again(batch: CheckedBatch, planning: Planner, on_duplicate: str) -> Effect[ImportEvents]:
    """Describe the same batch, compared with the dataset again: it may have changed while a person was asked."""
    current = await batch.compare_again() if batch.compare_again else batch
    return await plan_import(current, planning, on_duplicate)


def _describe_delay(events: Sequence[NewEvent]) -> dict[str, JsonValue]:
    return {"indicators": INDICATOR_DELAY} if any(event.indicator for event in events) else {}


def _list_markings(events: Sequence[NewEvent]) -> list[str]:
    """Return the markings of new events and of their raw evidence, each once."""
    found: dict[str, None] = {}
    for new in events:
        found[new.tlp] = None
        if new.raw.data or new.raw.tlp:
            marked = Event(uuid="new", tlp=new.tlp), Raw(id="new", tlp=new.raw.tlp or "")
            found[ReadPolicy.raw_marking(*marked)] = None
    return [*found]


def _count_markings(events: Sequence[NewEvent]) -> dict[str, JsonValue]:
    return {"markings": {**Counter(event.tlp for event in events)}} if events else {}


def _describe(events: Sequence[NewEvent]) -> Mapping[str, JsonValue]:
    """Return the period of the events and the number of events in each category."""
    dates = sorted(event.date for event in events)
    if not dates:
        return {}
    return {
        "dates": f"{dates[0]} to {dates[-1]}",
        "categories": {**Counter(event.category for event in events)},
    }


async def _refuse_to_import(client: ThreatEventsClient, payload: ImportEvents) -> Result:
    raise NotImplementedError("The tool sends the rows of an import: its payload contains only their digest.")


# New events are not limited in number.
CREATION = ChangeKind(
    "create_threat_event", ToolEffect.CREATE, CreateEvent, create_event, plan_deletion_of_created, limited=False
)
IMPORT = ChangeKind(
    "import_threat_events", ToolEffect.CREATE, ImportEvents, _refuse_to_import, plan_deletion_of_created, limited=False
)
