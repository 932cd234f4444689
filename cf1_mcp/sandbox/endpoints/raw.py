"""Raw evidence, whose data one route returns as an object and another as JSON text."""

import json
import sqlite3
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest, RequestRejected, ResourceNotFound
from cf1_mcp.sandbox.http.requests import get_database, read_body
from cf1_mcp.sandbox.http.responses import respond, respond_error
from cf1_mcp.sandbox.invented import ACCOUNT_NUMBER
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.search.dataset_scope import resolve_dataset
from cf1_mcp.sandbox.search.event_json import format_raw_id
from cf1_mcp.sandbox.storage.event_writes import find_event_id, require_event_id, update_raw
from cf1_mcp.sandbox.timestamps import format_wire

_SELECT: Final = "SELECT id, event, created, data, source, tlp FROM raw"

RawRow = tuple[int, int, str, str, str | None, str | None]


async def read_raw(request: Request) -> Response:
    """GET /events/{event_id}/raw/{raw_id}: the id as text, the data as an object."""
    row_id, _, created, data, source, tlp = _find_raw(request)
    result = {"id": format_raw_id(row_id), "data": json.loads(data), **_render_origin(created, source, tlp)}
    return respond(request, result)


async def read_raw_by_dataset(request: Request) -> Response:
    """GET /events/datasets/{dataset_id}/events/{event_id}/raw: the id as a number, the data as JSON text."""
    db = get_database(request).db
    uuid = request.path_params["event_id"]
    try:
        event = find_event_id(db, uuid, resolve_dataset(db, request.path_params["dataset_id"], "dataset_id"))
    except BadRequest as error:
        raise ResourceNotFound(error.message) from error
    row = None if event is None else _read_row(db, event)
    if row is None and event is not None and is_like_live() and int(uuid[-1], 16) % 2:
        return respond_error(RequestRejected("Failed to read the raw event"), 500)
    if row is None:
        raise ResourceNotFound(f"Raw event not found: {uuid!r} has no raw evidence in this dataset")
    row_id, _, created, data, source, tlp = row
    return respond(request, {"id": row_id, "data": data, **_render_origin(created, source, tlp)})


async def update(request: Request) -> Response:
    """PATCH /events/{event_id}/raw/{raw_id}, or POST."""
    database = get_database(request)
    body = await read_body(request)
    row_id, event, *_ = _find_raw(request)
    with database.transaction() as db:
        update_raw(db, event, body)
        data = db.execute("SELECT data FROM raw WHERE id = ?", (row_id,)).fetchone()[0]
    return respond(request, {"id": format_raw_id(row_id), "data": json.loads(data)})


def _find_raw(request: Request) -> RawRow:
    """Return the raw evidence that the path names."""
    db = get_database(request).db
    uuid, raw_id = request.path_params["event_id"], request.path_params["raw_id"]
    require_event_id(db, uuid)
    # An event can be in two datasets, each with its own raw evidence; the raw id decides.
    copies = f"{_SELECT} WHERE event IN (SELECT id FROM event WHERE uuid = ?)"
    for row in db.execute(copies, (uuid.lower(),)):
        if format_raw_id(row[0]) == raw_id:
            return row
    raise BadRequest(f"Raw event not found: {raw_id!r} is not the rawId of event {uuid!r}; read the event to find it")


def _read_row(db: sqlite3.Connection, event: int) -> RawRow | None:
    return db.execute(f"{_SELECT} WHERE event = ?", (event,)).fetchone()


def _render_origin(created: str, source: str | None, tlp: str | None) -> dict[str, object]:
    return {"accountId": ACCOUNT_NUMBER, "created": format_wire(created), "source": source or "", "tlp": tlp or ""}
