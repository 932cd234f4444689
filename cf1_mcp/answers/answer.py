"""What tools return: the same facts as text and as structured content.

Some clients show only the text and others only the data, so neither lacks what the other has. What this server states
is called facts. What others wrote is untrusted: the text encloses it in marks, and the data lists it under `untrusted`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Self

from pydantic import JsonValue

from cf1_mcp.answers.columns import shorten
from cf1_mcp.answers.rendering import Renderer

CLIPPED: Final = "Cut to fit: long texts and lists are clipped, and what is missing is counted."

# Facts that contain what others wrote, such as names of datasets and saved queries or columns of a file, wherever they
# come from. They are shown with the untrusted values.
UNTRUSTED_FACTS: Final = frozenset(
    {"change", "content_notes", "datasets", "not_searched", "read_as", "rows_from", "saved_queries"}
)

Facts = Mapping[str, JsonValue]


@dataclass(frozen=True)
class Block:
    """Lines of an answer's text, and whether they are untrusted."""

    untrusted: bool
    lines: Sequence[str]


@dataclass(frozen=True)
class LinkedResource:
    """A resource that an answer offers in addition to its content. `size` is in bytes."""

    uri: str
    name: str
    description: str
    mime_type: str
    size: int


class Answer(ABC):
    """What a tool returns."""

    @abstractmethod
    def blocks(self, renderer: Renderer) -> Iterator[Block]:
        """Yield the text of the answer in parts."""

    @abstractmethod
    def structured(self, renderer: Renderer) -> dict[str, JsonValue]:
        """Return the same facts as data."""

    @abstractmethod
    def clipped(self, max_length: int, max_items: int) -> Self:
        """Return the answer with texts of at most `max_length` characters and lists of at most `max_items` items."""

    def text(self, renderer: Renderer) -> str:
        """Return the text of the answer."""
        lines: list[str] = []
        filled = (block for block in self.blocks(renderer) if block.lines)
        for untrusted, blocks in groupby(filled, key=lambda block: block.untrusted):
            inside = [line for block in blocks for line in block.lines]
            lines += renderer.enclose(inside) if untrusted else inside
        return "\n".join(lines)

    def free_texts(self) -> Iterable[tuple[str, str]]:
        """Return each text that the reporters of events wrote, with the id of its event or an empty id."""
        return ()

    def links(self) -> Sequence[LinkedResource]:
        """Return resources to read in addition. Not every client shows links, so the answer names them as well."""
        return ()


def split_facts(facts: Facts, untrusted: Facts) -> tuple[Facts, Facts]:
    """Return the facts that are ours, and the untrusted values with the facts that are not."""
    foreign = {name: value for name, value in facts.items() if _is_foreign(name, value)}
    if not foreign:
        return facts, untrusted
    return {name: value for name, value in facts.items() if name not in foreign}, foreign | {**untrusted}


def head_blocks(facts: Facts, untrusted: Facts, renderer: Renderer) -> Iterator[Block]:
    """Yield facts and untrusted values. Without marks, as on a terminal, all facts keep their order."""
    if renderer.mark:
        facts, untrusted = split_facts(facts, untrusted)
    for foreign, group in groupby(facts.items(), key=lambda fact: _is_foreign(*fact)):
        part = dict(group)
        yield Block(foreign, untrusted_lines(part, renderer) if foreign else fact_lines(part))
    yield Block(True, untrusted_lines(untrusted, renderer))


def fact_lines(facts: Facts) -> list[str]:
    """Return facts as lines of text, one `name: value` each."""
    return [f"{name}: {_inline(value)}" for name, value in facts.items()]


def untrusted_lines(untrusted: Facts, renderer: Renderer) -> list[str]:
    """Return untrusted values as lines of text, one `name: value` each."""
    return [f"{name}: {renderer.render_text(_inline(value))}" for name, value in untrusted.items()]


def untrusted_data(untrusted: Facts, renderer: Renderer, *others: str) -> dict[str, JsonValue]:
    """Return untrusted values as data, with the list of their names and of `others`."""
    names: list[JsonValue] = [*untrusted, *others]
    values = {name: renderer.render_value(value) for name, value in untrusted.items()}
    return {**values, "untrusted": names} if names else values


def notes_data(notes: Sequence[str]) -> dict[str, JsonValue]:
    return {"notes": [*notes]} if notes else {}


def clip_facts(facts: Facts, max_length: int, max_items: int) -> dict[str, JsonValue]:
    """Return the facts with their texts and lists clipped."""
    return {name: shorten(value, max_length, max_items) for name, value in facts.items()}


def _is_foreign(name: str, value: JsonValue) -> bool:
    # A number of datasets is ours.
    return name in UNTRUSTED_FACTS and not isinstance(value, int)


def _inline(value: JsonValue) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
