"""An answer with the remarks on it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from pydantic import JsonValue

from cf1_mcp.answers.answer import Answer, Block, Facts, LinkedResource, untrusted_lines
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import shorten
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.answers.rows import Rows


@dataclass(frozen=True)
class Remarked(Answer):
    """Another answer with further notes, and untrusted values that explain it."""

    answer: Answer
    notes: Sequence[str]
    untrusted: Facts

    def blocks(self, renderer: Renderer) -> Iterator[Block]:
        yield from self.answer.blocks(renderer)
        yield Block(False, self.notes)
        yield Block(True, untrusted_lines(self.untrusted, renderer))

    def structured(self, renderer: Renderer) -> dict[str, JsonValue]:
        data = self.answer.structured(renderer)
        if self.notes:
            data["notes"] = [*_list(data.get("notes")), *self.notes]
        if self.untrusted:
            data |= {name: renderer.render_value(value) for name, value in self.untrusted.items()}
            data["untrusted"] = [*_list(data.get("untrusted")), *self.untrusted]
        return data

    def clipped(self, max_length: int, max_items: int) -> Self:
        untrusted = {name: shorten(value, max_length, max_items) for name, value in self.untrusted.items()}
        return replace(self, answer=self.answer.clipped(max_length, max_items), untrusted=untrusted)

    def free_texts(self) -> Iterable[tuple[str, str]]:
        return self.answer.free_texts()

    def links(self) -> Sequence[LinkedResource]:
        return self.answer.links()


def add_remarks(answer: Answer, notes: Sequence[str], untrusted: Facts, not_searched: Sequence[str] = ()) -> Answer:
    """Return an answer with notes and untrusted values. It no longer names the datasets `not_searched` as searched."""
    if not_searched and isinstance(answer, Rows | Card) and isinstance(names := answer.facts.get("datasets"), list):
        searched: list[JsonValue] = [name for name in names if name not in not_searched]
        answer = replace(answer, facts={**answer.facts, "datasets": searched})
    return Remarked(answer, notes, untrusted) if notes or untrusted else answer


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
