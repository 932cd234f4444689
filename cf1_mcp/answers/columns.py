"""Turn what the API returns into cells and fields of answers: cleaned, clipped, without empty values."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument, choices, did_you_mean
from cf1_mcp.models import Event
from cf1_mcp.models.fields import COLUMNS, DEFAULT_COLUMNS, FREE_TEXTS, HIDDEN_COLUMNS
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

Cell: TypeAlias = str | int | float | bool | list[str]

MAX_CELL_LENGTH: Final = 160
# A description in a table: enough to show what happened, and short enough for many rows.
MAX_DESCRIPTION_LENGTH: Final = 90
MAX_SHORT_FIELD_LENGTH: Final = 300
MAX_FIELD_LENGTH: Final = 4_000
MAX_IN_CELL: Final = 12
MAX_IN_FIELD: Final = 50

INDICATOR: Final = "indicator"
# Values that are useless unless they are exact. They are made harmless when they are rendered as text.
EXACT_VALUES: Final = frozenset({INDICATOR, "query_json"})


def resolve_columns(
    fields: Sequence[str] | None, columns: Sequence[str] = COLUMNS, default: Sequence[str] = DEFAULT_COLUMNS
) -> tuple[str, ...]:
    """Return the columns that `fields` names, in snake or camel case; without names the default ones.

    Raises:
        BadArgument: there is no such column.
    """
    if not fields:
        return tuple(default)
    known = {name.replace("_", "").casefold(): name for name in columns}
    found: list[str] = []
    for name in fields:
        column = known.get(name.replace("_", "").strip().casefold())
        if column is None:
            raise BadArgument(
                "fields",
                f"there is no field {clean(name, 60)!r}{did_you_mean(name, columns)}",
                choices(columns, most=len(columns)),
            )
        found.append(column)
    return tuple(dict.fromkeys(found))


def event_cells(events: Iterable[Event], columns: Sequence[str]) -> list[list[Cell]]:
    """Return one row per event. Dates lose their seconds; empty values are empty cells."""
    return [[_build_cell(event, column) for column in columns] for event in events]


def event_fields(event: Event) -> dict[str, JsonValue]:
    """Return the fields of one event that have a value."""
    values = {name: getattr(event, name) for name in COLUMNS if name not in HIDDEN_COLUMNS}
    return {
        name: _build_field(event, name, value)
        for name, value in values.items()
        if value not in (None, "", [], 0) or (name == "kill_chain" and value is not None)
    }


def clean_value(value: JsonValue, max_length: int, keep: str = "", name: str = "") -> JsonValue:
    """Return the value with every text in it cleaned, keys included.

    Values under a name in EXACT_VALUES stay exact. `keep` is the indicator, which is not masked as an e-mail address.
    """
    match value:
        case str():
            return clean(value, max_length, keep=keep, value=name in EXACT_VALUES)
        case list():
            return [clean_value(item, max_length, keep, name) for item in value]
        case dict():
            return {clean(key, max_length): clean_value(item, max_length, keep, key) for key, item in value.items()}
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def shorten(value: JsonValue, max_length: int, max_items: int) -> JsonValue:
    """Return the value with texts clipped at `max_length` characters, and lists and objects at `max_items` items."""
    match value:
        case str() if len(value) > max_length:
            return f"{value[:max_length]}… (+{plural(len(value) - max_length, 'character')})"
        case list():
            kept = [shorten(item, max_length, max_items) for item in value[:max_items]]
            return [*kept, f"… (+{len(value) - max_items} more)"] if len(value) > max_items else kept
        case dict():
            pairs = {
                key[:max_length]: shorten(item, max_length, max_items) for key, item in [*value.items()][:max_items]
            }
            return {**pairs, "…": f"+{len(value) - max_items} more"} if len(value) > max_items else pairs
        case _:
            return value


def _build_cell(event: Event, column: str) -> Cell:
    value = getattr(event, column)
    match value:
        case None:
            return ""
        case bool() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [str(item) for item in _clean_items(event, value, MAX_IN_CELL)]  # pyright: ignore[reportUnknownArgumentType]
        case _:
            text = clean(str(value), _max_cell_length(column), keep=event.indicator, value=column == INDICATOR)
            return text[:16].replace("T", " ") if column == "date" else text


def _build_field(event: Event, name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [*_clean_items(event, value, MAX_IN_FIELD)]
    max_length = MAX_FIELD_LENGTH if name in (*FREE_TEXTS, INDICATOR) else MAX_SHORT_FIELD_LENGTH
    return clean_value(value, max_length, event.indicator, name)


def _clean_items(event: Event, values: Sequence[object], max_items: int) -> list[str]:
    shown = [clean(str(item), MAX_CELL_LENGTH, keep=event.indicator) for item in values[:max_items]]
    return [*shown, f"… (+{len(values) - max_items} more)"] if len(values) > max_items else shown


def _max_cell_length(column: str) -> int:
    return MAX_DESCRIPTION_LENGTH if column in FREE_TEXTS else MAX_CELL_LENGTH
