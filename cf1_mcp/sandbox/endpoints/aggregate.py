"""Counting events, by columns and with GraphQL."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.event_input import is_array
from cf1_mcp.sandbox.http.requests import get_database, query_of, read_body, truth, whole_number
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.invented import AGGREGATE_LIMIT


async def aggregate(request: Request) -> Response:
    """GET /events/aggregate."""
    given = query_of(request, "aggregateBy", "datasetId")
    columns, datasets = given.get("aggregateBy"), given.get("datasetId")
    start, end = given.get("startDate"), given.get("endDate")
    counted = get_database(request).aggregate(
        datasets=[str(dataset) for dataset in datasets] if is_array(datasets) else [],
        columns=[str(column).strip() for column in columns] if is_array(columns) else [],
        start=str(start) if start else None,
        end=str(end) if end else None,
        daily=truth(given, "groupByDate", False),
        limit=whole_number(given, "limit", AGGREGATE_LIMIT),
        search=[],
    )
    return answer(request, counted.model_dump(mode="json", by_alias=True))


async def graphql(request: Request) -> Response:
    """POST /v2/events/graphql and /events/graphql."""
    body = await read_body(request)
    # Imported here, so that only those who ask GraphQL wait for it.
    from cf1_mcp.sandbox.search.graphql import execute

    return answer(request, execute(get_database(request), body))
