"""Reading query alerts."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from cf1_mcp.answers.pages import fit_list
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.failures import NO_ALERTS
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Cursor
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import WATCH
from cf1_mcp.errors import NotFound
from cf1_mcp.text.lenient import unfilled
from cf1_mcp.text.sanitize import clean

OnlyAlert = Annotated[int | None, Field(description="Only this alert", ge=1), BeforeValidator(unfilled)]


@WATCH.tool("List query alerts", ToolEffect.READ)
async def list_query_alerts(client: Client, alert_id: OnlyAlert = None, cursor: Cursor = None) -> Rows:
    """List the alerts on saved queries: who is told (notified by mail or webhook) when a query finds something new, how
    often, and which are silenced. Use it to see whether there is an alert on a query; what it watches for stands in
    list_saved_queries.
    """
    if alert_id is not None:
        found = [await client.read_alert(alert_id)]
    else:
        try:
            found = await client.list_alerts()
        except NotFound as error:
            raise NotFound(NO_ALERTS, error.status) from None
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
    return fit_list("alerts", columns, rows, cursor, alert=alert_id)
