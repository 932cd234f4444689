"""Relationships: listing what hangs together, and linking parent to child."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import is_array
from cf1_mcp.sandbox.http.requests import get_database, one_text, query_of, read_body, texts, truth, whole_number
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.search.dataset_scope import dataset_number
from cf1_mcp.sandbox.search.event_json import wire_events
from cf1_mcp.sandbox.search.event_listing import page_size_of
from cf1_mcp.sandbox.storage.event_links import create_relationships, known_type, related_events
from cf1_mcp.sandbox.storage.event_writes import known_event


async def list_relationships(request: Request) -> Response:
    """GET /events/by-id/{event_id}/relationships: events only; the API does not tell the links between them."""
    db = get_database(request).db
    given = query_of(request, "relationshipTypes", "indicatorTypeIds")
    dataset = dataset_number(db, one_text(given, "datasetId"))
    start = known_event(db, request.path_params["event_id"], dataset)
    page, page_size = whole_number(given, "page", 1), page_size_of(given)
    numbers = related_events(
        db,
        start,
        direction=str(given.get("direction") or "both"),
        depth=whole_number(given, "maxDepth", 5, least=0),
        types=[str(kind) for kind in _several(given.get("relationshipTypes"))],
        indicator_types=[_number(number) for number in _several(given.get("indicatorTypeIds"))],
        include_parent=truth(given, "includeParent", True),
        page=page,
        page_size=page_size,
    )
    events = wire_events(db, numbers)
    return answer(request, events, {"count": len(events), "page": page, "per_page": page_size})


async def create_relationship(request: Request) -> Response:
    """POST /events/relationships/create: 200 even when some children could not be linked."""
    store = get_database(request)
    body = await read_body(request)
    dataset = dataset_number(store.db, one_text(body, "datasetId"))
    kind = known_type(body.get("relationshipType"), "relationshipType")
    parent_id, child_ids = one_text(body, "parentId"), texts(body, "childIds")
    with store.transaction() as db:
        return answer(request, create_relationships(db, dataset, parent_id, child_ids, kind))


def _several(value: object) -> list[object]:
    return value if is_array(value) else []


def _number(value: object) -> int:
    text = str(value)
    if not text.isdecimal():
        raise BadRequest(f"indicatorTypeIds {text!r} is no number; an event's indicatorTypeId is one")
    return int(text)
