"""Putting a dataset back to what it was some time ago."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Planned, Result, approved
from cf1_mcp.context import Client, Now
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import NotFound, Withheld
from cf1_mcp.models import Condition, Dataset, Event, EventSearch
from cf1_mcp.policy.writing import Writer, Writing
from cf1_mcp.text.dates import iso
from cf1_mcp.text.sanitize import clean

# 30 days in minutes: so far reaches the point-in-time recovery of Durable Objects. The API publishes no bound.
MAX_MINUTES_AGO: Final = 43_200
PAGE_SIZE: Final = 500

RevertedDataset = Annotated[str, Field(description="Dataset name or uuid")]
Minutes = Annotated[int, Field(ge=1, le=MAX_MINUTES_AGO)]


async def _plan(client: Client, writing: Writer, now: Now, dataset_id: str, minutes_ago: int) -> Effect:
    dataset = writing.to_destroy(dataset_id)
    target = now - timedelta(minutes=minutes_ago)
    lost = await _created_since(client, writing, dataset, target)
    hidden = sum(writing.reading.above(event.tlp) for event in lost)
    if hidden:
        raise Withheld(f"minutes_ago: a revert that loses {hidden} events unseen", writing.reading.tlp_rule)
    return Effect(
        tool="revert_threat_dataset",
        arguments={"dataset_id": dataset.uuid, "minutes_ago": minutes_ago},
        datasets=(dataset.uuid,),
        summary=f"Revert dataset {dataset.name!r} to what it was {minutes_ago} minutes ago: the {len(lost)} events "
        "created since are lost, those of colleagues too. Everything else done to the dataset since is taken back as "
        "well: changed events change back, deleted ones return, events moved in are lost. How many that are is "
        "unknown, because the API does not tell.",
        before=[{"uuid": one.uuid, "date": one.date, "event": one.event} for one in lost],
        undo="This cannot be undone from here: the API shows an undo bookmark that no route takes. The journal keeps "
        "no more than ids, dates and titles of what is lost.",
        needs_code=True,
        facts={"events_lost": len(lost), "target": iso(target)},
        events=sorted(lost, key=lambda event: event.date, reverse=True),
    )


async def _created_since(
    client: ThreatEventsClient, writing: Writing, dataset: Dataset, moment: datetime
) -> list[Event]:
    """Every event of the dataset that is younger than a moment, by uuid.

    Raises:
        Withheld: there are more than one change may touch.
    """
    most = writing.operator.max_change
    # Whole seconds, rounded down: rather one event too many than one unsaid.
    since = iso(moment)
    search = EventSearch(
        dataset_id=[dataset.uuid],
        search=[Condition(field="createdAt", op="gte", value=since)],
        page_size=min(PAGE_SIZE, most + 1),
    )
    found: dict[str, Event] = {}
    seen: set[str] = set()
    for page in range(1, most + 2):
        # A page may be shorter than asked without being the last, so only one that brings nothing new ends the list.
        events = (await client.list_events(search.model_copy(update={"page": page}))).result
        new = [event for event in events if event.uuid not in seen]
        seen |= {event.uuid for event in new}
        found |= {event.uuid: event for event in new if _is_of(event, dataset)}
        if len(found) > most:
            raise Withheld(f"minutes_ago: a revert that loses more than {most} events", f"CF1_MAX_CHANGE ({most})")
        if not new:
            break
    return sorted(found.values(), key=lambda event: event.uuid)


def _is_of(event: Event, dataset: Dataset) -> bool:
    return event.dataset_id.casefold() == dataset.uuid.casefold()


Revert = Annotated[Planned, Resolve(approved(_plan))]


@CURATION.tool("Revert a threat dataset", ToolEffect.DELETE)
async def revert_threat_dataset(
    client: Client, plan: Revert, dataset_id: RevertedDataset, minutes_ago: Minutes, confirm: Confirm = None
) -> Card:
    """Put a whole dataset back to its state some minutes ago; all later work in it, by anyone, is lost. A last resort,
    to roll it back after a bad import or script. Without `confirm` it changes nothing and answers a preview that holds
    the code. To take back one change use undo_change.
    """
    return plan.preview or await plan.carry_out(lambda: _revert(client, plan.effect, minutes_ago))


async def _revert(client: ThreatEventsClient, effect: Effect, minutes_ago: int) -> Result:
    try:
        answer = await client.revert_dataset(effect.datasets[0], minutes_ago)
    except NotFound as error:
        raise NotFound("This account has no revert of datasets; nothing was changed.", error.status) from error
    told = {
        "target_timestamp": answer.target_timestamp,
        "revert_bookmark": answer.revert_bookmark,
        "undo_bookmark": answer.undo_bookmark,
    }
    facts: dict[str, JsonValue] = {name: clean(value, MAX_CELL_LENGTH) for name, value in told.items() if value}
    return Result("done", facts)
