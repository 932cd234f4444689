"""Linking threat events, by references and by typed relationships, and removing references."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.relationships import RelateEvents, UnrelateEvents, plan_relating, plan_unrelating
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import ChosenIds, Confirm, EventId, HomeDataset, Selection
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.models import RelationshipType

OtherDataset = Annotated[str | None, Field(description="Dataset of related_ids where it is another one")]
Kind = Annotated[RelationshipType | None, Field(description="Without it: a plain reference, which can be undone")]
Relating = Annotated[Planned[RelateEvents], Resolve(approved(plan_relating))]
Unrelating = Annotated[Planned[UnrelateEvents], Resolve(approved(plan_unrelating))]


@CURATION.tool("Relate threat events", ToolEffect.CREATE)
async def relate_threat_events(
    client: Client,
    plan: Relating,
    dataset_id: HomeDataset,
    event_id: EventId,
    related_ids: ChosenIds = None,
    selection: Selection = None,
    related_dataset_id: OtherDataset = None,
    relationship_type: Kind = None,
    confirm: Confirm = None,
) -> Card:
    """Link or connect one event to others, such as a phishing mail to the malware it dropped: a plain reference, or
    with `relationship_type` a typed relationship of which event_id is the parent (the campaign, the cause). Typed ones
    cannot be removed again. To create events use create_threat_event.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Unrelate threat events", ToolEffect.DELETE)
async def unrelate_threat_events(
    client: Client,
    plan: Unrelating,
    dataset_id: HomeDataset,
    event_id: EventId,
    related_ids: ChosenIds = None,
    selection: Selection = None,
    related_dataset_id: OtherDataset = None,
    confirm: Confirm = None,
) -> Card:
    """Remove references from one event to others: cut a link or connection made by mistake. Without `confirm` it
    changes nothing and returns a preview with the code. Typed relationships cannot be removed: the API has no way to.
    To add one use relate_threat_events.
    """
    return plan.preview or await plan.carry_out(client)
