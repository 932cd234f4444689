"""Keeping answers to a size: which rows fit, and how much of long texts and lists is shown."""

import json
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.columns import Cell
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.answers.rows import row_data

# Sizes are in characters, of the text or of the data as JSON, whichever is larger.
DEFAULT_SIZE: Final = 8_000
MAX_SIZE: Final = 40_000
# About the size of a row in the default columns: a caller who requests many rows gets a larger answer.
ROW_SIZE: Final = 200
# Reserved for what surrounds the rows: datasets, cursor, notes.
HEAD_SIZE: Final = 2_000
# How an answer that is too large is clipped, gently at first: characters of a text, entries of a list.
STEPS: Final = ((4_000, 100), (2_000, 60), (1_000, 40), (500, 25), (200, 15), (80, 8), (30, 4))
# The mark of an answer is chosen when it is sent; sizes are measured with one of the same length.
MEASURING: Final = Renderer(mark="00000000")
# Characters that disarming, defanging and escaping may replace by up to three.
GROWING: Final = ".@:!]<`~'=+-\u3002\uff0e\uff61"


def fit(answer: Answer, size: int = MAX_SIZE) -> Answer:
    """Return the answer within `size` characters, clipped no more than necessary."""
    return render(answer, MEASURING, size)[0]


def render(answer: Answer, renderer: Renderer, size: int = MAX_SIZE) -> tuple[Answer, str, dict[str, JsonValue]]:
    """Return the answer within its size, its text and its data."""
    shown, steps = answer, iter(STEPS)
    while True:
        text, data = shown.text(renderer), shown.structured(renderer)
        # Clients may serialise the data with as many blanks and escapes as this.
        step = next(steps, None) if max(len(text), len(json.dumps(data))) > size else None
        if step is None:
            return shown, text, data
        shown = answer.clipped(*step)


def size_for_rows(limit: int) -> int:
    """Return how many characters the rows of a list of up to `limit` rows may take."""
    return min(MAX_SIZE, max(DEFAULT_SIZE, limit * ROW_SIZE)) - HEAD_SIZE


def count_fitting(rows: Sequence[Sequence[Cell]], size: int) -> int:
    """Return how many of the first rows take at most `size` characters together: at least 1, so that paging goes on."""
    # Rows rarely come near the limit, so a cheap upper bound is tried first.
    if sum(_upper_bound(row) for row in rows) <= size:
        return len(rows)
    used = 0
    for count, row in enumerate(rows):
        as_text = sum(len(MEASURING.render_cell(value)) + 1 for value in row)
        used += max(as_text, len(json.dumps(row_data(row))) + 2)
        if used > size:
            return max(count, 1)
    return len(rows)


def _upper_bound(row: Sequence[Cell]) -> int:
    """Return the most characters that a row can have: rendering adds at most two for each character of GROWING."""
    as_data = json.dumps(row_data(row))
    return len(as_data) + 2 + 2 * sum(map(as_data.count, GROWING))
