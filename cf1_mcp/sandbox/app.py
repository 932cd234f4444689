"""The sandbox as an ASGI application: routes, error handlers, and the header that marks every answer."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf1_mcp.sandbox.endpoints import (
    aggregate,
    bulk,
    changes,
    datasets,
    events,
    graph,
    indicators,
    queries,
    raw,
    relations,
    vocabulary,
)
from cf1_mcp.sandbox.errors import RequestRejected, ResourceNotFound
from cf1_mcp.sandbox.http.edge_gateway import Gateway
from cf1_mcp.sandbox.http.rate_limit import QUOTA, RateLimiter
from cf1_mcp.sandbox.http.requests import get_database
from cf1_mcp.sandbox.http.responses import respond_error
from cf1_mcp.sandbox.invented import DEPRECATION, MARK, NO_METHOD, NO_ROUTE, NO_ROUTE_STATUS, SUNSET
from cf1_mcp.sandbox.mood import Mood, in_mood
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase

BASE: Final = "/client/v4/accounts/{account_id}/cloudforce-one"
_ACCOUNT: Final = re.compile("[0-9a-fA-F]{32}")

Endpoint = Callable[[Request], Awaitable[Response]]

# Fixed path segments come before ids because the first matching route is used.
ROUTES: Final[tuple[tuple[str, Endpoint], ...]] = (
    ("GET /events", events.list_events),
    ("POST /events", events.search_events),
    ("GET /events/aggregate", aggregate.aggregate),
    ("POST /events/graphql", aggregate.graphql),
    ("POST /v2/events/graphql", aggregate.graphql),
    ("POST /events/create", events.create_event),
    ("POST /events/create/bulk", bulk.create_bulk),
    ("POST /events/create/bulk/relationships", bulk.create_bulk_with_relationships),
    ("PATCH /events/update/bulk", events.update_bulk),
    ("GET /events/attackers", vocabulary.list_attackers),
    ("GET /events/categories", vocabulary.list_categories),
    ("GET /events/categories/catalog", vocabulary.list_category_catalog),
    ("POST /events/categories/create", vocabulary.create_category),
    ("GET /events/event-categories/by-id/{category_id}", vocabulary.read_category),
    ("GET /events/countries", vocabulary.list_countries),
    ("GET /events/indicator-types", vocabulary.list_indicator_types),
    ("GET /events/graph", graph.read_graph),
    ("GET /events/indicators", indicators.list_indicators),
    ("GET /events/tags", vocabulary.list_tags),
    ("GET /events/tags/categories/actors", vocabulary.list_actors),
    ("GET /events/targetIndustries", vocabulary.list_industries),
    ("GET /events/targetIndustries/catalog", vocabulary.list_industry_catalog),
    ("GET /events/dataset", datasets.list_datasets),
    ("POST /events/dataset/create", datasets.create_dataset),
    ("GET /events/dataset/{dataset_id}", datasets.read_dataset),
    ("PATCH /events/dataset/{dataset_id}", datasets.update_dataset),
    ("POST /events/dataset/{dataset_id}", datasets.update_dataset),
    ("DELETE /events/dataset/{dataset_id}", datasets.delete_dataset),
    ("GET /events/dataset/{dataset_id}/events/{event_id}", events.read_event),
    ("POST /events/dataset/{dataset_id}/move", changes.move),
    ("POST /events/dataset/{dataset_id}/copy", changes.copy),
    ("DELETE /events/datasets/{dataset_id}/events", changes.delete),
    ("GET /events/datasets/{dataset_id}/events/{event_id}/raw", raw.read_raw_by_dataset),
    ("POST /events/event_tag/{event_id}/create", changes.tag),
    ("DELETE /events/event_tag/{event_id}", changes.untag),
    ("POST /events/relate/{event_id}/create", changes.relate),
    ("DELETE /events/relate/{event_id}", changes.unrelate),
    ("POST /events/relationships/create", relations.create_relationship),
    ("GET /events/by-id/{event_id}/relationships", relations.list_relationships),
    ("GET /events/queries", queries.list_queries),
    ("POST /events/queries/create", queries.create_query),
    ("GET /events/queries/alerts", queries.list_alerts),
    ("POST /events/queries/alerts/create", queries.create_alert),
    ("GET /events/queries/alerts/{alert_id}", queries.read_alert),
    ("PATCH /events/queries/alerts/{alert_id}", queries.update_alert),
    ("POST /events/queries/alerts/{alert_id}", queries.update_alert),
    ("DELETE /events/queries/alerts/{alert_id}", queries.delete_alert),
    ("GET /events/queries/{query_id}", queries.read_query),
    ("PATCH /events/queries/{query_id}", queries.update_query),
    ("POST /events/queries/{query_id}", queries.update_query),
    ("DELETE /events/queries/{query_id}", queries.delete_query),
    ("POST /events/{dataset_id}/revert-do", changes.revert),
    ("GET /events/{event_id}", events.read_event_anywhere),
    ("PATCH /events/{event_id}", events.update),
    ("POST /events/{event_id}", events.update),
    ("GET /events/{event_id}/raw/{raw_id}", raw.read_raw),
    ("PATCH /events/{event_id}/raw/{raw_id}", raw.update),
    ("POST /events/{event_id}/raw/{raw_id}", raw.update),
)

# Routes that end on 2026-11-28. Each has a successor above.
SUNSET_ROUTES: Final[tuple[tuple[str, Endpoint], ...]] = (
    ("GET /events/raw/{dataset_id}/{event_id}", raw.read_raw_by_dataset),
    ("DELETE /events/{dataset_id}/delete", changes.delete),
    ("GET /events/{event_id}/relationships", relations.list_relationships),
    ("GET /events/categories/{category_id}", vocabulary.read_category),
)


def create_sandbox_app(database: SandboxDatabase, options: SandboxOptions = SandboxOptions()) -> Starlette:  # noqa: B008 - frozen, so sharing one default is safe
    """Return the API as an application over a database.

    The header that marks answers as fictional is added outside `options.middleware`, so it is on every answer.
    """
    routes = [_build_route(route, endpoint) for route, endpoint in ROUTES]
    if not options.sunset and not options.like_live:
        routes += [_build_route(route, _with_sunset_headers(endpoint)) for route, endpoint in SUNSET_ROUTES]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_FictionalMark), *_build_gateway(options), *options.middleware],
        exception_handlers={RequestRejected: _handle_rejected, HTTPException: _handle_unrouted},
    )
    app.state.database = database
    app.state.options = options
    return app


def _build_gateway(options: SandboxOptions) -> list[Middleware]:
    """Return the limits of the gateway, which exist in the mood of the live API only, without those already set."""
    limits = [Middleware(Gateway, tokens={}), Middleware(RateLimiter, limit=QUOTA, blocks=True)]
    set_already = {one.cls for one in options.middleware}
    return [one for one in limits if options.like_live and one.cls not in set_already]


def _build_route(route: str, endpoint: Endpoint) -> Route:
    method, path = route.split(" ")
    return Route(BASE + path, _for_account(endpoint), methods=[method])


def _for_account(endpoint: Endpoint) -> Endpoint:
    async def handle(request: Request) -> Response:
        account = request.path_params["account_id"]
        if _ACCOUNT.fullmatch(account) is None:
            raise ResourceNotFound(
                f"Could not route to {request.url.path}, perhaps your object identifier is invalid?", NO_ROUTE
            )
        options: SandboxOptions = request.app.state.options
        database = get_database(request)
        database.publish_due_indicators()
        database.run_due_tasks()
        with in_mood(Mood(options.like_live, options.introspection, frozenset(options.failing_datasets))):
            return await endpoint(request)

    return handle


def _with_sunset_headers(endpoint: Endpoint) -> Endpoint:
    async def handle(request: Request) -> Response:
        response = await endpoint(request)
        response.headers.update({"Deprecation": DEPRECATION, "Sunset": SUNSET})
        return response

    return handle


async def _handle_rejected(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestRejected):
        raise error
    return respond_error(error)


async def _handle_unrouted(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 405:
        rejected = RequestRejected(f"{request.method} is not allowed for {request.url.path}", NO_METHOD)
        return respond_error(rejected, status)
    rejected = ResourceNotFound(f"Could not route to {request.url.path}", NO_ROUTE)
    options: SandboxOptions = request.app.state.options
    return respond_error(rejected, NO_ROUTE_STATUS if status == 404 and options.like_live else status)


class _FictionalMark:
    """Adds the header that marks an answer as fictional."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[MARK[0]] = MARK[1]
            await send(message)

        await self._app(scope, receive, send_marked)
