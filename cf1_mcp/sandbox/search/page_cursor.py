"""Cursors: where the next page begins, with the filters that led there, as base64 of JSON."""

import base64
import binascii
import json
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import Json, is_array, is_object

VERSION: Final = 1
Position = tuple[str | float, str, int]
"""Order value, uuid and number of the last event shown; the number parts copies of one event in two datasets."""

_BROKEN: Final = "InvalidCursorError: cursor is not one that this route gave; start again without it"


def pack(order_by: str, position: Position, filters: Json) -> str:
    """An opaque cursor."""
    value, uuid, number = position
    content = {"version": VERSION, "position": {order_by: value, "uuid": uuid, "number": number}, "filters": filters}
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def unpack(cursor: object) -> tuple[dict[str, object], dict[str, object]]:
    """The filters and the position of a cursor; BadRequest `InvalidCursorError` for anything else."""
    if not isinstance(cursor, str):
        raise invalid()
    try:
        content: object = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise invalid() from None
    if not is_object(content) or content.get("version") != VERSION:
        raise invalid()
    filters, position = content.get("filters"), content.get("position")
    if not is_object(filters) or not is_object(position) or is_array(position.get("uuid")):
        raise invalid()
    return filters, position


def invalid() -> BadRequest:
    return BadRequest(_BROKEN)
