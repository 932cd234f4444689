"""One object in full as an answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import JsonValue

from cf1_mcp.answers.answer import (
    CLIPPED,
    Answer,
    Block,
    Facts,
    LinkedResource,
    clip_facts,
    head_blocks,
    notes_data,
    split_facts,
    untrusted_data,
)
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.models.fields import FREE_TEXTS


@dataclass(frozen=True)
class Card(Answer):
    """One object in full: trusted `facts`, `untrusted` fields, named `parts`, notes and linked resources."""

    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])
    parts: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    notes: Sequence[str] = ()
    linked: Sequence[LinkedResource] = ()

    def links(self) -> Sequence[LinkedResource]:
        return self.linked

    def blocks(self, renderer: Renderer) -> Iterator[Block]:
        yield from head_blocks(self.facts, self.untrusted, renderer)
        for name, part in self.parts.items():
            inside = [*part.blocks(renderer)]
            yield Block(all(block.untrusted for block in inside if block.lines), [f"-- {name}"])
            yield from inside
        yield Block(False, self.notes)

    def structured(self, renderer: Renderer) -> dict[str, JsonValue]:
        parts: dict[str, JsonValue] = {name: part.structured(renderer) for name, part in self.parts.items()}
        facts, untrusted = split_facts(self.facts, self.untrusted)
        return {**facts, **untrusted_data(untrusted, renderer), **parts, **notes_data(self.notes)}

    def clipped(self, max_length: int, max_items: int) -> Self:
        return replace(
            self,
            facts=clip_facts(self.facts, max_length, max_items),
            untrusted=clip_facts(self.untrusted, max_length, max_items),
            parts={name: part.clipped(max_length, max_items) for name, part in self.parts.items()},
            notes=[*self.notes, CLIPPED],
        )

    def free_texts(self) -> Iterable[tuple[str, str]]:
        event_id = str(self.untrusted.get("uuid", ""))
        own = [(event_id, str(self.untrusted[name])) for name in (*FREE_TEXTS, "data") if name in self.untrusted]
        return [*own, *((found or event_id, text) for part in self.parts.values() for found, text in part.free_texts())]
