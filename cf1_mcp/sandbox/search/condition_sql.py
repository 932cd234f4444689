"""Conditions of a search as SQL over `event e`.

Most fields are words that the database stores once: the condition is tested on these few words, and events are then
matched by row id. How text is compared is invented; see invented.py.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from cf1_mcp.models import Condition
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.search.condition_input import COMPARISONS, EXACT_OPS, NUMERIC_OPS
from cf1_mcp.sandbox.vocabulary_catalog import find_country

MAX_INLINE_IDS: Final = 200
"""More row ids than this are bound as one JSON parameter instead of being written into the statement."""

Clause = tuple[str, list[str | float]]
"""SQL and its parameters."""

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
DATE_COLUMNS: Final[Mapping[str, str]] = {"date": "e.date", "createdAt": "e.created_at"}


def build_search_clause(
    db: sqlite3.Connection, search: Sequence[Condition], branches: Sequence[Sequence[Condition]] = ()
) -> Clause:
    """Return SQL that is true for events that match every condition and, where there are branches, one of them."""
    clauses = [_build_clause(db, condition) for condition in search]
    if branches:
        options = [_join_all([_build_clause(db, condition) for condition in branch]) for branch in branches]
        clauses.append(("(" + " OR ".join(sql for sql, _ in options) + ")", [p for _, ps in options for p in ps]))
    return _join_all(clauses)


def build_text_test(column: str, op: str, value: object) -> Clause:
    """Return SQL that compares a text column with a value, or with a list of values for `in`."""
    if is_like_live():
        return _build_exact_test(column, op, value)
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
        tests = " AND ".join(_build_like(column) for _ in words)
        return f"({tests})", [f"%{_escape_wildcards(word)}%" for word in words]
    before, after = {"contains": ("%", "%"), "startsWith": ("", "%"), "endsWith": ("%", "")}[op]
    return f"({_build_like(column)})", [f"{before}{_escape_wildcards(text)}{after}"]


def _build_exact_test(column: str, op: str, value: object) -> Clause:
    """Return the same with regard to case."""
    if op == "in" and is_array(value):
        return f"({column} COLLATE BINARY IN ({', '.join('?' * len(value))}))", [str(entry) for entry in value]
    text = str(value)
    if op in COMPARISONS:
        return f"({column} COLLATE BINARY {COMPARISONS[op]} ?)", [text]
    if op == "find":
        words = text.split()
        return f"({' AND '.join(f'instr({column}, ?)' for _ in words)})", [*words]
    if op == "like":
        literal = "".join(f"[{char}]" if char in "[*?" else char for char in text)
        return f"({column} GLOB ?)", [literal.replace("%", "*").replace("_", "?")]
    test = {
        "contains": f"instr({column}, ?1x)",
        "startsWith": f"substr({column}, 1, length(?1x)) = ?1x",
        "endsWith": f"substr({column}, -length(?1x)) = ?1x",
    }[op]
    return f"({test.replace('?1x', '?')} COLLATE BINARY)", [text] * test.count("?1x")


def _build_like(column: str) -> str:
    return f"{column} LIKE ? ESCAPE '\\'"


def _escape_wildcards(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _join_all(clauses: Sequence[Clause]) -> Clause:
    sql = " AND ".join(sql for sql, _ in clauses) or "1"
    return f"({sql})", [parameter for _, parameters in clauses for parameter in parameters]


def _build_clause(db: sqlite3.Connection, condition: Condition) -> Clause:
    # `not` is the negation of `equals` for every field, so lists and missing values need no rule of their own.
    op = "equals" if condition.op == "not" else condition.op
    sql, parameters = _build_positive_clause(db, condition.field, op, condition.value)
    return (f"NOT coalesce({sql}, 0)" if condition.op == "not" else sql), parameters


def _build_positive_clause(db: sqlite3.Connection, field: str, op: str, value: object) -> Clause:
    if field in TERM_COLUMNS:
        column, kind = TERM_COLUMNS[field]
        test, parameters = build_text_test("value", op, value)
        return _match_ids(db, column, f"SELECT id FROM term WHERE kind = ? AND {test}", [kind, *parameters])
    if field in COUNTRY_COLUMNS:
        return _match_country(db, COUNTRY_COLUMNS[field], op, value)
    if field == "category" or field == "killChain" or field in CATEGORY_LISTS:
        return _match_category(db, field, op, value)
    if field == "hasChildren":
        return _test_has_children(op, value)
    if field == "tags" and op == "equals" and is_like_live():
        return "(0)", []
    if field == "tags":
        test, parameters = build_text_test("value", op, value)
        tags = _match_ids(db, "tag", f"SELECT id FROM tag WHERE {test}", parameters)
        return f"(e.id IN (SELECT event FROM event_tag WHERE {tags[0]}))", tags[1]
    if field == "indicatorType":
        test, parameters = build_text_test("name", op, value)
        types = _match_ids(db, "i.type", f"SELECT id FROM indicator_type WHERE {test}", parameters)
        # Types are few and common, so testing each event while walking the newest ones finds a page soonest.
        return f"(EXISTS (SELECT 1 FROM indicator i WHERE i.event = e.id AND {types[0]}))", types[1]
    if field == "indicator":
        test, parameters = build_text_test("value", op, value)
        return f"(e.id IN (SELECT event FROM indicator WHERE {test}))", parameters
    if field in DATE_COLUMNS:
        return _test_date(DATE_COLUMNS[field], op, value)
    if field == "uuid" and op in EXACT_OPS:
        # Uuids are stored in lower case; comparing them so lets SQLite use their index.
        ids = [str(entry).lower() for entry in _as_list(value)]
        return f"(e.uuid IN ({', '.join('?' * len(ids))}))", [*ids]
    return build_text_test(f"e.{field}", op, value)


def _match_category(db: sqlite3.Connection, field: str, op: str, value: object) -> Clause:
    if field == "killChain":
        numbers = [float(str(entry)) for entry in _as_list(value)]
        test = f"IN ({', '.join('?' * len(numbers))})" if op == "in" else f"{COMPARISONS[op]} ?"
        return _match_ids(db, "e.category", f"SELECT id FROM category WHERE kill_chain {test}", numbers)
    if field == "category":
        test, parameters = build_text_test("name", op, value)
        return _match_ids(db, "e.category", f"SELECT id FROM category WHERE {test}", parameters)
    test, parameters = build_text_test("j.value", op, value)
    query = f"SELECT c.id FROM category c, json_each(c.{CATEGORY_LISTS[field]}) j WHERE {test}"
    return _match_ids(db, "e.category", query, parameters)


def _match_ids(db: sqlite3.Connection, column: str, query: str, parameters: Sequence[str | float]) -> Clause:
    """Return SQL that tests whether a column of row ids is among those that a query over a small table finds."""
    row_ids = [int(row[0]) for row in db.execute(query, parameters)]
    if len(row_ids) > MAX_INLINE_IDS:
        return f"({column} IN (SELECT value FROM json_each(?)))", [str(row_ids)]
    return f"({column} IN ({', '.join(map(str, row_ids))}))", []


def _match_country(db: sqlite3.Connection, column: str, op: str, value: object) -> Clause:
    if op in EXACT_OPS:
        known = [find_country(str(entry)) for entry in _as_list(value)]
        codes = [country.alpha2 for country in known if country is not None]
        return _match_country_ids(db, column, f"value IN ({', '.join('?' * len(codes))})", codes)
    tests = [build_text_test(name, op, value) for name in ("alpha2", "alpha3", "name")]
    any_name = " OR ".join(sql for sql, _ in tests)
    parameters = [parameter for _, values in tests for parameter in values]
    return _match_country_ids(db, column, f"value IN (SELECT alpha2 FROM country WHERE {any_name})", parameters)


def _match_country_ids(db: sqlite3.Connection, column: str, test: str, parameters: Sequence[str | float]) -> Clause:
    return _match_ids(db, column, f"SELECT id FROM term WHERE kind = 'country' AND {test}", parameters)


def _test_has_children(op: str, value: object) -> Clause:
    has_children = "(EXISTS (SELECT 1 FROM relationship WHERE parent = e.id))"
    parameters = [int(bool(entry)) for entry in _as_list(value)]
    if op == "in":
        return f"({has_children} IN ({', '.join('?' * len(parameters))}))", [*parameters]
    return f"({has_children} {COMPARISONS[op]} ?)", [*parameters]


def _test_date(column: str, op: str, value: object) -> Clause:
    if op == "in" and is_array(value):
        return f"({column} IN ({', '.join('?' * len(value))}))", [str(entry) for entry in value]
    if op in NUMERIC_OPS:
        return f"({column} {COMPARISONS[op]} ?)", [str(value)]
    return build_text_test(f"replace({column}, '.000Z', 'Z')", op, value)


def _as_list(value: object) -> list[object]:
    return value if is_array(value) else [value]
