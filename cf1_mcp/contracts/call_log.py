"""What the log of calls records of one call: which datasets an answer states, and its numbers."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.context import ToolContext, find_origin
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_DATASETS: Final = 50
DATASET_COLUMNS: Final = ("dataset_id", "dataset")


async def log_answer(context: ToolContext, tool: str, data: Mapping[str, JsonValue]) -> None:
    """Log a call that is about to be answered with this data, if CF1_LOG_READS asks for it.

    Raises:
        StoreError: it cannot be logged. The call must not be answered then.
    """
    server = context.request_context.lifespan_context
    if server.settings.log_reads:
        origin = find_origin(context)
        await server.stores.reads.add(tool, "answered", origin, find_datasets(data), find_counts(data))


async def log_refusal(context: ToolContext, tool: str) -> None:
    """Log a call that is about to fail, if CF1_LOG_READS asks for it.

    Raises:
        StoreError: it cannot be logged.
    """
    server = context.request_context.lifespan_context
    if server.settings.log_reads:
        await server.stores.reads.add(tool, "refused", find_origin(context))


def find_datasets(data: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return the datasets that an answer names: in a list of its own, a field, or a column of its rows."""
    listed = data.get("datasets")
    found: list[JsonValue] = [*listed] if isinstance(listed, list) else []
    columns, rows = data.get("columns"), data.get("rows")
    for name in DATASET_COLUMNS:
        if isinstance(value := data.get(name), str):
            found.append(value)
        if isinstance(columns, list) and isinstance(rows, list) and name in columns:
            place = columns.index(name)
            found += [row[place] for row in rows if isinstance(row, list)]
    names = (clean(one, MAX_NAME_LENGTH) for one in found if isinstance(one, str) and one)
    return tuple(dict.fromkeys(names))[:MAX_DATASETS]


def find_counts(data: Mapping[str, JsonValue]) -> dict[str, int]:
    """Return the numbers that this server states in an answer, and how many rows it has. None of an event is among
    them.
    """
    untrusted = data.get("untrusted")
    others = {str(name) for name in untrusted} if isinstance(untrusted, list) else set[str]()
    counts = {
        name: value
        for name, value in data.items()
        if isinstance(value, int) and not isinstance(value, bool) and name not in others
    }
    rows = data.get("rows")
    return {**counts, "rows": len(rows)} if isinstance(rows, list) else counts
