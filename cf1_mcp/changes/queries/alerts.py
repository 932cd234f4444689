"""Creating, updating and deleting query alerts. The rules apply to the query of an alert."""

from dataclasses import replace
from typing import Annotated, Final, get_args

from pydantic import BaseModel, JsonValue, PlainSerializer

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import (
    ChangeKind,
    Effect,
    Facts,
    PastChange,
    Payload,
    Planner,
    Planning,
    Result,
    warn_of_overwriting,
)
from cf1_mcp.changes.queries.account_alerts import list_account_alerts, read_account_alert, read_alert_scope
from cf1_mcp.changes.queries.query_fields import preview_fields
from cf1_mcp.changes.queries.query_scope import QueryImpact, find_query_impact, resolve_saved_scope
from cf1_mcp.changes.queries.query_sending import find_alert, send_alert_fields, send_deletion, send_new_alert
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import AlertFrequency, QueryAlert, QueryAlertFields, SavedQuery
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.search.saved_queries import read_account_query
from cf1_mcp.text.sanitize import clean

NOTIFIES: Final = "Its notifications go to people outside."


def _dump_alert(alert: QueryAlert) -> dict[str, JsonValue]:
    return alert.model_dump(mode="json", exclude={"user_email", "last_sent_at"})


# An address is personal data, and the time of the last notification is not part of an alert's state.
StoredAlert = Annotated[QueryAlert, PlainSerializer(_dump_alert)]


class CreateAlert(Payload):
    """A new alert."""

    fields: QueryAlertFields


class BeforeAlertChange(BaseModel, frozen=True):
    """The alert before its update or deletion."""

    alert: StoredAlert


class UpdateAlert(Payload):
    """New values of an alert."""

    alert_id: int
    fields: QueryAlertFields
    before: BeforeAlertChange


class DeleteAlert(Payload):
    """An alert that is deleted."""

    alert_id: int
    before: BeforeAlertChange


# -- creating


async def plan_alert_creation(
    planning: Planner, query_id: int, frequency: AlertFrequency, enabled: bool
) -> Effect[CreateAlert]:
    """Check that a query may get an alert, and that it has none of this frequency."""
    return await _plan_creation(
        planning, QueryAlertFields(query_id=query_id, frequency=frequency, enabled=enabled), query_id
    )


async def _plan_creation(planning: Planning, fields: QueryAlertFields, query_id: int) -> Effect[CreateAlert]:
    query = await read_account_query(planning.client, query_id)
    scope = resolve_saved_scope(query, planning, planning.write_policy.require_writable)
    for alert in await list_account_alerts(planning.client):
        if alert.query_id == query_id and alert.frequency == fields.frequency:
            problem = f"alert {alert.id} of this query already has the frequency {fields.frequency}"
            raise BadArgument(planning.argument("query_id"), problem, "update_query_alert to change it")
    state = "" if fields.enabled else ", disabled"
    impact = await find_query_impact(planning, scope, [NOTIFIES] if fields.enabled else [], argument="query_id")
    return Effect(
        kind=ALERT_CREATION,
        payload=CreateAlert(fields=fields),
        datasets=scope.datasets,
        summary=f"Create an alert ({fields.frequency}{state}) on {_quote_query(query)}.",
        warnings=impact.warnings,
        undo="undo_change deletes the alert again; notifications that were sent stay sent.",
        needs_code=bool(fields.enabled or scope.untold),
        facts=impact.facts,
        untrusted=_preview_query(query, impact),
        must_show=(planning.argument("query_id"), query.query_json) if fields.enabled else None,
        events=impact.events,
        size=0,
        seen=impact.seen,
    )


async def create_alert(client: ThreatEventsClient, payload: CreateAlert) -> Result:
    """Create the alert, and report where the answer differs from what was sent."""
    return await send_new_alert(client, payload.fields)


async def _undo_creation(planning: Planning, change: PastChange[CreateAlert]) -> Effect[DeleteAlert]:
    # There was none before, so that one that is there now is the one that may have been made.
    is_open = change.outcome == "unknown" and "alert_id" not in change.result
    if is_open and (found := await find_alert(planning.client, change.payload.fields)):
        return await plan_alert_deletion(planning, found.id)
    return await plan_alert_deletion(planning, change.created_id("alert_id"))


# -- updating


async def plan_alert_update(
    planning: Planner, alert_id: int, frequency: AlertFrequency | None, enabled: bool | None
) -> Effect[UpdateAlert]:
    """Find which of the new values of an alert differ from the current ones."""
    given = {"frequency": frequency, "enabled": enabled}
    fields = {name: value for name, value in given.items() if value is not None}
    return await _plan_update(planning, alert_id, QueryAlertFields.model_validate(fields))


async def _plan_update(planning: Planning, alert_id: int, fields: QueryAlertFields) -> Effect[UpdateAlert]:
    alert = await read_account_alert(planning.client, alert_id)
    query, scope = await read_alert_scope(planning, alert, planning.write_policy.require_writable)
    if not fields.model_fields_set:
        raise BadArgument("alert_id", "no new values are given", "frequency, enabled or both")
    new = {name: value for name, value in fields.wire().items() if value != getattr(alert, name)}
    if not new:
        problem = "the alert has these values already"
        raise BadArgument(planning.argument("alert_id"), problem, "other values, or leave it as it is")
    notifies = bool(new.get("enabled", alert.enabled))
    argument = "alert_id" if "enabled" in new else None
    impact = await find_query_impact(planning, scope, [NOTIFIES] if notifies else [], argument=argument)
    return Effect(
        kind=ALERT_UPDATE,
        payload=UpdateAlert(
            alert_id=alert_id, fields=QueryAlertFields.model_validate(new), before=BeforeAlertChange(alert=alert)
        ),
        datasets=scope.datasets,
        summary=f"Change {' and '.join(new)} of alert {alert_id} on {_quote_query(query)}.",
        warnings=impact.warnings,
        undo="undo_change restores the old values; notifications that were sent stay sent.",
        needs_code=bool(notifies or scope.untold),
        facts=impact.facts,
        untrusted=_preview_query(query, impact),
        must_show=(planning.argument("alert_id"), query.query_json) if notifies else None,
        events=impact.events,
        size=0,
        seen=impact.seen,
    )


async def update_alert(client: ThreatEventsClient, payload: UpdateAlert) -> Result:
    """Change the alert, and report where the answer differs from what was sent."""
    return await send_alert_fields(client, payload.alert_id, payload.fields)


async def _undo_update(planning: Planning, change: PastChange[UpdateAlert]) -> Effect[UpdateAlert]:
    payload = change.payload
    old = build_alert_fields(payload.before.alert, payload.before.alert.query_id)
    names = payload.fields.model_fields_set & old.model_fields_set
    fields = QueryAlertFields.model_validate({name: getattr(old, name) for name in names})
    effect = await _plan_update(planning, payload.alert_id, fields)
    sent, current = payload.fields.wire(), effect.payload.before.alert
    again = effect.payload.fields.model_fields_set
    return warn_of_overwriting(effect, [name for name in sorted(names & again) if sent[name] != getattr(current, name)])


# -- deleting


async def plan_alert_deletion(planning: Planner, alert_id: int) -> Effect[DeleteAlert]:
    """Check that an alert may be deleted."""
    alert = await read_account_alert(planning.client, alert_id)
    query, scope = await read_alert_scope(planning, alert, planning.write_policy.require_destroyable)
    return Effect(
        kind=ALERT_DELETION,
        payload=DeleteAlert(alert_id=alert_id, before=BeforeAlertChange(alert=alert)),
        datasets=scope.datasets,
        summary=f"Delete alert {alert_id} on {_quote_query(query)} for good: it no longer notifies anyone.",
        warnings=scope.warnings,
        undo="undo_change creates the alert again from the journal, with a new id.",
        needs_code=True,
        facts={"query_id": alert.query_id, "enabled": alert.enabled},
        untrusted={"frequency": clean(alert.frequency, MAX_CELL_LENGTH)},
    )


async def delete_alert(client: ThreatEventsClient, payload: DeleteAlert) -> Result:
    """Delete the alert, and verify that it is gone."""
    result = await send_deletion(client.delete_alert, client.read_alert, payload.alert_id)
    return replace(result, facts={"alert_id": payload.alert_id, **result.facts})


async def _undo_deletion(planning: Planning, change: PastChange[DeleteAlert]) -> Effect[CreateAlert]:
    alert = change.payload.before.alert
    return await _plan_creation(planning, build_alert_fields(alert, alert.query_id), alert.query_id)


# -- shared


def build_alert_fields(alert: QueryAlert, query_id: int) -> QueryAlertFields:
    """Return the fields that create an equal alert on a query. Values that the API does not accept are left out."""
    fields: dict[str, JsonValue] = {"query_id": query_id, "enabled": alert.enabled}
    if alert.frequency in get_args(AlertFrequency):
        fields["frequency"] = alert.frequency
    if alert.notification_type:
        fields["notification_type"] = alert.notification_type
    return QueryAlertFields.model_validate(fields)


def _preview_query(query: SavedQuery, impact: QueryImpact) -> Facts:
    return {**preview_fields({"query_json": query.query_json}), **impact.untrusted} if impact.warnings else {}


def _quote_query(query: SavedQuery) -> str:
    return f"saved query {query.id} {clean(query.name, MAX_CELL_LENGTH)!r}"


ALERT_CREATION = ChangeKind("create_query_alert", ToolEffect.CREATE, CreateAlert, create_alert, _undo_creation)
ALERT_UPDATE = ChangeKind("update_query_alert", ToolEffect.UPDATE, UpdateAlert, update_alert, _undo_update)
ALERT_DELETION = ChangeKind("delete_query_alert", ToolEffect.DELETE, DeleteAlert, delete_alert, _undo_deletion)
