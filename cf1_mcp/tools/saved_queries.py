"""Saved queries: listing, creating, updating and deleting them."""

import json
from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_FIELD_LENGTH
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import fit_list
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.queries.query_payloads import CreateQuery, DeleteQuery, UpdateQuery
from cf1_mcp.changes.queries.saved_queries import plan_query_creation, plan_query_deletion, plan_query_update
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, Cursor
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import WATCH
from cf1_mcp.models import SavedQuery
from cf1_mcp.policy.read_policy import CurrentReadPolicy
from cf1_mcp.search.query_grammar import EXAMPLE, finds_everything, is_search, read_search
from cf1_mcp.search.saved_queries import list_readable_queries, read_readable_query
from cf1_mcp.text.lenient import none_if_empty
from cf1_mcp.text.sanitize import clean


def _convert_to_text(value: object) -> object:
    """Return a search that is an object as JSON text: models write objects, and the SDK parses JSON."""
    return json.dumps(value) if isinstance(value, dict | list) else value


MAX_NAMED_IDS = 20
RULES = "These are not run, and a change of one needs a code and lists of the operator that allow every dataset."
TAGS_UNKNOWN = "The tags could not be read, so saved queries that may name one are not shown."

OnlyQuery = Annotated[int | None, Field(description="Only this saved query", ge=1), BeforeValidator(none_if_empty)]
QueryNumber = Annotated[int, Field(description="id from list_saved_queries", ge=1)]
QueryJson = Annotated[str, BeforeValidator(_convert_to_text), Field(description=f"The search as JSON text: {EXAMPLE}")]
NewQueryJson = Annotated[
    str | None, BeforeValidator(_convert_to_text), Field(description="The new search as JSON text")
]
Alerts = Annotated[bool, Field(description="Notify people of hits")]
Rollup = Annotated[bool, Field(description="Roll notifications up into one")]
Rule = Annotated[bool, Field(description="Feed hits to a block list (WAF, Gateway)")]
RuleScope = Annotated[str | None, Field(description="Where the rule blocks")]

Creation = Annotated[Planned[CreateQuery], Resolve(approved(plan_query_creation))]
Update = Annotated[Planned[UpdateQuery], Resolve(approved(plan_query_update))]
Deletion = Annotated[Planned[DeleteQuery], Resolve(approved(plan_query_deletion))]


@WATCH.tool("List saved queries", ToolEffect.READ)
async def list_saved_queries(
    client: Client, policy: CurrentReadPolicy, paging: CurrentPaging, query_id: OnlyQuery = None, cursor: Cursor = None
) -> Rows:
    """List the account's saved queries: the stored searches, what each searches for, whether it alerts or feeds a block
    list. Use it to see what is being watched, or before a query is changed or deleted; to run one give its id to
    search_threat_events.
    """
    if query_id is None:
        saved = await list_readable_queries(client, policy)
    else:
        saved = [await read_readable_query(client, policy, query_id)]
    # Without the person who saved it: an address is personal data that no investigation needs.
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
    notes = [TAGS_UNKNOWN] if policy.withheld_tags is None else []
    others = await run_in_thread(lambda: [str(query.id) for query in saved if not is_search(query.query_json)])
    if others:
        more = [f"and {len(others) - MAX_NAMED_IDS} more"] if len(others) > MAX_NAMED_IDS else []
        notes.append(
            f"In another grammar than this server reads: {', '.join([*others[:MAX_NAMED_IDS], *more])}. {RULES}"
        )
    if unfiltered := await run_in_thread(lambda: [str(query.id) for query in saved if _finds_everything(query)]):
        more = [f"and {len(unfiltered) - MAX_NAMED_IDS} more"] if len(unfiltered) > MAX_NAMED_IDS else []
        named = ", ".join([*unfiltered[:MAX_NAMED_IDS], *more])
        notes.append(f"Without a condition, so that they find every event of their datasets: {named}.")
    return fit_list("queries", columns, rows, paging, notes=notes, query=query_id)


def _finds_everything(query: SavedQuery) -> bool:
    return is_search(query.query_json) and finds_everything(read_search(query.query_json))


@WATCH.tool("Create a saved query", ToolEffect.CREATE)
async def create_saved_query(
    client: Client,
    plan: Creation,
    name: str,
    query_json: QueryJson,
    alert_enabled: Alerts = False,
    alert_rollup_enabled: Rollup = False,
    rule_enabled: Rule = False,
    rule_scope: RuleScope = None,
    confirm: Confirm = None,
) -> Card:
    """Save a search under its own name: keep it to run again, watch for new hits, or block what it finds at the
    gateway. With `rule_enabled` or `alert_enabled` it first returns a preview with a code. To search once use
    search_threat_events; to notify people use create_query_alert.
    """
    return plan.preview or await plan.carry_out(client)


@WATCH.tool("Update a saved query", ToolEffect.UPDATE)
async def update_saved_query(
    client: Client,
    plan: Update,
    query_id: QueryNumber,
    name: str | None = None,
    query_json: NewQueryJson = None,
    alert_enabled: bool | None = None,
    alert_rollup_enabled: bool | None = None,
    rule_enabled: bool | None = None,
    rule_scope: str | None = None,
    confirm: Confirm = None,
) -> Card:
    """Change a saved query: rename it, narrow or widen what it searches, switch its blocking rule on or off. Only given
    fields are replaced. Where its rule or an alert is or becomes enabled it first returns a preview with a code. For
    its alerts use update_query_alert.
    """
    return plan.preview or await plan.carry_out(client)


@WATCH.tool("Delete a saved query", ToolEffect.DELETE)
async def delete_saved_query(client: Client, plan: Deletion, query_id: QueryNumber, confirm: Confirm = None) -> Card:
    """Delete a saved query for good, and its alerts with it: remove one that nobody uses any more. Without `confirm` it
    changes nothing and returns a preview with the code. To keep it but silence it use update_saved_query.
    """
    return plan.preview or await plan.carry_out(client)
