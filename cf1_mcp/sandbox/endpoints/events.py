"""Listing, reading, creating and updating events."""

from collections.abc import Mapping
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf1_mcp.sandbox.errors import BadRequest, RequestRejected, ResourceNotFound
from cf1_mcp.sandbox.event_input import Json, draft, is_object
from cf1_mcp.sandbox.http.requests import get_database, list_query, one_text, query_of, read_body, texts
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.search.dataset_scope import dataset_number, dataset_numbers
from cf1_mcp.sandbox.search.event_json import wire_event, wire_events
from cf1_mcp.sandbox.search.event_listing import PARAMETERS, parse_listing, read_page
from cf1_mcp.sandbox.storage.event_writes import NewRow, find_event, insert_events, known_event, update_event
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds

TAXII = "application/taxii+json;version=2.1"
MAX_UPDATED = 100
FORMATS = ("json", "stix2", "taxii")


async def list_events(request: Request) -> Response:
    """GET /events."""
    return _listed(request, list_query(request))


async def search_events(request: Request) -> Response:
    """POST /events: the same with the filter in a body, and with branches."""
    body = await read_body(request)
    unknown = [name for name in body if name not in PARAMETERS]
    if unknown:
        raise BadRequest(f"{', '.join(unknown)} is unknown here; valid are {', '.join(PARAMETERS)}")
    return _listed(request, body | query_of(request))


def _listed(request: Request, given: Json) -> Response:
    store = get_database(request)
    form = given.get("format") or "json"
    if form not in FORMATS:
        raise BadRequest(f"format {form!r} is unknown; valid are {', '.join(FORMATS)}")
    listing = parse_listing(store.db, given)
    page = read_page(store.db, listing)
    events = wire_events(store.db, page.numbers)
    if form != "json":
        # Imported here, so that an ordinary list does not wait for it.
        from cf1_mcp.sandbox.search import event_stix as formats

        if form == "taxii":
            return JSONResponse(formats.taxii_envelope(events, page.cursor is not None), media_type=TAXII)
        return JSONResponse(formats.stix2_bundle(events))
    where: Mapping[str, object] = {} if listing.page is None else {"page": listing.page}
    return answer(
        request, events, {"count": len(events), **where, "per_page": listing.page_size, "cursor": page.cursor}
    )


async def read_event(request: Request) -> Response:
    """GET /events/dataset/{dataset_id}/events/{event_id}."""
    db = get_database(request).db
    try:
        dataset = dataset_number(db, request.path_params["dataset_id"], "dataset_id")
    except BadRequest as unknown:
        raise ResourceNotFound(unknown.message) from unknown
    return _read(request, find_event(db, request.path_params["event_id"], dataset))


async def read_event_anywhere(request: Request) -> Response:
    """GET /events/{event_id}: the default dataset first, then wherever it is."""
    db = get_database(request).db
    uuid = request.path_params["event_id"]
    number = find_event(db, uuid, dataset_numbers(db, ())[0])
    return _read(request, find_event(db, uuid) if number is None else number)


def _read(request: Request, number: int | None) -> Response:
    if number is None:
        uuid = request.path_params["event_id"]
        raise ResourceNotFound(f"Event not found: {uuid!r} is no event here; list events to see which there are")
    return answer(request, wire_event(get_database(request).db, number))


async def create_event(request: Request) -> Response:
    """POST /events/create."""
    store = get_database(request)
    body = await read_body(request)
    made = draft(body)
    named = [one_text(body, "datasetId")] if body.get("datasetId") else []
    dataset = dataset_number(store.db, named[0]) if named else dataset_numbers(store.db, ())[0]
    with store.transaction() as db:
        [number] = insert_events(db, [NewRow(made, dataset, str(uuid4()), store.now())], VocabularyIds(db))
    return answer(request, wire_event(store.db, number))


async def update(request: Request) -> Response:
    """PATCH /events/{event_id} and its POST twin."""
    store = get_database(request)
    body = await read_body(request)
    dataset = dataset_number(store.db, one_text(body, "datasetId"))
    number = known_event(store.db, request.path_params["event_id"], dataset)
    with store.transaction() as db:
        update_event(db, number, body)
    return answer(request, wire_event(store.db, number))


async def update_bulk(request: Request) -> Response:
    """PATCH /events/update/bulk: the same change for up to 100 events of a dataset."""
    store = get_database(request)
    body = await read_body(request)
    dataset = dataset_number(store.db, one_text(body, "datasetId"))
    uuids = texts(body, "eventIds")
    if len(uuids) > MAX_UPDATED:
        raise BadRequest(f"eventIds holds {len(uuids)} ids; at most {MAX_UPDATED} are updated at once")
    updates = body.get("updates")
    if not is_object(updates):
        raise BadRequest("updates must be an object of fields and their new values")
    if "date" in updates:
        raise BadRequest("updates.date cannot be changed in bulk; update such events one by one")
    failures: list[dict[str, object]] = []
    with store.transaction() as db:
        for uuid in uuids:
            db.execute("SAVEPOINT one")
            try:
                update_event(db, known_event(db, uuid, dataset), updates)
            except RequestRejected as refused:
                db.execute("ROLLBACK TO one")
                failures.append({"eventId": uuid, "error": refused.message})
    return answer(
        request, {"updatedCount": len(uuids) - len(failures), "failedCount": len(failures), "failures": failures}
    )
