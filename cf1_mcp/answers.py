"""What tools answer: the same facts as text and as data, cleaned, counted and kept to a size.

Lists are columnar. Text is tab-separated with a header, because a table costs a model a third of what JSON does; some
clients show only the text and others only the data, so neither holds what the other lacks.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument, choices, nearest
from cf1_mcp.models import Event
from cf1_mcp.text import clean

Cell: TypeAlias = str | int | float | bool | list[str]

DEFAULT_SIZE: Final = 8_000
LARGEST_SIZE: Final = 40_000
# What a row of the default columns takes, roughly; a caller who asks for many rows gets room for them.
ROW_SIZE: Final = 200
# Kept free for what stands around the rows: datasets, cursor, notes.
HEAD_SIZE: Final = 2_000
LONGEST_CELL: Final = 160
LONGEST_FIELD: Final = 4_000

FIELDS: Final = tuple(Event.model_fields)
DEFAULT_FIELDS: Final = (
    "uuid",
    "date",
    "attacker",
    "category",
    "indicator",
    "target_country",
    "target_industry",
    "tlp",
    "event",
)
FREE_TEXTS: Final = ("event", "insight")
# Internal numbers, and countries told a second time.
UNTOLD: Final = frozenset({"indicator_type_id", "releasability_id", "attacker_country_alpha3", "target_country_alpha3"})


class Answer(ABC):
    """What a tool returns."""

    @abstractmethod
    def text(self) -> str:
        """The answer as a model reads it."""

    @abstractmethod
    def structured(self) -> Mapping[str, JsonValue]:
        """The same facts as data."""

    def free_texts(self) -> Iterable[tuple[str, str]]:
        """Texts that the makers of events wrote, each with the event's id, empty where the answer does not tell it."""
        return ()


@dataclass(frozen=True)
class Rows(Answer):
    """A list: `columns` name what each of `rows` holds, `facts` say what it is a list of, `notes` what to know."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    notes: Sequence[str] = ()

    def text(self) -> str:
        head = "\n".join(f"{name}: {_inline(value)}" for name, value in self.facts.items())
        table = "\n".join(["\t".join(self.columns), *("\t".join(_shown(cell) for cell in row) for row in self.rows)])
        return "\n".join(part for part in (head, table if self.rows else "", *self.notes) if part)

    def structured(self) -> Mapping[str, JsonValue]:
        rows: list[JsonValue] = [[_kept(cell) for cell in row] for row in self.rows]
        table: dict[str, JsonValue] = {"columns": list(self.columns), "rows": rows} if self.rows else {}
        return {**self.facts, **table} | _notes(self.notes)

    def free_texts(self) -> Iterable[tuple[str, str]]:
        free = [place for place, column in enumerate(self.columns) if column in FREE_TEXTS]
        ids = self.columns.index("uuid") if "uuid" in self.columns else None
        return [(str(row[ids]) if ids is not None else "", str(row[place])) for row in self.rows for place in free]


@dataclass(frozen=True)
class Card(Answer):
    """One thing in full: its filled fields, and what hangs on it."""

    fields: Mapping[str, JsonValue]
    parts: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    notes: Sequence[str] = ()

    def text(self) -> str:
        lines = [f"{name}: {_inline(value)}" for name, value in self.fields.items()]
        for name, part in self.parts.items():
            lines += [f"-- {name}", part.text()]
        return "\n".join([*lines, *self.notes])

    def structured(self) -> Mapping[str, JsonValue]:
        parts: dict[str, JsonValue] = {name: dict(part.structured()) for name, part in self.parts.items()}
        return {**self.fields, **parts} | _notes(self.notes)

    def free_texts(self) -> Iterable[tuple[str, str]]:
        event_id = str(self.fields.get("uuid", ""))
        own = [(event_id, str(self.fields[name])) for name in (*FREE_TEXTS, "data") if name in self.fields]
        return [*own, *((found or event_id, text) for part in self.parts.values() for found, text in part.free_texts())]


def room_for(limit: int) -> int:
    """How many characters the rows of a list of up to `limit` may take."""
    return min(LARGEST_SIZE, max(DEFAULT_SIZE, limit * ROW_SIZE)) - HEAD_SIZE


def fitting(rows: Sequence[Sequence[Cell]], size: int) -> int:
    """How many of the rows, from the first on, take at most `size` characters. At least one, so that paging goes on."""
    used = 0
    for count, row in enumerate(rows):
        used += max(sum(len(_shown(cell)) + 1 for cell in row), len(json.dumps([_kept(cell) for cell in row])) + 2)
        if used > size:
            return max(count, 1)
    return len(rows)


def columns_of(fields: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that `fields` asks for, in snake or camel case; the default ones where it asks for none."""
    if not fields:
        return DEFAULT_FIELDS
    known = {name.replace("_", "").casefold(): name for name in FIELDS}
    columns: list[str] = []
    for name in fields:
        column = known.get(name.replace("_", "").strip().casefold())
        if column is None:
            meant = nearest(name, FIELDS)
            raise BadArgument(
                "fields",
                f"there is no field {clean(name, 60)!r}" + (f", did you mean {meant}?" if meant else ""),
                choices(FIELDS, most=len(FIELDS)),
            )
        columns.append(column)
    return tuple(dict.fromkeys(columns))


def event_cells(events: Iterable[Event], columns: Sequence[str]) -> list[list[Cell]]:
    """A row an event. Dates lose their seconds; empty values are empty cells."""
    return [[_cell(column, getattr(event, column)) for column in columns] for event in events]


def event_fields(event: Event) -> dict[str, JsonValue]:
    """The filled fields of one event."""
    values = {name: getattr(event, name) for name in FIELDS if name not in UNTOLD}
    return {
        name: cleaned(value, LONGEST_FIELD)
        for name, value in values.items()
        if value not in (None, "", [], 0) or (name == "kill_chain" and value is not None)
    }


def cleaned(value: JsonValue, longest: int) -> JsonValue:
    """The value with every text in it cleaned, keys included."""
    match value:
        case str():
            return clean(value, longest)
        case list():
            return [cleaned(item, longest) for item in value]
        case dict():
            return {clean(key, longest): cleaned(item, longest) for key, item in value.items()}
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _notes(notes: Sequence[str]) -> dict[str, JsonValue]:
    return {"notes": list[JsonValue](notes)} if notes else {}


def _cell(column: str, value: object) -> Cell:
    match value:
        case None:
            return ""
        case bool() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [clean(str(item), LONGEST_CELL) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            text = str(value)
            return text[:16].replace("T", " ") if column == "date" else clean(text, LONGEST_CELL)


def _shown(cell: Cell) -> str:
    return ",".join(cell) if isinstance(cell, list) else str(cell)


def _kept(cell: Cell) -> JsonValue:
    return list[JsonValue](cell) if isinstance(cell, list) else cell


def _inline(value: JsonValue) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
