"""Relationships: listing related events, and linking children to a parent."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, parse_query, read_body
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.request_fields import read_boolean, read_integer, read_text, read_texts
from cf1_mcp.sandbox.search.dataset_scope import resolve_dataset
from cf1_mcp.sandbox.search.event_json import render_events
from cf1_mcp.sandbox.search.event_listing import read_page_size
from cf1_mcp.sandbox.search.live_rows import roughen_event
from cf1_mcp.sandbox.storage.event_links import check_relationship_type, create_relationships, find_related_events
from cf1_mcp.sandbox.storage.event_writes import require_event_id


async def list_relationships(request: Request) -> Response:
    """GET /events/by-id/{event_id}/relationships: events only; the API does not return the links between them."""
    db = get_database(request).db
    query = parse_query(request, "relationshipTypes", "indicatorTypeIds")
    dataset = resolve_dataset(db, read_text(query, "datasetId"))
    start = require_event_id(db, request.path_params["event_id"], dataset)
    page, page_size = read_integer(query, "page", 1), read_page_size(query)
    row_ids = find_related_events(
        db,
        start,
        direction=str(query.get("direction") or "both"),
        depth=read_integer(query, "maxDepth", 5, minimum=0),
        types=[str(kind) for kind in _read_list(query.get("relationshipTypes"))],
        indicator_types=[_parse_type_id(type_id) for type_id in _read_list(query.get("indicatorTypeIds"))],
        include_parent=read_boolean(query, "includeParent", True),
        page=page,
        page_size=page_size,
    )
    events = [roughen_event(event) for event in render_events(db, row_ids)]
    return respond(request, events, {"count": len(events), "page": page, "per_page": page_size})


async def create_relationship(request: Request) -> Response:
    """POST /events/relationships/create: 200 even where some children could not be linked."""
    database = get_database(request)
    body = await read_body(request)
    dataset = resolve_dataset(database.db, read_text(body, "datasetId"))
    kind = check_relationship_type(body.get("relationshipType"), "relationshipType")
    parent_id, child_ids = read_text(body, "parentId"), read_texts(body, "childIds")
    with database.transaction() as db:
        return respond(request, create_relationships(db, dataset, parent_id, child_ids, kind))


def _read_list(value: object) -> list[object]:
    return value if is_array(value) else []


def _parse_type_id(value: object) -> int:
    text = str(value)
    if not text.isdecimal():
        raise BadRequest(f"indicatorTypeIds {text!r} is not a number; use the indicatorTypeId of an event")
    return int(text)
