"""The journal of changes: listing it, and undoing a change."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field, JsonValue

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH, MAX_FIELD_LENGTH, clean_value
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import fit_list
from cf1_mcp.changes.effect import Effect, Planner
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.undo import plan_undo
from cf1_mcp.context import ChangeJournal, Client
from cf1_mcp.contracts.arguments import Confirm, Cursor, Limit
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CHANGES
from cf1_mcp.store.journal_records import Change
from cf1_mcp.text.dates import iso
from cf1_mcp.text.lenient import none_if_empty
from cf1_mcp.text.sanitize import clean

OneChange = Annotated[str | None, Field(description="Only this change, in full"), BeforeValidator(none_if_empty)]
MAX_LISTED: Final = 1_000  # the operator can list older ones with `cf1-mcp journal list`
COLUMNS: Final = ("change_id", "at", "tool", "outcome", "change", "undone_by")
ChangeId = Annotated[str, Field(description="change_id from list_changes")]


@CHANGES.tool("List changes", ToolEffect.READ)
async def list_changes(
    journal: ChangeJournal, paging: CurrentPaging, change_id: OneChange = None, limit: Limit = 20, cursor: Cursor = None
) -> Answer:
    """List what this server changed, newest first: the log of what was created, imported, modified, moved, deleted,
    removed, reverted or undone, and whether it is done, failed or unknown. Use it to see whether anybody did delete,
    move or revert something from here, and before an undo. What was done elsewhere is in the account's audit log.
    """
    if change_id is not None:
        return _render_card(await journal.change(change_id))
    found = await journal.changes(MAX_LISTED, pre_images=False)
    unknown = ["Unknown means that no answer arrived: check the events before repeating the change."]
    rows = [_render_row(change) for change in found]
    return fit_list("changes", COLUMNS, rows, paging, limit, notes=unknown if _has_unknown(found) else [])


def _has_unknown(found: Sequence[Change]) -> bool:
    return any(change.outcome == "unknown" for change in found)


def _render_row(change: Change) -> list[str | int | float | bool | list[str]]:
    at = change.at.strftime("%Y-%m-%d %H:%M")
    summary = clean(change.intent.summary, MAX_CELL_LENGTH)
    return [change.id, at, change.intent.tool, change.outcome, summary, change.undone_by or ""]


def _render_card(change: Change) -> Card:
    intent = change.intent
    facts: dict[str, JsonValue] = {
        "change_id": change.id,
        "at": iso(change.at),
        "tool": intent.tool,
        "outcome": change.outcome,
    }
    untrusted: dict[str, JsonValue] = {
        "change": clean(intent.summary, MAX_FIELD_LENGTH),
        "arguments": clean_value(dict(intent.arguments), MAX_CELL_LENGTH),
        "result": clean_value(change.result, MAX_CELL_LENGTH),
    }
    more = {"undoes": intent.undoes, "undone_by": change.undone_by}
    return Card(facts | {name: value for name, value in more.items() if value}, untrusted)


async def _plan_undo(planning: Planner, journal: ChangeJournal, change_id: str) -> Effect[Any]:
    return await plan_undo(planning, await journal.change(change_id))


Undo = Annotated[Planned[Any], Resolve(approved(_plan_undo))]


@CHANGES.tool("Undo a change", ToolEffect.UPDATE)
async def undo_change(client: Client, plan: Undo, change_id: ChangeId, confirm: Confirm = None) -> Card:
    """Undo one change that this server made: take back an import, bring deleted events back, move events back, restore
    fields, reverse the last edit. Where it removes something it first returns a preview with a code. list_changes has
    the change_id.
    """
    return plan.preview or await plan.carry_out(client)
