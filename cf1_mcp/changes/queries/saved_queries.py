"""Creating, updating and deleting saved queries. The rules apply to the datasets that a query searches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.effect import (
    ChangeKind,
    Effect,
    Facts,
    PastChange,
    Planner,
    Planning,
    Result,
    warn_of_overwriting,
)
from cf1_mcp.changes.outcomes.unknown_outcomes import combine
from cf1_mcp.changes.queries.account_alerts import find_alerts_of
from cf1_mcp.changes.queries.alerts import build_alert_fields
from cf1_mcp.changes.queries.outside_effects import (
    BLOCKS,
    NOT_UNDONE,
    NOTIFIES,
    UNBLOCKS,
    find_outside_effects_of_query,
)
from cf1_mcp.changes.queries.query_fields import (
    NamedFields,
    is_same_value,
    preview_fields,
    quote_name,
)
from cf1_mcp.changes.queries.query_finds import count_finds
from cf1_mcp.changes.queries.query_payloads import (
    BeforeQueryDeletion,
    BeforeQueryUpdate,
    CreateQuery,
    DeleteQuery,
    UpdateQuery,
)
from cf1_mcp.changes.queries.query_scope import QueryScope, find_query_impact, resolve_new_scope, resolve_saved_scope
from cf1_mcp.changes.queries.query_sending import (
    find_saved_query,
    send_deletion,
    send_new_query,
    send_query_fields,
)
from cf1_mcp.context import Now
from cf1_mcp.errors import LOOK_FIRST, ApiError, BadArgument, may_have_been_made
from cf1_mcp.models import QueryAlert, SavedQuery, SavedQueryFields
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.search.saved_queries import list_account_queries, may_show_query, read_account_query
from cf1_mcp.search.words.query_words import CurrentQueryWords, QueryWords
from cf1_mcp.text.plurals import plural

FIELDS: Final = tuple(SavedQueryFields.model_fields)
ALERTS_NOT_LISTED: Final = (
    "Alerts could not be listed: if the query has any, they are deleted with it, and undo_change does not bring them "
    "back."
)


# -- creating


async def plan_query_creation(
    planning: Planner, words: CurrentQueryWords, now: Now, fields: NamedFields
) -> Effect[CreateQuery]:
    """Check a new query's name, its words, and the datasets that it searches."""
    scope, words_told = await _read_new_query(planning, words, fields.query_json or "")
    payload = CreateQuery(fields=fields.model_copy(update={"query_json": scope.query_json}))
    effect = await _plan_creation(planning, scope, payload)
    return replace(effect, read_as=words_told, told=await count_finds(planning, scope.search, now))


async def _read_new_query(planning: Planning, words: QueryWords, query_json: str) -> tuple[QueryScope, Facts]:
    """Return what a new text searches, with its words in the account's spelling, and what is to be told of them."""
    scope = resolve_new_scope(query_json, planning)
    read = await words.read(scope.query_json, planning.argument("query_json"))
    return resolve_new_scope(read.query_json, planning), read.words


async def _plan_creation(planning: Planning, scope: QueryScope, payload: CreateQuery) -> Effect[CreateQuery]:
    fields = payload.fields
    await _check_name(planning, fields.name or "")
    notifies = fields.alert_enabled is True or any(alert.enabled for alert in payload.alerts)
    warnings = [*([BLOCKS] if fields.rule_enabled is True else []), *([NOTIFIES] if notifies else [])]
    impact = await find_query_impact(planning, scope, warnings, argument="query_json")
    datasets = "unknown datasets" if scope.untold else plural(len(scope.datasets), "dataset")
    alerts = f", with its {plural(len(payload.alerts), 'alert')}" if payload.alerts else ""
    return Effect(
        kind=QUERY_CREATION,
        payload=payload,
        datasets=scope.datasets,
        summary=f"Create saved query {quote_name(fields.name or '')} over {datasets}{alerts}.",
        warnings=impact.warnings,
        undo="undo_change deletes the query again." + (NOT_UNDONE if warnings else ""),
        needs_code=bool(warnings or scope.untold),
        facts=impact.facts,
        untrusted={**preview_fields(fields.wire()), **impact.untrusted},
        must_show=(planning.argument("query_json"), fields.query_json or "") if warnings else None,
        events=impact.events,
        seen=impact.seen,
        size=0,
    )


async def create_query(client: ThreatEventsClient, payload: CreateQuery) -> Result:
    """Save the query, then its alerts, and report where the answer differs from what was sent."""
    result = await send_new_query(client, payload.fields)
    query_id = result.facts.get("query_id")
    if "alerts" not in payload.model_fields_set or not isinstance(query_id, int):
        return result
    ids, failed, unknown = await _create_alerts(client, query_id, payload.alerts)
    untrusted = {**result.untrusted, **({"alerts_failed": failed} if failed else {})}
    facts = {**result.facts, "alert_ids": ids, **({"next": LOOK_FIRST} if unknown else {})}
    is_unknown = unknown or result.status == "unknown"
    return Result(combine(is_any_done=True, is_any_open=bool(untrusted), is_any_unknown=is_unknown), facts, untrusted)


async def _create_alerts(
    client: ThreatEventsClient, query_id: int, alerts: Sequence[QueryAlert]
) -> tuple[list[JsonValue], list[JsonValue], bool]:
    """Return the ids of the created alerts, why others failed, and whether one of those may have been created."""
    ids: list[JsonValue] = []
    failed: list[JsonValue] = []
    unknown = False
    for alert in alerts:
        try:
            ids.append((await client.create_alert(build_alert_fields(alert, query_id))).id)
        except ApiError as error:
            failed.append(str(error))
            unknown = unknown or may_have_been_made(error)
    return ids, failed, unknown


async def _undo_creation(planning: Planning, change: PastChange[CreateQuery]) -> Effect[DeleteQuery]:
    # There was none before, so that one that is there now is the one that may have been made.
    is_open = change.outcome == "unknown" and "query_id" not in change.result
    if is_open and (found := await find_saved_query(planning.client, change.payload.fields)):
        return await plan_query_deletion(planning, found.id)
    return await plan_query_deletion(planning, change.created_id("query_id"))


# -- updating


async def plan_query_update(
    planning: Planner, words: CurrentQueryWords, now: Now, fields: NamedFields, query_id: int
) -> Effect[UpdateQuery]:
    """Check the new values of a query, and find which of them differ from the current ones."""
    query = await read_account_query(planning.client, query_id)
    scope = resolve_saved_scope(query, planning, planning.write_policy.require_writable)
    if not fields.model_fields_set:
        raise BadArgument("query_id", "no new values are given", "at least one field with its new value")
    if fields.query_json is None:
        return await _plan_update(planning, query, scope, fields, scope)
    new_scope, words_told = await _read_new_query(planning, words, fields.query_json)
    fields = fields.model_copy(update={"query_json": new_scope.query_json})
    effect = await _plan_update(planning, query, scope, fields, new_scope)
    return replace(effect, read_as=words_told, told=await count_finds(planning, new_scope.search, now))


async def _plan_update(
    planning: Planning, query: SavedQuery, scope: QueryScope, fields: SavedQueryFields, new_scope: QueryScope
) -> Effect[UpdateQuery]:
    new = {name: value for name, value in fields.wire().items() if not is_same_value(name, value, getattr(query, name))}
    if not new:
        problem = "the query has these values already"
        raise BadArgument(planning.argument("query_id"), problem, "other values, or leave it as it is")
    if "name" in new:
        await _check_name(planning, str(new["name"]), query.id)
    warnings = await find_outside_effects_of_query(planning, query, new)
    # Where it acted outside before, what it no longer finds is as important as what it finds.
    acted = query.rule_enabled or query.alert_enabled
    old_scope = scope if "query_json" in new and (acted or scope.untold) else None
    begins = "query_id" if new.keys() & {"query_json", "rule_enabled", "alert_enabled"} else None
    impact = await find_query_impact(planning, new_scope, warnings, old_scope, argument=begins)
    old = {name: getattr(query, name) for name in new}
    return Effect(
        kind=QUERY_UPDATE,
        payload=UpdateQuery(
            query_id=query.id,
            fields=SavedQueryFields.model_validate(new),
            before=BeforeQueryUpdate(query=query),
        ),
        datasets=tuple(dict.fromkeys((*scope.datasets, *new_scope.datasets))),
        summary=f"Change {', '.join(new)} of saved query {query.id} {quote_name(query.name)}.",
        warnings=impact.warnings,
        undo="undo_change restores the old values." + (NOT_UNDONE if warnings else ""),
        needs_code=bool(warnings or scope.untold or new_scope.untold),
        facts=impact.facts,
        untrusted={
            "from": preview_fields(old),
            "to": preview_fields(new),
            **preview_fields({"query_json": new.get("query_json", query.query_json)}),
            **impact.untrusted,
        },
        must_show=(planning.argument("query_id"), fields.query_json or query.query_json) if warnings else None,
        events=impact.events,
        seen=impact.seen,
        size=0,
    )


async def update_query(client: ThreatEventsClient, payload: UpdateQuery) -> Result:
    """Change the query, and report where the answer differs from what was sent."""
    return await send_query_fields(client, payload.query_id, payload.fields)


async def _undo_update(planning: Planning, change: PastChange[UpdateQuery]) -> Effect[UpdateQuery]:
    """Plan to set the old values again, exactly as they were saved."""
    payload, to_write = change.payload, planning.write_policy.require_writable
    query = await read_account_query(planning.client, payload.query_id)
    names = [name for name in FIELDS if name in payload.fields.model_fields_set]
    old = {name: getattr(payload.before.query, name) for name in names}
    restored = query.model_copy(update=old)
    scope = resolve_saved_scope(query, planning, to_write)
    fields = SavedQueryFields.model_validate(old)
    effect = await _plan_update(planning, query, scope, fields, resolve_saved_scope(restored, planning, to_write))
    sent, again = payload.fields.wire(), effect.payload.fields.model_fields_set
    return warn_of_overwriting(
        effect, [name for name in names if name in again and not is_same_value(name, sent[name], getattr(query, name))]
    )


# -- deleting


async def plan_query_deletion(planning: Planner, query_id: int) -> Effect[DeleteQuery]:
    """Check that a query may be deleted, and find the alerts that are deleted with it."""
    query = await read_account_query(planning.client, query_id)
    scope = resolve_saved_scope(query, planning, planning.write_policy.require_destroyable)
    before = BeforeQueryDeletion(query=query, alerts=await find_alerts_of(planning.client, query_id))
    impact = await find_query_impact(planning, scope, [UNBLOCKS] if query.rule_enabled else [])
    its_alerts = f", and its {plural(len(before.alerts), 'alert')} with it" if before.alerts else ""
    return Effect(
        kind=QUERY_DELETION,
        payload=DeleteQuery(query_id=query_id, before=before),
        datasets=scope.datasets,
        summary=f"Delete saved query {query_id} {quote_name(query.name)} for good{its_alerts}.",
        warnings=(*([ALERTS_NOT_LISTED] if before.alerts is None else []), *impact.warnings),
        undo="undo_change creates the query and its alerts again from the journal, with new ids.",
        needs_code=True,
        facts={"alerts_deleted": before.alert_count, **impact.facts},
        untrusted={**preview_fields({"query_json": query.query_json}), **impact.untrusted},
        events=impact.events,
        seen=impact.seen,
        size=0,
    )


async def delete_query(client: ThreatEventsClient, payload: DeleteQuery) -> Result:
    """Delete the query, and verify that it is gone."""
    result = await send_deletion(client.delete_query, client.read_query, payload.query_id)
    alerts: dict[str, JsonValue] = {"alerts_deleted": payload.before.alert_count} if result.status == "done" else {}
    return replace(result, facts={"query_id": payload.query_id, **result.facts, **alerts})


async def _undo_deletion(planning: Planning, change: PastChange[DeleteQuery]) -> Effect[CreateQuery]:
    """Plan to save the query again, exactly as it was saved, with its alerts."""
    before = change.payload.before
    scope = resolve_saved_scope(before.query, planning, planning.write_policy.require_writable)
    fields = {name: value for name in FIELDS if (value := getattr(before.query, name)) != ""}
    payload = CreateQuery(fields=SavedQueryFields.model_validate(fields), alerts=tuple(before.alerts or ()))
    return await _plan_creation(planning, scope, payload)


# -- shared


async def _check_name(planning: Planning, name: str, query_id: int | None = None) -> None:
    """Refuse a name that another query has, as the API does. The id is told of queries that may be shown."""
    for query in await list_account_queries(planning.client):
        if query.name.strip() == name and query.id != query_id:
            may_show = may_show_query(query, planning.write_policy.read_policy)
            problem = f"{f'saved query {query.id}' if may_show else 'a saved query'} has this name already"
            raise BadArgument(planning.argument("name"), problem, "a name that is not taken")


QUERY_CREATION = ChangeKind("create_saved_query", ToolEffect.CREATE, CreateQuery, create_query, _undo_creation)
QUERY_UPDATE = ChangeKind("update_saved_query", ToolEffect.UPDATE, UpdateQuery, update_query, _undo_update)
QUERY_DELETION = ChangeKind("delete_saved_query", ToolEffect.DELETE, DeleteQuery, delete_query, _undo_deletion)
