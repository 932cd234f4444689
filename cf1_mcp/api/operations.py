"""The operations of the Threat Events API and their routes, newest first.

Paths are below `/accounts/{account_id}/cloudforce-one`. Where an operation has two paths, Cloudflare removes or
deprecates the second (four of them on 2026-11-28); where PATCH and POST share a path, some proxies refuse PATCH.
When the next route is tried, and what is learnt from it, is decided in `api/routes.py`.
"""

from dataclasses import dataclass
from typing import Literal

NONE: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Route:
    """A method, and a path whose `{names}` are replaced by ids.

    `sends` names the half of a request that the route takes, where the routes of an operation take the same in two
    ways: the query or the body. Otherwise each route takes both.
    """

    method: str
    path: str
    sends: Literal["both", "query", "body"] = "both"


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    Operations with `is_read` change nothing, so they may be retried, but not after a status in `settled_statuses`.
    After a status in `fallback_statuses` the next route is tried, as it is where a server does not know the route.
    """

    name: str
    routes: tuple[Route, ...]
    is_read: bool
    fallback_statuses: frozenset[int] = NONE
    settled_statuses: frozenset[int] = NONE

    @property
    def is_of_one(self) -> bool:
        """Whether the operation is about one object, whose id is part of the path."""
        return any("{" in route.path for route in self.routes)


def _route(text: str) -> Route:
    method, path = text.split(" ")
    return Route(method, path)


def _read(name: str, *routes: str, fallback: frozenset[int] = NONE, settled: frozenset[int] = NONE) -> Operation:
    return Operation(name, tuple(map(_route, routes)), True, fallback, settled)


def _write(name: str, *routes: str) -> Operation:
    return Operation(name, tuple(map(_route, routes)), False)


def _update(name: str, path: str) -> Operation:
    return Operation(name, (Route("PATCH", path), Route("POST", path)), False)


# Invented: that GET reads `search` as JSON text (`searchBranches` is documented so). If it does not, POST is used.
LIST_BY_QUERY = Route("GET", "/events", "query")
LIST_BY_BODY = Route("POST", "/events", "body")
LIST_EVENTS = Operation("list_events", (LIST_BY_QUERY, LIST_BY_BODY), True)
READ_EVENT = _read("read_event", "GET /events/dataset/{dataset_id}/events/{event_id}")
# Deprecated: where it fails, the event is searched for at once.
READ_EVENT_ANYWHERE = _read("read_event_anywhere", "GET /events/{event_id}", settled=frozenset({500}))
AGGREGATE_EVENTS = _read("aggregate_events", "GET /events/aggregate")
# v2 requires a write token, v1 a read token, so v1 is also tried after a 403.
QUERY_GRAPHQL = _read("query_graphql", "POST /v2/events/graphql", "POST /events/graphql", fallback=frozenset({403}))
LIST_RELATIONSHIPS = _read(
    "list_relationships", "GET /events/by-id/{event_id}/relationships", "GET /events/{event_id}/relationships"
)
# Not every account has the graph, and what it tells can be read event by event, so a 500 is not asked for again.
READ_GRAPH = _read("read_graph", "GET /events/graph", settled=frozenset({500}))
# Events tell most of what it does, so a 500 is not asked for again.
LIST_INDICATORS = _read("list_indicators", "GET /events/indicators", settled=frozenset({500}))
# An event without raw evidence is documented as 404 or 500, so a 500 is not asked for again.
READ_RAW = _read("read_raw", "GET /events/{event_id}/raw/{raw_id}", settled=frozenset({500}))
READ_DATASET_RAW = _read(
    "read_dataset_raw",
    "GET /events/datasets/{dataset_id}/events/{event_id}/raw",
    "GET /events/raw/{dataset_id}/{event_id}",
    settled=frozenset({500}),
)

CREATE_EVENT = _write("create_event", "POST /events/create")
CREATE_EVENTS = _write("create_events", "POST /events/create/bulk")
CREATE_EVENTS_WITH_RELATIONSHIPS = _write("create_events_with_relationships", "POST /events/create/bulk/relationships")
UPDATE_EVENT = _update("update_event", "/events/{event_id}")
UPDATE_EVENTS = _write("update_events", "PATCH /events/update/bulk")
UPDATE_RAW = _update("update_raw", "/events/{event_id}/raw/{raw_id}")
TAG_EVENT = _write("tag_event", "POST /events/event_tag/{event_id}/create")
UNTAG_EVENT = _write("untag_event", "DELETE /events/event_tag/{event_id}")
RELATE_EVENT = _write("relate_event", "POST /events/relate/{event_id}/create")
UNRELATE_EVENT = _write("unrelate_event", "DELETE /events/relate/{event_id}")
CREATE_RELATIONSHIPS = _write("create_relationships", "POST /events/relationships/create")
MOVE_EVENTS = _write("move_events", "POST /events/dataset/{dataset_id}/move")
COPY_EVENTS = _write("copy_events", "POST /events/dataset/{dataset_id}/copy")
DELETE_EVENTS = _write(
    "delete_events", "DELETE /events/datasets/{dataset_id}/events", "DELETE /events/{dataset_id}/delete"
)
REVERT_DATASET = _write("revert_dataset", "POST /events/{dataset_id}/revert-do")

# Not every account has saved queries and alerts, and 500 is what their lists are documented to fail with: the guards,
# which ask for them with each change, take it as an answer.
LIST_QUERIES = _read("list_queries", "GET /events/queries", settled=frozenset({500}))
READ_QUERY = _read("read_query", "GET /events/queries/{query_id}")
CREATE_QUERY = _write("create_query", "POST /events/queries/create")
UPDATE_QUERY = _update("update_query", "/events/queries/{query_id}")
DELETE_QUERY = _write("delete_query", "DELETE /events/queries/{query_id}")

LIST_ALERTS = _read("list_alerts", "GET /events/queries/alerts", settled=frozenset({500}))
READ_ALERT = _read("read_alert", "GET /events/queries/alerts/{alert_id}")
CREATE_ALERT = _write("create_alert", "POST /events/queries/alerts/create")
UPDATE_ALERT = _update("update_alert", "/events/queries/alerts/{alert_id}")
DELETE_ALERT = _write("delete_alert", "DELETE /events/queries/alerts/{alert_id}")

LIST_DATASETS = _read("list_datasets", "GET /events/dataset")
CREATE_DATASET = _write("create_dataset", "POST /events/dataset/create")
UPDATE_DATASET = _update("update_dataset", "/events/dataset/{dataset_id}")
DELETE_DATASET = _write("delete_dataset", "DELETE /events/dataset/{dataset_id}")
LIST_ATTACKERS = _read("list_attackers", "GET /events/attackers")
# The catalogs have every word, whatever datasets an account has; the older lists have those that datasets use.
LIST_CATEGORIES = _read("list_categories", "GET /events/categories/catalog", "GET /events/categories")
LIST_CATEGORY_CATALOG = _read("list_category_catalog", "GET /events/categories/catalog")
LIST_USED_CATEGORIES = _read("list_used_categories", "GET /events/categories")
CREATE_CATEGORY = _write("create_category", "POST /events/categories/create")
LIST_COUNTRIES = _read("list_countries", "GET /events/countries")
LIST_INDUSTRIES = _read("list_industries", "GET /events/targetIndustries/catalog", "GET /events/targetIndustries")
LIST_INDUSTRY_CATALOG = _read("list_industry_catalog", "GET /events/targetIndustries/catalog")
LIST_USED_INDUSTRIES = _read("list_used_industries", "GET /events/targetIndustries")
LIST_INDICATOR_TYPES = _read("list_indicator_types", "GET /events/indicator-types", "GET /events/indicatorTypes")
LIST_TAGS = _read("list_tags", "GET /events/tags")
# Newer than the other routes: many accounts may not have it.
LIST_ACTORS = _read("list_actors", "GET /events/tags/categories/actors", settled=frozenset({500}))
