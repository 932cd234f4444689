"""Listing the indicators of events."""

import json
import sqlite3
from typing import Final
from uuid import uuid5

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.models import Condition
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, parse_list_query, reject_unsupported
from cf1_mcp.sandbox.http.responses import build_completeness, respond
from cf1_mcp.sandbox.invented import NAMESPACE, RELATED_EVENTS
from cf1_mcp.sandbox.json_values import JsonMapping, is_array, is_object
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import read_integer
from cf1_mcp.sandbox.search.condition_input import parse_conditions
from cf1_mcp.sandbox.search.condition_sql import Clause, build_text_test
from cf1_mcp.sandbox.search.dataset_scope import build_scope_clause, resolve_datasets
from cf1_mcp.sandbox.search.event_listing import read_page_size
from cf1_mcp.sandbox.timestamps import format_wire

# Searchable field -> (its SQL column, the field of an event search whose rules apply).
SEARCH_COLUMNS: Final = {"value": ("i.value", "indicator"), "indicatorType": ("t.name", "indicatorType")}
UNSUPPORTED: Final = ("tagSearch", "tags", "relatedEvents", "createdAfter", "createdBefore", "cursor")
UNLIMITED: Final = -1

_SELECT: Final = (
    "SELECT i.value, ifnull(t.name, ''), d.uuid, min(e.created_at), max(e.created_at), "
    "json_group_array(json_object('datasetId', d.uuid, 'eventId', e.uuid, 'eventDate', e.date)) "
    "FROM indicator i JOIN event e ON e.id = i.event JOIN dataset d ON d.id = e.dataset "
    "LEFT JOIN indicator_type t ON t.id = i.type"
)
_GROUP: Final = (
    "GROUP BY i.value, i.type, e.dataset ORDER BY min(e.created_at) DESC, i.value, i.type, e.dataset LIMIT ? OFFSET ?"
)


async def list_indicators(request: Request) -> Response:
    """GET /events/indicators: newest first, one for each value and type in a dataset; `name` is a part of the value."""
    db = get_database(request).db
    query = parse_list_query(request, "datasetIds")
    reject_unsupported(query, UNSUPPORTED)
    page, page_size = read_integer(query, "page", 1), read_page_size(query)
    limit = _read_related_limit(query)
    where, parameters = _build_filter(db, query)
    statement = f"{_SELECT} WHERE {where} {_GROUP}"
    rows = db.execute(statement, (*parameters, page_size + 1, (page - 1) * page_size)).fetchall()
    found = [_render_indicator(limit, *row) for row in rows[:page_size]]
    pagination = {
        "count": len(found),
        "cursor": None,
        "has_more": len(rows) > page_size,
        "page": page,
        "per_page": page_size,
        "total_count": None,
        "total_count_is_exact": False,
    }
    result: dict[str, object] = {"indicators": found, "pagination": pagination}
    return respond(request, result | ({"completeness": build_completeness()} if is_like_live() else {}))


def _build_filter(db: sqlite3.Connection, query: JsonMapping) -> Clause:
    """Return the SQL after WHERE for the filters of a request."""
    datasets = query.get("datasetIds")
    row_ids = resolve_datasets(db, [str(uuid) for uuid in datasets] if is_array(datasets) else [])
    clauses: list[Clause] = [(build_scope_clause(db, row_ids), [])]
    for name, column, op in (("name", "i.value", "contains"), ("indicatorType", "t.name", "equals")):
        if query.get(name):
            clauses.append(build_text_test(column, op, query[name]))
    for column, condition in _parse_search(query):
        test, values = build_text_test(column, "equals" if condition.op == "not" else condition.op, condition.value)
        clauses.append((f"NOT coalesce({test}, 0)" if condition.op == "not" else test, values))
    return " AND ".join(sql for sql, _ in clauses), [value for _, values in clauses for value in values]


def _parse_search(query: JsonMapping) -> list[tuple[str, Condition]]:
    """Return the conditions of `search`, each with its SQL column."""
    items = query.get("search", [])
    renamed: list[object] = []
    for item in items if is_array(items) else [items]:
        field = item.get("field") if is_object(item) else None
        if field not in SEARCH_COLUMNS:
            raise BadRequest(f"search.field {field!r} cannot be searched; valid are {', '.join(SEARCH_COLUMNS)}")
        renamed.append({**item, "field": SEARCH_COLUMNS[str(field)][1]} if is_object(item) else item)
    columns = {event_field: column for column, event_field in SEARCH_COLUMNS.values()}
    return [(columns[condition.field], condition) for condition in parse_conditions(renamed)]


def _read_related_limit(query: JsonMapping) -> int:
    """Return `relatedEventsLimit`: 0 for none, -1 for all."""
    if str(query.get("relatedEventsLimit")) == str(UNLIMITED):
        return UNLIMITED
    return read_integer(query, "relatedEventsLimit", RELATED_EVENTS, minimum=0)


def _render_indicator(
    limit: int, value: str, kind: str, dataset: str, first: str, last: str, events: str
) -> dict[str, object]:
    related = json.loads(events)
    for event in related:
        event["eventDate"] = format_wire(event["eventDate"])
    return {
        "uuid": str(uuid5(NAMESPACE, f"indicator {dataset} {kind} {value}")),
        "value": value,
        "indicatorType": kind,
        "datasetId": dataset,
        "createdAt": format_wire(first),
        "updatedAt": format_wire(last),
        "relatedEvents": related if limit == UNLIMITED else related[:limit],
        "relatedEventsHasMore": limit != UNLIMITED and len(related) > limit,
        "tags": [],
    }
