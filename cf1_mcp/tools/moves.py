"""Moving and copying threat events from one dataset to another."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.datasets.copying import CopyEvents, plan_copy
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.moves import MoveEvents, plan_move
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import ChosenIds, Confirm, HomeDataset, Selection
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION

Destination = Annotated[str, Field(description="Dataset name or uuid to move them to")]
KeepRaw = Annotated[bool, Field(description="false loses the raw evidence for good")]
CopyTarget = Annotated[str, Field(description="Dataset name or uuid to copy them to")]
CopyRaw = Annotated[bool, Field(description="Copy raw evidence too; at most 10 events then")]
Move = Annotated[Planned[MoveEvents], Resolve(approved(plan_move))]

Copying = Annotated[Planned[CopyEvents], Resolve(approved(plan_copy))]


@CURATION.tool("Move threat events", ToolEffect.DELETE)
async def move_threat_events(
    client: Client,
    plan: Move,
    dataset_id: HomeDataset,
    destination_dataset_id: Destination,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    keep_raw_data: KeepRaw = True,
    confirm: Confirm = None,
) -> Card:
    """Move events from one dataset to another, by default with their raw evidence: quarantine suspicious ones, transfer
    or archive them. Without `confirm` it changes nothing and returns a preview with the code. To remove events for good
    use delete_threat_events.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Copy threat events", ToolEffect.CREATE)
async def copy_threat_events(
    client: Client,
    plan: Copying,
    dataset_id: HomeDataset,
    destination_dataset_id: CopyTarget,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    keep_raw_data: CopyRaw = False,
    confirm: Confirm = None,
) -> Card:
    """Copy events to another dataset, and leave the originals: collect a case, share or duplicate a selection. If the
    copies feed a block list, become public or are many, a preview with a code comes first. undo_change deletes copies.
    """
    return plan.preview or await plan.carry_out(client)
