"""The words that events share: attackers, categories, countries, industries, indicator types, tags."""

import json
import sqlite3

from starlette.requests import Request
from starlette.responses import Response

from cf1_mcp.models import Category
from cf1_mcp.sandbox.catalog import COUNTRIES
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import is_array, words
from cf1_mcp.sandbox.http.requests import get_database, one_text, query_of, read_body, refuse_unserved, whole_number
from cf1_mcp.sandbox.http.responses import answer
from cf1_mcp.sandbox.search.condition_sql import text_test
from cf1_mcp.sandbox.search.dataset_scope import dataset_numbers, scope_clause
from cf1_mcp.sandbox.search.event_json import whole
from cf1_mcp.sandbox.search.event_listing import page_size_of
from cf1_mcp.sandbox.storage.vocabulary_tables import add_category, industries
from cf1_mcp.sandbox.timestamps import shown

_CATEGORY = "SELECT uuid, name, kill_chain, mitre_attack, mitre_capec, shortname FROM category"


async def list_attackers(request: Request) -> Response:
    """GET /events/attackers: those of the datasets asked for."""
    return answer(request, _used_terms(request, "attacker"))


async def list_categories(request: Request) -> Response:
    """GET /events/categories: those that events of the datasets have."""
    db = get_database(request).db
    used = f"SELECT DISTINCT e.category FROM event e WHERE {_scope(request)}"
    return answer(request, [_category(row) for row in db.execute(f"{_CATEGORY} WHERE id IN ({used}) ORDER BY name")])


async def list_category_catalog(request: Request) -> Response:
    """GET /events/categories/catalog: all there are."""
    return answer(request, [_category(row) for row in get_database(request).db.execute(f"{_CATEGORY} ORDER BY name")])


async def read_category(request: Request) -> Response:
    """GET /events/event-categories/by-id/{category_id}."""
    uuid = request.path_params["category_id"]
    row = get_database(request).db.execute(f"{_CATEGORY} WHERE uuid = ?", (uuid.lower(),)).fetchone()
    if row is None:
        raise BadRequest(f"category_id {uuid!r} names no category; GET /events/categories/catalog lists them")
    return answer(request, _category(row))


async def create_category(request: Request) -> Response:
    """POST /events/categories/create."""
    store = get_database(request)
    body = await read_body(request)
    kill_chain = body.get("killChain")
    if not isinstance(kill_chain, (int, float)) or isinstance(kill_chain, bool):
        raise BadRequest(f"killChain must be a number, not {kill_chain!r}")
    category = Category(
        name=one_text(body, "name").strip(),
        kill_chain=kill_chain,
        mitre_attack=words(body.get("mitreAttack"), "mitreAttack"),
        mitre_capec=words(body.get("mitreCapec"), "mitreCapec"),
        shortname=str(body.get("shortname") or ""),
    )
    with store.transaction() as db:
        try:
            number = add_category(db, category)
        except sqlite3.IntegrityError:
            raise BadRequest(f"name {category.name!r} is taken by another category; choose another") from None
        return answer(request, _category(db.execute(f"{_CATEGORY} WHERE id = ?", (number,)).fetchone()))


async def list_countries(request: Request) -> Response:
    """GET /events/countries."""
    return answer(request, [{"name": c.name, "alpha2": c.alpha2, "alpha3": c.alpha3} for c in COUNTRIES])


async def list_industries(request: Request) -> Response:
    """GET /events/targetIndustries: those that events of the datasets have."""
    return answer(request, _used_terms(request, "target_industry"))


async def list_industry_catalog(request: Request) -> Response:
    """GET /events/targetIndustries/catalog: all there are."""
    return answer(request, industries(get_database(request).db))


async def list_indicator_types(request: Request) -> Response:
    """GET /events/indicator-types: of all datasets when none is named."""
    scope = _scope(request, "all")
    used = f"SELECT i.type FROM indicator i JOIN event e ON e.id = i.event WHERE {scope}"
    query = f"SELECT name FROM indicator_type WHERE id IN ({used}) ORDER BY name"
    return answer(request, [row[0] for row in get_database(request).db.execute(query)])


async def list_tags(request: Request) -> Response:
    """GET /events/tags: `search` is part of a value."""
    db = get_database(request).db
    given = query_of(request)
    refuse_unserved(given, ("filters", "categoryUuid"))
    page, page_size = whole_number(given, "page", 1), page_size_of(given)
    test, parameters = text_test("value", "contains", given.get("search") or "")
    total = int(db.execute(f"SELECT count(*) FROM tag WHERE {test}", parameters).fetchone()[0])
    query = f"SELECT uuid, value, created_at FROM tag WHERE {test} ORDER BY value LIMIT ? OFFSET ?"
    tags: list[dict[str, object]] = [
        {"uuid": uuid, "value": value, "createdAt": shown(created), "aliasGroupNames": []}
        for uuid, value, created in db.execute(query, (*parameters, page_size, (page - 1) * page_size))
    ]
    pagination = {"page": page, "pageSize": page_size, "totalCount": total, "totalPages": -(-total // page_size)}
    return answer(request, {"tags": tags, "pagination": pagination})


def _scope(request: Request, default: str = "default") -> str:
    db = get_database(request).db
    named = query_of(request, "datasetIds").get("datasetIds")
    ids = [str(uuid) for uuid in named] if is_array(named) else []
    return scope_clause(db, dataset_numbers(db, ids, default=default))


def _used_terms(request: Request, column: str) -> list[str]:
    used = f"SELECT DISTINCT e.{column} FROM event e WHERE {_scope(request)}"
    query = f"SELECT value FROM term WHERE id IN ({used}) ORDER BY value"
    return [row[0] for row in get_database(request).db.execute(query)]


def _category(row: tuple[str, str, float, str, str, str]) -> dict[str, object]:
    uuid, name, kill_chain, attack, capec, shortname = row
    return {
        "uuid": uuid,
        "name": name,
        "killChain": whole(kill_chain),
        "mitreAttack": json.loads(attack),
        "mitreCapec": json.loads(capec),
        "shortname": shortname,
    }
