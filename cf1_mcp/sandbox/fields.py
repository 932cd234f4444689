"""Reading typed fields from JSON bodies and query strings; a wrong value raises BadRequest that names the field."""

from typing import Final

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.json_values import JsonMapping, is_array
from cf1_mcp.sandbox.vocabulary_catalog import find_country

MAX_INTEGER: Final = 1_000_000_000
"""Far above every page number and limit, and far below what SQLite can store."""

PURPLE: Final = "purple"
MARKINGS: Final = ", ".join([*Tlp, PURPLE])


def read_text(fields: JsonMapping, name: str) -> str:
    """Return a string that is not blank."""
    return _check_text(fields.get(name), name)


def read_optional_text(fields: JsonMapping, name: str) -> str:
    """Return a string, empty where the field is missing or null."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string, not {value!r}")
    return value


def read_texts(fields: JsonMapping, name: str) -> list[str]:
    """Return a list of at least one string, none of them blank."""
    values = fields.get(name)
    if not is_array(values) or not values:
        raise BadRequest(f"{name} must be a list of at least one string")
    return [_check_text(value, name) for value in values]


def read_distinct_texts(value: object, name: str) -> list[str]:
    """Return the distinct strings of an optional list, stripped, in their order, without blank ones."""
    if value is None:
        return []
    if not is_array(value):
        raise BadRequest(f"{name} must be a list of strings")
    found: dict[str, None] = {}
    for text in value:
        if not isinstance(text, str):
            raise BadRequest(f"{name} must contain strings, not {text!r}")
        if text.strip():
            found[text.strip()] = None
    return list(found)


def read_boolean(fields: JsonMapping, name: str, default: bool) -> bool:
    """Return a boolean, written in JSON or as in a query string."""
    value = fields.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise BadRequest(f"{name} {value!r} is not a boolean; send true or false")


def read_integer(fields: JsonMapping, name: str, default: int, minimum: int = 1) -> int:
    """Return a whole number of a query string."""
    value = fields.get(name)
    if value is None:
        return default
    text = str(value)
    if not text.isdecimal() or not minimum <= int(text) <= MAX_INTEGER:
        raise BadRequest(f"{name} {value!r} must be a whole number from {minimum} to {MAX_INTEGER}")
    return int(text)


def read_country(fields: JsonMapping, name: str) -> str:
    """Return the alpha-2 code of an optional country, given as a code or a name; empty where there is none."""
    value = read_optional_text(fields, name)
    if not value.strip():
        return ""
    found = find_country(value)
    if found is None:
        raise BadRequest(f"{name} {value!r} is not a country; use an ISO 3166-1 code such as US, or an English name")
    return found.alpha2


def read_optional_marking(fields: JsonMapping, name: str) -> str:
    """Return the TLP marking of raw evidence, which may be missing, null or empty."""
    value = fields.get(name)
    return parse_marking(value, f"raw.{name}") if value else ""


def parse_marking(value: object, name: str) -> str:
    """Return a TLP marking in its one stored spelling; empty for an event without a marking."""
    if value == "":
        return ""
    if isinstance(value, str):
        level = Tlp.parse(value)
        if level is not None:
            return level.value
        if value.strip().lower() == PURPLE:
            return PURPLE
    raise BadRequest(f"{name} {value!r} is not a TLP marking; valid are {MARKINGS}")


def _check_text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{name} must be a non-empty string, not {value!r}")
    return value
