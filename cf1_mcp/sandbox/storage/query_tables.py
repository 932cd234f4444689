"""Saved queries and their alerts: the part of the API that speaks snake case."""

import sqlite3
from collections.abc import Sequence
from typing import Final, get_args

from cf1_mcp.models import AlertFrequency
from cf1_mcp.sandbox.errors import BadRequest, ResourceNotFound
from cf1_mcp.sandbox.event_input import Json, is_object, text
from cf1_mcp.sandbox.invented import ACCOUNT_NUMBER, USER_EMAIL, rule_list_id
from cf1_mcp.sandbox.json_values import parse_json
from cf1_mcp.sandbox.search.event_listing import PARAMETERS, parse_listing
from cf1_mcp.sandbox.timestamps import shown

FLAGS: Final = ("alert_enabled", "alert_rollup_enabled", "rule_enabled")
FREQUENCIES: Final[tuple[str, ...]] = get_args(AlertFrequency)

_QUERIES: Final = (
    "SELECT id, name, query_json, alert_enabled, alert_rollup_enabled, rule_enabled, rule_scope, created_at, "
    "updated_at FROM query"
)
_ALERTS: Final = "SELECT id, query_id, enabled, frequency, notification_type, created_at, updated_at FROM alert"


def list_queries(db: sqlite3.Connection) -> list[dict[str, object]]:
    return [_query(row) for row in db.execute(f"{_QUERIES} ORDER BY id")]


def read_query(db: sqlite3.Connection, number: int) -> dict[str, object]:
    """A query as the API shows it, else ResourceNotFound."""
    row = db.execute(f"{_QUERIES} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise ResourceNotFound(f"Event query not found: there is no query {number}; GET /events/queries lists them")
    return _query(row)


def create_query(db: sqlite3.Connection, body: Json, now: str) -> dict[str, object]:
    """A new query; BadRequest when the name is taken or a field is missing."""
    for name in ("name", "query_json", *FLAGS):
        if body.get(name) is None:
            raise BadRequest(f"{name} is missing; a query needs name, query_json, {', '.join(FLAGS)}")
    columns = {"rule_scope": None, **_query_columns(db, body, None), "created_at": now, "updated_at": now}
    return read_query(db, _insert(db, "query", columns))


def update_query(db: sqlite3.Connection, number: int, body: Json, now: str) -> dict[str, object]:
    """A query with the named fields changed."""
    read_query(db, number)
    _update(db, "query", number, _query_columns(db, body, number) | {"updated_at": now})
    return read_query(db, number)


def delete_query(db: sqlite3.Connection, number: int) -> None:
    """A query's alerts go with it."""
    read_query(db, number)
    db.execute("DELETE FROM query WHERE id = ?", (number,))


def list_alerts(db: sqlite3.Connection) -> list[dict[str, object]]:
    return [_alert(row) for row in db.execute(f"{_ALERTS} ORDER BY id")]


def read_alert(db: sqlite3.Connection, number: int) -> dict[str, object]:
    """An alert as the API shows it, else ResourceNotFound."""
    row = db.execute(f"{_ALERTS} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise ResourceNotFound(
            f"Event query alert not found: there is no alert {number}; GET /events/queries/alerts lists them"
        )
    return _alert(row)


def create_alert(db: sqlite3.Connection, body: Json, now: str) -> dict[str, object]:
    """A new alert on a query that exists."""
    query = body.get("query_id")
    # SQLite holds 63 bits; a longer number is no id.
    known = isinstance(query, int) and not isinstance(query, bool) and query.bit_length() < 64
    if not known or db.execute("SELECT 1 FROM query WHERE id = ?", (query,)).fetchone() is None:
        raise BadRequest(f"query_id {query!r} is no saved query; GET /events/queries lists them")
    given = {"enabled": True, "frequency": "daily", "notification_type": "ans", **_alert_columns(body)}
    return read_alert(db, _insert(db, "alert", {"query_id": query, **given, "created_at": now, "updated_at": now}))


def update_alert(db: sqlite3.Connection, number: int, body: Json, now: str) -> dict[str, object]:
    """An alert with the named fields changed; its query stays the same."""
    read_alert(db, number)
    if "query_id" in body:
        raise BadRequest("query_id cannot be changed; delete the alert and create one on the other query")
    _update(db, "alert", number, _alert_columns(body) | {"updated_at": now})
    return read_alert(db, number)


def delete_alert(db: sqlite3.Connection, number: int) -> None:
    read_alert(db, number)
    db.execute("DELETE FROM alert WHERE id = ?", (number,))


def _query_columns(db: sqlite3.Connection, body: Json, number: int | None) -> dict[str, object]:
    columns: dict[str, object] = {}
    if body.get("name") is not None:
        name = text(body, "name").strip()
        if not name:
            raise BadRequest("name must not be empty")
        same = "SELECT 1 FROM query WHERE name = ? AND id IS NOT ?"
        if db.execute(same, (name, number)).fetchone() is not None:
            raise BadRequest(f"name {name!r} is taken by another query; names are unique, choose another")
        columns["name"] = name
    if body.get("query_json") is not None:
        columns["query_json"] = _list_parameters(db, text(body, "query_json"))
    for flag in FLAGS:
        if body.get(flag) is not None:
            columns[flag] = _flag(body, flag)
    if "rule_scope" in body:
        columns["rule_scope"] = text(body, "rule_scope") or None
    return columns


def _alert_columns(body: Json) -> dict[str, object]:
    columns: dict[str, object] = {}
    if body.get("enabled") is not None:
        columns["enabled"] = _flag(body, "enabled")
    if body.get("frequency") is not None:
        frequency = body["frequency"]
        if frequency not in FREQUENCIES:
            raise BadRequest(f"frequency {frequency!r} is unknown; valid are {', '.join(FREQUENCIES)}")
        columns["frequency"] = frequency
    if body.get("notification_type") is not None:
        columns["notification_type"] = text(body, "notification_type")
    return columns


def _flag(body: Json, name: str) -> bool:
    value = body[name]
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false, not {value!r}")
    return value


def _list_parameters(db: sqlite3.Connection, query_json: str) -> str:
    try:
        parameters = parse_json(query_json)
    except ValueError as error:
        raise BadRequest(f"query_json is not JSON: {error}; send the list parameters as JSON text") from error
    if not is_object(parameters):
        raise BadRequest("query_json must be the JSON text of an object of list parameters")
    unknown = [name for name in parameters if name not in PARAMETERS or name == "cursor"]
    if unknown:
        valid = ", ".join(name for name in PARAMETERS if name != "cursor")
        raise BadRequest(f"query_json names {', '.join(unknown)}, which lists do not take; valid are {valid}")
    try:
        parse_listing(db, parameters)
    except BadRequest as refused:
        raise BadRequest(f"query_json could not be run: {refused.message}") from refused
    return query_json


def _insert(db: sqlite3.Connection, table: str, columns: dict[str, object]) -> int:
    marks = ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values()))
    return int(db.execute("SELECT last_insert_rowid()").fetchone()[0])


def _update(db: sqlite3.Connection, table: str, number: int, columns: dict[str, object]) -> None:
    assignments = ", ".join(f"{column} = ?" for column in columns)
    db.execute(f"UPDATE {table} SET {assignments} WHERE id = ?", (*columns.values(), number))


def _query(row: Sequence[object]) -> dict[str, object]:
    number, name, query_json, alert, rollup, rule, scope, created, updated = row
    return {
        "id": number,
        "account_id": ACCOUNT_NUMBER,
        "name": name,
        "user_email": USER_EMAIL,
        "query_json": query_json,
        "alert_enabled": bool(alert),
        "alert_rollup_enabled": bool(rollup),
        "rule_enabled": bool(rule),
        "rule_scope": scope or "",
        "created_at": shown(str(created)),
        "updated_at": shown(str(updated)),
        "custom_threat_feed_id": None,
        "rule_list_id": rule_list_id(int(str(number))) if rule else "",
    }


def _alert(row: Sequence[object]) -> dict[str, object]:
    number, query, enabled, frequency, kind, created, updated = row
    return {
        "id": number,
        "account_id": ACCOUNT_NUMBER,
        "query_id": query,
        "user_email": USER_EMAIL,
        "enabled": bool(enabled),
        "frequency": frequency,
        "notification_type": kind,
        "created_at": shown(str(created)),
        "updated_at": shown(str(updated)),
    }
