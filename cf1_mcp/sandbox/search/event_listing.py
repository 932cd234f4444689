"""Pages of events: parsing a list request, and the one query that answers it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from cf1_mcp.models import Condition
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import ORDER, ORDER_BY, PAGE_SIZE
from cf1_mcp.sandbox.json_values import JsonMapping, is_array
from cf1_mcp.sandbox.search.condition_input import parse_branches, parse_conditions
from cf1_mcp.sandbox.search.condition_sql import build_search_clause
from cf1_mcp.sandbox.search.dataset_scope import build_scope_clause, has_analytics, resolve_datasets
from cf1_mcp.sandbox.search.page_cursor import Position, decode_cursor, encode_cursor, invalid_cursor

MAX_PAGE_SIZE: Final = 25_000
MAX_OFFSET: Final = 100_000

FILTERS: Final = ("datasetId", "search", "searchBranches", "orderBy", "order")
PARAMETERS: Final = (*FILTERS, "page", "pageSize", "cursor", "format", "forceRefresh", "cache")
ALLOWED_WITH_CURSOR: Final = ("cursor", "pageSize", "format", "forceRefresh", "cache")


def _look_up(table: str, column: str, event_column: str) -> str:
    return f"ifnull((SELECT {column} FROM {table} WHERE id = e.{event_column}), '')"


ORDERS: Final[Mapping[str, str]] = {
    "date": "e.date",
    "createdAt": "e.created_at",
    "uuid": "e.uuid",
    "event": "e.event",
    "insight": "ifnull(e.insight, '')",
    "indicator": "ifnull(e.indicator, '')",
    "indicatorType": _look_up("indicator_type", "name", "indicator_type"),
    "indicatorTypeId": "ifnull(e.indicator_type, 0)",
    "attacker": _look_up("term", "value", "attacker"),
    "attackerCountry": _look_up("term", "value", "attacker_country"),
    "category": _look_up("category", "name", "category"),
    "killChain": _look_up("category", "kill_chain", "category"),
    "datasetId": _look_up("dataset", "uuid", "dataset"),
    "targetCountry": _look_up("term", "value", "target_country"),
    "targetIndustry": _look_up("term", "value", "target_industry"),
    "tlp": _look_up("term", "value", "tlp"),
}
"""What a list can be ordered by: every event field with one value."""


@dataclass(frozen=True)
class EventListRequest:
    """A checked list request. `datasets` are row ids, `after` is the position of a cursor, `filters` go into the next
    one."""

    datasets: tuple[int, ...]
    search: Sequence[Condition]
    branches: Sequence[Sequence[Condition]]
    order_by: str
    order: str
    page: int | None
    page_size: int
    after: Position | None
    filters: JsonMapping


@dataclass(frozen=True)
class EventIdPage:
    """The row ids of the events of a page, and the cursor of the next page."""

    row_ids: list[int]
    cursor: str | None


def parse_list_request(db: sqlite3.Connection, parameters: JsonMapping) -> EventListRequest:
    """Return a list request from the parameters of a query string or body; BadRequest for what the API would refuse."""
    if parameters.get("cursor"):
        return _resume(db, parameters)
    page = _read_count(parameters, "page") if parameters.get("page") is not None else None
    page_size = read_page_size(parameters)
    if page is not None and (page - 1) * page_size > MAX_OFFSET:
        raise BadRequest(
            f"page {page} of {page_size} begins past record {MAX_OFFSET:,}; continue with result_info.cursor instead"
        )
    return _parse_filters(db, parameters, page, page_size, None)


def find_page(db: sqlite3.Connection, request: EventListRequest) -> EventIdPage:
    """Return the page that a request is about."""
    clause, parameters = build_search_clause(db, request.search, request.branches)
    key = ORDERS[request.order_by]
    where = f"{build_scope_clause(db, request.datasets)} AND {clause}"
    direction, beyond = ("DESC", "<") if request.order == "desc" else ("ASC", ">")
    if request.after is not None:
        where += f" AND ({key}, e.uuid, e.id) {beyond} (?, ?, ?)"
        parameters.extend(request.after)
    query = (
        f"SELECT e.id, {key} AS place, e.uuid FROM event e WHERE {where} "
        f"ORDER BY place {direction}, e.uuid {direction}, e.id {direction} LIMIT ? OFFSET ?"
    )
    offset = (request.page - 1) * request.page_size if request.page is not None else 0
    rows = db.execute(query, (*parameters, request.page_size + 1, offset)).fetchall()
    shown = rows[: request.page_size]
    cursor = None
    if len(rows) > len(shown):
        row_id, value, uuid = shown[-1]
        cursor = encode_cursor(request.order_by, (value, uuid, row_id), request.filters)
    return EventIdPage([row[0] for row in shown], cursor)


def read_page_size(parameters: JsonMapping) -> int:
    """Return the requested page size, within the documented limit."""
    size = _read_count(parameters, "pageSize") if parameters.get("pageSize") is not None else PAGE_SIZE
    if size > MAX_PAGE_SIZE:
        raise BadRequest(f"pageSize {size} is too large; a page has at most {MAX_PAGE_SIZE:,} events")
    return size


def _parse_filters(
    db: sqlite3.Connection, parameters: JsonMapping, page: int | None, page_size: int, after: Position | None
) -> EventListRequest:
    filters = {name: parameters[name] for name in FILTERS if parameters.get(name) is not None}
    datasets = resolve_datasets(db, _read_ids(filters.get("datasetId", []), "datasetId"))
    branches = parse_branches(filters.get("searchBranches", []))
    if branches and has_analytics(db, datasets):
        raise BadRequest("searchBranches cannot be used on analytics datasets; leave them out of datasetId")
    order_by, order = filters.get("orderBy", ORDER_BY), filters.get("order", ORDER)
    if not isinstance(order_by, str) or order_by not in ORDERS:
        raise BadRequest(f"orderBy {order_by!r} cannot be ordered by; valid are {', '.join(ORDERS)}")
    if not isinstance(order, str) or order not in ("asc", "desc"):
        raise BadRequest(f"order {order!r} is unknown; valid are asc, desc")
    search = parse_conditions(filters.get("search", []))
    return EventListRequest(tuple(datasets), search, branches, order_by, order, page, page_size, after, filters)


def _resume(db: sqlite3.Connection, parameters: JsonMapping) -> EventListRequest:
    conflicting = [name for name in parameters if name not in ALLOWED_WITH_CURSOR and parameters[name] is not None]
    if conflicting:
        raise BadRequest(
            f"CursorFilterConflictError: the cursor contains the filters, so {', '.join(conflicting)} cannot be sent "
            "with it; send only cursor and pageSize"
        )
    filters, position = decode_cursor(parameters["cursor"])
    order_by = filters.get("orderBy", ORDER_BY)
    value, uuid, row_id = position.get(str(order_by)), position.get("uuid"), position.get("number")
    if not isinstance(value, (str, float)) and not _is_sqlite_integer(value):
        raise invalid_cursor()
    if not isinstance(uuid, str) or not _is_sqlite_integer(row_id):
        raise invalid_cursor()
    page_size = read_page_size(parameters)
    try:
        return _parse_filters(db, filters, None, page_size, (value, uuid, row_id))
    except BadRequest as error:
        raise invalid_cursor() from error


def _is_sqlite_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and value.bit_length() < 64


def _read_count(parameters: JsonMapping, name: str) -> int:
    value = parameters[name]
    try:
        number = int(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else 0
    except ValueError:
        number = 0
    number = int(value) if isinstance(value, float) and value.is_integer() else number
    if number < 1:
        raise BadRequest(f"{name} {value!r} must be a whole number from 1")
    return number


def _read_ids(value: object, name: str) -> list[str]:
    values = value if is_array(value) else [value]
    if not all(isinstance(entry, str) for entry in values):
        raise BadRequest(f"{name} must be a list of uuids or one scope word")
    return [part for entry in values for part in str(entry).split(",") if part]
