"""Finds the saved queries that match events which are about to be removed."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import Condition, EventSearch, SavedQuery
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import visible_pages
from cf1_mcp.search.conditions import MAX_CONDITIONS
from cf1_mcp.search.query_grammar import is_search, read_search
from cf1_mcp.search.saved_queries import list_readable_queries
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

MAX_QUERIES: Final = 20  # each costs a request
MAX_IDS: Final = 100


async def find_affected_queries(
    client: ThreatEventsClient, policy: ReadPolicy, event_ids: Sequence[str]
) -> dict[str, JsonValue]:
    """Return a sentence for each saved query that finds any of the events or could not be checked.

    The sentences contain names of queries, which are untrusted. Queries that may not be shown are left out.
    """
    try:
        queries = await list_readable_queries(client, policy)
    except ApiError:
        return {"saved_queries": ["unknown: they could not be listed"]}
    checked = queries[:MAX_QUERIES]
    found = await gather(partial(_describe, client, policy, query, event_ids[:MAX_IDS]) for query in checked)
    sentences = [sentence for sentence in found if sentence]
    if queries and len(event_ids) > MAX_IDS:
        sentences.append(f"only the first {MAX_IDS} of {len(event_ids)} events were checked")
    if len(queries) > MAX_QUERIES:
        more = plural(len(queries) - MAX_QUERIES, "more query was", "more queries were")
        sentences.append(f"{more} not checked")
    return {"saved_queries": [*sentences]} if sentences else {}


async def _describe(client: ThreatEventsClient, policy: ReadPolicy, query: SavedQuery, event_ids: Sequence[str]) -> str:
    """Return a sentence on which of the events a query finds; empty if it finds none."""
    name = f"{query.id} {clean(query.name, MAX_NAME_LENGTH)!r}"
    block_list = ", and feeds a block list" if query.rule_enabled else ""
    if not is_search(query.query_json):
        return f"{name} may find these events, which cannot be told: its text is in another grammar{block_list}"
    search = _narrow_search(query, event_ids)
    if search is None:
        return f"{name} could not be checked: it is not a search that can be narrowed to these events{block_list}"
    try:
        pages = [page async for page in visible_pages(client, search, policy)]
    except ApiError:
        return f"{name} could not be checked: its search failed{block_list}"
    except BadArgument:
        return f"{name} could not be checked: it asks for children in a group{block_list}"
    count = len({id_key(event.uuid) for page in pages for event in page})
    return f"{name} finds {count} of these events{block_list}" if count else ""


def _narrow_search(query: SavedQuery, event_ids: Sequence[str]) -> EventSearch | None:
    """Return the search of a query, limited to the events; None if it has too many conditions."""
    search = read_search(query.query_json)
    if len(search.search) >= MAX_CONDITIONS:
        return None
    among = Condition(field="uuid", op="in", value=[*event_ids])
    return search.model_copy(update={"search": [*search.search, among], "page": 1, "page_size": MAX_IDS})
