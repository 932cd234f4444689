"""Deleting threat events."""

from typing import Annotated

from mcp.server.mcpserver import Resolve

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.affected_queries import queries_that_find
from cf1_mcp.changes.guards import Effect, Planned, Result, approved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, EventIds, HomeDataset
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.errors import NotFound
from cf1_mcp.events.snapshots import images_of
from cf1_mcp.policy.writing import Writer


async def _plan(client: Client, writing: Writer, dataset_id: str, event_ids: list[str]) -> Effect:
    dataset = writing.to_destroy(dataset_id)
    writing.within_size(len(event_ids), "event_ids")
    ids = sorted(event_ids)
    images = await images_of(client, writing, dataset, ids)
    return Effect(
        tool="delete_threat_events",
        arguments={"dataset_id": dataset.uuid, "event_ids": [*ids]},
        datasets=(dataset.uuid,),
        summary=f"Delete {len(ids)} events from dataset {dataset.name!r} for good.",
        before=[image.as_json() for image in images],
        undo="The journal keeps the events, their raw evidence and links; made anew they would have new ids.",
        needs_code=True,
        facts={
            "events": len(ids),
            "relationships_cut": sum(len(image.links) for image in images),
            "references_cut": sum(len(image.event.references) + len(image.event.referenced) for image in images),
            **await queries_that_find(client, ids),
        },
        events=[image.event for image in images],
    )


Deletion = Annotated[Planned, Resolve(approved(_plan))]


@CURATION.tool("Delete threat events", ToolEffect.DELETE)
async def delete_threat_events(
    client: Client, plan: Deletion, dataset_id: HomeDataset, event_ids: EventIds, confirm: Confirm = None
) -> Card:
    """Delete events from one dataset for good: purge or erase false positives, duplicates, a bad import. Without
    `confirm` it changes nothing and answers a preview that holds the code. To keep the events elsewhere use
    move_threat_events.
    """
    return plan.preview or await plan.carry_out(lambda: _delete(client, plan))


async def _delete(client: ThreatEventsClient, plan: Planned) -> Result:
    dataset, ids = plan.effect.datasets[0], [event.uuid for event in plan.effect.events]
    deleted = await client.delete_events(dataset, ids)
    if deleted == len(ids):
        return Result("done", {"deleted": deleted})
    left = [event_id for event_id in ids if await _exists(client, dataset, event_id)]
    return Result("partial" if len(left) < len(ids) else "failed", {"deleted": deleted, "left": [*left]})


async def _exists(client: ThreatEventsClient, dataset_id: str, event_id: str) -> bool:
    try:
        await client.read_event(dataset_id, event_id)
    except NotFound:
        return False
    return True
