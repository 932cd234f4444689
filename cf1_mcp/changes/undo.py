"""Plans the undo of a change: its inverse, from what the journal stored.

The inverse is a change of a known kind, so it is previewed and journaled, and can itself be undone. The operator's
current rules apply to it, not those at the time of the change.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from cf1_mcp.changes.bulk.bulk_updates import BULK_UPDATE
from cf1_mcp.changes.creation import CREATION, IMPORT
from cf1_mcp.changes.datasets.categories import CATEGORY_CREATION
from cf1_mcp.changes.datasets.copying import COPYING
from cf1_mcp.changes.datasets.new_datasets import DATASET_CREATION, DATASET_DELETION
from cf1_mcp.changes.datasets.renaming import RENAME
from cf1_mcp.changes.deletion import DELETION, RECREATION
from cf1_mcp.changes.duplicates.merging import MERGING, SPLITTING
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Planning
from cf1_mcp.changes.moves import MOVE
from cf1_mcp.changes.queries.alerts import ALERT_CREATION, ALERT_DELETION, ALERT_UPDATE
from cf1_mcp.changes.queries.saved_queries import QUERY_CREATION, QUERY_DELETION, QUERY_UPDATE
from cf1_mcp.changes.relationships import RELATING, UNRELATING
from cf1_mcp.changes.reverts import REVERT
from cf1_mcp.changes.tags import TAGGING, UNTAGGING
from cf1_mcp.changes.updates import UPDATE
from cf1_mcp.errors import BadArgument, NotFound
from cf1_mcp.store.journal_records import Change

KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ALERT_CREATION,
    ALERT_DELETION,
    ALERT_UPDATE,
    BULK_UPDATE,
    CATEGORY_CREATION,
    COPYING,
    CREATION,
    DATASET_CREATION,
    DATASET_DELETION,
    DELETION,
    IMPORT,
    MERGING,
    MOVE,
    QUERY_CREATION,
    QUERY_DELETION,
    QUERY_UPDATE,
    RECREATION,
    RELATING,
    RENAME,
    REVERT,
    SPLITTING,
    TAGGING,
    UNRELATING,
    UNTAGGING,
    UPDATE,
)
NEXT_STEP: Final = "list_changes to see what can be undone"


async def plan_undo(planning: Planning, change: Change) -> Effect[Any]:
    """Plan the inverse of a change.

    Raises:
        BadArgument: there is no inverse, or the change failed or is undone already.
    """
    if change.outcome == "failed":
        raise BadArgument("change_id", f"change {change.id} failed, so there is nothing to undo", NEXT_STEP)
    if change.undone_by:
        raise BadArgument("change_id", f"change {change.id} is undone already, by {change.undone_by}", NEXT_STEP)
    kind, past = _read_past_change(change)
    if kind.plan_undo is None:
        raise BadArgument("change_id", f"a change by {kind.tool} has no inverse in the API", NEXT_STEP)
    try:
        effect = await kind.plan_undo(replace(planning, is_undo=True), past)
    except NotFound as error:
        # Its text speaks of ids, of which the caller gave none.
        problem = f"what change {change.id} concerns is no longer there, so it cannot be undone"
        raise BadArgument("change_id", problem, NEXT_STEP) from error
    summary = f"Undo change {change.id}: {effect.summary[0].lower()}{effect.summary[1:]}"
    return replace(effect, summary=summary, undoes=change.id)


def _read_past_change(change: Change) -> tuple[ChangeKind[Any], PastChange[Any]]:
    """Return the kind of a change, and the change with its payload. A tool may journal payloads of several kinds."""
    intent = change.intent
    result: Mapping[str, JsonValue] = change.result if isinstance(change.result, dict) else {}
    for kind in KINDS:
        if kind.tool != intent.tool:
            continue
        try:
            payload = kind.payload.restore(intent.arguments, intent.before)
        except ValidationError:
            continue
        return kind, PastChange(change.id, payload, intent.datasets, result, change.outcome)
    problem = f"this version cannot read what the journal holds of change {change.id} by {intent.tool}"
    raise BadArgument("change_id", problem, NEXT_STEP)
