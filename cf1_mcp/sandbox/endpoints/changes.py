"""Deleting, moving, copying and reverting events; adding and removing tags and references."""

import sqlite3
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.fields import read_boolean, read_text, read_texts
from cf1_mcp.sandbox.http.requests import get_database, parse_query, read_body
from cf1_mcp.sandbox.http.responses import respond, respond_enveloped
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.search.dataset_scope import resolve_dataset
from cf1_mcp.sandbox.storage.dataset_history import revert_dataset
from cf1_mcp.sandbox.storage.event_links import add_references, add_tags, remove_references, remove_tags
from cf1_mcp.sandbox.storage.event_moves import CopyResult, copy_events, move_events
from cf1_mcp.sandbox.storage.event_writes import delete_events, require_event_id

LinkEdit = Callable[[sqlite3.Connection, int, Sequence[str]], None]
"""Adds or removes links of the event with a row id, named by their values."""


async def delete(request: Request) -> Response:
    """DELETE /events/datasets/{dataset_id}/events: the result is the number of events that existed."""
    database = get_database(request)
    dataset = resolve_dataset(database.db, request.path_params["dataset_id"], "dataset_id")
    uuids = parse_query(request, "eventIds").get("eventIds")
    if not is_array(uuids) or not uuids:
        raise BadRequest("eventIds is missing; send it in the query string, once for each event")
    with database.transaction() as db:
        deleted = delete_events(db, dataset, [str(uuid) for uuid in uuids])
    return respond(request, deleted)


async def move(request: Request) -> Response:
    """POST /events/dataset/{dataset_id}/move; raw evidence always leaves the source, and is kept with keepRawData."""
    moved = await _transfer(request, move_events)
    return respond(request, {"moved": len(moved.row_ids), **_render_counts(moved)})


async def copy(request: Request) -> Response:
    """POST /events/dataset/{dataset_id}/copy."""
    copied = await _transfer(request, copy_events)
    return respond(request, {"copied": len(copied.row_ids), **_render_counts(copied)})


async def _transfer(request: Request, transfer: Callable[..., CopyResult]) -> CopyResult:
    database = get_database(request)
    body = await read_body(request)
    source = resolve_dataset(database.db, request.path_params["dataset_id"], "dataset_id")
    target = resolve_dataset(database.db, read_text(body, "destDatasetId"), "destDatasetId")
    if source == target:
        raise BadRequest("destDatasetId is the dataset that the events are in; name another")
    uuids = read_texts(body, "eventIds")
    keep_raw = read_boolean(parse_query(request), "keepRawData", False)
    with database.transaction() as db:
        return transfer(db, source, target, uuids, keep_raw=keep_raw)


def _render_counts(copied: CopyResult) -> dict[str, object]:
    counts: dict[str, object] = {
        "indicatorsCopied": copied.indicators,
        "relationshipsCopied": copied.relationships,
    }
    return counts | ({"insertFailures": copied.failures} if copied.failures else {})


async def revert(request: Request) -> Response:
    """POST /events/{dataset_id}/revert-do."""
    database = get_database(request)
    dataset = resolve_dataset(database.db, request.path_params["dataset_id"], "dataset_id")
    body = await read_body(request)
    return respond(request, revert_dataset(database, dataset, body.get("minutesAgo")))


async def tag(request: Request) -> Response:
    """POST /events/event_tag/{event_id}/create."""
    return await _edit_links(request, "tags", add_tags)


async def untag(request: Request) -> Response:
    """DELETE /events/event_tag/{event_id}, with a body."""
    return await _edit_links(request, "tags", remove_tags)


async def relate(request: Request) -> Response:
    """POST /events/relate/{event_id}/create: adds references, which are not relationships."""
    return await _edit_links(request, "events", add_references)


async def unrelate(request: Request) -> Response:
    """DELETE /events/relate/{event_id}, with a body."""
    return await _edit_links(request, "events", remove_references)


async def _edit_links(request: Request, field: str, edit: LinkEdit) -> Response:
    """Apply an edit to the event of the path, with the values of a body field."""
    database = get_database(request)
    values = read_texts(await read_body(request), field)
    event = require_event_id(database.db, request.path_params["event_id"])
    with database.transaction() as db:
        edit(db, event, values)
    return respond_enveloped({"success": True})
