"""Sending changes of saved queries and alerts, and finding out what was done where the answer does not tell."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH, clean_value
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import Result
from cf1_mcp.changes.outcomes.unknown_outcomes import (
    NOT_LOOKED,
    NOT_SEEN,
    VERIFIED,
    describe_unknown,
    find_out,
    hold_to_look,
)
from cf1_mcp.changes.outcomes.update_sending import NOT_SHOWN, OTHER_VALUES
from cf1_mcp.changes.queries.query_fields import find_differing_fields, is_same_value
from cf1_mcp.errors import ApiError, MissingRoute, NotFound, UnknownOutcome, may_have_been_made
from cf1_mcp.models import QueryAlert, QueryAlertFields, SavedQuery, SavedQueryFields

# -- saved queries


async def send_new_query(client: ThreatEventsClient, fields: SavedQueryFields) -> Result:
    """Save a query. Names are unique, so one that has the name and the text afterwards is the new one."""

    async def look() -> Result:
        found = await find_saved_query(client, fields)
        return _report_saved(fields, found) if found else Result("failed")

    try:
        created = await client.create_query(fields)
    except ApiError as error:
        return await find_out(error, look)
    return _report_saved(fields, created)


async def find_saved_query(client: ThreatEventsClient, fields: SavedQueryFields) -> SavedQuery | None:
    """Return the saved query that has the name and the text that were sent, None if there is none, or more than one."""
    text = fields.query_json or ""
    found = [
        query
        for query in await client.list_queries()
        if query.name.strip() == (fields.name or "").strip() and is_same_value("query_json", query.query_json, text)
    ]
    return found[0] if len(found) == 1 else None


def _report_saved(sent: SavedQueryFields, saved: SavedQuery) -> Result:
    facts: dict[str, JsonValue] = {"query_id": saved.id}
    differs = find_differing_fields(sent, saved)
    return Result("partial", facts, {"differs": differs}) if differs else Result("done", facts)


async def send_query_fields(client: ThreatEventsClient, query_id: int, fields: SavedQueryFields) -> Result:
    """Change fields of a saved query."""
    report = partial(_report_changed, "query_id", query_id, sorted(fields.model_fields_set))

    async def look() -> Result:
        return report(find_differing_fields(fields, await client.read_query(query_id)))

    try:
        answer = await client.update_query(query_id, fields)
    except ApiError as error:
        return await find_out(error, look)
    if not fields.model_fields_set <= answer.model_fields_set:
        return await find_out(UnknownOutcome(NOT_SHOWN), look)
    answered = report(find_differing_fields(fields, answer))
    return answered if answered.status == "done" else await hold_to_look(answered, OTHER_VALUES, look)


def _report_changed(name: str, object_id: int, names: Sequence[str], differs: list[JsonValue]) -> Result:
    wrong = [one["field"] for one in differs if isinstance(one, dict)]
    changed: list[JsonValue] = [one for one in names if one not in wrong]
    facts: dict[str, JsonValue] = {name: object_id, "changed": changed}
    if not differs:
        return Result("done", facts)
    return Result("partial" if changed else "failed", facts, {"differs": differs})


async def send_deletion(
    delete: Callable[[int], Awaitable[None]], read: Callable[[int], Awaitable[object]], object_id: int
) -> Result:
    """Delete a query or an alert, and look whether it is gone."""
    unknown: ApiError | None = None
    try:
        await delete(object_id)
    except ApiError as error:
        if not may_have_been_made(error):
            raise
        unknown = error
    try:
        await read(object_id)
    except ApiError as error:
        if isinstance(error, NotFound) and not isinstance(error, MissingRoute):
            return Result("done", {"verified": VERIFIED} if unknown else {})
        found = Result("done", {}, {"not_verified": str(error)})
        return describe_unknown(unknown, found, NOT_LOOKED) if unknown else found
    return describe_unknown(unknown, None, NOT_SEEN) if unknown else Result("failed", {"left": True})


# -- alerts


async def send_new_alert(client: ThreatEventsClient, fields: QueryAlertFields) -> Result:
    """Create an alert. A query has one alert of a frequency, so one that is there afterwards is the new one."""

    async def look() -> Result:
        found = await find_alert(client, fields)
        return _report_created_alert(fields, found) if found else Result("failed")

    try:
        created = await client.create_alert(fields)
    except ApiError as error:
        return await find_out(error, look)
    return _report_created_alert(fields, created)


async def find_alert(client: ThreatEventsClient, fields: QueryAlertFields) -> QueryAlert | None:
    """Return the alert on the query with the frequency that were sent, None if there is none, or more than one."""
    found = [
        alert
        for alert in await client.list_alerts()
        if alert.query_id == fields.query_id and alert.frequency == fields.frequency
    ]
    return found[0] if len(found) == 1 else None


def _report_created_alert(sent: QueryAlertFields, alert: QueryAlert) -> Result:
    facts: dict[str, JsonValue] = {"alert_id": alert.id}
    differs = _find_differences(sent, alert)
    return Result("partial", facts, {"differs": differs}) if differs else Result("done", facts)


async def send_alert_fields(client: ThreatEventsClient, alert_id: int, fields: QueryAlertFields) -> Result:
    """Change fields of an alert."""
    report = partial(_report_changed, "alert_id", alert_id, sorted(fields.model_fields_set))

    async def look() -> Result:
        return report(_find_differences(fields, await client.read_alert(alert_id)))

    try:
        answer = await client.update_alert(alert_id, fields)
    except ApiError as error:
        return await find_out(error, look)
    if not fields.model_fields_set <= answer.model_fields_set:
        return await find_out(UnknownOutcome(NOT_SHOWN), look)
    answered = report(_find_differences(fields, answer))
    return answered if answered.status == "done" else await hold_to_look(answered, OTHER_VALUES, look)


def _find_differences(sent: QueryAlertFields, answer: QueryAlert) -> list[JsonValue]:
    """Return the fields whose value in an answer differs from the value sent, each with both values."""
    shown = answer.model_dump(mode="json")
    return [
        {"field": name, "sent": value, "answered": clean_value(shown[name], MAX_CELL_LENGTH)}
        for name, value in sent.wire().items()
        if name in answer.model_fields_set and shown[name] != value
    ]
