"""Tagging events and taking tags off them, each the undo of the other."""

from collections.abc import Sequence
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.bulk.chosen_events import EventChoice
from cf1_mcp.changes.effect import ChangeKind, Effect, P, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.outcomes.change_results import count_done
from cf1_mcp.changes.outcomes.tag_sending import TagsByEvent, change_tags, fold_tags
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.changes.remaining import find_remaining, warn_of_missing
from cf1_mcp.errors import BadArgument, unknown_word
from cf1_mcp.events.certainty import describe_nulls, require_told
from cf1_mcp.events.copies import refuse_copies
from cf1_mcp.events.snapshots import read_events
from cf1_mcp.events.transitions import describe_update
from cf1_mcp.events.validation import check_tags
from cf1_mcp.models import Dataset, Event
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_LISTED: Final = 5


class TagEvents(Payload):
    """Tags for events of one dataset. `before` has the tags that each event lacks."""

    dataset_id: str
    event_ids: list[str]
    tags: list[str]
    before: dict[str, list[str]]


class UntagEvents(Payload):
    """Tags to take off events of one dataset. `before` has the old tags of each event."""

    dataset_id: str
    event_ids: list[str]
    tags: list[str]
    before: dict[str, list[str]]

    def removed(self) -> dict[str, list[str]]:
        """Return the tags that are taken off each event, as the event spells them."""
        return {event_id: _keep_matching(tags, self.tags) for event_id, tags in self.before.items()}


# -- tagging


async def plan_tagging(planning: Planner, events: EventChoice, dataset_id: str, tags: list[str]) -> Effect[TagEvents]:
    """Check that the events may be tagged, and find the tags that each of them lacks."""
    dataset = planning.dataset_to_write(dataset_id)
    new = check_tags(tags, planning.argument("tags"))
    chosen = await events.find(planning, dataset)
    effect = await _plan_tagging(events.name_in(planning), dataset, new, dict.fromkeys(sorted(chosen.ids), new))
    return chosen.describe(effect)


async def _plan_tagging(
    planning: Planning, dataset: Dataset, tags: Sequence[str], tags_of: TagsByEvent
) -> Effect[TagEvents]:
    """`tags_of` has the tags for each event, `tags` all of them."""
    events = await _read_events(planning, dataset, [*tags_of], but_null=True)
    missing = {event.uuid: _drop_matching(tags_of[event.uuid], event.tags) for event in events}
    missing = {event_id: lacked for event_id, lacked in missing.items() if lacked}
    if not missing:
        problem = "all of these events have all of these tags already"
        raise BadArgument(planning.argument("tags"), problem, "other tags, or other events")
    effect = Effect(
        kind=TAGGING,
        payload=TagEvents(dataset_id=dataset.uuid, event_ids=[*tags_of], tags=[*tags], before=missing),
        datasets=(dataset.uuid,),
        summary=f"Tag {plural(len(missing), 'event')} in dataset {dataset.name!r} with {_quote_tags(tags)}.",
        warnings=tuple(describe_nulls(events, "tags")),
        undo="undo_change takes off the added tags, and leaves those that existed before.",
        needs_code=False,
        events=events,
    )
    tagged = [(event, [*event.tags, *missing[event.uuid]]) for event in events if event.uuid in missing]
    return await _add_outside_effects(planning, effect, tagged)


async def tag_events(client: ThreatEventsClient, payload: TagEvents) -> Result:
    """Add to each event the tags that it lacks."""
    return count_done(await change_tags(client, payload.dataset_id, payload.before, "tagged"), "tagged")


async def _undo_tagging(planning: Planning, change: PastChange[TagEvents]) -> Effect[UntagEvents]:
    dataset = planning.dataset_to_destroy(change.payload.dataset_id)
    tagged = change.possible_ids("tagged", change.payload.before)
    remaining = await find_remaining(planning, dataset, change.id, tagged)
    added = {event_id: change.payload.before.get(event_id, []) for event_id in remaining}
    effect = await _plan_untagging(planning, dataset, _merge_tags(added), added, only_these=True)
    return warn_of_missing(effect, len(tagged) - len(remaining))


# -- taking tags off


async def plan_untagging(
    planning: Planner, events: EventChoice, dataset_id: str, tags: list[str]
) -> Effect[UntagEvents]:
    """Check that tags may be taken off the events, and find those that each of them has."""
    dataset = planning.dataset_to_destroy(dataset_id)
    old = check_tags(tags, planning.argument("tags"))
    chosen = await events.find(planning, dataset)
    tags_of = dict.fromkeys(sorted(chosen.ids), old)
    return chosen.describe(await _plan_untagging(events.name_in(planning), dataset, old, tags_of, only_these=False))


async def _plan_untagging(
    planning: Planning, dataset: Dataset, tags: Sequence[str], tags_of: TagsByEvent, *, only_these: bool
) -> Effect[UntagEvents]:
    """`tags_of` has the tags to take off each event, `tags` all of them. With `only_these` they differ by event."""
    events = await _read_events(planning, dataset, [*tags_of])
    removed = {event.uuid: _keep_matching(event.tags, tags_of[event.uuid]) for event in events}
    touched = [event for event in events if removed[event.uuid]]
    if not touched:
        raise _unknown_tag_error(planning, tags, events)
    payload = UntagEvents(
        dataset_id=dataset.uuid,
        event_ids=[*tags_of],
        tags=[*tags],
        before={event.uuid: removed[event.uuid] if only_these else event.tags for event in touched},
    )
    effect = Effect(
        kind=UNTAGGING,
        payload=payload,
        datasets=(dataset.uuid,),
        summary=f"Take {_quote_tags(_merge_tags(removed))} off {plural(len(touched), 'event')} "
        f"in dataset {dataset.name!r}.",
        undo="undo_change tags the events again.",
        needs_code=True,
        facts={"events": len(touched), "tags_taken_off": sum(len(own) for own in removed.values())},
        events=touched,
    )
    untagged = [(event, _drop_matching(event.tags, removed[event.uuid])) for event in touched]
    return await _add_outside_effects(planning, effect, untagged)


async def untag_events(client: ThreatEventsClient, payload: UntagEvents) -> Result:
    """Take the tags off each event that has them."""
    return count_done(await change_tags(client, payload.dataset_id, payload.removed(), "untagged"), "untagged")


async def _undo_untagging(planning: Planning, change: PastChange[UntagEvents]) -> Effect[TagEvents]:
    dataset = planning.dataset_to_write(change.payload.dataset_id)
    removed, untagged = change.payload.removed(), change.possible_ids("untagged", change.payload.before)
    remaining = await find_remaining(planning, dataset, change.id, untagged)
    tags_of = {event_id: removed.get(event_id, []) for event_id in remaining}
    effect = await _plan_tagging(planning, dataset, _merge_tags(tags_of), tags_of)
    return warn_of_missing(effect, len(untagged) - len(remaining))


# -- shared


async def _add_outside_effects(
    planning: Planning, effect: Effect[P], tags_after: Sequence[tuple[Event, Sequence[str]]]
) -> Effect[P]:
    transitions = [describe_update(event, {"tags": [*tags]}) for event, tags in tags_after]
    return await add_outside_effects(planning, effect, transitions)


async def _read_events(
    planning: Planning, dataset: Dataset, event_ids: Sequence[str], *, but_null: bool = False
) -> list[Event]:
    """Return the events with their current tags, which have to be told.

    The route names an event by its id alone, so none may have a copy.
    """
    planning.check_size(len(event_ids))
    argument = planning.argument("event_ids")
    events = await read_events(planning.client, planning.write_policy, dataset, event_ids, argument, telling=("tags",))
    require_told(events, "tags", argument, but_null=but_null)
    await refuse_copies(planning.client, planning.write_policy.known, event_ids, (dataset,), argument)
    # A tag that may not be seen can neither be taken off nor stand in the way of a new one.
    return [planning.write_policy.read_policy.visible(event) for event in events]


def _keep_matching(tags: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return those of the tags that are among the others, whatever their case."""
    return [tag for tag in tags if tag.strip().casefold() in fold_tags(others)]


def _drop_matching(tags: Sequence[str], others: Sequence[str]) -> list[str]:
    return [tag for tag in tags if tag.strip().casefold() not in fold_tags(others)]


def _merge_tags(tags_of: TagsByEvent) -> list[str]:
    """Return all of the tags, each spelling once."""
    return list(dict.fromkeys(tag for tags in tags_of.values() for tag in tags))


def _unknown_tag_error(planning: Planning, tags: Sequence[str], events: Sequence[Event]) -> BadArgument:
    if planning.write_policy.read_policy.withheld_tags is None:
        problem = "the tags of the account could not be read, so it is unknown which tags may be seen and taken off"
        raise BadArgument(planning.argument("tags"), problem, "the same call again later, or ask the operator")
    known = sorted({clean(tag, MAX_NAME_LENGTH) for event in events for tag in event.tags}, key=str.casefold)
    problem = f"none of these events has {_quote_tags(tags)}"
    valid = "one of these" if known else "other events"
    return unknown_word(planning.argument("tags"), problem, tags[0] if tags else "", known, valid)


def _quote_tags(tags: Sequence[str]) -> str:
    more = f" and {len(tags) - MAX_LISTED} more" if len(tags) > MAX_LISTED else ""
    return ", ".join(repr(clean(tag, MAX_NAME_LENGTH)) for tag in tags[:MAX_LISTED]) + more


TAGGING = ChangeKind("tag_threat_events", ToolEffect.CREATE, TagEvents, tag_events, _undo_tagging)
UNTAGGING = ChangeKind("untag_threat_events", ToolEffect.DELETE, UntagEvents, untag_events, _undo_untagging)
