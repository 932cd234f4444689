"""Reverting a dataset to an earlier state. The API has no inverse."""

from datetime import timedelta
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import ChangeKind, Effect, Payload, Planner, Planning, Result
from cf1_mcp.context import Now
from cf1_mcp.errors import NotFound, Withheld
from cf1_mcp.models import Condition, Dataset, Event, EventSearch
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.dates import iso
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

PAGE_SIZE: Final = 500


class LostEvent(BaseModel, frozen=True):
    """What the journal stores of a lost event."""

    uuid: str
    date: str
    event: str


class RevertDataset(Payload):
    """A dataset, and by how many minutes it is reverted. `before` lists the events created since."""

    dataset_id: str
    minutes_ago: int
    before: list[LostEvent]


async def plan_revert(planning: Planner, now: Now, dataset_id: str, minutes_ago: int) -> Effect[RevertDataset]:
    """Check that the dataset may be reverted, and find the events that are lost."""
    read_policy = planning.write_policy.read_policy
    dataset = planning.dataset_to_destroy(dataset_id)
    # Whole seconds, rounded down: listing one event too many is better than missing one.
    target = iso(now - timedelta(minutes=minutes_ago))
    lost = await _find_created_since(planning, dataset, target)
    hidden = sum(read_policy.is_above_ceiling(event.tlp) for event in lost)
    if hidden:
        raise Withheld(
            f"minutes_ago: a revert that loses {plural(hidden, 'event')} above the ceiling", read_policy.tlp_rule
        )
    return Effect(
        kind=REVERT,
        payload=RevertDataset(
            dataset_id=dataset.uuid,
            minutes_ago=minutes_ago,
            before=[LostEvent(uuid=one.uuid, date=one.date, event=one.event) for one in lost],
        ),
        datasets=(dataset.uuid,),
        summary=f"Revert dataset {dataset.name!r} to its state {plural(minutes_ago, 'minute')} ago: "
        f"{plural(len(lost), 'event')} created since, by anyone, will be lost.",
        warnings=(
            "All other changes to the dataset since are reverted as well: changed events change back, deleted ones "
            "return, events moved in are lost. How many is unknown, because the API does not report it.",
        ),
        undo="This cannot be undone from here: the API returns an undo bookmark that no route accepts. The journal has "
        "only ids, dates and titles of what is lost.",
        needs_code=True,
        facts={"events_lost": len(lost), "target": target},
        events=sorted(lost, key=lambda event: event.date, reverse=True),
    )


async def _find_created_since(planning: Planning, dataset: Dataset, since: str) -> list[Event]:
    """Return all events of the dataset created since a time, sorted by uuid.

    Raises:
        Withheld: there are more than one change may affect.
    """
    most = planning.write_policy.settings.max_change
    search = EventSearch(
        dataset_id=[dataset.uuid],
        search=[Condition(field="createdAt", op="gte", value=since)],
        page_size=min(PAGE_SIZE, most + 1),
    )
    found: dict[str, Event] = {}
    seen: set[str] = set()
    for page in range(1, most + 2):
        # A short page is not always the last one, so the list ends with a page without new events.
        events = (await planning.client.list_events(search.model_copy(update={"page": page}))).result
        new = [event for event in events if event.uuid not in seen]
        seen |= {event.uuid for event in new}
        found |= {event.uuid: event for event in new if _is_in(event, dataset)}
        if len(found) > most:
            what = f"minutes_ago: a revert that loses more than {plural(most, 'event')}"
            raise Withheld(what, f"CF1_MAX_CHANGE ({most})")
        if not new:
            break
    return sorted(found.values(), key=lambda event: event.uuid)


def _is_in(event: Event, dataset: Dataset) -> bool:
    return event.dataset_id.casefold() == dataset.uuid.casefold()


async def revert_dataset(client: ThreatEventsClient, payload: RevertDataset) -> Result:
    """Revert the dataset, and report the bookmarks that the API returns."""
    try:
        answer = await client.revert_dataset(payload.dataset_id, payload.minutes_ago)
    except NotFound as error:
        raise NotFound("This account cannot revert datasets; nothing was changed.", error.status) from error
    values = {
        "target_timestamp": answer.target_timestamp,
        "revert_bookmark": answer.revert_bookmark,
        "undo_bookmark": answer.undo_bookmark,
    }
    untrusted: dict[str, JsonValue] = {name: clean(value, MAX_CELL_LENGTH) for name, value in values.items() if value}
    return Result("done", untrusted=untrusted)


REVERT = ChangeKind("revert_threat_dataset", ToolEffect.DELETE, RevertDataset, revert_dataset, None)
