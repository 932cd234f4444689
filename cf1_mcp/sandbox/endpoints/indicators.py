"""Indicators across events."""

import json
from uuid import uuid5

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.answers import answer
from cf1_mcp.sandbox.drafts import is_array
from cf1_mcp.sandbox.instants import shown
from cf1_mcp.sandbox.invented import NAMESPACE, RELATED_EVENTS
from cf1_mcp.sandbox.listing import page_size_of
from cf1_mcp.sandbox.matching import text_test
from cf1_mcp.sandbox.requests import query_of, refuse_unserved, store_of, whole_number
from cf1_mcp.sandbox.scope import dataset_numbers, scope_clause


async def list_indicators(request: Request) -> Response:
    """GET /events/indicators: newest first, one for each value and type in a dataset; `name` is part of a value."""
    db = store_of(request).db
    given = query_of(request, "datasetIds")
    refuse_unserved(given, ("search", "tagSearch", "tags", "relatedEvents", "createdAfter", "createdBefore", "cursor"))
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
    query = (
        "SELECT i.value, ifnull(t.name, ''), d.uuid, min(e.created_at), max(e.created_at), "
        "json_group_array(json_object('datasetId', d.uuid, 'eventId', e.uuid, 'eventDate', e.date)) "
        "FROM indicator i JOIN event e ON e.id = i.event JOIN dataset d ON d.id = e.dataset "
        f"LEFT JOIN indicator_type t ON t.id = i.type WHERE {' AND '.join(where)} "
        "GROUP BY i.value, i.type, e.dataset "
        "ORDER BY min(e.created_at) DESC, i.value, i.type, e.dataset LIMIT ? OFFSET ?"
    )
    rows = db.execute(query, (*parameters, page_size + 1, (page - 1) * page_size)).fetchall()
    found = [_indicator(*row) for row in rows[:page_size]]
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


def _indicator(value: str, kind: str, dataset: str, first: str, last: str, events: str) -> dict[str, object]:
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
        "relatedEvents": related[:RELATED_EVENTS],
        "relatedEventsHasMore": len(related) > RELATED_EVENTS,
        "tags": [],
    }
