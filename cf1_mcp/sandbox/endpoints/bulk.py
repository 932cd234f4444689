"""Creating many events at once."""

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import EventInput, Json, draft, is_array
from cf1_mcp.sandbox.http.requests import get_database, one_text, read_body, truth
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.invented import BULK_RELATIONSHIP, INDICATOR_DELAY, shard_id
from cf1_mcp.sandbox.search.dataset_scope import dataset_number
from cf1_mcp.sandbox.storage.event_moves import link
from cf1_mcp.sandbox.storage.event_writes import NewRow, insert_events
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import stored

RowError = dict[str, object]


async def create_bulk(request: Request) -> Response:
    """POST /events/create/bulk: events at once (202), their indicators a little later."""
    store = get_database(request)
    body = await read_body(request)
    dataset_id = one_text(body, "datasetId")
    dataset = dataset_number(store.db, dataset_id)
    include = truth(body, "includeCreatedEvents", False)
    due = stored(store.clock() + INDICATOR_DELAY)
    with store.transaction() as db:
        vocabulary = VocabularyIds(db)
        drafts, errors = _drafts(body, vocabulary)
        rows = [NewRow(made, dataset, str(uuid4()), store.now()) for _, made in drafts]
        insert_events(db, rows, vocabulary, due)
    result: dict[str, object] = {
        "createBulkEventsRequestId": str(uuid4()),
        "createdEventsCount": len(rows),
        "createdTagsCount": vocabulary.new_tags,
        "errorCount": len(errors),
        "queuedIndicatorsCount": sum(len(row.draft.indicators) for row in rows),
        "errors": errors,
    }
    if include:
        result["createdEvents"] = [
            {"eventIndex": index, "shardId": shard_id(dataset_id, row.draft.date), "uuid": row.uuid}
            for (index, _), row in zip(drafts, rows, strict=True)
        ]
    return answer(request, result, status=202)


async def create_bulk_with_relationships(request: Request) -> Response:
    """POST /events/create/bulk/relationships: everything at once; later rows become children of the first."""
    store = get_database(request)
    body = await read_body(request)
    dataset = dataset_number(store.db, one_text(body, "datasetId"))
    with store.transaction() as db:
        vocabulary = VocabularyIds(db)
        drafts, errors = _drafts(body, vocabulary)
        rows = [NewRow(made, dataset, str(uuid4()), store.now()) for _, made in drafts]
        numbers = insert_events(db, rows, vocabulary)
        links = sum(link(db, numbers[0], child, BULK_RELATIONSHIP) for child in numbers[1:])
    return answer(
        request,
        {
            "createdEventsCount": len(rows),
            "createdIndicatorsCount": sum(len(row.draft.indicators) for row in rows),
            "createdRelationshipsCount": links,
            "errorCount": len(errors),
            "errors": errors,
        },
    )


def _drafts(body: Json, vocabulary: VocabularyIds) -> tuple[list[tuple[int, EventInput]], list[RowError]]:
    """The rows that can be stored, with their 0-based index, and what is wrong with the others."""
    data = body.get("data")
    if not is_array(data) or not data:
        raise BadRequest("data must be a list of one or more events")
    drafts: list[tuple[int, EventInput]] = []
    errors: list[RowError] = []
    for index, row in enumerate(data):
        try:
            made = draft(row)
            vocabulary.category(made.category)
        except BadRequest as refused:
            errors.append({"eventIndex": index, "error": refused.message})
        else:
            drafts.append((index, made))
    return drafts, errors
