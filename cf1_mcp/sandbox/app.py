"""The sandbox as an ASGI application: routes, errors, and the mark on every answer."""

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
    indicators,
    queries,
    raw,
    relations,
    vocabulary,
)
from cf1_mcp.sandbox.errors import RequestRejected, ResourceNotFound
from cf1_mcp.sandbox.http.requests import get_database
from cf1_mcp.sandbox.http.responses import refusal
from cf1_mcp.sandbox.invented import DEPRECATION, MARK, NO_METHOD, NO_ROUTE, SUNSET
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.database import SandboxDatabase

BASE: Final = "/client/v4/accounts/{account_id}/cloudforce-one"
_ACCOUNT: Final = re.compile("[0-9a-fA-F]{32}")

Endpoint = Callable[[Request], Awaitable[Response]]

# Fixed words stand before ids, because the first path that fits is taken.
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
    ("GET /events/indicators", indicators.list_indicators),
    ("GET /events/tags", vocabulary.list_tags),
    ("GET /events/targetIndustries", vocabulary.list_industries),
    ("GET /events/targetIndustries/catalog", vocabulary.list_industry_catalog),
    ("GET /events/dataset", datasets.list_datasets),
    ("POST /events/dataset/create", datasets.create_dataset),
    ("GET /events/dataset/{dataset_id}", datasets.read_dataset),
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
    ("POST /events/{dataset_id}/revert-do", changes.revert_dataset),
    ("GET /events/{event_id}", events.read_event_anywhere),
    ("PATCH /events/{event_id}", events.update),
    ("POST /events/{event_id}", events.update),
    ("GET /events/{event_id}/raw/{raw_id}", raw.read_raw),
    ("PATCH /events/{event_id}/raw/{raw_id}", raw.update),
    ("POST /events/{event_id}/raw/{raw_id}", raw.update),
)

# These end on 2026-11-28. Each has its successor above.
ENDING: Final[tuple[tuple[str, Endpoint], ...]] = (
    ("GET /events/raw/{dataset_id}/{event_id}", raw.read_raw_by_dataset),
    ("DELETE /events/{dataset_id}/delete", changes.delete),
    ("GET /events/{event_id}/relationships", relations.list_relationships),
    ("GET /events/categories/{category_id}", vocabulary.read_category),
)


def create_sandbox_app(store: SandboxDatabase, options: SandboxOptions = SandboxOptions()) -> Starlette:  # noqa: B008 - frozen, so one is enough
    """The API over a store. `options.middleware` stands between the mark on the answers and the routes."""
    routes = [_route(route, endpoint) for route, endpoint in ROUTES]
    if not options.sunset:
        routes += [_route(route, _ending(endpoint)) for route, endpoint in ENDING]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_Marked), *options.middleware],
        exception_handlers={RequestRejected: _refused, HTTPException: _no_route},
    )
    app.state.store = store
    app.state.options = options
    return app


def _route(route: str, endpoint: Endpoint) -> Route:
    method, path = route.split(" ")
    return Route(BASE + path, _of_account(endpoint), methods=[method])


def _of_account(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        account = request.path_params["account_id"]
        if _ACCOUNT.fullmatch(account) is None:
            raise ResourceNotFound(
                f"Could not route to {request.url.path}, perhaps your object identifier is invalid?", NO_ROUTE
            )
        get_database(request).settle()
        return await endpoint(request)

    return answer


def _ending(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        response = await endpoint(request)
        response.headers.update({"Deprecation": DEPRECATION, "Sunset": SUNSET})
        return response

    return answer


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestRejected):
        raise error
    return refusal(error)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 405:
        return refusal(RequestRejected(f"{request.method} is not allowed for {request.url.path}", NO_METHOD), status)
    return refusal(ResourceNotFound(f"Could not route to {request.url.path}", NO_ROUTE), status)


class _Marked:
    """Says on every answer that it is fiction."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[MARK[0]] = MARK[1]
            await send(message)

        await self._app(scope, receive, marked)
