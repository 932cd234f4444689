"""Which saved queries find events that are about to go."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import JsonValue, ValidationError

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import ApiError
from cf1_mcp.models import Condition, EventSearch, SavedQuery
from cf1_mcp.search.conditions import MAX_CONDITIONS
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Each query costs a request; an account with more is told that not all were asked.
MAX_QUERIES: Final = 20
MAX_IDS: Final = 100


async def queries_that_find(client: ThreatEventsClient, event_ids: Sequence[str]) -> dict[str, JsonValue]:
    """Facts for a preview: the saved queries that find any of the events now, and so find fewer afterwards."""
    try:
        queries = await client.list_queries()
    except ApiError:
        return {"saved_queries": ["unknown: they could not be listed"]}
    asked = queries[:MAX_QUERIES]
    found = await gather(partial(_found, client, query, event_ids[:MAX_IDS]) for query in asked)
    told: list[JsonValue] = [
        f"{query.id} {clean(query.name, MAX_NAME_LENGTH)!r} finds {count} of these events"
        + (", and feeds a block list" if query.rule_enabled else "")
        for query, count in zip(asked, found, strict=True)
        if count
    ]
    if len(queries) > MAX_QUERIES:
        told.append(f"{len(queries) - MAX_QUERIES} more queries were not asked")
    return {"saved_queries": told} if told else {}


async def _found(client: ThreatEventsClient, query: SavedQuery, event_ids: Sequence[str]) -> int:
    """How many of the events a query finds; none where it cannot be read as a search with room for one condition."""
    try:
        search = EventSearch.model_validate_json(query.query_json)
    except ValidationError:
        return 0
    if len(search.search) >= MAX_CONDITIONS or search.cursor:
        return 0
    among = Condition(field="uuid", op="in", value=[*event_ids])
    narrowed = search.model_copy(update={"search": [*search.search, among], "page": 1, "page_size": MAX_IDS})
    try:
        return len((await client.list_events(narrowed)).result)
    except ApiError:
        return 0
