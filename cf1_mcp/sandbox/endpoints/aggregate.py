"""Counting events, by columns and with GraphQL."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, parse_query, read_body
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.invented import AGGREGATE_COLUMNS, AGGREGATE_LIMIT
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import read_boolean, read_integer
from cf1_mcp.sandbox.search.aggregation import AggregateRequest
from cf1_mcp.sandbox.timestamps import is_day


async def aggregate(request: Request) -> Response:
    """GET /events/aggregate."""
    query = parse_query(request, "aggregateBy", "datasetId")
    columns, datasets = query.get("aggregateBy"), query.get("datasetId")
    start, end = query.get("startDate"), query.get("endDate")
    asked = AggregateRequest(
        columns=[str(column).strip() for column in columns] if is_array(columns) else [],
        datasets=[str(dataset) for dataset in datasets] if is_array(datasets) else [],
        start=str(start) if start else None,
        end=str(end) if end else None,
        daily=read_boolean(query, "groupByDate", False),
        limit=read_integer(query, "limit", AGGREGATE_LIMIT),
    )
    if is_like_live():
        _reject_undocumented(asked)
    return respond(request, get_database(request).aggregate(asked).model_dump(mode="json", by_alias=True))


def _reject_undocumented(asked: AggregateRequest) -> None:
    """Reject what the reference does not name: other columns, a higher limit than the default, dates with a time."""
    unknown = [column for column in asked.columns if column not in AGGREGATE_COLUMNS]
    if unknown:
        raise BadRequest(f"aggregateBy {unknown[0]!r} cannot be counted by; valid are {', '.join(AGGREGATE_COLUMNS)}")
    if asked.limit > AGGREGATE_LIMIT:
        raise BadRequest(f"limit {asked.limit} is too large; at most {AGGREGATE_LIMIT} groups are returned")
    for name, date in (("startDate", asked.start), ("endDate", asked.end)):
        if date and not is_day(date):
            raise BadRequest(f"{name} {date!r} is not a date in the form 2024-01-01")


async def graphql(request: Request) -> Response:
    """POST /v2/events/graphql and /events/graphql."""
    body = await read_body(request)
    # Imported here because graphql-core is slow to import.
    from cf1_mcp.sandbox.search.graphql import execute

    answer = execute(get_database(request), body)
    return JSONResponse(answer) if is_like_live() else respond(request, answer)
