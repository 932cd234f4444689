"""Saved queries as searches.

The grammar of `query_json` is not published, so it is read as the parameters of an event list.
"""

import json
from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import ValidationError

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.context import Client
from cf1_mcp.errors import BadArgument, choices, did_you_mean
from cf1_mcp.models import EventSearch, SavedQuery
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean


async def _saved_search(client: Client, query_id: str | None) -> EventSearch:
    """Return the search of a saved query; an empty one if the call names none."""
    if query_id is None:
        return EventSearch()
    saved = await _find_query(client, query_id)
    try:
        return EventSearch.model_validate(json.loads(saved.query_json))
    except (ValueError, ValidationError):
        raise BadArgument(
            "query_id",
            f"the text of saved query {saved.id} is not a search that this server can run",
            "list_saved_queries to read it, and the filters of this tool instead",
        ) from None


async def _find_query(client: ThreatEventsClient, query: str) -> SavedQuery:
    """Return the saved query with an id, or with a name in any case."""
    name = query.strip()
    if name.isdecimal():
        return await client.read_query(int(name))
    listed = await client.list_queries()
    for saved in listed:
        if saved.name.strip().casefold() == name.casefold():
            return saved
    names = [clean(saved.name, MAX_NAME_LENGTH) for saved in listed]
    problem = f"there is no saved query {clean(name, MAX_NAME_LENGTH)!r}{did_you_mean(name, names)}"
    raise BadArgument("query_id", problem, f"an id, or {choices(names)}" if names else "an id from list_saved_queries")


SavedSearch = Annotated[EventSearch, Resolve(_saved_search)]
