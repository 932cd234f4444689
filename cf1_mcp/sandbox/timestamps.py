"""Instants as the store keeps them, as the wire shows them, and as people write them."""

from datetime import UTC, datetime

from cf1_mcp.sandbox.errors import BadRequest


def stored(moment: datetime) -> str:
    """Text of one width in UTC that sorts as time does: `2026-11-01T09:30:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(instant: str) -> str:
    """As the API writes it: without milliseconds when there are none."""
    return instant.replace(".000Z", "Z")


def exact(text: object, name: str) -> str:
    """A new event's date: ISO 8601 with a time and a zone, else BadRequest."""
    moment = _parsed(text, name)
    if moment.tzinfo is None:
        raise BadRequest(f"{name} {text!r} has no time zone; write it like 2026-11-01T09:30:00Z")
    return _in_range(moment, text, name)


def loose(text: object, name: str) -> str:
    """A date to search by: a day alone is its midnight, and without a zone it is UTC; else BadRequest."""
    moment = _parsed(text, name)
    return _in_range(moment if moment.tzinfo else moment.replace(tzinfo=UTC), text, name)


def is_day(text: str) -> bool:
    """Whether a date is without a time."""
    return len(text.strip()) == len("2026-11-01")


def _parsed(text: object, name: str) -> datetime:
    if isinstance(text, str):
        try:
            return datetime.fromisoformat(text.strip())
        except ValueError:
            pass
    raise BadRequest(f"{name} {text!r} is no ISO 8601 date; write it like 2026-11-01T09:30:00Z")


def _in_range(moment: datetime, text: object, name: str) -> str:
    try:
        return stored(moment)
    except OverflowError:
        raise BadRequest(f"{name} {text!r} lies outside the years 1 to 9999; write a date inside them") from None
