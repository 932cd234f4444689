"""The vocabulary of events: attackers, categories, countries, industries, indicator types and tags."""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.models import Category
from cf1_mcp.sandbox.actor_catalog import PUBLIC_FILTERS
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.http.requests import get_database, parse_query, read_body, reject_unsupported
from cf1_mcp.sandbox.http.responses import respond
from cf1_mcp.sandbox.json_values import is_array, is_object, parse_json
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import read_distinct_texts, read_integer, read_text
from cf1_mcp.sandbox.search.condition_sql import build_text_test
from cf1_mcp.sandbox.search.dataset_scope import SCOPE_WORDS, build_scope_clause, resolve_datasets
from cf1_mcp.sandbox.search.event_json import to_json_number
from cf1_mcp.sandbox.search.event_listing import read_page_size
from cf1_mcp.sandbox.storage.vocabulary_tables import add_category, read_industries
from cf1_mcp.sandbox.timestamps import format_wire
from cf1_mcp.sandbox.vocabulary_catalog import COUNTRIES

_CATEGORY = "SELECT uuid, name, kill_chain, mitre_attack, mitre_capec, shortname FROM category"


async def list_attackers(request: Request) -> Response:
    """GET /events/attackers: the attackers of events in the requested datasets, which the live API takes by id only."""
    datasets = parse_query(request, "datasetIds").get("datasetIds")
    words = [word for word in datasets if word in SCOPE_WORDS] if is_array(datasets) else []
    if words and is_like_live():
        raise BadRequest(f"datasetIds {words[0]!r} is not a dataset; GET /events/dataset lists them")
    return respond(request, _list_used_terms(request, "attacker"))


async def list_categories(request: Request) -> Response:
    """GET /events/categories: the categories of events in the requested datasets."""
    db = get_database(request).db
    used = f"SELECT DISTINCT e.category FROM event e WHERE {_build_scope(request)}"
    return respond(request, _list_categories(db, f"WHERE id IN ({used})"))


async def list_category_catalog(request: Request) -> Response:
    """GET /events/categories/catalog: every category."""
    return respond(request, _list_categories(get_database(request).db))


async def read_category(request: Request) -> Response:
    """GET /events/event-categories/by-id/{category_id}."""
    uuid = request.path_params["category_id"]
    row = get_database(request).db.execute(f"{_CATEGORY} WHERE uuid = ?", (uuid.lower(),)).fetchone()
    if row is None:
        raise BadRequest(f"category_id {uuid!r} is not a category; GET /events/categories/catalog lists them")
    return respond(request, _render_category(row))


async def create_category(request: Request) -> Response:
    """POST /events/categories/create."""
    database = get_database(request)
    body = await read_body(request)
    kill_chain = body.get("killChain")
    if not isinstance(kill_chain, (int, float)) or isinstance(kill_chain, bool):
        raise BadRequest(f"killChain must be a number, not {kill_chain!r}")
    category = Category(
        name=read_text(body, "name").strip(),
        kill_chain=kill_chain,
        mitre_attack=read_distinct_texts(body.get("mitreAttack"), "mitreAttack"),
        mitre_capec=read_distinct_texts(body.get("mitreCapec"), "mitreCapec"),
        shortname=str(body.get("shortname") or ""),
    )
    with database.transaction() as db:
        try:
            row_id = add_category(db, category)
        except sqlite3.IntegrityError:
            raise BadRequest(f"name {category.name!r} is taken by another category; choose another") from None
        return respond(request, _render_category(db.execute(f"{_CATEGORY} WHERE id = ?", (row_id,)).fetchone()))


async def list_countries(request: Request) -> Response:
    """GET /events/countries."""
    return respond(request, [{"name": c.name, "alpha2": c.alpha2, "alpha3": c.alpha3} for c in COUNTRIES])


async def list_industries(request: Request) -> Response:
    """GET /events/targetIndustries: the industries of events in the requested datasets."""
    return respond(request, _list_used_terms(request, "target_industry"))


async def list_industry_catalog(request: Request) -> Response:
    """GET /events/targetIndustries/catalog: every industry."""
    return respond(request, read_industries(get_database(request).db))


async def list_indicator_types(request: Request) -> Response:
    """GET /events/indicator-types: the types of indicators in the requested datasets, by default in all."""
    scope = _build_scope(request, "all")
    used = f"SELECT i.type FROM indicator i JOIN event e ON e.id = i.event WHERE {scope}"
    query = f"SELECT name FROM indicator_type WHERE id IN ({used}) ORDER BY name"
    return respond(request, [row[0] for row in get_database(request).db.execute(query)])


async def list_tags(request: Request) -> Response:
    """GET /events/tags: `search` is a part of the value."""
    db = get_database(request).db
    query = parse_query(request)
    reject_unsupported(query, ("filters", "categoryUuid"))
    page, page_size = read_integer(query, "page", 1), read_page_size(query)
    test, parameters = build_text_test("value", "contains", query.get("search") or "")
    total = int(db.execute(f"SELECT count(*) FROM tag WHERE {test}", parameters).fetchone()[0])
    statement = f"SELECT uuid, value, created_at FROM tag WHERE {test} ORDER BY value LIMIT ? OFFSET ?"
    tags: list[dict[str, object]] = [
        {"uuid": uuid, "value": value, "createdAt": format_wire(created), "aliasGroupNames": []}
        for uuid, value, created in db.execute(statement, (*parameters, page_size, (page - 1) * page_size))
    ]
    pagination = {"page": page, "pageSize": page_size, "totalCount": total, "totalPages": -(-total // page_size)}
    return respond(request, {"tags": tags, "pagination": pagination})


async def list_actors(request: Request) -> Response:
    """GET /events/tags/categories/actors: `value` is a part of the name; `filters` are conditions as JSON text."""
    query = parse_query(request)
    page, page_size = read_integer(query, "page", 1), read_page_size(query)
    part, conditions = str(query.get("value") or "").casefold(), _read_filters(query.get("filters"))
    found = [
        actor
        for actor in get_database(request).actors
        if part in str(actor["value"]).casefold() and all(_matches(actor, *condition) for condition in conditions)
    ]
    shown = found[(page - 1) * page_size : page * page_size]
    pages = -(-len(found) // page_size)
    pagination = {"page": page, "pageSize": page_size, "totalCount": len(found), "totalPages": pages}
    return respond(request, {"tags": shown, "pagination": pagination})


def _read_filters(text: object) -> list[tuple[str, str, list[str]]]:
    """Return the field, operator and values of each filter; BadRequest for a field of the catalogue's owner."""
    try:
        filters: object = parse_json(str(text)) if text else []
    except ValueError as error:
        raise BadRequest(f"filters is not JSON: {error}; send a list of {{field, op, value}}") from error
    found: list[tuple[str, str, list[str]]] = []
    if not is_array(filters):
        raise BadRequest("filters must be a list of {field, op, value}")
    for one in filters:
        if not is_object(one) or one.get("field") not in PUBLIC_FILTERS:
            raise BadRequest(f"filters may use these fields only: {', '.join(PUBLIC_FILTERS)}")
        value, op = one.get("value"), one.get("op")
        if op not in ("equals", "in", "contains"):
            raise BadRequest(f"op {op!r} is not supported by the sandbox; use equals, in or contains")
        values = [str(each).casefold() for each in value] if is_array(value) else [str(value).casefold()]
        found.append((str(one["field"]), str(op), values))
    return found


def _matches(actor: Mapping[str, object], field: str, op: str, values: Sequence[str]) -> bool:
    # Lists are compared as JSON text, so a part of one alias is found, and a part of two.
    stored = actor[field]
    text = (json.dumps(stored) if is_array(stored) else str(stored or "")).casefold()
    return any(value in text for value in values) if op == "contains" or is_array(stored) else text in values


def _build_scope(request: Request, default: str = "default") -> str:
    db = get_database(request).db
    datasets = parse_query(request, "datasetIds").get("datasetIds")
    ids = [str(uuid) for uuid in datasets] if is_array(datasets) else []
    return build_scope_clause(db, resolve_datasets(db, ids, default=default))


def _list_used_terms(request: Request, column: str) -> list[str]:
    used = f"SELECT DISTINCT e.{column} FROM event e WHERE {_build_scope(request)}"
    query = f"SELECT value FROM term WHERE id IN ({used}) ORDER BY value"
    return [row[0] for row in get_database(request).db.execute(query)]


def _list_categories(db: sqlite3.Connection, where: str = "") -> list[dict[str, object]]:
    return [_render_category(row) for row in db.execute(f"{_CATEGORY} {where} ORDER BY name")]


def _render_category(row: tuple[str, str, float, str, str, str]) -> dict[str, object]:
    uuid, name, kill_chain, attack, capec, shortname = row
    return {
        "uuid": uuid,
        "name": name,
        "killChain": to_json_number(kill_chain),
        "mitreAttack": json.loads(attack),
        "mitreCapec": json.loads(capec),
        "shortname": shortname,
    }
