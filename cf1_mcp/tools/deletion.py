"""Deleting threat events.

A guarded tool in one screen. `plan_deletion` is the resolver that checks the call against the operator's rules and
describes its effect; `approved` requires confirmation and approval of that plan. Both run before the body, in the
order of the signature, and neither is visible in the tool's schema. The body only acts.
"""

from typing import Annotated

from mcp.server.mcpserver import Resolve

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.deletion import DeleteEvents, plan_deletion
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import ChosenIds, Confirm, HomeDataset, Selection
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION

Deletion = Annotated[Planned[DeleteEvents], Resolve(approved(plan_deletion))]


@CURATION.tool("Delete threat events", ToolEffect.DELETE)
async def delete_threat_events(
    client: Client,
    plan: Deletion,
    dataset_id: HomeDataset,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    confirm: Confirm = None,
) -> Card:
    """Delete events from one dataset for good: purge or erase false positives, a bad import. Without
    `confirm` it changes nothing and returns a preview with the code. To keep the events elsewhere use
    move_threat_events.
    """
    return plan.preview or await plan.carry_out(client)
