"""Creating many events in one request."""

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import EventInput, parse_event
from cf1_mcp.sandbox.fields import read_boolean, read_text
from cf1_mcp.sandbox.http.requests import get_database, read_body
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.invented import BULK_RELATIONSHIP, INDICATOR_DELAY, build_shard_id
from cf1_mcp.sandbox.json_values import JsonMapping, is_array
from cf1_mcp.sandbox.search.dataset_scope import resolve_dataset
from cf1_mcp.sandbox.storage.event_links import add_relationship
from cf1_mcp.sandbox.storage.event_writes import NewEventRow, insert_events
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import format_stored

RowError = dict[str, object]


async def create_bulk(request: Request) -> Response:
    """POST /events/create/bulk: creates events immediately, and their indicators after a delay (202)."""
    database = get_database(request)
    body = await read_body(request)
    dataset_id = read_text(body, "datasetId")
    dataset = resolve_dataset(database.db, dataset_id)
    include_created = read_boolean(body, "includeCreatedEvents", False)
    due = format_stored(database.clock() + INDICATOR_DELAY)
    with database.transaction() as db:
        vocabulary = VocabularyIds(db)
        events, errors = _parse_rows(body, vocabulary)
        rows = [NewEventRow(event, dataset, str(uuid4()), database.now()) for _, event in events]
        insert_events(db, rows, vocabulary, due)
    result: dict[str, object] = {
        "createBulkEventsRequestId": str(uuid4()),
        "createdEventsCount": len(rows),
        "createdTagsCount": vocabulary.new_tags,
        "errorCount": len(errors),
        "queuedIndicatorsCount": sum(len(row.content.indicators) for row in rows),
        "errors": errors,
    }
    if include_created:
        result["createdEvents"] = [
            {"eventIndex": index, "shardId": build_shard_id(dataset_id, row.content.date), "uuid": row.uuid}
            for (index, _), row in zip(events, rows, strict=True)
        ]
    return respond(request, result, status=202)


async def create_bulk_with_relationships(request: Request) -> Response:
    """POST /events/create/bulk/relationships: creates all at once; the first row is the parent of the others."""
    database = get_database(request)
    body = await read_body(request)
    dataset = resolve_dataset(database.db, read_text(body, "datasetId"))
    with database.transaction() as db:
        vocabulary = VocabularyIds(db)
        events, errors = _parse_rows(body, vocabulary)
        rows = [NewEventRow(event, dataset, str(uuid4()), database.now()) for _, event in events]
        row_ids = insert_events(db, rows, vocabulary)
        links = sum(add_relationship(db, row_ids[0], child, BULK_RELATIONSHIP) for child in row_ids[1:])
    return respond(
        request,
        {
            "createdEventsCount": len(rows),
            "createdIndicatorsCount": sum(len(row.content.indicators) for row in rows),
            "createdRelationshipsCount": links,
            "errorCount": len(errors),
            "errors": errors,
        },
    )


def _parse_rows(body: JsonMapping, vocabulary: VocabularyIds) -> tuple[list[tuple[int, EventInput]], list[RowError]]:
    """Return the valid rows with their 0-based index, and the errors of the others."""
    data = body.get("data")
    if not is_array(data) or not data:
        raise BadRequest("data must be a list of at least one event")
    events: list[tuple[int, EventInput]] = []
    errors: list[RowError] = []
    for index, row in enumerate(data):
        try:
            event = parse_event(row)
            vocabulary.category_id(event.category)
        except BadRequest as error:
            errors.append({"eventIndex": index, "error": error.message})
        else:
            events.append((index, event))
    return events, errors
