"""Listing, reading, creating and updating events."""

import json
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf1_mcp.sandbox.errors import BadRequest, RequestRejected, ResourceNotFound
from cf1_mcp.sandbox.event_input import parse_event, parse_source
from cf1_mcp.sandbox.http.requests import get_database, parse_list_query, parse_query, read_body
from cf1_mcp.sandbox.http.responses import respond, respond_incompletely
from cf1_mcp.sandbox.invented import INDICATOR_DELAY
from cf1_mcp.sandbox.json_values import JsonMapping, is_object
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import read_text, read_texts
from cf1_mcp.sandbox.search.dataset_scope import find_default_uuid, resolve_dataset
from cf1_mcp.sandbox.search.event_json import render_event, render_events
from cf1_mcp.sandbox.search.event_listing import PARAMETERS, find_page, parse_list_request
from cf1_mcp.sandbox.search.live_rows import roughen_event
from cf1_mcp.sandbox.storage.event_writes import (
    NewEventRow,
    find_event_id,
    insert_events,
    require_event_id,
    update_event,
)
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import format_stored

TAXII: Final = "application/taxii+json;version=2.1"
MAX_UPDATED: Final = 100
FORMATS: Final = ("json", "stix2", "taxii")


async def list_events(request: Request) -> Response:
    """GET /events."""
    return _respond_with_list(request, parse_list_query(request))


async def search_events(request: Request) -> Response:
    """POST /events: the same list, with the filters in the body and with branches."""
    body = await read_body(request)
    unknown = [name for name in body if name not in PARAMETERS]
    if unknown:
        raise BadRequest(f"{', '.join(unknown)} is unknown; valid are {', '.join(PARAMETERS)}")
    return _respond_with_list(request, body | parse_query(request))


def _respond_with_list(request: Request, parameters: JsonMapping) -> Response:
    database = get_database(request)
    format_ = parameters.get("format") or "json"
    if format_ not in FORMATS:
        raise BadRequest(f"format {format_!r} is unknown; valid are {', '.join(FORMATS)}")
    list_request = parse_list_request(database.db, parameters)
    page = find_page(database.db, list_request)
    events = render_events(database.db, page.row_ids)
    if format_ != "json":
        # Imported here because most requests do not need it.
        from cf1_mcp.sandbox.search.event_stix import build_stix_bundle, build_taxii_envelope

        if format_ == "taxii":
            return JSONResponse(build_taxii_envelope(events, page.cursor is not None), media_type=TAXII)
        return JSONResponse(build_stix_bundle(events))
    number: Mapping[str, object] = {} if list_request.page is None else {"page": list_request.page}
    info = {"count": len(events), **number, "per_page": list_request.page_size, "cursor": page.cursor}
    return respond_incompletely(request, [roughen_event(event) for event in events], info)


async def read_event(request: Request) -> Response:
    """GET /events/dataset/{dataset_id}/events/{event_id}."""
    db = get_database(request).db
    try:
        dataset = resolve_dataset(db, request.path_params["dataset_id"], "dataset_id")
    except BadRequest as error:
        raise ResourceNotFound(error.message) from error
    return _respond_with_event(request, find_event_id(db, request.path_params["event_id"], dataset))


async def read_event_anywhere(request: Request) -> Response:
    """GET /events/{event_id}: looks in the default dataset first, then in every other one."""
    db = get_database(request).db
    uuid = request.path_params["event_id"]
    row_id = find_event_id(db, uuid, resolve_dataset(db, find_default_uuid(db)))
    return _respond_with_event(request, find_event_id(db, uuid) if row_id is None else row_id)


def _respond_with_event(request: Request, row_id: int | None) -> Response:
    if row_id is None:
        uuid = request.path_params["event_id"]
        raise ResourceNotFound(f"Event not found: {uuid!r} does not exist; list events to find valid ids")
    return respond(request, roughen_event(render_event(get_database(request).db, row_id)))


async def create_event(request: Request) -> Response:
    """POST /events/create."""
    database = get_database(request)
    body = await read_body(request)
    event, source = parse_event(body), parse_source(body.get("source"))
    dataset_id = read_text(body, "datasetId") if body.get("datasetId") else find_default_uuid(database.db)
    dataset = resolve_dataset(database.db, dataset_id)
    due = format_stored(database.clock() + INDICATOR_DELAY) if is_like_live() else None
    with database.transaction() as db:
        row = NewEventRow(event, dataset, str(uuid4()), database.now())
        [row_id] = insert_events(db, [row], VocabularyIds(db), due, shown=True)
        if source is not None:
            db.execute("INSERT INTO event_source VALUES (?, ?)", (row.uuid, json.dumps(source)))
    return respond(request, roughen_event(render_event(database.db, row_id)))


async def update(request: Request) -> Response:
    """PATCH /events/{event_id}, or POST."""
    database = get_database(request)
    body = await read_body(request)
    dataset = resolve_dataset(database.db, read_text(body, "datasetId"))
    row_id = require_event_id(database.db, request.path_params["event_id"], dataset)
    with database.transaction() as db:
        update_event(db, row_id, body)
    return respond(request, roughen_event(render_event(database.db, row_id)))


async def update_bulk(request: Request) -> Response:
    """PATCH /events/update/bulk: the same change for up to 100 events of a dataset."""
    database = get_database(request)
    body = await read_body(request)
    dataset = resolve_dataset(database.db, read_text(body, "datasetId"))
    uuids = read_texts(body, "eventIds")
    if len(uuids) > MAX_UPDATED:
        raise BadRequest(f"eventIds contains {len(uuids)} ids; at most {MAX_UPDATED} can be updated at once")
    updates = body.get("updates")
    if not is_object(updates):
        raise BadRequest("updates must be an object of fields and their new values")
    if "date" in updates:
        raise BadRequest("updates.date cannot be changed in bulk; update each event separately")
    failures: list[dict[str, object]] = []
    with database.transaction() as db:
        for uuid in uuids:
            db.execute("SAVEPOINT one")
            try:
                update_event(db, require_event_id(db, uuid, dataset), updates)
            except RequestRejected as error:
                db.execute("ROLLBACK TO one")
                failures.append({"eventId": uuid, "error": error.message})
    return respond(
        request, {"updatedCount": len(uuids) - len(failures), "failedCount": len(failures), "failures": failures}
    )
