"""Saved queries and their alerts."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import ResourceNotFound
from cf1_mcp.sandbox.http.requests import get_database, read_body
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.storage import query_tables


async def list_queries(request: Request) -> Response:
    """GET /events/queries."""
    return respond(request, query_tables.list_queries(get_database(request).db))


async def read_query(request: Request) -> Response:
    """GET /events/queries/{query_id}."""
    return respond(request, query_tables.read_query(get_database(request).db, _parse_id(request, "query_id")))


async def create_query(request: Request) -> Response:
    """POST /events/queries/create."""
    database = get_database(request)
    body = await read_body(request)
    with database.transaction() as db:
        return respond(request, query_tables.create_query(db, body, database.now()))


async def update_query(request: Request) -> Response:
    """PATCH /events/queries/{query_id}, or POST."""
    database = get_database(request)
    body = await read_body(request)
    with database.transaction() as db:
        return respond(request, query_tables.update_query(db, _parse_id(request, "query_id"), body, database.now()))


async def delete_query(request: Request) -> Response:
    """DELETE /events/queries/{query_id}."""
    with get_database(request).transaction() as db:
        query_tables.delete_query(db, _parse_id(request, "query_id"))
    return respond(request, None)


async def list_alerts(request: Request) -> Response:
    """GET /events/queries/alerts."""
    return respond(request, query_tables.list_alerts(get_database(request).db))


async def read_alert(request: Request) -> Response:
    """GET /events/queries/alerts/{alert_id}."""
    return respond(request, query_tables.read_alert(get_database(request).db, _parse_id(request, "alert_id")))


async def create_alert(request: Request) -> Response:
    """POST /events/queries/alerts/create."""
    database = get_database(request)
    body = await read_body(request)
    with database.transaction() as db:
        return respond(request, query_tables.create_alert(db, body, database.now()))


async def update_alert(request: Request) -> Response:
    """PATCH /events/queries/alerts/{alert_id}, or POST."""
    database = get_database(request)
    body = await read_body(request)
    with database.transaction() as db:
        return respond(request, query_tables.update_alert(db, _parse_id(request, "alert_id"), body, database.now()))


async def delete_alert(request: Request) -> Response:
    """DELETE /events/queries/alerts/{alert_id}."""
    with get_database(request).transaction() as db:
        query_tables.delete_alert(db, _parse_id(request, "alert_id"))
    return respond(request, None)


def _parse_id(request: Request, name: str) -> int:
    text: str = request.path_params[name]
    # SQLite can store every integer of 18 digits; a longer number cannot be an id.
    if not text.isdecimal() or len(text) > 18:
        raise ResourceNotFound(f"{name} {text!r} is not an id; ids are whole numbers, as the list shows them")
    return int(text)
