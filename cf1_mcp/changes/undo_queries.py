"""Saved queries and alerts that a change made are deleted; old values are set again; deleted ones are made anew."""

from collections.abc import Mapping

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.changes.query_reach import reach_of_saved
from cf1_mcp.changes.undo_inverse import OBJECT, Inverse
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import QueryAlert, QueryAlertFields, SavedQuery, SavedQueryFields
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.journal_records import Change

BLOCKS = " A block list (WAF or Gateway) changes with it."
QUERY_FIELDS = tuple(SavedQueryFields.model_fields)
ALERT_FIELDS = ("query_id", "enabled", "frequency", "notification_type")


# -- saved queries


async def _plan_query_deletion(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    query = await client.read_query(_made(change, "query_id"))
    reach = reach_of_saved(query, writing, writing.require_destroyable)
    alerts = [_alert_image(one) for one in await client.list_alerts() if one.query_id == query.id]
    return Effect(
        tool="delete_saved_query",
        arguments={"query_id": query.id, "undoes": change.id},
        datasets=reach.datasets,
        summary=f"Delete saved query {query.id}, which change {change.id} made, and its {len(alerts)} alerts."
        + (BLOCKS if query.rule_enabled else ""),
        before={"query": _query_image(query), "alerts": [*alerts]},
        undo="undo_change makes them anew, with new ids.",
        needs_code=True,
        undoes=change.id,
    )


async def _plan_query_restoration(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    old = OBJECT.validate_python(OBJECT.validate_python(change.intent.before)["query"])
    query = await client.read_query(_number(change.intent.arguments["query_id"]))
    names = [name for name in OBJECT.validate_python(change.intent.arguments["fields"]) if name in old]
    fields = {name: old[name] for name in names}
    reach = reach_of_saved(query, writing, writing.require_writable)
    restored = SavedQuery.model_validate({**_query_image(query), **fields, "id": query.id})
    reach_then = reach_of_saved(restored, writing, writing.require_writable)
    blocks = query.rule_enabled or restored.rule_enabled
    return Effect(
        tool="update_saved_query",
        arguments={"query_id": query.id, "fields": fields, "undoes": change.id},
        datasets=tuple(dict.fromkeys((*reach.datasets, *reach_then.datasets))),
        summary=f"Set {', '.join(names)} of saved query {query.id} back to before change {change.id}."
        + (BLOCKS if blocks else ""),
        before={"query": _query_image(query)},
        undo="undo_change sets the values of now again.",
        needs_code=blocks,
        undoes=change.id,
    )


async def _plan_query_recreation(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    before = OBJECT.validate_python(change.intent.before)
    query = SavedQuery.model_validate(before["query"])
    reach = reach_of_saved(query, writing, writing.require_writable)
    fields = {name: value for name, value in _query_image(query).items() if name in QUERY_FIELDS and value != ""}
    return Effect(
        tool="create_saved_query",
        arguments={"fields": fields, "alerts": before["alerts"], "undoes": change.id},
        datasets=reach.datasets,
        summary=f"Make the saved query anew that change {change.id} deleted, with its alerts."
        + (BLOCKS if query.rule_enabled else ""),
        before=None,
        undo="undo_change deletes them again.",
        needs_code=query.rule_enabled,
        undoes=change.id,
    )


async def _delete_query(client: ThreatEventsClient, effect: Effect) -> Result:
    query_id = _number(effect.arguments["query_id"])
    await client.delete_query(query_id)
    return Result("done", {"query_id": query_id})


async def _restore_query(client: ThreatEventsClient, effect: Effect) -> Result:
    fields = SavedQueryFields.model_validate(effect.arguments["fields"])
    query = await client.update_query(_number(effect.arguments["query_id"]), fields)
    return Result("done", {"query_id": query.id, "changed": [*sorted(fields.model_fields_set)]})


async def _recreate_query(client: ThreatEventsClient, effect: Effect) -> Result:
    query = await client.create_query(SavedQueryFields.model_validate(effect.arguments["fields"]))
    alerts = effect.arguments["alerts"]
    made: list[JsonValue] = []
    failed: list[JsonValue] = []
    for image in alerts if isinstance(alerts, list) else []:
        fields = QueryAlertFields.model_validate({**_alert_fields(OBJECT.validate_python(image)), "query_id": query.id})
        try:
            made.append((await client.create_alert(fields)).id)
        except ApiError as error:
            failed.append(str(error))
    facts: dict[str, JsonValue] = {"query_id": query.id, "alert_ids": made}
    return Result("partial", {**facts, "alerts_failed": failed}) if failed else Result("done", facts)


# -- alerts, judged by the query that they are on


async def _plan_alert_deletion(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    alert = await client.read_alert(_made(change, "alert_id"))
    reach = reach_of_saved(await client.read_query(alert.query_id), writing, writing.require_destroyable)
    return Effect(
        tool="delete_query_alert",
        arguments={"alert_id": alert.id, "undoes": change.id},
        datasets=reach.datasets,
        summary=f"Delete alert {alert.id} on saved query {alert.query_id}, which change {change.id} made.",
        before={"alert": _alert_image(alert)},
        undo="undo_change makes it anew, with a new id.",
        needs_code=True,
        undoes=change.id,
    )


async def _plan_alert_restoration(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    old = OBJECT.validate_python(OBJECT.validate_python(change.intent.before)["alert"])
    alert = await client.read_alert(_number(change.intent.arguments["alert_id"]))
    reach = reach_of_saved(await client.read_query(alert.query_id), writing, writing.require_writable)
    names = [name for name in OBJECT.validate_python(change.intent.arguments["fields"]) if name in old]
    return Effect(
        tool="update_query_alert",
        arguments={"alert_id": alert.id, "fields": {name: old[name] for name in names}, "undoes": change.id},
        datasets=reach.datasets,
        summary=f"Set {', '.join(names)} of alert {alert.id} back to before change {change.id}.",
        before={"alert": _alert_image(alert)},
        undo="undo_change sets the values of now again.",
        needs_code=False,
        undoes=change.id,
    )


async def _plan_alert_recreation(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    image = OBJECT.validate_python(OBJECT.validate_python(change.intent.before)["alert"])
    query = await client.read_query(_number(image["query_id"]))
    reach = reach_of_saved(query, writing, writing.require_writable)
    return Effect(
        tool="create_query_alert",
        arguments={"fields": _alert_fields(image), "undoes": change.id},
        datasets=reach.datasets,
        summary=f"Make the alert on saved query {query.id} anew that change {change.id} deleted.",
        before=None,
        undo="undo_change deletes it again.",
        needs_code=False,
        undoes=change.id,
    )


async def _delete_alert(client: ThreatEventsClient, effect: Effect) -> Result:
    alert_id = _number(effect.arguments["alert_id"])
    await client.delete_alert(alert_id)
    return Result("done", {"alert_id": alert_id})


async def _restore_alert(client: ThreatEventsClient, effect: Effect) -> Result:
    fields = QueryAlertFields.model_validate(effect.arguments["fields"])
    alert = await client.update_alert(_number(effect.arguments["alert_id"]), fields)
    return Result("done", {"alert_id": alert.id, "changed": [*sorted(fields.model_fields_set)]})


async def _recreate_alert(client: ThreatEventsClient, effect: Effect) -> Result:
    alert = await client.create_alert(QueryAlertFields.model_validate(effect.arguments["fields"]))
    return Result("done", {"alert_id": alert.id})


# -- what they share


def _made(change: Change, name: str) -> int:
    result = change.result if isinstance(change.result, dict) else {}
    if name not in result:
        raise BadArgument("change_id", f"change {change.id} does not tell what it made", "another change")
    return _number(result[name])


def _number(value: JsonValue) -> int:
    return int(str(value))


def _query_image(query: SavedQuery) -> dict[str, JsonValue]:
    return query.model_dump(mode="json", exclude={"user_email"})


def _alert_image(alert: QueryAlert) -> dict[str, JsonValue]:
    return alert.model_dump(mode="json", exclude={"user_email"})


def _alert_fields(image: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: image[name] for name in ALERT_FIELDS if image.get(name) not in (None, "")}


QUERY_DELETION = Inverse(_plan_query_deletion, _delete_query)
QUERY_RESTORATION = Inverse(_plan_query_restoration, _restore_query)
QUERY_RECREATION = Inverse(_plan_query_recreation, _recreate_query)
ALERT_DELETION = Inverse(_plan_alert_deletion, _delete_alert)
ALERT_RESTORATION = Inverse(_plan_alert_restoration, _restore_alert)
ALERT_RECREATION = Inverse(_plan_alert_recreation, _recreate_alert)
