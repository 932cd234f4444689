"""Taking a change back."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.card import Card
from cf1_mcp.changes.guards import Effect, Planned, approved
from cf1_mcp.changes.undo import inverse_of
from cf1_mcp.context import ChangeJournal, Client
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CHANGES
from cf1_mcp.policy.writing import Writer
from cf1_mcp.store.journal_records import Change

ChangeId = Annotated[str, Field(description="change_id from list_changes")]


async def _change(journal: ChangeJournal, change_id: str) -> Change:
    return await journal.change(change_id)


Past = Annotated[Change, Resolve(_change)]


async def _plan(client: Client, writing: Writer, past: Past) -> Effect:
    return await inverse_of(past).plan(client, writing, past)


Undo = Annotated[Planned, Resolve(approved(_plan))]


@CHANGES.tool("Undo a change", ToolEffect.UPDATE)
async def undo_change(client: Client, past: Past, plan: Undo, change_id: ChangeId, confirm: Confirm = None) -> Card:
    """Undo one change that this server made: take back an import, bring deleted events back, move events back, restore
    fields, reverse the last edit. Where it destroys something it previews first and asks for a code. list_changes has
    the change_id.
    """
    return plan.preview or await plan.carry_out(lambda: inverse_of(past).carry(client, plan.effect))
