"""A list as an answer. It is columnar, because a table costs a model a third of the tokens that JSON does."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import JsonValue

from cf1_mcp.answers.answer import (
    CLIPPED,
    Answer,
    Block,
    Facts,
    clip_facts,
    head_blocks,
    notes_data,
    split_facts,
    untrusted_data,
)
from cf1_mcp.answers.columns import Cell, shorten
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.models.fields import FREE_TEXTS


@dataclass(frozen=True)
class Rows(Answer):
    """A list: `columns` name the cells of each of `rows`, `facts` describe the list, `notes` explain it.

    Rows are untrusted; so are the values in `untrusted`. The table is tab-separated in the text.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    facts: Facts = field(default_factory=dict[str, JsonValue])
    notes: Sequence[str] = ()
    untrusted: Facts = field(default_factory=dict[str, JsonValue])

    def blocks(self, renderer: Renderer) -> Iterator[Block]:
        yield from head_blocks(self.facts, self.untrusted, renderer)
        if self.rows:
            table = ["\t".join(renderer.render_cell(value) for value in row) for row in self.rows]
            yield Block(True, ["\t".join(self.columns), *table])
        yield Block(False, self.notes)

    def structured(self, renderer: Renderer) -> dict[str, JsonValue]:
        rows: list[JsonValue] = [[renderer.render_value(value) for value in row_data(row)] for row in self.rows]
        names = ["rows"] if rows else []
        table: dict[str, JsonValue] = {"columns": [*self.columns], "rows": rows} if rows else {}
        facts, untrusted = split_facts(self.facts, self.untrusted)
        return {
            **facts,
            **untrusted_data(untrusted, renderer, *names),
            **table,
            **notes_data(self.notes),
        }

    def clipped(self, max_length: int, max_items: int) -> Self:
        rows = [[_clip_cell(value, max_length, max_items) for value in row] for row in self.rows]
        return replace(
            self,
            rows=rows,
            facts=clip_facts(self.facts, max_length, max_items),
            untrusted=clip_facts(self.untrusted, max_length, max_items),
            notes=[*self.notes, CLIPPED],
        )

    def free_texts(self) -> Iterable[tuple[str, str]]:
        free = [place for place, column in enumerate(self.columns) if column in FREE_TEXTS]
        ids = self.columns.index("uuid") if "uuid" in self.columns else None
        return [(str(row[ids]) if ids is not None else "", str(row[place])) for row in self.rows for place in free]


def row_data(row: Sequence[Cell]) -> list[JsonValue]:
    """Return a row as JSON."""
    return [[*value] if isinstance(value, list) else value for value in row]


def _clip_cell(value: Cell, max_length: int, max_items: int) -> Cell:
    if isinstance(value, list):
        return [str(shorten(item, max_length, max_items)) for item in value[:max_items]]
    return str(shorten(value, max_length, max_items)) if isinstance(value, str) else value
