"""The tables of saved queries and their alerts, whose fields the API names in snake case."""

import sqlite3
from collections.abc import Sequence
from typing import Final, get_args

from cf1_mcp.models import AlertFrequency
from cf1_mcp.sandbox.errors import BadRequest, ResourceNotFound
from cf1_mcp.sandbox.invented import ACCOUNT_NUMBER, USER_EMAIL, build_rule_list_id
from cf1_mcp.sandbox.json_values import JsonMapping, is_object, parse_json
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import read_optional_text, read_text
from cf1_mcp.sandbox.search.event_listing import PARAMETERS, parse_list_request
from cf1_mcp.sandbox.storage.row_statements import insert_row, update_rows
from cf1_mcp.sandbox.timestamps import format_wire

FLAGS: Final = ("alert_enabled", "alert_rollup_enabled", "rule_enabled")
FREQUENCIES: Final[tuple[str, ...]] = get_args(AlertFrequency)

_QUERIES: Final = (
    "SELECT id, name, query_json, alert_enabled, alert_rollup_enabled, rule_enabled, rule_scope, created_at, "
    "updated_at FROM query"
)
_ALERTS: Final = "SELECT id, query_id, enabled, frequency, notification_type, created_at, updated_at FROM alert"


def list_queries(db: sqlite3.Connection) -> list[dict[str, object]]:
    """Return every query as the API shows it."""
    return [_render_query(row) for row in db.execute(f"{_QUERIES} ORDER BY id")]


def read_query(db: sqlite3.Connection, row_id: int) -> dict[str, object]:
    """Return a query as the API shows it, else ResourceNotFound."""
    row = db.execute(f"{_QUERIES} WHERE id = ?", (row_id,)).fetchone()
    if row is None:
        raise ResourceNotFound(f"Event query not found: there is no query {row_id}; GET /events/queries lists them")
    return _render_query(row)


def create_query(db: sqlite3.Connection, body: JsonMapping, now: str) -> dict[str, object]:
    """Create a query; BadRequest where a field is missing or wrong, or the name is taken."""
    for name in ("name", "query_json", *FLAGS):
        if body.get(name) is None:
            raise BadRequest(f"{name} is missing; a query needs name, query_json, {', '.join(FLAGS)}")
    values = {"rule_scope": None, **_read_query_columns(db, body, None), "created_at": now, "updated_at": now}
    return read_query(db, insert_row(db, "query", values))


def update_query(db: sqlite3.Connection, row_id: int, body: JsonMapping, now: str) -> dict[str, object]:
    """Set the given fields of a query."""
    read_query(db, row_id)
    update_rows(db, "query", "id", row_id, _read_query_columns(db, body, row_id) | {"updated_at": now})
    return read_query(db, row_id)


def delete_query(db: sqlite3.Connection, row_id: int) -> None:
    """Delete a query and its alerts."""
    read_query(db, row_id)
    db.execute("DELETE FROM query WHERE id = ?", (row_id,))


def list_alerts(db: sqlite3.Connection) -> list[dict[str, object]]:
    """Return every alert as the API shows it."""
    return [_render_alert(row) for row in db.execute(f"{_ALERTS} ORDER BY id")]


def read_alert(db: sqlite3.Connection, row_id: int) -> dict[str, object]:
    """Return an alert as the API shows it, else ResourceNotFound."""
    row = db.execute(f"{_ALERTS} WHERE id = ?", (row_id,)).fetchone()
    if row is None:
        raise ResourceNotFound(
            f"Event query alert not found: there is no alert {row_id}; GET /events/queries/alerts lists them"
        )
    return _render_alert(row)


def create_alert(db: sqlite3.Connection, body: JsonMapping, now: str) -> dict[str, object]:
    """Create an alert on an existing query."""
    query = body.get("query_id")
    # sqlite3 cannot bind integers of more than 64 bits.
    is_id = isinstance(query, int) and not isinstance(query, bool) and query.bit_length() < 64
    if not is_id or db.execute("SELECT 1 FROM query WHERE id = ?", (query,)).fetchone() is None:
        raise BadRequest(f"query_id {query!r} is not a saved query; GET /events/queries lists them")
    fields = {"enabled": True, "frequency": "daily", "notification_type": "ans", **_read_alert_columns(body)}
    return read_alert(db, insert_row(db, "alert", {"query_id": query, **fields, "created_at": now, "updated_at": now}))


def update_alert(db: sqlite3.Connection, row_id: int, body: JsonMapping, now: str) -> dict[str, object]:
    """Set the given fields of an alert; its query cannot change."""
    read_alert(db, row_id)
    if "query_id" in body:
        raise BadRequest("query_id cannot be changed; delete the alert and create one on the other query")
    update_rows(db, "alert", "id", row_id, _read_alert_columns(body) | {"updated_at": now})
    return read_alert(db, row_id)


def delete_alert(db: sqlite3.Connection, row_id: int) -> None:
    """Delete an alert."""
    read_alert(db, row_id)
    db.execute("DELETE FROM alert WHERE id = ?", (row_id,))


def _read_query_columns(db: sqlite3.Connection, body: JsonMapping, row_id: int | None) -> dict[str, object]:
    values: dict[str, object] = {}
    if body.get("name") is not None:
        name = read_text(body, "name").strip()
        existing = "SELECT 1 FROM query WHERE name = ? AND id IS NOT ?"
        if db.execute(existing, (name, row_id)).fetchone() is not None:
            raise BadRequest(f"name {name!r} is taken by another query; names are unique, so choose another")
        values["name"] = name
    if body.get("query_json") is not None:
        values["query_json"] = _check_query_json(db, read_optional_text(body, "query_json"))
    for flag in FLAGS:
        if body.get(flag) is not None:
            values[flag] = _read_flag(body, flag)
    if "rule_scope" in body:
        values["rule_scope"] = read_optional_text(body, "rule_scope") or None
    return values


def _read_alert_columns(body: JsonMapping) -> dict[str, object]:
    values: dict[str, object] = {}
    if body.get("enabled") is not None:
        values["enabled"] = _read_flag(body, "enabled")
    if body.get("frequency") is not None:
        frequency = body["frequency"]
        if frequency not in FREQUENCIES:
            raise BadRequest(f"frequency {frequency!r} is unknown; valid are {', '.join(FREQUENCIES)}")
        values["frequency"] = frequency
    if body.get("notification_type") is not None:
        values["notification_type"] = read_optional_text(body, "notification_type")
    return values


def _read_flag(body: JsonMapping, name: str) -> bool:
    value = body[name]
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false, not {value!r}")
    return value


def _check_query_json(db: sqlite3.Connection, query_json: str) -> str:
    if is_like_live():
        return query_json
    try:
        parameters = parse_json(query_json)
    except ValueError as error:
        raise BadRequest(f"query_json is not JSON: {error}; send the list parameters as JSON text") from error
    if not is_object(parameters):
        raise BadRequest("query_json must be the JSON text of an object of list parameters")
    unknown = [name for name in parameters if name not in PARAMETERS or name == "cursor"]
    if unknown:
        valid = ", ".join(name for name in PARAMETERS if name != "cursor")
        raise BadRequest(f"query_json contains {', '.join(unknown)}, which lists do not accept; valid are {valid}")
    try:
        parse_list_request(db, parameters)
    except BadRequest as error:
        raise BadRequest(f"query_json cannot be run: {error.message}") from error
    return query_json


def _render_query(row: Sequence[object]) -> dict[str, object]:
    row_id, name, query_json, alert, rollup, rule, scope, created, updated = row
    return {
        "id": row_id,
        "account_id": ACCOUNT_NUMBER,
        "name": name,
        "user_email": USER_EMAIL,
        "query_json": query_json,
        "alert_enabled": bool(alert),
        "alert_rollup_enabled": bool(rollup),
        "rule_enabled": bool(rule),
        "rule_scope": scope or "",
        "created_at": format_wire(str(created)),
        "updated_at": format_wire(str(updated)),
        "custom_threat_feed_id": None,
        "rule_list_id": build_rule_list_id(int(str(row_id))) if rule else "",
    }


def _render_alert(row: Sequence[object]) -> dict[str, object]:
    row_id, query, enabled, frequency, kind, created, updated = row
    return {
        "id": row_id,
        "account_id": ACCOUNT_NUMBER,
        "query_id": query,
        "user_email": USER_EMAIL,
        "enabled": bool(enabled),
        "frequency": frequency,
        "notification_type": kind,
        "created_at": format_wire(str(created)),
        "updated_at": format_wire(str(updated)),
    }
