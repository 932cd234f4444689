"""Saved queries as searches. The grammar of `query_json` is unpublished; it is read as the parameters of a list."""

import json
from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import ValidationError

from cf1_mcp.context import Client
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import EventSearch


async def _saved_search(client: Client, query_id: int | None) -> EventSearch:
    """What a saved query asks for; nothing where the call names none."""
    if query_id is None:
        return EventSearch()
    saved = await client.read_query(query_id)
    try:
        return EventSearch.model_validate(json.loads(saved.query_json))
    except (ValueError, ValidationError):
        raise BadArgument(
            "query_id",
            f"saved query {query_id} is not written as a search that can be repeated here",
            "list_saved_queries to see its text, and give its filters yourself",
        ) from None


Saved = Annotated[EventSearch, Resolve(_saved_search)]
