"""Changing saved queries. They belong to no dataset, so the datasets that they reach decide."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_FIELD_LENGTH, clean_value
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Planned, Result, approved
from cf1_mcp.changes.query_reach import EXAMPLE, Blocking, blocking, parsed_search, reach_of_new, reach_of_saved
from cf1_mcp.context import Client
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import WATCH
from cf1_mcp.errors import ApiError, BadArgument, NotFound
from cf1_mcp.models import QueryAlert, SavedQuery, SavedQueryFields
from cf1_mcp.policy.writing import Writer
from cf1_mcp.store.confirmation_codes import canonical
from cf1_mcp.text.sanitize import clean, escape_invisible

MAX_LINE_LENGTH: Final = 200
UNTOLD: Final = frozenset({"user_email"})
ALERTING: Final = "Its alerts notify people outside."


def _as_text(value: object) -> object:
    """A search that came as an object, as models often write it, or as a server's SDK parsed it."""
    return json.dumps(value) if isinstance(value, dict | list) else value


QueryNumber = Annotated[int, Field(description="id from list_saved_queries", ge=1)]
QueryJson = Annotated[str, BeforeValidator(_as_text), Field(description=f"The search as JSON text: {EXAMPLE}")]
NewQueryJson = Annotated[str | None, BeforeValidator(_as_text), Field(description="The new search as JSON text")]
Alerts = Annotated[bool, Field(description="Notify people of hits")]
Rollup = Annotated[bool, Field(description="Roll notifications up into one")]
Rule = Annotated[bool, Field(description="Feed hits to a block list (WAF, Gateway)")]
RuleScope = Annotated[str | None, Field(description="Where the rule blocks")]


async def _given(
    name: str | None,
    query_json: str | None,
    alert_enabled: bool | None,
    alert_rollup_enabled: bool | None,
    rule_enabled: bool | None,
    rule_scope: str | None,
) -> dict[str, JsonValue]:
    """What a call names of a query, texts checked."""
    given: dict[str, JsonValue] = {
        "name": None if name is None else _line(name, "name"),
        "query_json": query_json,
        "alert_enabled": alert_enabled,
        "alert_rollup_enabled": alert_rollup_enabled,
        "rule_enabled": rule_enabled,
        "rule_scope": None if rule_scope is None else rule_scope and _line(rule_scope, "rule_scope"),
    }
    return {name: value for name, value in given.items() if value is not None}


Given = Annotated[dict[str, JsonValue], Resolve(_given)]


# -- creating


async def _plan_creation(client: Client, writing: Writer, given: Given) -> Effect:
    reach = reach_of_new(str(given["query_json"]), writing)
    await _refuse_taken(client, str(given["name"]), None)
    blocks = given["rule_enabled"] is True
    blocked = await blocking(client, reach, writing.reading) if blocks else Blocking()
    summary = f"Create saved query {_shown(str(given['name']))} over {len(reach.datasets)} datasets."
    return Effect(
        tool="create_saved_query",
        arguments={"fields": {**given, "query_json": reach.text}},
        datasets=reach.datasets,
        summary=_said(summary, blocked.said, ALERTING if given["alert_enabled"] is True else ""),
        before=None,
        undo="undo_change deletes the query again." + (" What was blocked until then was blocked." if blocks else ""),
        needs_code=blocks,
        facts=blocked.facts,
        events=blocked.events,
    )


Creation = Annotated[Planned, Resolve(approved(_plan_creation))]


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
    """Save a search under a name of its own: keep it to be run again, watch for new hits, or block what it finds at the
    gateway. With `rule_enabled` it first answers a preview with a code, because a block list changes. To search once
    use search_threat_events; to notify people use create_query_alert.
    """
    return plan.preview or await plan.carry_out(lambda: _create(client, plan.effect))


async def _create(client: ThreatEventsClient, effect: Effect) -> Result:
    sent = SavedQueryFields.model_validate(effect.arguments["fields"])
    made = await client.create_query(sent)
    differs = _differing(sent, made)
    facts: dict[str, JsonValue] = {"query_id": made.id}
    return Result("partial", {**facts, "differs": differs}) if differs else Result("done", facts)


# -- updating


async def _plan_update(client: Client, writing: Writer, given: Given, query_id: int) -> Effect:
    old = await client.read_query(query_id)
    reach = reach_of_saved(old, writing, writing.to_write)
    datasets = reach.datasets
    if not given:
        raise BadArgument("query_id", "nothing is given to change", "at least one field with its new value")
    if "query_json" in given:
        reach = reach_of_new(str(given["query_json"]), writing)
        given = {**given, "query_json": reach.text}
    new = {name: value for name, value in given.items() if not _same(name, value, getattr(old, name))}
    if not new:
        raise BadArgument("query_id", "the query has these values already", "other values, or leave it as it is")
    if "name" in new:
        await _refuse_taken(client, str(new["name"]), query_id)
    # Whatever is changed while the rule is on, or turns it on or off, reaches what it blocks.
    blocks = old.rule_enabled or new.get("rule_enabled") is True
    blocked = await blocking(client, reach, writing.reading) if blocks else Blocking()
    summary = f"Change {', '.join(new)} of saved query {query_id} {_shown(old.name)}."
    before = {name: getattr(old, name) for name in new}
    return Effect(
        tool="update_saved_query",
        arguments={"query_id": query_id, "fields": new},
        datasets=tuple(dict.fromkeys((*datasets, *reach.datasets))),
        summary=_said(summary, blocked.said, ALERTING if new.get("alert_enabled", old.alert_enabled) else ""),
        before={"query": _image(old)},
        undo="undo_change sets the old values again." + (" What was blocked until then was blocked." if blocks else ""),
        needs_code=blocks,
        facts={"from": _told(before), "to": _told(new), **blocked.facts},
        events=blocked.events,
    )


Update = Annotated[Planned, Resolve(approved(_plan_update))]


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
    """Change a saved query: rename it, narrow or widen what it searches, switch its blocking rule on or off. What is
    given is replaced, the rest stays. Where its rule is or becomes enabled it first answers a preview with a code,
    because a block list changes. For its alerts use update_query_alert.
    """
    return plan.preview or await plan.carry_out(lambda: _update(client, plan.effect, query_id))


async def _update(client: ThreatEventsClient, effect: Effect, query_id: int) -> Result:
    sent = SavedQueryFields.model_validate(effect.arguments["fields"])
    differs = _differing(sent, await client.update_query(query_id, sent))
    wrong = [one["field"] for one in differs if isinstance(one, dict)]
    changed = [name for name in sent.model_fields_set if name not in wrong]
    facts: dict[str, JsonValue] = {"query_id": query_id, "changed": [*sorted(changed)]}
    if not differs:
        return Result("done", facts)
    return Result("partial" if changed else "failed", {**facts, "differs": differs})


# -- deleting


async def _plan_deletion(client: Client, writing: Writer, query_id: int) -> Effect:
    query = await client.read_query(query_id)
    reach = reach_of_saved(query, writing, writing.to_destroy)
    alerts = [alert for alert in await _alerts(client) if alert.query_id == query_id]
    blocked = await blocking(client, reach, writing.reading) if query.rule_enabled else Blocking()
    summary = f"Delete saved query {query_id} {_shown(query.name)} for good, and its {len(alerts)} alerts with it."
    kept: list[JsonValue] = [alert.model_dump(mode="json", exclude={*UNTOLD, "last_sent_at"}) for alert in alerts]
    return Effect(
        tool="delete_saved_query",
        arguments={"query_id": query_id},
        datasets=reach.datasets,
        summary=_said(summary, blocked.said),
        before={"query": _image(query), "alerts": kept},
        undo="The journal keeps the query and its alerts; made anew they would have new ids.",
        needs_code=True,
        facts={**_told({"query_json": query.query_json}), "alerts_deleted": len(alerts), **blocked.facts},
        events=blocked.events,
    )


Deletion = Annotated[Planned, Resolve(approved(_plan_deletion))]


@WATCH.tool("Delete a saved query", ToolEffect.DELETE)
async def delete_saved_query(client: Client, plan: Deletion, query_id: QueryNumber, confirm: Confirm = None) -> Card:
    """Delete a saved query for good, and its alerts with it: get rid of one that nobody uses any more. Without
    `confirm` it changes nothing and answers a preview that holds the code. To keep it but silence it use
    update_saved_query.
    """
    return plan.preview or await plan.carry_out(lambda: _delete(client, plan.effect, query_id))


async def _delete(client: ThreatEventsClient, effect: Effect, query_id: int) -> Result:
    """The API's answer to a deletion has no documented body, so it is looked whether the query is gone."""
    await client.delete_query(query_id)
    facts: dict[str, JsonValue] = {"query_id": query_id}
    try:
        await client.read_query(query_id)
    except NotFound:
        return Result("done", {**facts, "alerts_deleted": effect.facts["alerts_deleted"]})
    except ApiError as error:
        return Result("done", {**facts, "not_looked_after": str(error)})
    return Result("failed", {**facts, "left": True})


async def _alerts(client: ThreatEventsClient) -> Sequence[QueryAlert]:
    """The account's alerts; none where it has no such thing as alerts."""
    try:
        return await client.list_alerts()
    except NotFound:
        return ()


# -- what they share


async def _refuse_taken(client: ThreatEventsClient, name: str, query_id: int | None) -> None:
    for query in await client.list_queries():
        if query.name.strip() == name and query.id != query_id:
            raise BadArgument("name", f"saved query {query.id} has the name {_shown(name)}", "a name that is not taken")


def _differing(sent: SavedQueryFields, answer: SavedQuery) -> list[JsonValue]:
    """The fields that an answer tells otherwise than they were sent, each with both values."""
    values = sent.wire()
    wrong = [
        name
        for name in values
        if name in answer.model_fields_set and not _same(name, values[name], getattr(answer, name))
    ]
    told, answered = _told(values), _told({name: getattr(answer, name) for name in wrong})
    return [{"field": name, "sent": told[name], "answered": answered[name]} for name in wrong]


def _same(name: str, one: JsonValue, other: JsonValue) -> bool:
    """Whether two values of a query's field mean the same."""
    if name == "query_json" and isinstance(one, str) and isinstance(other, str):
        found, wanted = parsed_search(one), parsed_search(other)
        return one == other or (found is not None and canonical(found) == canonical(wanted))
    return one == other


def _image(query: SavedQuery) -> JsonValue:
    """A query for the journal. Who saved it stays unnamed."""
    return query.model_dump(mode="json", exclude={*UNTOLD})


def _told(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: clean_value(value, MAX_FIELD_LENGTH, name=name) for name, value in values.items()}


def _said(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _shown(name: str) -> str:
    return repr(clean(name, MAX_LINE_LENGTH))


def _line(text: str, argument: str) -> str:
    """The text, if it is a line that can be read."""
    line = text.strip()
    if not 0 < len(line) <= MAX_LINE_LENGTH or escape_invisible(line) != line:
        raise BadArgument(
            argument, f"{_shown(text)} is no readable line", f"1 to {MAX_LINE_LENGTH} visible characters in one line"
        )
    return line
