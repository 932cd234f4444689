"""Tagging threat events, and taking tags off them."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.tags import TagEvents, UntagEvents, plan_tagging, plan_untagging
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import ChosenIds, Confirm, HomeDataset, NewTags, Selection
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.text.lenient import Words

OldTags = Annotated[Words, Field(description="Tags to take off", max_length=100)]
Tagging = Annotated[Planned[TagEvents], Resolve(approved(plan_tagging))]
Untagging = Annotated[Planned[UntagEvents], Resolve(approved(plan_untagging))]


@CURATION.tool("Tag threat events", ToolEffect.CREATE)
async def tag_threat_events(
    client: Client,
    plan: Tagging,
    dataset_id: HomeDataset,
    tags: NewTags,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    confirm: Confirm = None,
) -> Card:
    """Add tags to events of one dataset, in addition to those they have: label, flag or mark them as triaged, reviewed
    or a false positive, with the name of a campaign or an actor. If it feeds a block list, a preview with a code comes
    first. For other fields use update_threat_event.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Untag threat events", ToolEffect.DELETE)
async def untag_threat_events(
    client: Client,
    plan: Untagging,
    dataset_id: HomeDataset,
    tags: OldTags,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    confirm: Confirm = None,
) -> Card:
    """Take tags off events of one dataset: strip a wrong label, flag or mark; their other tags stay. Without `confirm`
    it changes nothing and returns a preview with the code. To add tags use tag_threat_events.
    """
    return plan.preview or await plan.carry_out(client)
