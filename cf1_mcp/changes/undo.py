"""The inverse of each kind of change: what takes it back, planned like any other change, from what the journal kept.

An inverse is itself a change of a known kind, so that it is journaled, and can be undone, like any other. It is held to
the operator's rules as they are now, not as they were.
"""

from collections.abc import Mapping
from typing import Final

from cf1_mcp.changes.undo_events import RECREATION, REMOVAL
from cf1_mcp.changes.undo_fields import RESTORING
from cf1_mcp.changes.undo_inverse import Inverse
from cf1_mcp.changes.undo_links import RELATING, UNRELATING
from cf1_mcp.changes.undo_moves import MOVING_BACK
from cf1_mcp.changes.undo_queries import (
    ALERT_DELETION,
    ALERT_RECREATION,
    ALERT_RESTORATION,
    QUERY_DELETION,
    QUERY_RECREATION,
    QUERY_RESTORATION,
)
from cf1_mcp.changes.undo_tags import TAGGING, UNTAGGING
from cf1_mcp.errors import BadArgument
from cf1_mcp.store.journal_records import Change

INVERSES: Final[Mapping[str, Inverse]] = {
    "create_query_alert": ALERT_DELETION,
    "create_saved_query": QUERY_DELETION,
    "create_threat_event": REMOVAL,
    "delete_query_alert": ALERT_RECREATION,
    "delete_saved_query": QUERY_RECREATION,
    "delete_threat_events": RECREATION,
    "import_threat_events": REMOVAL,
    "move_threat_events": MOVING_BACK,
    "relate_threat_events": UNRELATING,
    "tag_threat_events": UNTAGGING,
    "unrelate_threat_events": RELATING,
    "untag_threat_events": TAGGING,
    "update_query_alert": ALERT_RESTORATION,
    "update_saved_query": QUERY_RESTORATION,
    "update_threat_event": RESTORING,
}


def inverse_of(change: Change) -> Inverse:
    """The inverse of a change.

    Raises:
        BadArgument: there is none, or the change was not made, or is undone already.
    """
    again = "list_changes to see what can be undone"
    if change.outcome == "failed":
        raise BadArgument("change_id", f"change {change.id} failed, so there is nothing to undo", again)
    if change.undone_by:
        raise BadArgument("change_id", f"change {change.id} is undone already, by {change.undone_by}", again)
    inverse = INVERSES.get(change.intent.tool)
    if inverse is None:
        raise BadArgument("change_id", f"a change by {change.intent.tool} has no inverse in the API", again)
    return inverse
