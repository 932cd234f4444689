"""Timestamps as the database stores them, as the API writes them, and as requests contain them."""

from datetime import UTC, datetime

from cf1_mcp.sandbox.errors import BadRequest


def format_stored(moment: datetime) -> str:
    """Return a time in UTC as text of fixed width that sorts chronologically: `2026-11-01T09:30:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_wire(stored: str) -> str:
    """Return a stored time as the API writes it: without milliseconds where they are zero."""
    return stored.replace(".000Z", "Z")


def parse_event_date(text: object, name: str) -> str:
    """Return the date of a new event as stored; ISO 8601 with a time and a time zone, else BadRequest."""
    moment = _parse(text, name)
    if moment.tzinfo is None:
        raise BadRequest(f"{name} {text!r} has no time zone; use the form 2026-11-01T09:30:00Z")
    return _format_in_range(moment, text, name)


def parse_search_date(text: object, name: str) -> str:
    """Return a date to search by as stored; a day means its midnight, no time zone means UTC; else BadRequest."""
    moment = _parse(text, name)
    return _format_in_range(moment if moment.tzinfo else moment.replace(tzinfo=UTC), text, name)


def is_day(text: str) -> bool:
    """Whether a date has no time."""
    return len(text.strip()) == len("2026-11-01")


def _parse(text: object, name: str) -> datetime:
    if isinstance(text, str):
        try:
            return datetime.fromisoformat(text.strip())
        except ValueError:
            pass
    raise BadRequest(f"{name} {text!r} is not an ISO 8601 date; use the form 2026-11-01T09:30:00Z")


def _format_in_range(moment: datetime, text: object, name: str) -> str:
    try:
        return format_stored(moment)
    except OverflowError:
        raise BadRequest(f"{name} {text!r} is outside the years 1 to 9999; use a date within them") from None
