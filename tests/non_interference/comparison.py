"""Transcripts of calls, without what differs in every run, and the difference of two of them."""

import difflib
import json
import re
from collections.abc import Sequence
from typing import Final

from mcp.types import CallToolResult
from pydantic import BaseModel, JsonValue

# The mark around untrusted text; codes; ids of changes, also as sealed cursors; ids of exports.
_RANDOM: Final = re.compile(
    r"(?<=untrusted )[0-9a-f]{8}(?=>)|\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2}\b|\bc-[0-9a-z]{5}-[0-9a-z]{5}\b(?:\.[a-z2-7]{8}\b)?|\b[a-z2-7]{16}\b"
)
MAX_DIFFERENCE: Final = 12
MAX_COMPARED: Final = 60
MAX_LINE: Final = 220

Transcript = tuple[str, ...]
"""The lines of everything that a client received for one call, in their order."""


def transcribe(parts: Sequence[object]) -> Transcript:
    """Return the lines of results, notes and texts; random ids become numbers in the order of their appearance."""
    text = "\n".join(part if isinstance(part, str) else _dump(part) for part in parts)
    known: dict[str, str] = {}
    return tuple(_RANDOM.sub(lambda found: known.setdefault(found[0], f"RANDOM{len(known) + 1}"), text).split("\n"))


def describe_difference(one: Transcript, other: Transcript) -> str:
    """Return the first lines that differ."""
    start = next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    # The rest of long transcripts would take long to compare and is not shown.
    old, new = (transcript[start : start + MAX_COMPARED] for transcript in (one, other))
    lines = [line for line in difflib.unified_diff(old, new, n=0, lineterm="") if line[:2] not in ("--", "++", "@@")]
    shown = [line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} ..." for line in lines[:MAX_DIFFERENCE]]
    return "\n".join(f"    {line}" for line in [*shown, *(["..."] if len(lines) > len(shown) else [])])


def _dump(part: object) -> str:
    if isinstance(part, CallToolResult):
        return "\n".join([f"is_error: {part.is_error}", *map(_dump, part.content), _dump(part.structured_content)])
    data: JsonValue = part.model_dump(mode="json", exclude_none=True) if isinstance(part, BaseModel) else part  # pyright: ignore[reportAssignmentType]
    # A text keeps its lines, so that a difference shows only those that differ.
    if isinstance(data, dict) and isinstance(data.get("text"), str):
        text = str(data.pop("text"))
        return f"{_dump(data)}\n{text}"
    return json.dumps(data, ensure_ascii=False, indent=0, sort_keys=True)
