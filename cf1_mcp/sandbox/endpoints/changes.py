"""Deleting, moving, copying and reverting; tags and references."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import is_array
from cf1_mcp.sandbox.http.requests import get_database, one_text, query_of, read_body, texts, truth
from cf1_mcp.sandbox.http.responses import answer, enveloped
from cf1_mcp.sandbox.search.dataset_scope import dataset_number
from cf1_mcp.sandbox.storage.dataset_history import revert
from cf1_mcp.sandbox.storage.event_links import add_references, add_tags, remove_references, remove_tags
from cf1_mcp.sandbox.storage.event_moves import CopyResult, copy_events, move_events
from cf1_mcp.sandbox.storage.event_writes import delete_events, known_event

DONE = {"success": True}


async def delete(request: Request) -> Response:
    """DELETE /events/datasets/{dataset_id}/events: the bare number of events that were there."""
    store = get_database(request)
    dataset = dataset_number(store.db, request.path_params["dataset_id"], "dataset_id")
    wanted = query_of(request, "eventIds").get("eventIds")
    if not is_array(wanted) or not wanted:
        raise BadRequest("eventIds is missing; repeat it in the query string, once an event")
    with store.transaction() as db:
        deleted = delete_events(db, dataset, [str(uuid) for uuid in wanted])
    return answer(request, deleted)


async def move(request: Request) -> Response:
    """POST /events/dataset/{dataset_id}/move; raw always leaves the source, and arrives with keepRawData."""
    moved = await _carry(request, moves=True)
    return answer(request, {"moved": len(moved.numbers), **_carried(moved)})


async def copy(request: Request) -> Response:
    """POST /events/dataset/{dataset_id}/copy."""
    copied = await _carry(request, moves=False)
    return answer(request, {"copied": len(copied.numbers), **_carried(copied)})


async def _carry(request: Request, *, moves: bool) -> CopyResult:
    store = get_database(request)
    body = await read_body(request)
    source = dataset_number(store.db, request.path_params["dataset_id"], "dataset_id")
    target = dataset_number(store.db, one_text(body, "destDatasetId"), "destDatasetId")
    if source == target:
        raise BadRequest("destDatasetId is the dataset the events are in; name another")
    uuids = texts(body, "eventIds")
    keep_raw = truth(query_of(request), "keepRawData", False)
    with store.transaction() as db:
        carry = move_events if moves else copy_events
        return carry(db, source, target, uuids, keep_raw=keep_raw)


def _carried(copied: CopyResult) -> dict[str, object]:
    counts: dict[str, object] = {
        "indicatorsCopied": copied.indicators,
        "relationshipsCopied": copied.relationships,
    }
    return counts | ({"insertFailures": copied.failures} if copied.failures else {})


async def revert_dataset(request: Request) -> Response:
    """POST /events/{dataset_id}/revert-do."""
    store = get_database(request)
    dataset = dataset_number(store.db, request.path_params["dataset_id"], "dataset_id")
    body = await read_body(request)
    return answer(request, revert(store, dataset, body.get("minutesAgo")))


async def tag(request: Request) -> Response:
    """POST /events/event_tag/{event_id}/create."""
    store = get_database(request)
    tags = texts(await read_body(request), "tags")
    event = known_event(store.db, request.path_params["event_id"])
    with store.transaction() as db:
        add_tags(db, event, tags, store.now())
    return enveloped(DONE)


async def untag(request: Request) -> Response:
    """DELETE /events/event_tag/{event_id}, with a body."""
    store = get_database(request)
    tags = texts(await read_body(request), "tags")
    event = known_event(store.db, request.path_params["event_id"])
    with store.transaction() as db:
        remove_tags(db, event, tags)
    return enveloped(DONE)


async def relate(request: Request) -> Response:
    """POST /events/relate/{event_id}/create: references, which are not relationships."""
    store = get_database(request)
    uuids = texts(await read_body(request), "events")
    event = known_event(store.db, request.path_params["event_id"])
    with store.transaction() as db:
        add_references(db, event, uuids)
    return enveloped(DONE)


async def unrelate(request: Request) -> Response:
    """DELETE /events/relate/{event_id}, with a body."""
    store = get_database(request)
    uuids = texts(await read_body(request), "events")
    event = known_event(store.db, request.path_params["event_id"])
    with store.transaction() as db:
        remove_references(db, event, uuids)
    return enveloped(DONE)
