"""Reading saved queries."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from cf1_mcp.answers.columns import MAX_FIELD_LENGTH
from cf1_mcp.answers.pages import fit_list
from cf1_mcp.answers.rows import Rows
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Cursor
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import WATCH
from cf1_mcp.text.lenient import unfilled
from cf1_mcp.text.sanitize import clean

OnlyQuery = Annotated[int | None, Field(description="Only this saved query", ge=1), BeforeValidator(unfilled)]


@WATCH.tool("List saved queries", ToolEffect.READ)
async def list_saved_queries(client: Client, query_id: OnlyQuery = None, cursor: Cursor = None) -> Rows:
    """List the account's saved queries: the stored searches, what each looks for, whether it alerts or feeds a block
    list. Use it to see what is being watched, or before a query is changed or deleted; to run one give its id to
    search_threat_events.
    """
    saved = await client.list_queries() if query_id is None else [await client.read_query(query_id)]
    # The person who saved it stays unnamed: an address is personal data that no investigation needs.
    rows = [
        [
            query.id,
            clean(query.name, 120),
            query.alert_enabled,
            query.rule_enabled,
            query.updated_at[:10],
            clean(query.query_json, MAX_FIELD_LENGTH, value=True),
        ]
        for query in saved
    ]
    columns = ("id", "name", "alert_enabled", "rule_enabled", "updated", "query_json")
    return fit_list("queries", columns, rows, cursor, query=query_id)
