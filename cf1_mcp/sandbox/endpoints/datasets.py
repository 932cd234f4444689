"""Datasets: listing, reading, creating."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.models import Dataset
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, one_text, query_of, read_body, truth
from cf1_mcp.sandbox.http.responses import answer


async def list_datasets(request: Request) -> Response:
    """GET /events/dataset."""
    include_deleted = truth(query_of(request), "includeDeleted", False)
    found = get_database(request).datasets(include_deleted=include_deleted)
    return answer(request, [_wire(dataset) | {"indicatorWriteMode": "full"} for dataset in found])


async def read_dataset(request: Request) -> Response:
    """GET /events/dataset/{dataset_id}."""
    wanted = request.path_params["dataset_id"].lower()
    for dataset in get_database(request).datasets():
        if dataset.uuid == wanted:
            return answer(request, _wire(dataset))
    raise BadRequest(f"dataset_id {wanted!r} names no dataset; GET /events/dataset lists them")


async def create_dataset(request: Request) -> Response:
    """POST /events/dataset/create."""
    body = await read_body(request)
    name, is_public = one_text(body, "name"), truth(body, "isPublic", False)
    return answer(request, _wire(get_database(request).add_dataset(name, is_public=is_public)))


def _wire(dataset: Dataset) -> dict[str, object]:
    return dataset.model_dump(mode="json", by_alias=True, exclude_none=True)
