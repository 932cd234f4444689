"""What was changed here before."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH, MAX_FIELD_LENGTH, clean_value
from cf1_mcp.answers.pages import fit_list
from cf1_mcp.context import ChangeJournal
from cf1_mcp.contracts.arguments import Cursor, Limit
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CHANGES
from cf1_mcp.store.journal_records import Change
from cf1_mcp.text.lenient import unfilled
from cf1_mcp.text.sanitize import clean

OneChange = Annotated[str | None, Field(description="Only this change, in full"), BeforeValidator(unfilled)]
# Older ones are in the journal, which the operator reads.
MAX_LISTED = 1_000
COLUMNS = ("change_id", "at", "tool", "outcome", "change", "undone_by")


@CHANGES.tool("List changes", ToolEffect.READ)
async def list_changes(
    journal: ChangeJournal, change_id: OneChange = None, limit: Limit = 20, cursor: Cursor = None
) -> Answer:
    """List what this server changed, newest first: the log of what was created, imported, modified, moved, deleted,
    removed, reverted or undone, and whether it has finished, failed or is unknown. Use it to see whether anybody did
    delete, move or revert something from here, and before an undo. What was done elsewhere is in the account's audit
    log.
    """
    if change_id is not None:
        return _card(await journal.change(change_id))
    found = await journal.changes(MAX_LISTED, pre_images=False)
    unknown = ["Unknown means that no answer came: look at the events before making the change again."]
    rows = [_row(change) for change in found]
    return fit_list("changes", COLUMNS, rows, cursor, limit, notes=unknown if _any_unknown(found) else [])


def _any_unknown(found: Sequence[Change]) -> bool:
    return any(change.outcome == "unknown" for change in found)


def _row(change: Change) -> list[str | int | float | bool | list[str]]:
    at = change.at.strftime("%Y-%m-%d %H:%M")
    summary = clean(change.intent.summary, MAX_CELL_LENGTH)
    return [change.id, at, change.intent.tool, change.outcome, summary, change.undone_by or ""]


def _card(change: Change) -> Card:
    intent = change.intent
    fields: dict[str, JsonValue] = {
        "change_id": change.id,
        "at": change.at.isoformat(),
        "tool": intent.tool,
        "outcome": change.outcome,
    }
    untrusted: dict[str, JsonValue] = {
        "change": clean(intent.summary, MAX_FIELD_LENGTH),
        "arguments": clean_value(dict(intent.arguments), MAX_CELL_LENGTH),
        "result": clean_value(change.result, MAX_CELL_LENGTH),
    }
    more = {"undoes": intent.undoes, "undone_by": change.undone_by}
    return Card(fields | {name: value for name, value in more.items() if value}, untrusted)
