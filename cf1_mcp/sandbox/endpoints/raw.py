"""Raw evidence, which one route shows as an object and another as JSON text."""

import json

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest, ResourceNotFound
from cf1_mcp.sandbox.http.requests import get_database, read_body
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.invented import ACCOUNT_NUMBER
from cf1_mcp.sandbox.search.dataset_scope import dataset_number
from cf1_mcp.sandbox.search.event_json import raw_id
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_writes import find_event, known_event, update_raw
from cf1_mcp.sandbox.timestamps import shown

RawRow = tuple[int, int, str, str, str | None, str | None]


async def read_raw(request: Request) -> Response:
    """GET /events/{event_id}/raw/{raw_id}: the id as text, the data as an object."""
    number, _, created, data, source, tlp = _raw_of_event(request)
    return answer(request, {"id": raw_id(number), "data": json.loads(data), **_about(created, source, tlp)})


async def read_raw_by_dataset(request: Request) -> Response:
    """GET /events/datasets/{dataset_id}/events/{event_id}/raw: the id as a number, the data as JSON text."""
    store = get_database(request)
    uuid = request.path_params["event_id"]
    try:
        event = find_event(store.db, uuid, dataset_number(store.db, request.path_params["dataset_id"], "dataset_id"))
    except BadRequest as unknown:
        raise ResourceNotFound(unknown.message) from unknown
    row = None if event is None else _row(store, "event = ?", event)
    if row is None:
        raise ResourceNotFound(f"Raw event not found: {uuid!r} has no raw evidence in this dataset")
    number, _, created, data, source, tlp = row
    return answer(request, {"id": number, "data": data, **_about(created, source, tlp)})


async def update(request: Request) -> Response:
    """PATCH /events/{event_id}/raw/{raw_id} and its POST twin."""
    store = get_database(request)
    body = await read_body(request)
    number, event, *_ = _raw_of_event(request)
    with store.transaction() as db:
        update_raw(db, event, body)
        data = db.execute("SELECT data FROM raw WHERE id = ?", (number,)).fetchone()[0]
    return answer(request, {"id": raw_id(number), "data": json.loads(data)})


def _raw_of_event(request: Request) -> RawRow:
    store = get_database(request)
    uuid, wanted = request.path_params["event_id"], request.path_params["raw_id"]
    known_event(store.db, uuid)
    # An event may be in two datasets, each with raw evidence of its own: the raw id says which is meant.
    copies = f"{_SELECT} WHERE event IN (SELECT id FROM event WHERE uuid = ?)"
    for row in store.db.execute(copies, (uuid.lower(),)):
        if raw_id(row[0]) == wanted:
            return row
    raise BadRequest(f"Raw event not found: {wanted!r} is not the rawId of event {uuid!r}; read the event for it")


_SELECT = "SELECT id, event, created, data, source, tlp FROM raw"


def _row(store: SandboxDatabase, where: str, number: int) -> RawRow | None:
    return store.db.execute(f"{_SELECT} WHERE {where}", (number,)).fetchone()


def _about(created: str, source: str | None, tlp: str | None) -> dict[str, object]:
    return {"accountId": ACCOUNT_NUMBER, "created": shown(created), "source": source or "", "tlp": tlp or ""}
