"""What the journal records, and what it returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from cf1_mcp.store.database import StoreError

Outcome = Literal["done", "partial", "failed", "unknown"]


class JournalError(StoreError):
    """The journal cannot be written or read, or does not contain what was requested."""


@dataclass(frozen=True)
class Intent:
    """A change before it is made. `arguments` contain neither a code nor a secret; `before` is what an undo needs."""

    tool: str
    arguments: Mapping[str, JsonValue]
    datasets: tuple[str, ...]
    summary: str
    before: JsonValue
    undoes: str | None = None


@dataclass(frozen=True)
class Change:
    """An intent with its outcome. Without a recorded outcome it is `unknown` and has no `finished_at`.

    `undone_by` is the newest change that undoes this one and has not failed; it may itself be partial or unknown.
    """

    id: str
    at: datetime
    intent: Intent
    outcome: Outcome
    result: JsonValue
    finished_at: datetime | None
    undone_by: str | None
