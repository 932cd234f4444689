"""Saved queries and their alerts."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import ResourceNotFound
from cf1_mcp.sandbox.http.requests import get_database, read_body
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.storage import query_tables as saved


async def list_queries(request: Request) -> Response:
    """GET /events/queries."""
    return answer(request, saved.list_queries(get_database(request).db))


async def read_query(request: Request) -> Response:
    """GET /events/queries/{query_id}."""
    return answer(request, saved.read_query(get_database(request).db, _number(request, "query_id")))


async def create_query(request: Request) -> Response:
    """POST /events/queries/create."""
    store = get_database(request)
    body = await read_body(request)
    with store.transaction() as db:
        return answer(request, saved.create_query(db, body, store.now()))


async def update_query(request: Request) -> Response:
    """PATCH /events/queries/{query_id} and its POST twin."""
    store = get_database(request)
    body = await read_body(request)
    with store.transaction() as db:
        return answer(request, saved.update_query(db, _number(request, "query_id"), body, store.now()))


async def delete_query(request: Request) -> Response:
    """DELETE /events/queries/{query_id}."""
    with get_database(request).transaction() as db:
        saved.delete_query(db, _number(request, "query_id"))
    return answer(request, None)


async def list_alerts(request: Request) -> Response:
    """GET /events/queries/alerts."""
    return answer(request, saved.list_alerts(get_database(request).db))


async def read_alert(request: Request) -> Response:
    """GET /events/queries/alerts/{alert_id}."""
    return answer(request, saved.read_alert(get_database(request).db, _number(request, "alert_id")))


async def create_alert(request: Request) -> Response:
    """POST /events/queries/alerts/create."""
    store = get_database(request)
    body = await read_body(request)
    with store.transaction() as db:
        return answer(request, saved.create_alert(db, body, store.now()))


async def update_alert(request: Request) -> Response:
    """PATCH /events/queries/alerts/{alert_id} and its POST twin."""
    store = get_database(request)
    body = await read_body(request)
    with store.transaction() as db:
        return answer(request, saved.update_alert(db, _number(request, "alert_id"), body, store.now()))


async def delete_alert(request: Request) -> Response:
    """DELETE /events/queries/alerts/{alert_id}."""
    with get_database(request).transaction() as db:
        saved.delete_alert(db, _number(request, "alert_id"))
    return answer(request, None)


def _number(request: Request, name: str) -> int:
    text: str = request.path_params[name]
    # SQLite holds 18 digits whatever they are; a longer number is no id.
    if not text.isdecimal() or len(text) > 18:
        raise ResourceNotFound(f"{name} {text!r} is no id; ids are whole numbers, as the list shows them")
    return int(text)
