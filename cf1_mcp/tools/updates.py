"""Changing fields of a threat event, and its raw evidence."""

import json
from collections.abc import Mapping
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Planned, Result, approved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, Country, EventId, HomeDataset, Marking, Moment, RawData
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import ApiError, BadArgument, Withheld
from cf1_mcp.events.snapshots import without_copies
from cf1_mcp.events.validation import Checker, Checking, Given, checked_raw, checked_text, differing, read_as, same
from cf1_mcp.models import Event, EventChange, Raw, RawChange, Tlp
from cf1_mcp.policy.reading import Reading
from cf1_mcp.policy.writing import Writer
from cf1_mcp.text.sanitize import clean

INDICATOR: Final = ("indicator", "indicator_type")


async def _plan(
    client: Client,
    writing: Writer,
    checking: Checker,
    given: Given,
    dataset_id: str,
    event_id: str,
    raw_data: dict[str, JsonValue] | None,
    raw_source: str | None,
    raw_tlp: str | None,
) -> Effect:
    dataset = writing.to_write(dataset_id)
    parts = _raw_parts(checking, raw_data, raw_source, raw_tlp)
    if not given and not parts:
        raise BadArgument("event_id", "nothing is given to change", "at least one field with its new value")
    fields = await checking.fields(given)
    event = writing.at_home(await client.read_event(dataset.uuid, event_id), dataset, "event_id")
    raw = await _raw(client, writing.reading, event) if parts else None
    if parts:
        # Its route names the event without the dataset.
        await without_copies(client, [event.uuid], (dataset,), "event_id")
    if fields.get("indicator_type") and not fields.get("indicator", event.indicator):
        raise BadArgument("indicator_type", "there is no indicator of this type", "indicator as well, or neither")
    new = {name: text for name, text in fields.items() if not same(name, text, str(getattr(event, name)))}
    new_raw = {name: value for name, value in parts.items() if not _same_part(name, value, getattr(raw, name))}
    if not new and not new_raw:
        raise BadArgument("event_id", "the event has these values already", "other values, or leave it as it is")
    # The API changes an indicator and its type together, so they come back together.
    old_names = [*new, *(name for name in INDICATOR if name not in new and new.keys() & INDICATOR)]
    old: dict[str, JsonValue] = {name: str(getattr(event, name)) for name in old_names}
    old_raw: dict[str, JsonValue] = {name: getattr(raw, name) for name in new_raw}
    lowered = _lowered(event, new, raw, new_raw)
    names = ", ".join([*new, *(f"raw {name}" for name in new_raw)])
    return Effect(
        tool="update_threat_event",
        arguments={
            "event_id": event.uuid,
            "event": EventChange.model_validate({**new, "dataset_id": dataset.uuid}).wire() if new else None,
            "raw_id": event.raw_id if new_raw else None,
            "raw": {**new_raw} if new_raw else None,
        },
        datasets=(dataset.uuid,),
        summary=" ".join([f"Change {names} of event {event.uuid} in dataset {dataset.name!r}.", *lowered]),
        before={
            "event": EventChange.model_validate({**old, "dataset_id": dataset.uuid}).wire() if new else None,
            "raw": old_raw if new_raw else None,
            # Who agrees to a lower marking agrees to what is under it now.
            "seen": [one.model_dump(mode="json", by_alias=True) for one in (event, raw) if one] if lowered else [],
        },
        undo="undo_change sets the old values again."
        if _writable(old_raw)
        else "The old raw data cannot be set again.",
        needs_code=bool(lowered),
        facts={"from": _told(old, old_raw), "to": _told({**new}, new_raw)},
        events=[event],
        read_as=read_as(given, fields),
    )


Update = Annotated[Planned, Resolve(approved(_plan))]


@CURATION.tool("Update a threat event", ToolEffect.UPDATE)
async def update_threat_event(
    client: Client,
    plan: Update,
    dataset_id: HomeDataset,
    event_id: EventId,
    category: str | None = None,
    date: Moment | None = None,
    event: str | None = None,
    tlp: Marking | None = None,
    attacker: str | None = None,
    attacker_country: Country = None,
    indicator: str | None = None,
    indicator_type: str | None = None,
    insight: str | None = None,
    target_country: Country = None,
    target_industry: str | None = None,
    raw_data: RawData = None,
    raw_source: str | None = None,
    raw_tlp: str | None = None,
    confirm: Confirm = None,
) -> Card:
    """Change or correct fields of one event, or its raw evidence: a wrong attribution, attacker, country or date, a
    higher TLP marking. What is given is replaced, an empty text clears, the rest stays. Lowering a TLP marking first
    answers a preview with a code. For tags use tag_threat_events.
    """
    return plan.preview or await plan.carry_out(lambda: _update(client, plan.effect))


def _raw_parts(
    checking: Checking, data: dict[str, JsonValue] | None, source: str | None, tlp: str | None
) -> dict[str, JsonValue]:
    """What is given of the raw evidence, checked."""
    parts: dict[str, JsonValue] = {}
    if data is not None:
        parts["data"] = checked_raw(data)
    if source is not None:
        parts["source"] = checked_text(source, "raw_source")
    if tlp is not None:
        parts["tlp"] = checking.marking(tlp, "raw_tlp")
    return parts


async def _raw(client: ThreatEventsClient, reading: Reading, event: Event) -> Raw:
    """The raw evidence as it stands. It has a marking of its own; what may not be seen may not be changed."""
    if not event.raw_id:
        raise BadArgument("raw_data", "this event has no raw evidence that could be changed", "fields of the event")
    raw = await client.read_raw(event.uuid, event.raw_id)
    if reading.above(raw.tlp or event.tlp):
        raise Withheld("The raw evidence of this event", reading.tlp_rule)
    return raw


def _lowered(event: Event, new: Mapping[str, str], raw: Raw | None, new_raw: Mapping[str, JsonValue]) -> list[str]:
    """A sentence for each marking that the change lowers. Unmarked evidence is as strict as its event, or amber."""
    said: list[str] = []
    old, now = Tlp.of(event.tlp), Tlp.of(new.get("tlp", event.tlp))
    if now.rank < old.rank:
        said.append(f"This lowers the event's marking from {old} to {now}.")
    if raw is not None and "tlp" in new_raw:
        old = Tlp.of(raw.tlp) if raw.tlp.strip() else max(Tlp.AMBER, Tlp.of(event.tlp), key=lambda level: level.rank)
        now = Tlp.of(str(new_raw["tlp"]))
        if now.rank < old.rank:
            said.append(f"This lowers the raw evidence's marking from {old} to {now}.")
    return said


def _same_part(name: str, one: JsonValue, other: JsonValue) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return same(name, one, other)
    # As text, because Python takes true and 1 for equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _writable(old_raw: Mapping[str, JsonValue]) -> bool:
    """Whether the API takes the old evidence again: its data must be an object."""
    return isinstance(old_raw.get("data", {}), dict)


def _told(fields: Mapping[str, JsonValue], raw: Mapping[str, JsonValue]) -> JsonValue:
    """Values for a preview, short."""
    every = {**fields, **{f"raw_{name}": value for name, value in raw.items()}}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in every.items()}
    return {name: clean(text, MAX_CELL_LENGTH) for name, text in texts.items()}


async def _update(client: ThreatEventsClient, effect: Effect) -> Result:
    """The event first: should its evidence fail to follow, that keeps the stricter marking of the two."""
    event_id, event, raw = str(effect.arguments["event_id"]), effect.arguments["event"], effect.arguments["raw"]
    asked: list[str] = []
    differs: list[JsonValue] = []
    failed: list[JsonValue] = []
    if event is not None:
        change = EventChange.model_validate(event)
        sent = {
            name: str(getattr(change, name)) for name in EventChange.model_fields if name in change.model_fields_set
        }
        differs = differing(sent, await client.update_event(event_id, change))
        asked += [name for name in sent if name != "dataset_id"]
    if raw is not None:
        try:
            evidence = RawChange.model_validate(raw)
            answer = await client.update_raw(event_id, str(effect.arguments["raw_id"]), evidence)
            asked += ["raw"]
            # The answer tells the data and nothing else of the evidence.
            if evidence.data is not None and not _same_part("data", evidence.data, answer.data):
                differs.append({"field": "raw", "answered": clean(json.dumps(answer.data), MAX_CELL_LENGTH)})
        except ApiError as error:
            if event is None:
                raise
            failed.append({"part": "raw", "reason": str(error)})
    wrong = [one["field"] for one in differs if isinstance(one, dict)]
    changed: list[JsonValue] = [name for name in asked if name not in wrong]
    facts: dict[str, JsonValue] = {"event_id": event_id, "changed": changed}
    facts |= {name: rows for name, rows in {"differs": differs, "failed": failed}.items() if rows}
    if not differs and not failed:
        return Result("done", facts)
    return Result("partial" if changed else "failed", facts)
