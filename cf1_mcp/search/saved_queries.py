"""Saved queries as searches. The grammar of `query_json` is unpublished; it is read as the parameters of a list."""

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
    """What a saved query asks for; nothing where the call names none."""
    if query_id is None:
        return EventSearch()
    saved = await _named(client, query_id)
    try:
        return EventSearch.model_validate(json.loads(saved.query_json))
    except (ValueError, ValidationError):
        raise BadArgument(
            "query_id",
            f"saved query {saved.id} is not written as a search that can be repeated here",
            "list_saved_queries to see its text, and give its filters yourself",
        ) from None


async def _named(client: ThreatEventsClient, query: str) -> SavedQuery:
    """The saved query of an id or of a name, whatever its case."""
    wanted = query.strip()
    if wanted.isdecimal():
        return await client.read_query(int(wanted))
    listed = await client.list_queries()
    for saved in listed:
        if saved.name.strip().casefold() == wanted.casefold():
            return saved
    names = [clean(saved.name, MAX_NAME_LENGTH) for saved in listed]
    problem = f"there is no saved query {clean(wanted, MAX_NAME_LENGTH)!r}{did_you_mean(wanted, names)}"
    raise BadArgument("query_id", problem, f"an id, or {choices(names)}" if names else "an id from list_saved_queries")


Saved = Annotated[EventSearch, Resolve(_saved_search)]
