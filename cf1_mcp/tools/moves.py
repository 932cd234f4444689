"""Moving threat events from one dataset to another."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.affected_queries import queries_that_find
from cf1_mcp.changes.guards import Effect, Planned, Result, approved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, EventIds, HomeDataset
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import ApiError, BadArgument, NotFound
from cf1_mcp.events.snapshots import images_of
from cf1_mcp.models import Moved
from cf1_mcp.policy.writing import Writer
from cf1_mcp.text.sanitize import clean

Destination = Annotated[str, Field(description="Dataset name or uuid to move them to")]
KeepRaw = Annotated[bool, Field(description="false loses the raw evidence for good")]


async def _plan(
    client: Client,
    writing: Writer,
    dataset_id: str,
    destination_dataset_id: str,
    event_ids: list[str],
    keep_raw_data: bool,
) -> Effect:
    source = writing.to_destroy(dataset_id)
    destination = writing.to_write(destination_dataset_id, "destination_dataset_id")
    if source.uuid == destination.uuid:
        raise BadArgument(
            "destination_dataset_id", f"the events are in {destination.name!r} already", "another dataset"
        )
    writing.within_size(len(event_ids), "event_ids")
    ids = sorted(event_ids)
    images = await images_of(client, writing, source, ids)
    raws = sum(image.raw is not None for image in images)
    summary = f"Move {len(ids)} events from dataset {source.name!r} to {destination.name!r}."
    facts: dict[str, JsonValue] = {
        "events": len(ids),
        "relationships": sum(len(image.links) for image in images),
        "raw_kept" if keep_raw_data else "raw_lost": raws,
        **await queries_that_find(client, ids),
    }
    if not keep_raw_data:
        summary += f" The raw evidence of {raws} events is lost for good."
    if destination.is_public and not source.is_public:
        summary += " The destination is public: anyone may search it."
    return Effect(
        tool="move_threat_events",
        arguments={
            "dataset_id": source.uuid,
            "destination_dataset_id": destination.uuid,
            "event_ids": [*ids],
            "keep_raw_data": keep_raw_data,
        },
        datasets=(source.uuid, destination.uuid),
        summary=summary,
        before={
            "destination": {"uuid": destination.uuid, "is_public": destination.is_public},
            "images": [image.as_json() for image in images],
        },
        undo="undo_change moves them back."
        if keep_raw_data
        else "undo_change moves them back, without the raw evidence: that stays in the journal alone.",
        needs_code=True,
        facts=facts,
        events=[image.event for image in images],
    )


Move = Annotated[Planned, Resolve(approved(_plan))]


@CURATION.tool("Move threat events", ToolEffect.DELETE)
async def move_threat_events(
    client: Client,
    plan: Move,
    dataset_id: HomeDataset,
    destination_dataset_id: Destination,
    event_ids: EventIds,
    keep_raw_data: KeepRaw = True,
    confirm: Confirm = None,
) -> Card:
    """Move events from one dataset to another, with their raw evidence unless told otherwise: quarantine suspicious
    ones, transfer or archive them. Without `confirm` it changes nothing and answers a preview that holds the code. To
    be rid of events use delete_threat_events.
    """
    return plan.preview or await plan.carry_out(lambda: _move(client, plan.effect, keep_raw_data))


async def _move(client: ThreatEventsClient, effect: Effect, keep_raw_data: bool) -> Result:
    source, destination = effect.datasets
    ids = [event.uuid for event in effect.events]
    answer = await client.move_events(source, destination, ids, keep_raw_data)
    if answer.moved == len(ids) and not answer.insert_failures and not answer.deletion_failures:
        return Result("done", {"moved": answer.moved})
    facts: dict[str, JsonValue] = {"moved": answer.moved}
    if answer.insert_failures:
        facts["not_moved"] = _not_moved(answer, ids)
    if answer.deletion_failures:
        # These events were copied, so that they are now in both datasets.
        reasons = [clean(str(one.get("reason", "")), MAX_CELL_LENGTH) for one in answer.deletion_failures]
        facts["not_removed_from_source"] = [*reasons]
    left = await _still_in(client, source, ids)
    nothing_done = left == [*ids] and not answer.moved and not answer.deletion_failures
    return Result("failed" if nothing_done else "partial", {**facts, "still_in_source": left})


def _not_moved(answer: Moved, ids: list[str]) -> list[JsonValue]:
    """The events that the answer names by their place in the request, with its reasons."""
    rows: list[JsonValue] = []
    for failure in answer.insert_failures:
        index, reason = failure.get("index"), clean(str(failure.get("reason", "")), MAX_CELL_LENGTH)
        event_id = ids[index] if isinstance(index, int) and 0 <= index < len(ids) else "unknown"
        rows.append({"event": event_id, "reason": reason})
    return rows


async def _still_in(client: ThreatEventsClient, dataset_id: str, ids: list[str]) -> JsonValue:
    """The events that are in the source; a failure to look does not make the move one."""
    left: list[JsonValue] = []
    for event_id in ids:
        try:
            await client.read_event(dataset_id, event_id)
        except NotFound:
            continue
        except ApiError:
            return "unknown: they could not be looked for"
        left.append(event_id)
    return left
