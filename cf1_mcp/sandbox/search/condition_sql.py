"""Conditions of a search, said in SQL over `event e`.

Most fields are words that the store keeps once: the condition is tried on the few words, and the events are then
matched by number. How texts compare is invented; see `invented.py`.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from cf1_mcp.models import Condition
from cf1_mcp.sandbox import catalog
from cf1_mcp.sandbox.event_input import is_array
from cf1_mcp.sandbox.search.condition_input import COMPARISONS, EXACT, NUMERIC_OPS

# More numbers than this are bound as one JSON parameter instead of being written into the statement.
MAX_LIST_LENGTH: Final = 200

Clause = tuple[str, list[str | float]]

TERM_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "attacker": ("e.attacker", "attacker"),
    "targetIndustry": ("e.target_industry", "industry"),
    "tlp": ("e.tlp", "tlp"),
}
COUNTRY_COLUMNS: Final[Mapping[str, str]] = {
    "attackerCountry": "e.attacker_country",
    "targetCountry": "e.target_country",
}
CATEGORY_LISTS: Final[Mapping[str, str]] = {"mitreAttack": "mitre_attack", "mitreCapec": "mitre_capec"}
INSTANT_COLUMNS: Final[Mapping[str, str]] = {"date": "e.date", "createdAt": "e.created_at"}


def search_clause(
    db: sqlite3.Connection, search: Sequence[Condition], branches: Sequence[Sequence[Condition]] = ()
) -> Clause:
    """SQL that holds for the events found, and its parameters: every condition, and one branch where there are any."""
    clauses = [_clause(db, condition) for condition in search]
    if branches:
        ways = [_all_of([_clause(db, condition) for condition in branch]) for branch in branches]
        clauses.append(("(" + " OR ".join(sql for sql, _ in ways) + ")", [p for _, ps in ways for p in ps]))
    return _all_of(clauses)


def text_test(column: str, op: str, value: object) -> Clause:
    """SQL that compares a text column with a value, or with a list of values for `in`."""
    if op == "in" and is_array(value):
        marks = ", ".join("?" * len(value))
        return f"({column} COLLATE NOCASE IN ({marks}))", [str(entry) for entry in value]
    text = str(value)
    if op in COMPARISONS:
        return f"({column} {COMPARISONS[op]} ? COLLATE NOCASE)", [text]
    if op == "like":
        return f"({column} LIKE ?)", [text]
    if op == "find":
        words = text.split()
        return "(" + " AND ".join(_like(column) for _ in words) + ")", [f"%{_literal(word)}%" for word in words]
    before, after = {"contains": ("%", "%"), "startsWith": ("", "%"), "endsWith": ("%", "")}[op]
    return f"({_like(column)})", [f"{before}{_literal(text)}{after}"]


def _like(column: str) -> str:
    return f"{column} LIKE ? ESCAPE '\\'"


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _all_of(clauses: Sequence[Clause]) -> Clause:
    sql = " AND ".join(sql for sql, _ in clauses) or "1"
    return f"({sql})", [parameter for _, parameters in clauses for parameter in parameters]


def _clause(db: sqlite3.Connection, condition: Condition) -> Clause:
    # `not` is the opposite of `equals` for every field, so that a list or a missing value needs no rule of its own.
    op = "equals" if condition.op == "not" else condition.op
    sql, parameters = _plain_clause(db, condition.field, op, condition.value)
    return (f"NOT coalesce({sql}, 0)" if condition.op == "not" else sql), parameters


def _plain_clause(db: sqlite3.Connection, field: str, op: str, value: object) -> Clause:
    if field in TERM_COLUMNS:
        column, kind = TERM_COLUMNS[field]
        test, wanted = text_test("value", op, value)
        return _numbered(db, column, f"SELECT id FROM term WHERE kind = ? AND {test}", [kind, *wanted])
    if field in COUNTRY_COLUMNS:
        return _country(db, COUNTRY_COLUMNS[field], op, value)
    if field == "category":
        test, wanted = text_test("name", op, value)
        return _numbered(db, "e.category", f"SELECT id FROM category WHERE {test}", wanted)
    if field in CATEGORY_LISTS:
        test, wanted = text_test("j.value", op, value)
        query = f"SELECT c.id FROM category c, json_each(c.{CATEGORY_LISTS[field]}) j WHERE {test}"
        return _numbered(db, "e.category", query, wanted)
    if field == "killChain":
        numbers = [float(str(entry)) for entry in (value if is_array(value) else [value])]
        test = f"IN ({', '.join('?' * len(numbers))})" if op == "in" else f"{COMPARISONS[op]} ?"
        return _numbered(db, "e.category", f"SELECT id FROM category WHERE kill_chain {test}", numbers)
    if field == "hasChildren":
        return _has_children(op, value)
    if field == "tags":
        test, wanted = text_test("value", op, value)
        tags = _numbered(db, "tag", f"SELECT id FROM tag WHERE {test}", wanted)
        return f"(e.id IN (SELECT event FROM event_tag WHERE {tags[0]}))", tags[1]
    if field == "indicatorType":
        test, wanted = text_test("name", op, value)
        types = _numbered(db, "i.type", f"SELECT id FROM indicator_type WHERE {test}", wanted)
        # Types are few and common: looking while walking the newest events finds a page soonest.
        return f"(EXISTS (SELECT 1 FROM indicator i WHERE i.event = e.id AND {types[0]}))", types[1]
    if field == "indicator":
        test, wanted = text_test("value", op, value)
        return f"(e.id IN (SELECT event FROM indicator WHERE {test}))", wanted
    if field in INSTANT_COLUMNS:
        return _instant(INSTANT_COLUMNS[field], op, value)
    if field == "uuid" and op in EXACT:
        # Uuids are kept in lower case, and comparing them so lets their index serve.
        ids = [str(entry).lower() for entry in (value if is_array(value) else [value])]
        return f"(e.uuid IN ({', '.join('?' * len(ids))}))", [*ids]
    return text_test(f"e.{field}", op, value)


def _numbered(db: sqlite3.Connection, column: str, query: str, parameters: Sequence[str | float]) -> Clause:
    """Whether a column of numbers is among those that a query over a small table finds."""
    numbers = [int(row[0]) for row in db.execute(query, parameters)]
    if len(numbers) > MAX_LIST_LENGTH:
        return f"({column} IN (SELECT value FROM json_each(?)))", [str(numbers)]
    return f"({column} IN ({', '.join(map(str, numbers))}))", []


def _country(db: sqlite3.Connection, column: str, op: str, value: object) -> Clause:
    if op in EXACT:
        known = [catalog.country(str(entry)) for entry in (value if is_array(value) else [value])]
        codes = [country.alpha2 for country in known if country is not None]
        return _numbered_countries(db, column, f"value IN ({', '.join('?' * len(codes))})", codes)
    tests = [text_test(name, op, value) for name in ("alpha2", "alpha3", "name")]
    any_name = " OR ".join(sql for sql, _ in tests)
    wanted = [parameter for _, parameters in tests for parameter in parameters]
    return _numbered_countries(db, column, f"value IN (SELECT alpha2 FROM country WHERE {any_name})", wanted)


def _numbered_countries(db: sqlite3.Connection, column: str, test: str, wanted: Sequence[str | float]) -> Clause:
    return _numbered(db, column, f"SELECT id FROM term WHERE kind = 'country' AND {test}", wanted)


def _has_children(op: str, value: object) -> Clause:
    has = "(EXISTS (SELECT 1 FROM relationship WHERE parent = e.id))"
    wanted = [int(bool(entry)) for entry in (value if is_array(value) else [value])]
    if op == "in":
        return f"({has} IN ({', '.join('?' * len(wanted))}))", [*wanted]
    return f"({has} {COMPARISONS[op]} ?)", [*wanted]


def _instant(column: str, op: str, value: object) -> Clause:
    if op == "in" and is_array(value):
        return f"({column} IN ({', '.join('?' * len(value))}))", [str(entry) for entry in value]
    if op in NUMERIC_OPS:
        return f"({column} {COMPARISONS[op]} ?)", [str(value)]
    return text_test(f"replace({column}, '.000Z', 'Z')", op, value)
