"""Changing the same fields of many events, and restoring them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.changes.bulk.bulk_sending import ReplacedValues, UpdateEvents, Values, update_events
from cf1_mcp.changes.effect import (
    MAX_WITHOUT_CODE,
    ChangeKind,
    Effect,
    PastChange,
    Planning,
    warn_of_overwriting,
)
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.events.certainty import find_new_values, list_replaced, with_indicator
from cf1_mcp.events.copies import find_events_in
from cf1_mcp.events.raw_evidence import (
    MAX_READ_AHEAD,
    count_raw_markings,
    may_have_evidence,
    read_all_evidence,
    stand_in,
)
from cf1_mcp.events.snapshots import read_events
from cf1_mcp.events.transitions import describe_update
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Dataset, Event, Raw, Tlp
from cf1_mcp.policy.lowered_markings import check_new_markings
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_LISTED: Final = 5
NOTHING_TOLD: Final = "This cannot be undone: the API does not tell the old values."
UNREAD_EVIDENCE: Final = "was not looked at, and is not changed"


async def plan_updates(
    planning: Planning, dataset: Dataset, event_ids: Sequence[str], fields: Mapping[str, str]
) -> Effect[UpdateEvents]:
    """Check that the events may be changed, and find which of the new values differ from the current ones."""
    return await _plan(planning, dataset, dict.fromkeys(sorted(event_ids), fields))


async def _plan(planning: Planning, dataset: Dataset, wanted: Values) -> Effect[UpdateEvents]:
    planning.check_size(len(wanted))
    read_policy, argument = planning.write_policy.read_policy, planning.argument("event_ids")
    names = dict.fromkeys(name for fields in wanted.values() for name in fields)
    events = await read_events(
        planning.client, planning.write_policy, dataset, [*wanted], argument, telling=with_indicator(names)
    )
    new = {event.uuid: find_new_values(event, wanted[event.uuid]) for event in events}
    touched = [event for event in events if new[event.uuid]]
    if not touched:
        raise BadArgument(argument, "all of these events have these values already", "other values, or other events")
    for event in touched:
        if new[event.uuid].get("indicator_type") and not new[event.uuid].get("indicator", event.indicator):
            problem = f"event {event.uuid} has no indicator of this type"
            raise BadArgument(planning.argument("indicator_type"), problem, "indicator as well, or neither")
        check_new_markings(read_policy, event, new[event.uuid], None, {})
    evidence, unread = await _read_evidence(planning, touched)
    lowered = _describe_lowered(touched, new, evidence, unread)
    names = dict.fromkeys(name for fields in new.values() for name in fields)
    replaced = {event.uuid: list_replaced(event, new[event.uuid]) for event in touched}
    old = {event_id: told for event_id, (told, _) in replaced.items()}
    effect = Effect(
        kind=BULK_UPDATE,
        payload=UpdateEvents(
            dataset_id=dataset.uuid,
            values={event.uuid: new[event.uuid] for event in touched},
            before=ReplacedValues(values=old, markings={event.uuid: event.tlp for event in touched}),
        ),
        datasets=(dataset.uuid,),
        summary=f"Change {', '.join(names)} of {plural(len(touched), 'event')} in dataset {dataset.name!r}.",
        warnings=(*lowered, *_describe_untold([untold for _, untold in replaced.values()]), *_describe_unread(unread)),
        undo="undo_change restores the old values." if any(old.values()) else NOTHING_TOLD,
        can_undo=any(old.values()),
        needs_code=bool(lowered) or len(touched) > MAX_WITHOUT_CODE,
        is_large=len(touched) > MAX_WITHOUT_CODE,
        facts={"events": len(touched), **count_raw_markings(evidence)},
        untrusted={"from": _render_values([*old.values()]), "to": _render_values([*new.values()])},
        events=touched,
        evidence=evidence,
        new_markings=sorted({fields["tlp"] for fields in new.values() if "tlp" in fields}),
    )
    return await add_outside_effects(planning, effect, [describe_update(one, new[one.uuid]) for one in touched])


async def _read_evidence(planning: Planning, events: Sequence[Event]) -> tuple[list[tuple[Event, Raw]], int]:
    """Return the evidence of a few events, and of how many it was not read. It is not changed, so that of many events
    it is not worth a request each.

    Raises:
        Withheld: evidence that was read may not be seen.
    """
    having = [event for event in events if may_have_evidence(event)]
    if len(having) > MAX_READ_AHEAD:
        return [], len(having)
    read = await read_all_evidence(planning.client, planning.write_policy.read_policy, having)
    pairs = [(event, stand_in(event) if one.is_unread else one.raw) for event, one in zip(having, read, strict=True)]
    return [(event, raw) for event, raw in pairs if raw], 0


def _describe_lowered(
    events: Sequence[Event], new: Values, evidence: Sequence[tuple[Event, Raw]], unread: int
) -> list[str]:
    """Return sentences on the markings that are lowered. That of unmarked evidence follows the marking of its event."""
    lowered: dict[tuple[Tlp, Tlp], list[Event]] = {}
    for event in events:
        old, now = Tlp.of(event.tlp), Tlp.of(new[event.uuid].get("tlp", event.tlp))
        if now.rank < old.rank:
            lowered.setdefault((old, now), []).append(event)
    sentences = [
        f"This lowers the marking of {plural(len(some), 'event')} from {old} to {now}."
        for (old, now), some in sorted(lowered.items())
    ]
    unmarked = {event.uuid for event, raw in evidence if not raw.tlp.strip()}
    count = sum(event.uuid in unmarked for some in lowered.values() for event in some)
    if count or (unread and lowered):
        sentences.append("Raw evidence without a marking of its own is lowered with its event.")
    return sentences


def _describe_untold(untold: Sequence[Sequence[str]]) -> list[str]:
    """Return a sentence on the old values that were not told, by the number of events."""
    counts = Counter(name for names in untold for name in names)
    of_all = ", ".join(f"{name} of {plural(count, 'event')}" for name, count in counts.items())
    return (
        [f"The API does not tell the old values of all ({of_all}): undo_change cannot restore these."] if counts else []
    )


def _describe_unread(unread: int) -> list[str]:
    return [f"The raw evidence of {plural(unread, 'event')} {UNREAD_EVIDENCE}."] if unread else []


def _render_values(every: Sequence[Mapping[str, str]]) -> JsonValue:
    """Return the distinct values of each field, clipped for a preview."""
    found: dict[str, dict[str, None]] = {}
    for fields in every:
        for name, value in fields.items():
            found.setdefault(name, {})[clean(value, MAX_CELL_LENGTH)] = None
    shown: dict[str, JsonValue] = {}
    for name, values in found.items():
        more = [f"and {len(values) - MAX_LISTED} more"] if len(values) > MAX_LISTED else []
        shown[name] = next(iter(values)) if len(values) == 1 else [*[*values][:MAX_LISTED], *more]
    return shown


# -- restoring


async def _undo(planning: Planning, change: PastChange[UpdateEvents]) -> Effect[UpdateEvents]:
    """Plan to restore the old values of the events that were changed and still exist."""
    payload, before = change.payload, change.payload.before
    dataset = planning.dataset_to_write(payload.dataset_id)
    # After an unknown outcome, what is there now decides.
    settled = change.ids("changed") or change.done_ids("changed", payload.values)
    changed = [*payload.values] if change.outcome == "unknown" else settled or [*payload.values]
    remaining = await find_events_in(planning.client, dataset.uuid, changed)
    if not remaining:
        problem = f"no event of change {change.id} is in dataset {dataset.uuid} any more"
        raise BadArgument("change_id", problem, "another change")
    wanted = {event_id: old for event_id in remaining if (old := before.values.get(event_id))}
    if not wanted:
        problem = f"the API did not tell the old values before change {change.id}, so there are none to restore"
        raise BadArgument("change_id", problem, "update_threat_event with the values that they should have")
    effect = await _plan(planning, dataset, wanted)
    lost = [[name for name in payload.values[one] if name not in before.values.get(one, {})] for one in remaining]
    effect = replace(effect, warnings=(*effect.warnings, *_describe_kept(lost)))
    effect = _describe_lowered_values(planning.write_policy.read_policy, effect, before)
    overwritten: dict[str, None] = {}
    for event in effect.events:
        sent = payload.values.get(event.uuid, {})
        overwritten |= dict.fromkeys(
            name
            for name in effect.payload.values[event.uuid]
            if name in sent and not is_same_value(name, sent[name], str(getattr(event, name)))
        )
    return warn_of_overwriting(effect, [*overwritten])


def _describe_kept(lost: Sequence[Sequence[str]]) -> list[str]:
    """Return a sentence on values that are not restored, because the old ones were not told."""
    if not (count := sum(map(bool, lost))):
        return []
    names = " and ".join(dict.fromkeys(name for some in lost for name in some))
    return [f"The API did not tell the old {names} of {plural(count, 'event')}: what the change set stays."]


def _describe_lowered_values(
    read_policy: ReadPolicy, effect: Effect[UpdateEvents], before: ReplacedValues
) -> Effect[UpdateEvents]:
    """Return the effect with a sentence, and the need of a code, for values that it restores under a lower marking than
    they were stored with.

    Raises:
        Withheld: some were stored with a marking above the ceiling.
    """
    lowered: dict[tuple[Tlp, Tlp], int] = {}
    for event in effect.events:
        restored = effect.payload.values[event.uuid]
        if restored.keys() <= {"tlp"} or event.uuid not in before.markings:
            continue
        old, now = Tlp.of(before.markings[event.uuid]), Tlp.of(restored.get("tlp", event.tlp))
        if old.rank > read_policy.ceiling.rank:
            raise Withheld("What this would restore (values of an event)", read_policy.tlp_rule)
        if now.rank < old.rank:
            lowered[old, now] = lowered.get((old, now), 0) + 1
    sentences = [
        f"This lowers a marking: the values that it restores of {plural(count, 'event')} were marked {old}, and become "
        f"{now}."
        for (old, now), count in sorted(lowered.items())
    ]
    if not sentences:
        return effect
    return replace(effect, needs_code=True, warnings=(*effect.warnings, *sentences))


BULK_UPDATE = ChangeKind("update_threat_event", ToolEffect.UPDATE, UpdateEvents, update_events, _undo)
