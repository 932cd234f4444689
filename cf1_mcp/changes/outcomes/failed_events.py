"""The events that an answer to a move or a copy reports as not written."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.text.sanitize import clean


def list_failed_events(failures: Sequence[Mapping[str, JsonValue]], event_ids: Sequence[str]) -> list[JsonValue]:
    """Return a row for each failure: the event at the index that it names in the request, and the API's reason."""
    rows: list[JsonValue] = []
    for failure in failures:
        index, reason = failure.get("index"), clean(str(failure.get("reason", "")), MAX_CELL_LENGTH)
        event_id = event_ids[index] if isinstance(index, int) and 0 <= index < len(event_ids) else "unknown"
        rows.append({"event": event_id, "reason": reason})
    return rows
