"""Indicators across events."""

import json
from typing import Final
from uuid import uuid5

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.models import Condition
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import Json, is_array, is_object
from cf1_mcp.sandbox.http.requests import get_database, list_query, refuse_unserved, whole_number
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.invented import NAMESPACE, RELATED_EVENTS
from cf1_mcp.sandbox.search.condition_input import parse_conditions
from cf1_mcp.sandbox.search.condition_sql import text_test
from cf1_mcp.sandbox.search.dataset_scope import dataset_numbers, scope_clause
from cf1_mcp.sandbox.search.event_listing import page_size_of
from cf1_mcp.sandbox.timestamps import shown

# What a search of indicators may look at here, and the like field of a search of events, whose rules hold.
COLUMNS: Final = {"value": ("i.value", "indicator"), "indicatorType": ("t.name", "indicatorType")}
EVERY: Final = -1


async def list_indicators(request: Request) -> Response:
    """GET /events/indicators: newest first, one for each value and type in a dataset; `name` is part of a value."""
    db = get_database(request).db
    given = list_query(request, "datasetIds")
    refuse_unserved(given, ("tagSearch", "tags", "relatedEvents", "createdAfter", "createdBefore", "cursor"))
    named = given.get("datasetIds")
    datasets = dataset_numbers(db, [str(uuid) for uuid in named] if is_array(named) else [])
    page, page_size = whole_number(given, "page", 1), page_size_of(given)
    where = [scope_clause(db, datasets)]
    parameters: list[str | float] = []
    for name, column, op in (("name", "i.value", "contains"), ("indicatorType", "t.name", "equals")):
        if given.get(name):
            test, wanted = text_test(column, op, given[name])
            where.append(test)
            parameters.extend(wanted)
    for column, condition in _conditions(given):
        test, wanted = text_test(column, "equals" if condition.op == "not" else condition.op, condition.value)
        where.append(f"NOT coalesce({test}, 0)" if condition.op == "not" else test)
        parameters.extend(wanted)
    most = _most_related(given)
    query = (
        "SELECT i.value, ifnull(t.name, ''), d.uuid, min(e.created_at), max(e.created_at), "
        "json_group_array(json_object('datasetId', d.uuid, 'eventId', e.uuid, 'eventDate', e.date)) "
        "FROM indicator i JOIN event e ON e.id = i.event JOIN dataset d ON d.id = e.dataset "
        f"LEFT JOIN indicator_type t ON t.id = i.type WHERE {' AND '.join(where)} "
        "GROUP BY i.value, i.type, e.dataset "
        "ORDER BY min(e.created_at) DESC, i.value, i.type, e.dataset LIMIT ? OFFSET ?"
    )
    rows = db.execute(query, (*parameters, page_size + 1, (page - 1) * page_size)).fetchall()
    found = [_indicator(most, *row) for row in rows[:page_size]]
    pagination = {
        "count": len(found),
        "cursor": None,
        "has_more": len(rows) > page_size,
        "page": page,
        "per_page": page_size,
        "total_count": None,
        "total_count_is_exact": False,
    }
    return answer(request, {"indicators": found, "pagination": pagination})


def _conditions(given: Json) -> list[tuple[str, Condition]]:
    """The conditions of `search`, each with the column that it looks at."""
    items = given.get("search", [])
    named: list[object] = []
    for item in items if is_array(items) else [items]:
        field = item.get("field") if is_object(item) else None
        if field not in COLUMNS:
            raise BadRequest(f"search.field {field!r} cannot be searched here; valid are {', '.join(COLUMNS)}")
        named.append({**item, "field": COLUMNS[str(field)][1]} if is_object(item) else item)
    columns = {like: column for column, like in COLUMNS.values()}
    return [(columns[condition.field], condition) for condition in parse_conditions(named)]


def _most_related(given: Json) -> int:
    """`relatedEventsLimit`: 0 is none, -1 all."""
    if str(given.get("relatedEventsLimit")) == str(EVERY):
        return EVERY
    return whole_number(given, "relatedEventsLimit", RELATED_EVENTS, least=0)


def _indicator(most: int, value: str, kind: str, dataset: str, first: str, last: str, events: str) -> dict[str, object]:
    related = json.loads(events)
    for event in related:
        event["eventDate"] = shown(event["eventDate"])
    return {
        "uuid": str(uuid5(NAMESPACE, f"indicator {dataset} {kind} {value}")),
        "value": value,
        "indicatorType": kind,
        "datasetId": dataset,
        "createdAt": shown(first),
        "updatedAt": shown(last),
        "relatedEvents": related if most == EVERY else related[:most],
        "relatedEventsHasMore": most != EVERY and len(related) > most,
        "tags": [],
    }
