"""Reading the alerts of an account, which may have none, and the query of one."""

from dataclasses import replace
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.failures import NO_ALERTS
from cf1_mcp.changes.effect import Planning
from cf1_mcp.changes.queries.query_scope import QueryScope, Rule, resolve_saved_scope
from cf1_mcp.errors import MISSING_PART, ApiError, NotFound, Refused, Withheld
from cf1_mcp.models import QueryAlert, SavedQuery

UNREAD_NAME: Final = "(could not be read)"
UNREAD: Final = "The saved query could not be read, so which datasets it searches and what it finds cannot be told."


async def find_alerts_of(client: ThreatEventsClient, query_id: int) -> list[QueryAlert] | None:
    """Return the alerts on a saved query; None if the account's alerts cannot be listed, for whatever reason."""
    try:
        return [alert for alert in await client.list_alerts() if alert.query_id == query_id]
    except ApiError:
        return None


async def list_account_alerts(client: ThreatEventsClient) -> list[QueryAlert]:
    """Return the account's alerts, for the tools that are about them.

    Raises:
        NotFound: the account has no alerts feature.
    """
    try:
        return await client.list_alerts()
    except (NotFound, Refused) as error:
        raise NotFound(NO_ALERTS, error.status) from None


async def read_account_alert(client: ThreatEventsClient, alert_id: int) -> QueryAlert:
    """Return an alert. If it does not exist, the error states whether the account has alerts at all."""
    try:
        return await client.read_alert(alert_id)
    except (NotFound, Refused):
        await list_account_alerts(client)
        raise


async def read_alert_scope(planning: Planning, alert: QueryAlert, rule: Rule) -> tuple[SavedQuery, QueryScope]:
    """Return the query of an alert and its scope. A query that cannot be read may search anything.

    Raises:
        ApiError: the query cannot be read, and the rule does not allow every dataset.
        Withheld: the rule does not allow a dataset that it searches.
    """
    try:
        query = await planning.client.read_query(alert.query_id)
    except MISSING_PART as error:
        query = SavedQuery(id=alert.query_id, name=UNREAD_NAME)
        try:
            return query, replace(resolve_saved_scope(query, planning, rule), untold=UNREAD)
        except Withheld:
            raise error from None
    return query, resolve_saved_scope(query, planning, rule)
