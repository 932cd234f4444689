"""Pages of events: what a list request asks for, and the one query that answers it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from cf1_mcp.models import Condition
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import Json, is_array
from cf1_mcp.sandbox.invented import ORDER, ORDER_BY, PAGE_SIZE
from cf1_mcp.sandbox.search import page_cursor as cursors
from cf1_mcp.sandbox.search.condition_input import parse_branches, parse_conditions
from cf1_mcp.sandbox.search.condition_sql import search_clause
from cf1_mcp.sandbox.search.dataset_scope import dataset_numbers, has_analytics, scope_clause
from cf1_mcp.sandbox.search.page_cursor import Position

MAX_PAGE_SIZE: Final = 25_000
FARTHEST_OFFSET: Final = 100_000

FILTERS: Final = ("datasetId", "search", "searchBranches", "orderBy", "order")
PARAMETERS: Final = (*FILTERS, "page", "pageSize", "cursor", "format", "forceRefresh", "cache")
BESIDE_CURSOR: Final = ("cursor", "pageSize", "format", "forceRefresh", "cache")


def _word(table: str, column: str, name: str) -> str:
    return f"ifnull((SELECT {column} FROM {table} WHERE id = e.{name}), '')"


ORDERS: Final[Mapping[str, str]] = {
    "date": "e.date",
    "createdAt": "e.created_at",
    "uuid": "e.uuid",
    "event": "e.event",
    "insight": "ifnull(e.insight, '')",
    "indicator": "ifnull(e.indicator, '')",
    "indicatorType": _word("indicator_type", "name", "indicator_type"),
    "indicatorTypeId": "ifnull(e.indicator_type, 0)",
    "attacker": _word("term", "value", "attacker"),
    "attackerCountry": _word("term", "value", "attacker_country"),
    "category": _word("category", "name", "category"),
    "killChain": _word("category", "kill_chain", "category"),
    "datasetId": _word("dataset", "uuid", "dataset"),
    "targetCountry": _word("term", "value", "target_country"),
    "targetIndustry": _word("term", "value", "target_industry"),
    "tlp": _word("term", "value", "tlp"),
}
"""What a list may be ordered by: every field of an event with one value."""


@dataclass(frozen=True)
class Listing:
    """A checked list request."""

    datasets: tuple[int, ...]
    search: Sequence[Condition]
    branches: Sequence[Sequence[Condition]]
    order_by: str
    order: str
    page: int | None
    page_size: int
    after: Position | None
    filters: Json


@dataclass(frozen=True)
class Page:
    """Numbers of the events of a page, and the cursor of the next one."""

    numbers: list[int]
    cursor: str | None


def parse_listing(db: sqlite3.Connection, given: Json) -> Listing:
    """A list request from a query string or a body; BadRequest for what the API would not take."""
    if given.get("cursor"):
        return _resumed(db, given)
    page = _count(given, "page") if given.get("page") is not None else None
    page_size = page_size_of(given)
    if page is not None and (page - 1) * page_size > FARTHEST_OFFSET:
        raise BadRequest(
            f"page {page} of {page_size} begins past record {FARTHEST_OFFSET:,}; go on with result_info.cursor instead"
        )
    return _listing(db, given, page, page_size, None)


def read_page(db: sqlite3.Connection, listing: Listing) -> Page:
    """The page, found by its keys alone."""
    clause, parameters = search_clause(db, listing.search, listing.branches)
    key = ORDERS[listing.order_by]
    where = f"{scope_clause(db, listing.datasets)} AND {clause}"
    way, beyond = ("DESC", "<") if listing.order == "desc" else ("ASC", ">")
    if listing.after is not None:
        where += f" AND ({key}, e.uuid, e.id) {beyond} (?, ?, ?)"
        parameters.extend(listing.after)
    query = (
        f"SELECT e.id, {key} AS place, e.uuid FROM event e WHERE {where} "
        f"ORDER BY place {way}, e.uuid {way}, e.id {way} LIMIT ? OFFSET ?"
    )
    skipped = (listing.page - 1) * listing.page_size if listing.page is not None else 0
    rows = db.execute(query, (*parameters, listing.page_size + 1, skipped)).fetchall()
    shown = rows[: listing.page_size]
    following = None
    if len(rows) > len(shown):
        number, place, uuid = shown[-1]
        following = cursors.pack(listing.order_by, (place, uuid, number), listing.filters)
    return Page([row[0] for row in shown], following)


def page_size_of(given: Json) -> int:
    """The page size asked for, within the documented limit."""
    size = _count(given, "pageSize") if given.get("pageSize") is not None else PAGE_SIZE
    if size > MAX_PAGE_SIZE:
        raise BadRequest(f"pageSize {size} is too large; at most {MAX_PAGE_SIZE:,} events come at once")
    return size


def _listing(db: sqlite3.Connection, given: Json, page: int | None, page_size: int, after: Position | None) -> Listing:
    filters = {name: given[name] for name in FILTERS if given.get(name) is not None}
    datasets = dataset_numbers(db, _texts(filters.get("datasetId", []), "datasetId"))
    branches = parse_branches(filters.get("searchBranches", []))
    if branches and has_analytics(db, datasets):
        raise BadRequest("searchBranches cannot be used on analytics datasets; leave them out of datasetId")
    order_by, order = filters.get("orderBy", ORDER_BY), filters.get("order", ORDER)
    if not isinstance(order_by, str) or order_by not in ORDERS:
        raise BadRequest(f"orderBy {order_by!r} cannot be ordered by; valid are {', '.join(ORDERS)}")
    if not isinstance(order, str) or order not in ("asc", "desc"):
        raise BadRequest(f"order {order!r} is unknown; valid are asc, desc")
    search = parse_conditions(filters.get("search", []))
    return Listing(tuple(datasets), search, branches, order_by, order, page, page_size, after, filters)


def _resumed(db: sqlite3.Connection, given: Json) -> Listing:
    beside = [name for name in given if name not in BESIDE_CURSOR and given[name] is not None]
    if beside:
        raise BadRequest(
            f"CursorFilterConflictError: cursor carries its filters, so {', '.join(beside)} cannot stand beside it; "
            "send only cursor and pageSize"
        )
    filters, position = cursors.unpack(given["cursor"])
    order_by = filters.get("orderBy", ORDER_BY)
    value, uuid, number = position.get(str(order_by)), position.get("uuid"), position.get("number")
    if not isinstance(value, (str, float)) and not _fits(value):
        raise cursors.invalid()
    if not isinstance(uuid, str) or not _fits(number):
        raise cursors.invalid()
    page_size = page_size_of(given)
    try:
        return _listing(db, filters, None, page_size, (value, uuid, number))
    except BadRequest as refused:
        raise cursors.invalid() from refused


def _fits(value: object) -> TypeGuard[int]:
    """Whether a value is a number that the database can hold."""
    return isinstance(value, int) and value.bit_length() < 64


def _count(given: Json, name: str) -> int:
    value = given[name]
    try:
        number = int(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else 0
    except ValueError:
        number = 0
    number = int(value) if isinstance(value, float) and value.is_integer() else number
    if number < 1:
        raise BadRequest(f"{name} {value!r} must be a whole number from 1")
    return number


def _texts(value: object, name: str) -> list[str]:
    values = value if is_array(value) else [value]
    if not all(isinstance(entry, str) for entry in values):
        raise BadRequest(f"{name} must be a list of uuids or one scope word")
    return [part for entry in values for part in str(entry).split(",") if part]
