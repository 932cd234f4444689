"""Listing, reading, creating, changing and deleting datasets."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.models import Dataset
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, parse_query, read_body
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.request_fields import read_boolean, read_text
from cf1_mcp.sandbox.search.dataset_scope import resolve_dataset


async def list_datasets(request: Request) -> Response:
    """GET /events/dataset."""
    include_deleted = read_boolean(parse_query(request), "includeDeleted", False)
    datasets = get_database(request).datasets(include_deleted=include_deleted)
    return respond(request, [_render(dataset) | {"indicatorWriteMode": "full"} for dataset in datasets])


async def read_dataset(request: Request) -> Response:
    """GET /events/dataset/{dataset_id}."""
    uuid = request.path_params["dataset_id"].lower()
    for dataset in get_database(request).datasets():
        if dataset.uuid == uuid:
            return respond(request, _render(dataset))
    raise BadRequest(f"dataset_id {uuid!r} is not a dataset; GET /events/dataset lists them")


async def create_dataset(request: Request) -> Response:
    """POST /events/dataset/create."""
    body = await read_body(request)
    name, is_public = read_text(body, "name"), read_boolean(body, "isPublic", False)
    return respond(request, _render(get_database(request).add_dataset(name, is_public=is_public)))


async def update_dataset(request: Request) -> Response:
    """PATCH /events/dataset/{dataset_id}: both fields are required."""
    database, body = get_database(request), await read_body(request)
    row_id = resolve_dataset(database.db, request.path_params["dataset_id"], "dataset_id")
    name, is_public = read_text(body, "name"), body.get("isPublic")
    if not isinstance(is_public, bool):
        raise BadRequest(f"isPublic must be true or false, not {is_public!r}")
    return respond(request, _render(database.update_dataset(row_id, name, is_public=is_public)))


async def delete_dataset(request: Request) -> Response:
    """DELETE /events/dataset/{dataset_id}: its events are no longer found."""
    database = get_database(request)
    row_id = resolve_dataset(database.db, request.path_params["dataset_id"], "dataset_id")
    dataset = database.delete_dataset(row_id)
    return respond(request, {"uuid": dataset.uuid, "name": dataset.name})


def _render(dataset: Dataset) -> dict[str, object]:
    return dataset.model_dump(mode="json", by_alias=True, exclude_none=True)
