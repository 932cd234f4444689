"""Changing query alerts. An alert is judged by the query that it is on."""

from collections.abc import Sequence
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.failures import NO_ALERTS
from cf1_mcp.changes.guards import Effect, Planned, Result, approved, journaled
from cf1_mcp.changes.query_reach import reach_of_saved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import WATCH
from cf1_mcp.errors import ApiError, BadArgument, NotFound
from cf1_mcp.models import AlertFrequency, QueryAlert, QueryAlertFields, SavedQuery
from cf1_mcp.policy.writing import Writer
from cf1_mcp.text.sanitize import clean

# An address is personal data; and when it last told someone makes an alert no other than it was.
UNTOLD: Final = frozenset({"user_email", "last_sent_at"})
OUTSIDE: Final = "Its notifications go to people outside."

AlertNumber = Annotated[int, Field(description="id from list_query_alerts", ge=1)]
WatchedQuery = Annotated[int, Field(description="id from list_saved_queries", ge=1)]
Enabled = Annotated[bool, Field(description="Whether it notifies")]
Frequency = Annotated[AlertFrequency, Field(description="At each hit, or once a day")]


# -- creating


async def _plan_creation(
    client: Client, writing: Writer, query_id: int, frequency: AlertFrequency, enabled: bool
) -> Effect:
    query = await client.read_query(query_id)
    reach = reach_of_saved(query, writing, writing.to_write)
    for alert in await _alerts(client):
        if alert.query_id == query_id and alert.frequency == frequency:
            raise BadArgument(
                "query_id", f"alert {alert.id} is on this query already, {frequency}", "update_query_alert to change it"
            )
    summary = f"Create an alert ({frequency}) on {_shown(query)}" + ("." if enabled else ", silent for now.")
    return Effect(
        tool="create_query_alert",
        arguments={"fields": {"query_id": query_id, "frequency": frequency, "enabled": enabled}},
        datasets=reach.datasets,
        summary=f"{summary} {OUTSIDE}" if enabled else summary,
        before=None,
        undo="undo_change deletes the alert again; notifications that were sent stay sent.",
        needs_code=False,
    )


Creation = Annotated[Planned, Resolve(journaled(_plan_creation))]


@WATCH.tool("Create a query alert", ToolEffect.CREATE)
async def create_query_alert(
    client: Client, plan: Creation, query_id: WatchedQuery, frequency: Frequency = "daily", enabled: Enabled = True
) -> Card:
    """Have people outside notified, as by mail or webhook, when a saved query finds something new: at each hit or once
    a day. To save the query first use create_saved_query.
    """
    return await plan.carry_out(lambda: _create(client, plan.effect))


async def _create(client: ThreatEventsClient, effect: Effect) -> Result:
    sent = QueryAlertFields.model_validate(effect.arguments["fields"])
    made = await client.create_alert(sent)
    differs = _differing(sent, made)
    facts: dict[str, JsonValue] = {"alert_id": made.id}
    return Result("partial", {**facts, "differs": differs}) if differs else Result("done", facts)


# -- updating


async def _plan_update(
    client: Client, writing: Writer, alert_id: int, frequency: AlertFrequency | None, enabled: bool | None
) -> Effect:
    old = await _alert(client, alert_id)
    query = await client.read_query(old.query_id)
    reach = reach_of_saved(query, writing, writing.to_write)
    given: dict[str, JsonValue] = {"frequency": frequency, "enabled": enabled}
    if all(value is None for value in given.values()):
        raise BadArgument("alert_id", "nothing is given to change", "frequency, enabled or both")
    new: dict[str, JsonValue] = {
        name: value for name, value in given.items() if value is not None and value != getattr(old, name)
    }
    if not new:
        raise BadArgument("alert_id", "the alert has these values already", "other values, or leave it as it is")
    summary = f"Change {' and '.join(new)} of alert {alert_id} on {_shown(query)}."
    return Effect(
        tool="update_query_alert",
        arguments={"alert_id": alert_id, "fields": new},
        datasets=reach.datasets,
        summary=f"{summary} {OUTSIDE}" if new.get("enabled", old.enabled) else summary,
        before={"alert": _image(old)},
        undo="undo_change sets the old values again; notifications that were sent stay sent.",
        needs_code=False,
    )


Update = Annotated[Planned, Resolve(journaled(_plan_update))]


@WATCH.tool("Update a query alert", ToolEffect.UPDATE)
async def update_query_alert(
    client: Client,
    plan: Update,
    alert_id: AlertNumber,
    frequency: AlertFrequency | None = None,
    enabled: bool | None = None,
) -> Card:
    """Change how often an alert notifies (a noisy one daily, not at each hit), or silence, mute and wake it again. It
    stays on its query: for another query use create_query_alert.
    """
    return await plan.carry_out(lambda: _update(client, plan.effect, alert_id))


async def _update(client: ThreatEventsClient, effect: Effect, alert_id: int) -> Result:
    sent = QueryAlertFields.model_validate(effect.arguments["fields"])
    differs = _differing(sent, await client.update_alert(alert_id, sent))
    wrong = [one["field"] for one in differs if isinstance(one, dict)]
    changed = [name for name in sorted(sent.model_fields_set) if name not in wrong]
    facts: dict[str, JsonValue] = {"alert_id": alert_id, "changed": [*changed]}
    if not differs:
        return Result("done", facts)
    return Result("partial" if changed else "failed", {**facts, "differs": differs})


# -- deleting


async def _plan_deletion(client: Client, writing: Writer, alert_id: int) -> Effect:
    alert = await _alert(client, alert_id)
    query = await client.read_query(alert.query_id)
    reach = reach_of_saved(query, writing, writing.to_destroy)
    return Effect(
        tool="delete_query_alert",
        arguments={"alert_id": alert_id},
        datasets=reach.datasets,
        summary=f"Delete alert {alert_id} on {_shown(query)} for good: it notifies nobody any more.",
        before={"alert": _image(alert)},
        undo="The journal keeps the alert; made anew it would have a new id.",
        needs_code=True,
        facts={
            "query_id": alert.query_id,
            "frequency": clean(alert.frequency, MAX_CELL_LENGTH),
            "enabled": alert.enabled,
        },
    )


Deletion = Annotated[Planned, Resolve(approved(_plan_deletion))]


@WATCH.tool("Delete a query alert", ToolEffect.DELETE)
async def delete_query_alert(client: Client, plan: Deletion, alert_id: AlertNumber, confirm: Confirm = None) -> Card:
    """Delete an alert for good, so that it never notifies again; its query stays. Without `confirm` it changes nothing
    and answers a preview that holds the code. To silence it for a while use update_query_alert.
    """
    return plan.preview or await plan.carry_out(lambda: _delete(client, alert_id))


async def _delete(client: ThreatEventsClient, alert_id: int) -> Result:
    """The API's answer to a deletion has no documented body, so it is looked whether the alert is gone."""
    await client.delete_alert(alert_id)
    facts: dict[str, JsonValue] = {"alert_id": alert_id}
    try:
        await client.read_alert(alert_id)
    except NotFound:
        return Result("done", facts)
    except ApiError as error:
        return Result("done", {**facts, "not_looked_after": str(error)})
    return Result("failed", {**facts, "left": True})


# -- what they share


async def _alerts(client: ThreatEventsClient) -> Sequence[QueryAlert]:
    try:
        return await client.list_alerts()
    except NotFound as error:
        raise NotFound(NO_ALERTS, error.status) from None


async def _alert(client: ThreatEventsClient, alert_id: int) -> QueryAlert:
    """An alert. Where there is none, it is said whether the account has alerts at all."""
    try:
        return await client.read_alert(alert_id)
    except NotFound:
        await _alerts(client)
        raise


def _differing(sent: QueryAlertFields, answer: QueryAlert) -> list[JsonValue]:
    """The fields that an answer tells otherwise than they were sent, each with both values."""
    told = answer.model_dump(mode="json")
    return [
        {"field": name, "sent": value, "answered": told[name]}
        for name, value in sent.wire().items()
        if name in answer.model_fields_set and told[name] != value
    ]


def _image(alert: QueryAlert) -> JsonValue:
    return alert.model_dump(mode="json", exclude={*UNTOLD})


def _shown(query: SavedQuery) -> str:
    return f"saved query {query.id} {clean(query.name, MAX_CELL_LENGTH)!r}"
