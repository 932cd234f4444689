"""Merging duplicates into one of them, and undoing that."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.changes.deletion import DeleteEvents, describe_links_left_out, describe_losses, plan_deletion_of
from cf1_mcp.changes.duplicates.dropped import find_dropped, show_dropped, warn_of_dropped
from cf1_mcp.changes.duplicates.merge_sending import (
    Additions,
    BeforeMerge,
    MergeEvents,
    SplitEvents,
    merge_events,
    split_events,
)
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Planner, Planning, warn_of_overwriting
from cf1_mcp.changes.lost_evidence import replace_sentences
from cf1_mcp.changes.queries.outside_effects import add_outside_effects
from cf1_mcp.changes.recreation import check_markings, leave_out_refused_links, leave_out_uncreatable
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.certainty import require_told
from cf1_mcp.events.copies import find_copies, find_events_in, refuse_copies
from cf1_mcp.events.snapshots import Snapshot, SnapshotSet, list_evidence, read_events, read_snapshots
from cf1_mcp.events.transitions import describe_new_children, describe_recreation, describe_update
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Event, Raw, Tlp
from cf1_mcp.policy.lowered_markings import describe_lowered_markings
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.search.duplicate_groups import same_by_any
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

FILLED: Final = ("attacker", "attacker_country", "insight", "target_country", "target_industry")
UNDO: Final = (
    "undo_change creates the deleted events again, with new ids, and takes off the kept one what it got, except typed "
    "relationships, which the API cannot remove. It needs CF1_WRITE_DATASETS as well."
)
LINKS_STAY: Final = "Typed relationships that it got stay, and so do references to events that may not be changed."
LINKS: Final = "Links to events that may not be changed are not carried over."
Completion = Callable[[Effect[MergeEvents]], Awaitable[Effect[MergeEvents]]]
TAGS_UNKNOWN: Final = "the tags of the account could not be read, so it is unknown which of them may be carried over"


async def plan_merging(planning: Planner, dataset_id: str, keep: str, event_ids: list[str]) -> Effect[MergeEvents]:
    """Check that the events may be changed and deleted, and find what the kept one lacks.

    Raises:
        Withheld: a rule forbids one of both, or an event may not be seen.
        BadArgument: the kept event is among the others, or has a copy elsewhere.
    """
    planning.dataset_to_write(dataset_id)
    dataset = planning.dataset_to_destroy(dataset_id)
    if keep in event_ids:
        raise BadArgument("event_ids", "the event to keep is among them", "the other events of the group")
    planning.check_size(len(event_ids) + 1)
    client, policy = planning.client, planning.write_policy.read_policy
    if policy.withheld_tags is None:
        raise BadArgument("event_ids", TAGS_UNKNOWN, "the same call again later, or ask the operator")
    deletion = await plan_deletion_of(planning, dataset.uuid, event_ids)
    read = await read_snapshots(client, planning.write_policy, dataset, [keep], "keep")
    [kept], evidence = read.images, list_evidence(read)
    for name in kept.fields_unread:
        require_told([kept.event], name, "keep", but_null=True)
    await refuse_copies(client, planning.write_policy.known, [keep], (dataset,), "keep")
    added = await _find_additions(planning, kept, deletion.payload.before)
    others = [event for event in deletion.events if not same_by_any(kept.event, event)]
    unlike = f"{plural(len(others), 'event is', 'events are')} not a duplicate by indicator, type and day or by title."
    dropped = find_dropped(kept.event, added.fields, _sort_events(deletion.payload.before))
    before = BeforeMerge(kept=kept, images=deletion.payload.before)
    effect = Effect(
        kind=MERGING,
        payload=MergeEvents(
            dataset_id=dataset.uuid, event_id=keep, event_ids=deletion.payload.event_ids, added=added, before=before
        ),
        datasets=(dataset.uuid,),
        summary=f"Merge {plural(len(deletion.events), 'duplicate')} into event {keep} of dataset {dataset.name!r}, and "
        "delete them for good.",
        warnings=(*([unlike] if others else []), *warn_of_dropped(dropped), LINKS, *deletion.warnings),
        undo=UNDO,
        needs_code=True,
        facts={"keeps": keep, **_describe_additions(added), **deletion.facts},
        untrusted={**_show_additions(added), **show_dropped(dropped), **deletion.untrusted},
        events=[policy.visible(kept.event), *deletion.events],
        seen=deletion.seen,
        evidence=[*evidence, *deletion.evidence],
        new_markings=[added.fields["tlp"]] if "tlp" in added.fields else [],
        must_show=deletion.must_show,
        complete=_complete_with(deletion, evidence),
    )
    tags = {"tags": [*kept.event.tags, *added.tags]} if added.tags else {}
    transitions = [describe_update(kept.event, {**added.fields, **tags})]
    if added.references or added.links:
        transitions.append(describe_new_children(kept.event, are_certain=any(not link.above for link in added.links)))
    return await add_outside_effects(planning, effect, transitions)


def _complete_with(deletion: Effect[DeleteEvents], kept: Sequence[tuple[Event, Raw]]) -> Completion | None:
    """Return what reads the evidence that the preview of the deletion left for the change; None if it left none."""
    if (read := deletion.complete) is None:
        return None

    async def complete(effect: Effect[MergeEvents]) -> Effect[MergeEvents]:
        full = await read(deletion)
        before = effect.payload.before.model_copy(update={"images": full.payload.before})
        payload = effect.payload.model_copy(update={"before": before})
        warnings = replace_sentences(effect.warnings, deletion.warnings, full.warnings)
        return replace(effect, payload=payload, evidence=[*kept, *full.evidence], warnings=warnings, complete=None)

    return complete


async def _find_additions(planning: Planning, kept: Snapshot, images: Sequence[Snapshot]) -> Additions:
    """Return what the kept event lacks and its duplicates have, as far as it may be seen and linked."""
    policy, event = planning.write_policy.read_policy, kept.event
    group = {id_key(one.event.uuid) for one in (kept, *images)}
    linkable, _ = await leave_out_refused_links(planning, images)
    tags = [tag for one in images for tag in policy.visible(one.event).tags]
    has = {tag.strip().casefold() for tag in event.tags}
    known_links = {(link.type, id_key(link.other), link.above) for link in kept.links}
    links = {
        (link.type, id_key(link.other), link.above): link
        for one in linkable
        for link in one.links
        if id_key(link.other) not in group
    }
    return Additions(
        fields=_find_missing_fields(event, _sort_events(images)),
        tags=[*{tag.strip().casefold(): tag for tag in reversed(tags) if tag.strip().casefold() not in has}.values()],
        references=_find_new_ids((one.event.references for one in linkable), {*group, *map(id_key, event.references)}),
        referenced=_find_new_ids((one.event.referenced for one in linkable), {*group, *map(id_key, event.referenced)}),
        links=[link for key, link in links.items() if key not in known_links],
    )


def _find_missing_fields(kept: Event, ordered: Sequence[Event]) -> dict[str, str]:
    """Return the first value that another event has of each field that is empty, and the highest marking if it is
    higher than that of the event.
    """
    fields: dict[str, str] = {}
    for name in FILLED:
        if not getattr(kept, name).strip() and (found := _first(getattr(event, name) for event in ordered)):
            fields[name] = found
    if not kept.indicator.strip() and (source := next((one for one in ordered if one.indicator.strip()), None)):
        fields |= {"indicator": source.indicator, "indicator_type": source.indicator_type}
    highest = max((Tlp.of(event.tlp) for event in ordered), key=lambda level: level.rank)
    if highest.rank > Tlp.of(kept.tlp).rank:
        fields["tlp"] = highest.value
    return fields


def _sort_events(images: Sequence[Snapshot]) -> list[Event]:
    return sorted((one.event for one in images), key=lambda event: (event.date, id_key(event.uuid)))


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text.strip()), "")


def _find_new_ids(lists: Iterable[Sequence[str]], known: set[str]) -> list[str]:
    found = {id_key(one): one for ids in lists for one in ids}
    return [one for key, one in sorted(found.items()) if key not in known]


def _describe_additions(added: Additions) -> dict[str, JsonValue]:
    """Return what the kept event gets, as far as it gets anything."""
    links = len(added.references) + len(added.referenced) + len(added.links)
    counts: dict[str, JsonValue] = {"tags_added": len(added.tags), "links_carried_over": links}
    filled: dict[str, JsonValue] = {"fields_filled": [*added.fields]} if added.fields else {}
    return {**filled, **{name: count for name, count in counts.items() if count}}


def _show_additions(added: Additions) -> dict[str, JsonValue]:
    """Return the values and tags that the kept event gets, clipped for a preview."""
    to: dict[str, JsonValue] = {name: clean(value, MAX_CELL_LENGTH) for name, value in added.fields.items()}
    tags: list[JsonValue] = [clean(tag, MAX_CELL_LENGTH) for tag in added.tags]
    return {**({"to": to} if to else {}), **({"new_tags": tags} if tags else {})}


# -- undoing


async def _plan_splitting(planning: Planning, change: PastChange[MergeEvents]) -> Effect[SplitEvents]:
    """Plan to create the deleted duplicates again, and to take from the kept event what it got and still has."""
    payload, added, before = change.payload, change.payload.added, change.payload.before
    planning.dataset_to_write(payload.dataset_id)
    dataset = planning.dataset_to_destroy(payload.dataset_id)
    client, policy = planning.client, planning.write_policy.read_policy
    [kept] = await read_events(client, planning.write_policy, dataset, [payload.event_id], "change_id")
    await refuse_copies(client, planning.write_policy.known, [kept.uuid], (dataset,), "change_id")
    present = {*await find_events_in(client, dataset.uuid, payload.event_ids)}
    deleted = [one for one in before.images if one.event.uuid not in present]
    planning.check_size(len(deleted) + 1)
    check_markings(policy, [before.kept, *deleted])
    deleted, left_blank = leave_out_uncreatable(deleted)
    snapshots, left_out = await leave_out_refused_links(planning, deleted)
    old = {name: str(getattr(before.kept.event, name)) for name in added.fields}
    fields = {name: text for name, text in old.items() if not is_same_value(name, text, str(getattr(kept, name)))}
    removed = await _find_removable(planning, kept, added, fields)
    if not deleted and removed == Additions():
        problem = f"nothing of what change {change.id} did is left"
        raise BadArgument("change_id", problem, "list_changes to see what can be undone")
    cut = describe_links_left_out(left_out)
    effect = Effect(
        kind=SPLITTING,
        payload=SplitEvents(
            dataset_id=dataset.uuid,
            event_id=kept.uuid,
            images=snapshots,
            removed=removed,
            before={name: str(getattr(kept, name)) for name in fields},
        ),
        datasets=(dataset.uuid,),
        summary=f"Create {plural(len(deleted), 'merged event')} again in dataset {dataset.name!r}, and take from event "
        f"{kept.uuid} what it got.",
        warnings=(
            *describe_lowered_markings(kept, fields, None, {}),
            *left_blank,
            *describe_losses(deleted, 0),
            *cut,
            LINKS_STAY,
        ),
        undo="This cannot be undone; merge_duplicate_events merges them again.",
        can_undo=False,
        needs_code=True,
        facts={"fields_restored": [*fields], "tags_taken_off": len(removed.tags)},
        events=[policy.visible(kept), *(one.event for one in snapshots)],
        evidence=list_evidence(SnapshotSet([before.kept, *snapshots])),
    )
    overwritten = [name for name in fields if not is_same_value(name, added.fields[name], str(getattr(kept, name)))]
    tags = {"tags": [tag for tag in kept.tags if tag not in removed.tags]} if removed.tags else {}
    recreated = [describe_recreation(one.event, dataset.uuid) for one in snapshots]
    changed = describe_update(kept, {**fields, **tags})
    return warn_of_overwriting(await add_outside_effects(planning, effect, [changed, *recreated]), overwritten)


async def _find_removable(planning: Planning, kept: Event, added: Additions, fields: dict[str, str]) -> Additions:
    """Return what the kept event got and still has, as far as it may be seen and removed.

    Removing a reference takes something from both its ends, wherever they have copies.
    """
    rules = planning.write_policy
    linked = sorted({*map(id_key, (*added.references, *added.referenced))})
    copies = await find_copies(planning.client, rules.known, linked) if linked else {}
    allowed = {
        other
        for other, found in copies.items()
        if all(
            rules.may_write(one.dataset_id)
            and rules.may_destroy(one.dataset_id)
            and rules.read_policy.rule_against(one) is None
            for one in found
        )
    }
    tags = {tag.strip().casefold() for tag in planning.write_policy.read_policy.visible(kept).tags}
    references, referenced = {*map(id_key, kept.references)}, {*map(id_key, kept.referenced)}
    return Additions(
        fields=fields,
        tags=[tag for tag in added.tags if tag.strip().casefold() in tags],
        references=[one for one in added.references if id_key(one) in references & allowed],
        referenced=[one for one in added.referenced if id_key(one) in referenced & allowed],
    )


MERGING = ChangeKind(
    "merge_duplicate_events", ToolEffect.DELETE, MergeEvents, merge_events, _plan_splitting, undo_removes=True
)
SPLITTING = ChangeKind("undo_change", ToolEffect.DELETE, SplitEvents, split_events, None)
