"""Cells and fields of answers from what the API returns: cleaned, clipped, without empty values."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument, choices, nearest
from cf1_mcp.models import Event
from cf1_mcp.models.fields import COLUMNS, DEFAULT_COLUMNS, FREE_TEXTS, HIDDEN_COLUMNS
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
# Values that must stay unchanged to be of use. They are made harmless when they are rendered as text.
TRUE_VALUES: Final = frozenset({INDICATOR, "query_json"})


def resolve_columns(
    fields: Sequence[str] | None, columns: Sequence[str] = COLUMNS, default: Sequence[str] = DEFAULT_COLUMNS
) -> tuple[str, ...]:
    """The columns that `fields` names, in snake or camel case; without names the default ones.

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
            meant = nearest(name, columns)
            raise BadArgument(
                "fields",
                f"there is no field {clean(name, 60)!r}" + (f", did you mean {meant}?" if meant else ""),
                choices(columns, most=len(columns)),
            )
        found.append(column)
    return tuple(dict.fromkeys(found))


def event_cells(events: Iterable[Event], columns: Sequence[str]) -> list[list[Cell]]:
    """One row per event. Dates lose their seconds; empty values are empty cells."""
    return [[_cell(event, column) for column in columns] for event in events]


def event_fields(event: Event) -> dict[str, JsonValue]:
    """The filled fields of one event."""
    values = {name: getattr(event, name) for name in COLUMNS if name not in HIDDEN_COLUMNS}
    return {
        name: _field(event, name, value)
        for name, value in values.items()
        if value not in (None, "", [], 0) or (name == "kill_chain" and value is not None)
    }


def clean_value(value: JsonValue, longest: int, keep: str = "", name: str = "") -> JsonValue:
    """The value with every text in it cleaned, keys included.

    Values under a name in TRUE_VALUES stay true; `keep` is an e-mail address that is not masked: the indicator itself.
    """
    match value:
        case str():
            return clean(value, longest, keep=keep, value=name in TRUE_VALUES)
        case list():
            return [clean_value(item, longest, keep, name) for item in value]
        case dict():
            return {clean(key, longest): clean_value(item, longest, keep, key) for key, item in value.items()}
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def shorten(value: JsonValue, longest: int, most: int) -> JsonValue:
    """The value with texts clipped at `longest` characters, and lists and objects at `most` entries, counted."""
    match value:
        case str() if len(value) > longest:
            return f"{value[:longest]}… (+{len(value) - longest} characters)"
        case list():
            kept = [shorten(item, longest, most) for item in value[:most]]
            return [*kept, f"… (+{len(value) - most} more)"] if len(value) > most else kept
        case dict():
            pairs = {key[:longest]: shorten(item, longest, most) for key, item in [*value.items()][:most]}
            return {**pairs, "…": f"+{len(value) - most} more"} if len(value) > most else pairs
        case _:
            return value


def _cell(event: Event, column: str) -> Cell:
    value = getattr(event, column)
    match value:
        case None:
            return ""
        case bool() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [str(item) for item in _items(event, value, MAX_CELL_LENGTH, MAX_IN_CELL)]  # pyright: ignore[reportUnknownArgumentType]
        case _:
            text = clean(str(value), _longest(column), keep=event.indicator, value=column == INDICATOR)
            return text[:16].replace("T", " ") if column == "date" else text


def _field(event: Event, name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [*_items(event, value, MAX_CELL_LENGTH, MAX_IN_FIELD)]
    longest = MAX_FIELD_LENGTH if name in (*FREE_TEXTS, INDICATOR) else MAX_SHORT_FIELD_LENGTH
    return clean_value(value, longest, event.indicator, name)


def _items(event: Event, values: Sequence[object], longest: int, most: int) -> list[str]:
    shown = [clean(str(item), longest, keep=event.indicator) for item in values[:most]]
    return [*shown, f"… (+{len(values) - most} more)"] if len(values) > most else shown


def _longest(column: str) -> int:
    return MAX_DESCRIPTION_LENGTH if column in FREE_TEXTS else MAX_CELL_LENGTH
