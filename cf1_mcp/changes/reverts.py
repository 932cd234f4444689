"""Reverting a dataset to an earlier state. The API has no inverse.

The target is a time that the preview fixes: a person agrees to what is lost since then, however long they think about
it. The API takes a number of minutes instead, which is computed when the request is sent.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import ChangeKind, Effect, Payload, Planner, Planning, Result
from cf1_mcp.changes.lost_evidence import NOT_READ, describe_unread_links
from cf1_mcp.changes.queries.outside_effects import add_unknown_outside_effects
from cf1_mcp.context import Now
from cf1_mcp.errors import NotFound, Withheld
from cf1_mcp.events.links import EventLink, read_all_links
from cf1_mcp.events.raw_evidence import read_all_evidence, stand_in
from cf1_mcp.models import Condition, Dataset, Event, EventSearch, Raw, Tlp
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.policy.write_policy import too_many_events
from cf1_mcp.store.confirmation_codes import split_time
from cf1_mcp.text.dates import from_second, iso
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

PAGE_SIZE: Final = 500
PRECISION: Final = 1_000_000  # parts of a minute that are sent
WARNING: Final = (
    "All other changes to the dataset since are reverted as well: changed events change back, with their raw evidence, "
    "deleted ones return, events moved in and typed relationships are lost. How many is unknown, because the API does "
    "not report edits, moves, deletions, typed relationships or raw evidence of that time."
)
UNDO: Final = (
    "This cannot be undone from here: the API returns an undo bookmark that no route accepts. The journal has only "
    "ids, dates and titles of what is lost."
)


class LostEvent(BaseModel, frozen=True):
    """What the journal stores of a lost event."""

    uuid: str
    date: str
    event: str


class RevertDataset(Payload):
    """A dataset, and the time to which it is reverted, `minutes_ago` when it was previewed.

    `before` lists the events created since. Journals before 0.3 have no `target`.
    """

    dataset_id: str
    minutes_ago: int
    target: str = ""
    before: list[LostEvent]


class StoredEvent(BaseModel, frozen=True):
    """An event of the dataset with its raw evidence and its typed relationships, sorted."""

    event: Event
    raw: Raw | None
    links: tuple[EventLink, ...]
    raw_unread: bool = False
    links_unread: bool = False


async def plan_revert(
    planning: Planner, now: Now, dataset_id: str, minutes_ago: int, confirm: str | None
) -> Effect[RevertDataset]:
    """Check that the dataset may be reverted, and find the events that are lost.

    Raises:
        Withheld: the dataset has more events than a change may affect, or something in it may not be seen.
    """
    dataset = planning.dataset_to_destroy(dataset_id)
    target = _find_target(now, minutes_ago, confirm)
    stored = await _read_everything(planning, dataset)
    lost = await _find_created_since(planning, dataset, iso(target), [one.event for one in stored])
    highest = max((Tlp.of(one.event.tlp) for one in stored), key=lambda level: level.rank, default=Tlp.CLEAR)
    effect = Effect(
        kind=REVERT,
        payload=RevertDataset(
            dataset_id=dataset.uuid,
            minutes_ago=minutes_ago,
            target=iso(target),
            before=[LostEvent(uuid=one.uuid, date=one.date, event=one.event) for one in lost],
        ),
        datasets=(dataset.uuid,),
        summary=f"Revert dataset {dataset.name!r} to its state of {iso(target)}, {plural(minutes_ago, 'minute')} before"
        f" this preview: {plural(len(lost), 'event')} created since, by anyone, will be lost.",
        warnings=(WARNING, *_describe_unread(stored)),
        undo=UNDO,
        needs_code=True,
        facts={"events_lost": len(lost), "events_in_dataset": len(stored), "target": iso(target)},
        events=sorted(lost, key=lambda event: event.date, reverse=True),
        # Whatever is written to the dataset meanwhile would be lost too, so a code is bound to all of it.
        size=len(stored),
        seen=[one.model_dump(mode="json", by_alias=True) for one in stored],
        evidence=[(one.event, one.raw) for one in stored if one.raw],
        new_markings=(highest.value,),
        fixed_time=target,
        can_undo=False,
    )
    return await add_unknown_outside_effects(planning, effect, dataset.uuid)


def _find_target(now: datetime, minutes_ago: int, confirm: str | None) -> datetime:
    """Return the time that a code carries, or without one the time that a preview fixes, in whole seconds.

    They are rounded down: listing one event too many is better than missing one.
    """
    carried = split_time(confirm)[1] if confirm else None
    earliest = (now - timedelta(minutes=minutes_ago)).astimezone(UTC).replace(microsecond=0)
    # A code that was made up may carry any time; none is later than a preview made now would fix.
    return min(carried, earliest) if carried else earliest


async def _read_everything(planning: Planning, dataset: Dataset) -> list[StoredEvent]:
    """Return everything in the dataset, sorted by uuid.

    Raises:
        Withheld: there is more than one change may affect, or something that may not be seen. How much is not told.
    """
    policy = planning.write_policy.read_policy
    what = planning.argument("dataset_id") + ": a revert of this whole dataset"
    events = await _list_events(planning, dataset, [])
    for event in events:
        if rule := policy.rule_against(event):
            raise Withheld(what, rule)
    settings = planning.write_policy.settings
    if len(events) > settings.max_change:
        raise too_many_events(what, settings)
    try:
        evidence = await read_all_evidence(planning.client, policy, events)
    except Withheld as withheld:
        raise Withheld(what, withheld.rule) from None
    links = await read_all_links(planning.client, events, policy.account_reach)
    return [
        StoredEvent(
            event=event,
            raw=raw,
            links=_sort_links(some.links),
            raw_unread=one.is_unread,
            links_unread=some.is_unread,
        )
        for event, one, some in zip(events, evidence, links, strict=True)
        for raw in [stand_in(event) if one.is_unread else one.raw]
    ]


def _describe_unread(stored: Sequence[StoredEvent]) -> list[str]:
    count = sum(one.raw_unread for one in stored)
    evidence = [f"The raw evidence of {plural(count, 'event')} {NOT_READ}."] if count else []
    return [*evidence, *describe_unread_links(sum(one.links_unread for one in stored), is_lost=False)]


def _sort_links(links: Sequence[EventLink]) -> tuple[EventLink, ...]:
    return tuple(sorted(links, key=lambda link: (link.type, link.other, link.above)))


async def _find_created_since(planning: Planning, dataset: Dataset, since: str, stored: Sequence[Event]) -> list[Event]:
    """Return the events of the dataset that were created since a time."""
    created = await _list_events(planning, dataset, [Condition(field="createdAt", op="gte", value=from_second(since))])
    ids = {id_key(event.uuid) for event in created}
    return [event for event in stored if id_key(event.uuid) in ids]


async def _list_events(planning: Planning, dataset: Dataset, conditions: list[Condition]) -> list[Event]:
    """Return the events of the dataset that meet the conditions, sorted by uuid; at least one more than a change may
    affect, if there are so many.
    """
    most = planning.write_policy.settings.max_change
    search = EventSearch(dataset_id=[dataset.uuid], search=conditions, page_size=min(PAGE_SIZE, most + 1))
    found: dict[str, Event] = {}
    seen: set[str] = set()
    for page in range(1, most + 2):
        # A short page is not always the last one, so the list ends with a page without new events.
        events = (await planning.client.list_events(search.model_copy(update={"page": page}))).result
        new = [event for event in events if id_key(event.uuid) not in seen]
        seen |= {id_key(event.uuid) for event in new}
        found |= {id_key(event.uuid): event for event in new if id_key(event.dataset_id) == id_key(dataset.uuid)}
        if not new or len(found) > most:
            break
    return sorted(found.values(), key=lambda event: event.uuid)


async def revert_dataset(client: ThreatEventsClient, payload: RevertDataset, clock: Callable[[], datetime]) -> Result:
    """Revert the dataset to the target, and report what was sent and the bookmarks that the API returns."""
    target = datetime.fromisoformat(payload.target)
    # Rounded down, so that the API does not go back past the target: what is older was not previewed.
    minutes = ((clock() - target) * PRECISION // timedelta(minutes=1)) / PRECISION
    try:
        answer = await client.revert_dataset(payload.dataset_id, minutes)
    except NotFound as error:
        raise NotFound("This account cannot revert datasets; nothing was changed.", error.status) from error
    values = {
        "target_timestamp": answer.target_timestamp,
        "revert_bookmark": answer.revert_bookmark,
        "undo_bookmark": answer.undo_bookmark,
    }
    facts: dict[str, JsonValue] = {
        "target": payload.target,
        "minutes_ago_sent": minutes,
        "scheduled": "The API schedules a revert, which may take effect a little later: search the dataset to see it.",
    }
    untrusted: dict[str, JsonValue] = {name: clean(value, MAX_CELL_LENGTH) for name, value in values.items() if value}
    if _is_earlier(answer.target_timestamp, target):
        facts["went_past_target"] = "The API answers with an earlier time: more was lost than previewed."
        return Result("partial", facts, untrusted)
    return Result("done", facts, untrusted)


def _is_earlier(answered: str, target: datetime) -> bool:
    """Whether the time in an answer is over a second before the target. A time that cannot be read is not."""
    try:
        time = datetime.fromisoformat(answered)
    except ValueError:
        return False
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) < target - timedelta(seconds=1)


async def _refuse_to_revert(client: ThreatEventsClient, payload: RevertDataset) -> Result:
    raise NotImplementedError("The tool reverts a dataset: the minutes depend on the time at which they are sent.")


REVERT = ChangeKind("revert_threat_dataset", ToolEffect.DELETE, RevertDataset, _refuse_to_revert, None)
