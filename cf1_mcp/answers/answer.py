"""What tools answer: the same facts as text and as data, counted and kept to a size.

Lists are columnar. Text is tab-separated with a header, because a table costs a model a third of what JSON does; some
clients show only the text and others only the data, so neither holds what the other lacks. What this server states is
`facts`; what others wrote is `untrusted`: it is between marks in the text, and listed under `untrusted` in the data.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Self

from pydantic import JsonValue

from cf1_mcp.answers.columns import Cell, shortened
from cf1_mcp.answers.rendering import Style
from cf1_mcp.models.fields import FREE_TEXTS

DEFAULT_SIZE: Final = 8_000
MAX_SIZE: Final = 40_000
# What a row of the default columns takes, roughly; a caller who asks for many rows gets room for them.
ROW_SIZE: Final = 200
# Kept free for what stands around the rows: datasets, cursor, notes.
HEAD_SIZE: Final = 2_000
# How an answer that is too large is clipped, gently at first: characters a text, entries a list.
STEPS: Final = ((4_000, 100), (2_000, 60), (1_000, 40), (500, 25), (200, 15), (80, 8), (30, 4))
# No mark is known before an answer is sent; sizes are taken with one of the same length.
# Signs that disarming and defanging may add to.
GROWING: Final = ".@:!]<`~'=+-\u3002\uff0e\uff61"
MEASURED: Final = Style(mark="00000000")
CLIPPED: Final = "Cut to fit: long texts and lists are clipped, with what is missing counted."

Facts = Mapping[str, JsonValue]


@dataclass(frozen=True)
class Block:
    """Lines of an answer's text, and whether they are untrusted."""

    untrusted: bool
    lines: Sequence[str]


@dataclass(frozen=True)
class Link:
    """A resource that an answer offers beside what it tells. `size` is in bytes."""

    uri: str
    name: str
    description: str
    mime_type: str
    size: int


class Answer(ABC):
    """What a tool returns."""

    @abstractmethod
    def blocks(self, style: Style) -> Iterator[Block]:
        """The answer as a model reads it, in parts."""

    @abstractmethod
    def structured(self, style: Style) -> dict[str, JsonValue]:
        """The same facts as data."""

    @abstractmethod
    def clipped(self, longest: int, most: int) -> Self:
        """The answer with shorter texts and lists."""

    def text(self, style: Style) -> str:
        """The answer as a model reads it."""
        lines: list[str] = []
        filled = (block for block in self.blocks(style) if block.lines)
        for untrusted, blocks in groupby(filled, key=lambda block: block.untrusted):
            inside = [line for block in blocks for line in block.lines]
            lines += style.apart(inside) if untrusted else inside
        return "\n".join(lines)

    def free_texts(self) -> Iterable[tuple[str, str]]:
        """Texts that the makers of events wrote, each with the event's id, empty where the answer does not tell it."""
        return ()

    def links(self) -> Sequence[Link]:
        """What it offers to be read as a resource. Not every client shows links, so the answer tells them, too."""
        return ()


@dataclass(frozen=True)
class Rows(Answer):
    """A list: `columns` name what each of `rows` holds, `facts` say what it is a list of, `notes` what to know.

    Rows are untrusted; so are the values in `untrusted`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    facts: Facts = field(default_factory=dict[str, JsonValue])
    notes: Sequence[str] = ()
    untrusted: Facts = field(default_factory=dict[str, JsonValue])

    def blocks(self, style: Style) -> Iterator[Block]:
        yield Block(False, _lines(self.facts))
        yield Block(True, _untrusted_lines(self.untrusted, style))
        if self.rows:
            table = ["\t".join(_in_table(value, style) for value in row) for row in self.rows]
            yield Block(True, ["\t".join(self.columns), *table])
        yield Block(False, self.notes)

    def structured(self, style: Style) -> dict[str, JsonValue]:
        rows: list[JsonValue] = [[style.told(_kept(value)) for value in row] for row in self.rows]
        table: dict[str, JsonValue] = {"columns": [*self.columns], "rows": rows} if rows else {}
        return {**self.facts, **_told(self.untrusted, style, [*self.untrusted, *(["rows"] if rows else [])])} | {
            **table,
            **_notes(self.notes),
        }

    def clipped(self, longest: int, most: int) -> Self:
        rows = [[_clipped_cell(value, longest, most) for value in row] for row in self.rows]
        return replace(
            self,
            rows=rows,
            facts=_clipped(self.facts, longest, most),
            untrusted=_clipped(self.untrusted, longest, most),
            notes=[*self.notes, CLIPPED],
        )

    def free_texts(self) -> Iterable[tuple[str, str]]:
        free = [place for place, column in enumerate(self.columns) if column in FREE_TEXTS]
        ids = self.columns.index("uuid") if "uuid" in self.columns else None
        return [(str(row[ids]) if ids is not None else "", str(row[place])) for row in self.rows for place in free]


@dataclass(frozen=True)
class Card(Answer):
    """One thing in full: trusted `facts`, `untrusted` fields, named `parts`, notes and linked resources."""

    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])
    parts: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    notes: Sequence[str] = ()
    linked: Sequence[Link] = ()

    def links(self) -> Sequence[Link]:
        return self.linked

    def blocks(self, style: Style) -> Iterator[Block]:
        yield Block(False, _lines(self.facts))
        yield Block(True, _untrusted_lines(self.untrusted, style))
        for name, part in self.parts.items():
            inside = [*part.blocks(style)]
            yield Block(all(block.untrusted for block in inside if block.lines), [f"-- {name}"])
            yield from inside
        yield Block(False, self.notes)

    def structured(self, style: Style) -> dict[str, JsonValue]:
        parts: dict[str, JsonValue] = {name: part.structured(style) for name, part in self.parts.items()}
        return {**self.facts, **_told(self.untrusted, style, [*self.untrusted])} | {**parts, **_notes(self.notes)}

    def clipped(self, longest: int, most: int) -> Self:
        return replace(
            self,
            facts=_clipped(self.facts, longest, most),
            untrusted=_clipped(self.untrusted, longest, most),
            parts={name: part.clipped(longest, most) for name, part in self.parts.items()},
            notes=[*self.notes, CLIPPED],
        )

    def free_texts(self) -> Iterable[tuple[str, str]]:
        event_id = str(self.untrusted.get("uuid", ""))
        own = [(event_id, str(self.untrusted[name])) for name in (*FREE_TEXTS, "data") if name in self.untrusted]
        return [*own, *((found or event_id, text) for part in self.parts.values() for found, text in part.free_texts())]


def fitted(answer: Answer, size: int = MAX_SIZE) -> Answer:
    """The answer within `size` characters, as text and as data: clipped no more than that takes."""
    return written(answer, MEASURED, size)[0]


def written(answer: Answer, style: Style, size: int = MAX_SIZE) -> tuple[Answer, str, dict[str, JsonValue]]:
    """The answer within its size, and both of its forms."""
    shown, steps = answer, iter(STEPS)
    while True:
        text, data = shown.text(style), shown.structured(style)
        # As wastefully as clients may write it.
        step = next(steps, None) if max(len(text), len(json.dumps(data))) > size else None
        if step is None:
            return shown, text, data
        shown = answer.clipped(*step)


def room_for(limit: int) -> int:
    """How many characters the rows of a list of up to `limit` may take."""
    return min(MAX_SIZE, max(DEFAULT_SIZE, limit * ROW_SIZE)) - HEAD_SIZE


def fitting(rows: Sequence[Sequence[Cell]], size: int) -> int:
    """How many of the rows, from the first on, take at most `size` characters. At least one, so that paging goes on."""
    # Few rows come near the limit, so they are first taken for as long as they could be.
    if sum(_at_most(row) for row in rows) <= size:
        return len(rows)
    used = 0
    for count, row in enumerate(rows):
        as_text = sum(len(_in_table(value, MEASURED)) + 1 for value in row)
        used += max(as_text, len(json.dumps([_kept(value) for value in row])) + 2)
        if used > size:
            return max(count, 1)
    return len(rows)


def _at_most(row: Sequence[Cell]) -> int:
    """Characters that a row cannot exceed: what is disarmed or defanged grows by two for each sign that is touched."""
    as_data = json.dumps([_kept(value) for value in row])
    return len(as_data) + 2 + 2 * sum(map(as_data.count, GROWING))


def _lines(facts: Facts) -> list[str]:
    return [f"{name}: {_inline(value)}" for name, value in facts.items()]


def _untrusted_lines(facts: Facts, style: Style) -> list[str]:
    return [f"{name}: {style.written(_inline(value))}" for name, value in facts.items()]


def _told(untrusted: Facts, style: Style, names: Sequence[str]) -> dict[str, JsonValue]:
    """Strangers' values as data, and which those are."""
    values = {name: style.told(value) for name, value in untrusted.items()}
    return {**values, "untrusted": [*names]} if names else values


def _notes(notes: Sequence[str]) -> dict[str, JsonValue]:
    return {"notes": [*notes]} if notes else {}


def _clipped(facts: Facts, longest: int, most: int) -> dict[str, JsonValue]:
    return {name: shortened(value, longest, most) for name, value in facts.items()}


def _clipped_cell(value: Cell, longest: int, most: int) -> Cell:
    if isinstance(value, list):
        return [str(shortened(item, longest, most)) for item in value[:most]]
    return str(shortened(value, longest, most)) if isinstance(value, str) else value


def _in_table(value: Cell, style: Style) -> str:
    if isinstance(value, list):
        return style.in_table(",".join(value))
    return style.in_table(value) if isinstance(value, str) else str(value)


def _kept(value: Cell) -> JsonValue:
    return [*value] if isinstance(value, list) else value


def _inline(value: JsonValue) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else _json(value)


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
