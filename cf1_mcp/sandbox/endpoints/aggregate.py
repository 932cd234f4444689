"""Counting events, by columns and with GraphQL."""

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.sandbox.fields import read_boolean, read_integer
from cf1_mcp.sandbox.http.requests import get_database, parse_query, read_body
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.invented import AGGREGATE_LIMIT
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.search.aggregation import AggregateRequest


async def aggregate(request: Request) -> Response:
    """GET /events/aggregate."""
    query = parse_query(request, "aggregateBy", "datasetId")
    columns, datasets = query.get("aggregateBy"), query.get("datasetId")
    start, end = query.get("startDate"), query.get("endDate")
    counts = get_database(request).aggregate(
        AggregateRequest(
            columns=[str(column).strip() for column in columns] if is_array(columns) else [],
            datasets=[str(dataset) for dataset in datasets] if is_array(datasets) else [],
            start=str(start) if start else None,
            end=str(end) if end else None,
            daily=read_boolean(query, "groupByDate", False),
            limit=read_integer(query, "limit", AGGREGATE_LIMIT),
        )
    )
    return respond(request, counts.model_dump(mode="json", by_alias=True))


async def graphql(request: Request) -> Response:
    """POST /v2/events/graphql and /events/graphql."""
    body = await read_body(request)
    # Imported here because graphql-core is slow to import.
    from cf1_mcp.sandbox.search.graphql import execute

    return respond(request, execute(get_database(request), body))
