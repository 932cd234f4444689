"""Query alerts: listing, creating, updating and deleting them."""

from collections.abc import Sequence
from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import fit_list
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.queries.account_alerts import list_account_alerts, read_account_alert
from cf1_mcp.changes.queries.alerts import (
    CreateAlert,
    DeleteAlert,
    UpdateAlert,
    plan_alert_creation,
    plan_alert_deletion,
    plan_alert_update,
)
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm, Cursor
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import WATCH
from cf1_mcp.errors import ApiError
from cf1_mcp.models import AlertFrequency, QueryAlert
from cf1_mcp.policy.read_policy import DATASET_RULE, CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.saved_queries import list_readable_queries
from cf1_mcp.text.lenient import none_if_empty
from cf1_mcp.text.sanitize import clean

QUERIES_UNKNOWN = "The saved queries could not be listed, so it is unknown which alerts may be shown"
OnlyAlert = Annotated[int | None, Field(description="Only this alert", ge=1), BeforeValidator(none_if_empty)]
AlertNumber = Annotated[int, Field(description="id from list_query_alerts", ge=1)]
WatchedQuery = Annotated[int, Field(description="id from list_saved_queries", ge=1)]
Enabled = Annotated[bool, Field(description="Whether it notifies")]
Frequency = Annotated[AlertFrequency, Field(description="At each hit, or once a day")]

Creation = Annotated[Planned[CreateAlert], Resolve(approved(plan_alert_creation))]
Update = Annotated[Planned[UpdateAlert], Resolve(approved(plan_alert_update))]
Deletion = Annotated[Planned[DeleteAlert], Resolve(approved(plan_alert_deletion))]


@WATCH.tool("List query alerts", ToolEffect.READ)
async def list_query_alerts(
    client: Client, policy: CurrentReadPolicy, paging: CurrentPaging, alert_id: OnlyAlert = None, cursor: Cursor = None
) -> Rows:
    """List the alerts on saved queries: who is notified (by mail or webhook) when a query finds something new, how
    often, and which are silenced. Use it to see whether a query has an alert; what it watches for is in
    list_saved_queries.
    """
    if alert_id is None:
        found = await list_account_alerts(client)
    else:
        found = [await read_account_alert(client, alert_id)]
    found, notes = await _leave_out_withheld(client, policy, found)
    rows = [
        [
            alert.id,
            alert.query_id,
            alert.enabled,
            clean(alert.frequency, 40),
            clean(alert.notification_type, 40),
            alert.last_sent_at[:16],
        ]
        for alert in found
    ]
    columns = ("id", "query_id", "enabled", "frequency", "notification_type", "last_sent")
    return fit_list("alerts", columns, rows, paging, notes=notes, alert=alert_id)


async def _leave_out_withheld(
    client: ThreatEventsClient, policy: ReadPolicy, alerts: Sequence[QueryAlert]
) -> tuple[list[QueryAlert], list[str]]:
    """Return the alerts on queries that may be shown, none if those are unknown, with a note."""
    if not (policy.restricted and alerts):
        return [*alerts], []
    try:
        shown = {query.id for query in await list_readable_queries(client, policy)}
    except ApiError:
        return [], [f"{QUERIES_UNKNOWN} ({DATASET_RULE})."]
    return [alert for alert in alerts if alert.query_id in shown], []


@WATCH.tool("Create a query alert", ToolEffect.CREATE)
async def create_query_alert(
    client: Client,
    plan: Creation,
    query_id: WatchedQuery,
    frequency: Frequency = "daily",
    enabled: Enabled = True,
    confirm: Confirm = None,
) -> Card:
    """Notify people outside, by mail or webhook, when a saved query finds something new: at each hit or once a day. A
    preview with a code may come first. To save the query first use create_saved_query.
    """
    return plan.preview or await plan.carry_out(client)


@WATCH.tool("Update a query alert", ToolEffect.UPDATE)
async def update_query_alert(
    client: Client,
    plan: Update,
    alert_id: AlertNumber,
    frequency: AlertFrequency | None = None,
    enabled: bool | None = None,
    confirm: Confirm = None,
) -> Card:
    """Change how often an alert notifies (a noisy one daily, not at each hit), or silence, mute and re-enable it. It
    stays on its query: for another query use create_query_alert.
    """
    return plan.preview or await plan.carry_out(client)


@WATCH.tool("Delete a query alert", ToolEffect.DELETE)
async def delete_query_alert(client: Client, plan: Deletion, alert_id: AlertNumber, confirm: Confirm = None) -> Card:
    """Delete an alert for good, so that it never notifies again; its query stays. Without `confirm` it changes nothing
    and returns a preview with the code. To silence it for a while use update_query_alert.
    """
    return plan.preview or await plan.carry_out(client)
