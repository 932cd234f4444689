"""The journal of changes: listing it, and undoing a change."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field, JsonValue

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH, MAX_FIELD_LENGTH, clean_value
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.fitting import count_fitting, size_for_rows
from cf1_mcp.answers.rows import Rows
from cf1_mcp.changes.effect import Effect, Planner
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.undo import plan_undo
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, Cursor, Limit
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CHANGES
from cf1_mcp.policy.readable_journal import CurrentJournal
from cf1_mcp.store.journal_records import Change
from cf1_mcp.text.dates import iso
from cf1_mcp.text.lenient import none_if_empty
from cf1_mcp.text.sanitize import clean

OneChange = Annotated[str | None, Field(description="Only this change, in full"), BeforeValidator(none_if_empty)]
COLUMNS: Final = ("change_id", "at", "tool", "outcome", "change", "undone_by")
ChangeId = Annotated[str, Field(description="change_id from list_changes")]
UNKNOWN: Final = "Unknown means that no answer told whether it was done: look before repeating the change."
LOST: Final = (
    "Entries of the journal are missing, so this list is incomplete. Ask the operator to run 'cf1-mcp journal verify'."
)
NOT_REPEATED: Final = "not repeated here: get_threat_event reads it under the current rules"
# A cursor of this list is a change, not a number: it does not depend on changes that may not be told.
LIST: Final = {"list": "changes"}


@CHANGES.tool("List changes", ToolEffect.READ)
async def list_changes(
    journal: CurrentJournal,
    paging: CurrentPaging,
    change_id: OneChange = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Answer:
    """List what this server changed, newest first: the log of what was created, imported, modified, moved, deleted,
    removed, reverted or undone, and whether it is done, failed or unknown. Use it to see whether anybody did delete,
    move or revert something from here, and before an undo. What was done elsewhere is in the account's audit log.
    """
    if change_id is not None:
        change = await journal.change(change_id)
        return _render_card(change, await journal.find_rule_against_details(change))
    before = paging.open(LIST)
    # One more than can be shown, to know whether the list goes on.
    found = await journal.changes(limit + 1, before)
    rows = [_render_row(change) for change in found[:limit]]
    shown = count_fitting(rows, size_for_rows(limit))
    facts: dict[str, JsonValue] = {"changes": shown}
    if shown < len(found):
        facts["next_cursor"] = paging.seal(found[shown - 1].id, LIST)
    notes = [UNKNOWN] if _has_unknown(found[:shown]) else []
    return Rows(COLUMNS, rows[:shown], facts, [*notes, *([LOST] if await journal.has_losses() else [])])


def _has_unknown(found: Sequence[Change]) -> bool:
    return any(change.outcome == "unknown" for change in found)


def _render_row(change: Change) -> list[str | int | float | bool | list[str]]:
    at = change.at.strftime("%Y-%m-%d %H:%M")
    summary = clean(change.intent.summary, MAX_CELL_LENGTH)
    return [change.id, at, change.intent.tool, change.outcome, summary, change.undone_by or ""]


def _render_card(change: Change, rule: str | None) -> Card:
    """Return a change in full; without its details if a rule withholds an event that it names."""
    intent = change.intent
    facts: dict[str, JsonValue] = {
        "change_id": change.id,
        "at": iso(change.at),
        "tool": intent.tool,
        "outcome": change.outcome,
    }
    if intent.origin and intent.origin.sandbox:
        facts["made_in"] = "sandbox"
    more = {"undoes": intent.undoes, "undone_by": change.undone_by}
    facts |= {name: value for name, value in more.items() if value}
    untrusted: dict[str, JsonValue] = {"change": clean(intent.summary, MAX_FIELD_LENGTH)}
    if rule:
        return Card(facts, untrusted, notes=[f"Its details name an event that is now withheld by {rule}."])
    arguments, result = _leave_out_evidence(dict(intent.arguments)), _leave_out_evidence(change.result)
    untrusted |= {
        "arguments": clean_value(arguments, MAX_CELL_LENGTH),
        "result": clean_value(result, MAX_CELL_LENGTH),
    }
    return Card(facts, untrusted)


def _leave_out_evidence(value: JsonValue, name: str = "") -> JsonValue:
    """Return stored JSON without raw evidence: its marking may have changed since, without that of its event."""
    match value:
        case {"field": "raw", "answered": _}:
            return {"field": "raw", "answered": NOT_REPEATED}
        case dict() if name == "raw":
            return {part: held if part in ("id", "tlp") else NOT_REPEATED for part, held in value.items() if held}
        case dict():
            return {part: _leave_out_evidence(held, part) for part, held in value.items()}
        case list():
            return [_leave_out_evidence(held) for held in value]
        case _:
            return value


async def _plan_undo(planning: Planner, journal: CurrentJournal, change_id: str) -> Effect[Any]:
    return await plan_undo(planning, await journal.change(change_id))


Undo = Annotated[Planned[Any], Resolve(approved(_plan_undo))]


@CHANGES.tool("Undo a change", ToolEffect.UPDATE)
async def undo_change(client: Client, plan: Undo, change_id: ChangeId, confirm: Confirm = None) -> Card:
    """Undo one change that this server made: take back an import, bring deleted events back, move events back, restore
    fields, reverse the last edit. Where it removes something it first returns a preview with a code. list_changes has
    the change_id.
    """
    return plan.preview or await plan.carry_out(client)
