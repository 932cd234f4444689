"""Cursors: the position where the next page begins, and the filters of the list, as base64 of JSON."""

import base64
import binascii
import json
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.json_values import JsonMapping, is_array, is_object

VERSION: Final = 1
Position = tuple[str | float, str, int]
"""The order value, uuid and row id of the last event returned; the row id separates copies of one event in two
datasets."""


def encode_cursor(order_by: str, position: Position, filters: JsonMapping) -> str:
    """Return an opaque cursor."""
    value, uuid, row_id = position
    content = {"version": VERSION, "position": {order_by: value, "uuid": uuid, "number": row_id}, "filters": filters}
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def decode_cursor(cursor: object) -> tuple[dict[str, object], dict[str, object]]:
    """Return the filters and the position of a cursor; BadRequest with InvalidCursorError for anything else."""
    if not isinstance(cursor, str):
        raise invalid_cursor()
    try:
        content: object = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise invalid_cursor() from None
    if not is_object(content) or content.get("version") != VERSION:
        raise invalid_cursor()
    filters, position = content.get("filters"), content.get("position")
    if not is_object(filters) or not is_object(position) or is_array(position.get("uuid")):
        raise invalid_cursor()
    return filters, position


def invalid_cursor() -> BadRequest:
    """Return the error for a cursor that this route did not create."""
    return BadRequest("InvalidCursorError: the cursor was not created by this route; start again without it")
