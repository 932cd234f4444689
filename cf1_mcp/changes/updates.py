"""Changing fields of an event and its raw evidence, and restoring them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.changes.bulk.bulk_sending import UpdateEvents
from cf1_mcp.changes.bulk.bulk_updates import NOTHING_TOLD, plan_updates
from cf1_mcp.changes.bulk.chosen_events import UpdateChoice
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Planner, Planning, warn_of_overwriting
from cf1_mcp.changes.lost_evidence import NOT_READ
from cf1_mcp.changes.outcomes.update_sending import is_same_part, list_fields, update_event
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.errors import ApiError, BadArgument, Withheld
from cf1_mcp.events.certainty import INDICATOR, find_new_values, list_replaced
from cf1_mcp.events.copies import refuse_copies
from cf1_mcp.events.field_sizes import check_length
from cf1_mcp.events.indicator_fields import fits_type
from cf1_mcp.events.raw_evidence import count_raw_markings, is_temporary, require_unread_readable
from cf1_mcp.events.read_as import describe_read_as
from cf1_mcp.events.snapshots import read_events
from cf1_mcp.events.transitions import describe_update
from cf1_mcp.events.validation import (
    EventTexts,
    EventValidator,
    Validator,
    check_raw,
    check_text,
    find_relative_dates,
    is_same_value,
)
from cf1_mcp.models import Dataset, Event, EventChange, Raw, Tlp
from cf1_mcp.policy.lowered_markings import check_new_markings, describe_lowered_markings, with_new_values
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.store.payloads import BeforeUpdate, RawParts, UpdateEvent
from cf1_mcp.text.sanitize import clean

UNDO: Final = "undo_change restores the old values."
NO_UNDO: Final = "The old raw data cannot be restored: it is not a JSON object."


async def plan_update(
    planning: Planner,
    validator: Validator,
    given: EventTexts,
    events: UpdateChoice,
    dataset_id: str,
    raw_data: dict[str, JsonValue] | None,
    raw_source: str | None,
    raw_tlp: str | None,
) -> Effect[UpdateEvent] | Effect[UpdateEvents]:
    """Check the new values, and find which of them differ from the current ones."""
    dataset = planning.dataset_to_write(dataset_id)
    raw = _check_parts(validator, raw_data, raw_source, raw_tlp)
    if not given and not raw:
        raise BadArgument("event_id", "no new values are given", "at least one field with its new value")
    fields = await validator.check_fields(given)
    chosen = await events.find(planning, dataset)
    planning, ids = events.name_in(planning), chosen.ids
    if len(ids) > 1 and raw:
        argument = planning.argument("event_ids")
        raise BadArgument(argument, "raw evidence is changed of one event at a time", "event_id")
    effect: Effect[UpdateEvent] | Effect[UpdateEvents]
    if len(ids) > 1:
        effect = chosen.describe(await plan_updates(planning, dataset, ids, fields))
    else:
        effect = chosen.describe(await _plan_update(planning, dataset, ids[0], fields, raw))
    relative_dates = find_relative_dates(given, fields)
    read_as = {**describe_read_as(given, fields), **validator.describe_unread()}
    return replace(effect, read_as=read_as, relative_dates=relative_dates)


async def _plan_update(
    planning: Planning, dataset: Dataset, event_id: str, fields: Mapping[str, str], raw: Mapping[str, JsonValue]
) -> Effect[UpdateEvent]:
    """`fields` are text fields of the event by their snake-case names, `raw` parts of its evidence."""
    event, evidence, is_unread = await _read_current(planning, dataset, event_id, change_raw=bool(raw))
    if fields.get("indicator_type") and not fields.get("indicator", event.indicator):
        raise BadArgument("indicator_type", "there is no indicator of this type", "indicator as well, or neither")
    _check_fit(event, fields)
    new = find_new_values(event, fields)
    new_raw = {name: value for name, value in raw.items() if not is_same_part(name, value, getattr(evidence, name))}
    if not new and not new_raw:
        problem = "the event has these values already"
        raise BadArgument(planning.argument("event_id"), problem, "other values, or leave it as it is")
    check_new_markings(planning.write_policy.read_policy, event, new, evidence, new_raw)
    old, untold = list_replaced(event, new)
    old_raw: dict[str, JsonValue] = {name: getattr(evidence, name) for name in new_raw}
    lowered = describe_lowered_markings(event, new, evidence, new_raw)
    # A person who agrees to a lower marking agrees to what it makes readable now.
    seen = [one.model_dump(mode="json", by_alias=True) for one in (event, evidence) if one] if lowered else []
    can_undo = isinstance(old_raw.get("data", {}), dict) and bool(old or old_raw)
    names = ", ".join([*new, *(f"raw {name}" for name in new_raw)])
    effect = Effect(
        kind=UPDATE,
        payload=UpdateEvent(
            event_id=event.uuid,
            event=_build_event_change(new, dataset),
            raw_id=event.raw_id if new_raw else None,
            raw=_build_raw_parts(new_raw),
            before=BeforeUpdate(
                event=_build_event_change(old, dataset),
                raw=_build_raw_parts(old_raw),
                seen=[*seen],
                marking=event.tlp,
                **({"raw_marking": ReadPolicy.raw_marking(event, evidence).value} if evidence else {}),
            ),
        ),
        datasets=(dataset.uuid,),
        summary=f"Change {names} of event {event.uuid} in dataset {dataset.name!r}.",
        warnings=(*lowered, *_describe_untold(untold), *([f"The raw evidence {NOT_READ}."] if is_unread else [])),
        undo=UNDO if can_undo else NO_UNDO if old or old_raw else NOTHING_TOLD,
        can_undo=can_undo,
        needs_code=bool(lowered),
        # A new marking of the evidence is shown next to its old one.
        facts=count_raw_markings([(event, evidence)]) if evidence and "tlp" not in new_raw else {},
        untrusted={"from": _render_values(old, old_raw), "to": _render_values(new, new_raw)},
        events=[event],
        evidence=[(event, evidence)] if evidence else (),
        new_markings=[str(parts["tlp"]) for parts in (new, new_raw) if "tlp" in parts],
    )
    return await add_outside_effects(planning, effect, [describe_update(event, new)])


def _check_fit(event: Event, fields: Mapping[str, str]) -> None:
    """Hold a new indicator to the type that stays, and a new type to the indicator that stays.

    Raises:
        BadArgument: they do not fit.
    """
    if len(fields.keys() & {*INDICATOR}) != 1:
        return
    value, name = fields.get("indicator", event.indicator), fields.get("indicator_type", event.indicator_type)
    if not fits_type(value, name):
        [given] = fields.keys() & {*INDICATOR}
        other = "indicator_type" if given == "indicator" else "indicator"
        raise BadArgument(given, f"it does not fit the {other} that the event has", f"{other} as well")


async def _read_current(
    planning: Planning, dataset: Dataset, event_id: str, *, change_raw: bool
) -> tuple[Event, Raw | None, bool]:
    """Return the event and its raw evidence, and whether that could not be read. The route that changes evidence names
    the event without its dataset.

    Raises:
        Withheld: one of them may not be seen, and so neither may be changed.
    """
    argument = planning.argument("event_id")
    [event] = await read_events(planning.client, planning.write_policy, dataset, [event_id], argument)
    if not event.raw_id:
        if change_raw:
            problem = "this event has no raw evidence that could be changed"
            raise BadArgument(planning.argument("raw_data"), problem, "fields of the event")
        return event, None, False
    try:
        raw = await planning.client.read_raw(event.uuid, event.raw_id)
    except ApiError as error:
        if change_raw or is_temporary(error):
            raise
        require_unread_readable(planning.write_policy.read_policy, event)
        return event, None, True
    planning.write_policy.read_policy.require_raw_readable(event, raw)
    if change_raw:
        await refuse_copies(planning.client, planning.write_policy.known, [event.uuid], (dataset,), argument)
    return event, raw, False


def _describe_untold(names: Sequence[str]) -> list[str]:
    return [f"The API does not tell the old {' and '.join(names)}: undo_change cannot restore that."] if names else []


def _check_parts(
    validator: EventValidator, data: dict[str, JsonValue] | None, source: str | None, tlp: str | None
) -> dict[str, JsonValue]:
    """Return the parts of raw evidence in a call, checked."""
    parts: dict[str, JsonValue] = {}
    if data is not None:
        parts["data"] = check_raw(data)
    if source is not None:
        parts["source"] = check_text(check_length(source, "raw_source", "raw_source"), "raw_source")
    if tlp is not None:
        parts["tlp"] = validator.check_marking(tlp, "raw_tlp")
    return parts


def _describe_lowered_values(planning: Planning, effect: Effect[UpdateEvent], before: BeforeUpdate) -> list[str]:
    """Return a sentence for each part that an undo restores under a lower marking than it was stored with.

    Raises:
        Withheld: it was stored with a marking above the ceiling.
    """
    read_policy, payload = planning.write_policy.read_policy, effect.payload
    [event], restored = effect.events, list_fields(payload.event)
    new_raw = payload.raw.parts() if payload.raw else {}
    raw = next((raw for _, raw in effect.evidence), None)
    parts: list[tuple[str, Tlp, Tlp]] = []
    if restored.keys() - {"tlp"} and before.marking is not None:
        parts.append(("values", Tlp.of(before.marking), Tlp.of(restored.get("tlp", event.tlp))))
    if new_raw.keys() - {"tlp"} and before.raw_marking is not None and raw is not None:
        now = read_policy.raw_marking(*with_new_values(event, restored, raw, new_raw))
        parts.append(("raw evidence", Tlp.of(before.raw_marking), now))
    for what, old, _ in parts:
        if old.rank > read_policy.ceiling.rank:
            raise Withheld(f"What this would restore ({what} of the event)", read_policy.tlp_rule)
    return [
        f"This lowers a marking: the {what} that it restores were marked {old}, and become {now}."
        for what, old, now in parts
        if now.rank < old.rank
    ]


def _build_event_change(fields: Mapping[str, str], dataset: Dataset) -> EventChange | None:
    return EventChange.model_validate({**fields, "dataset_id": dataset.uuid}) if fields else None


def _build_raw_parts(parts: Mapping[str, JsonValue]) -> RawParts | None:
    return RawParts.model_validate(parts) if parts else None


def _render_values(fields: Mapping[str, str], raw: Mapping[str, JsonValue]) -> JsonValue:
    """Return values clipped for a preview."""
    every: dict[str, JsonValue] = {**fields, **{f"raw_{name}": value for name, value in raw.items()}}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in every.items()}
    return {name: clean(text, MAX_CELL_LENGTH) for name, text in texts.items()}


async def _undo(planning: Planning, change: PastChange[UpdateEvent]) -> Effect[UpdateEvent]:
    """Plan to restore the old values, with a code if that overwrites later changes or raw evidence."""
    sent, before = list_fields(change.payload.event), change.payload.before
    old_raw = before.raw.parts() if before.raw else {}
    if not isinstance(old_raw.get("data", {}), dict):
        problem = f"the raw data before change {change.id} is not a JSON object, and the API takes no other"
        raise BadArgument("change_id", problem, "another change")
    if not (old := list_fields(before.event)) and not old_raw:
        problem = f"the API did not tell the old values before change {change.id}, so there are none to restore"
        raise BadArgument("change_id", problem, "update_threat_event with the values that it should have")
    dataset = planning.dataset_to_write(change.datasets[0])
    effect = await _plan_update(planning, dataset, change.payload.event_id, old, old_raw)
    if lost := [name for name in sent if name not in old]:
        stays = f"The API did not tell the old {' and '.join(lost)}: what the change set stays."
        effect = replace(effect, warnings=(*effect.warnings, stays))
    if lowered := _describe_lowered_values(planning, effect, before):
        effect = replace(effect, needs_code=True, warnings=(*effect.warnings, *lowered))
    [event], restored = effect.events, list_fields(effect.payload.event)
    overwritten = [
        name for name in restored if name in sent and not is_same_value(name, sent[name], getattr(event, name))
    ]
    return warn_of_overwriting(replace(effect, needs_code=effect.needs_code or bool(old_raw)), overwritten)


UPDATE = ChangeKind("update_threat_event", ToolEffect.UPDATE, UpdateEvent, update_event, _undo)
