"""Which datasets a request means: none named, some by uuid, or one scope word."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import DEFAULT_DATASET

MAX_DATASETS: Final = 50
SCOPE_WORDS: Final = ("all", "*", "analytics", "operational")


def dataset_numbers(
    db: sqlite3.Connection, ids: Sequence[str], *, without_analytics: bool = False, default: str = "default"
) -> list[int]:
    """The numbers of the datasets meant; none named means the default dataset (or, with `default="all"`, all).

    `without_analytics`: the word `all` silently leaves analytics datasets out, as aggregate documents.
    """
    if not ids and default == "default":
        return [dataset_number(db, str(default_uuid(db)))]
    words = [word for word in ids if word in SCOPE_WORDS]
    if words and len(ids) > 1:
        raise BadRequest(f"datasetId {words[0]!r} is a scope word and must stand alone; send it or uuids, not both")
    numbers = _by_word(db, words[0] if words else "all", without_analytics) if words or not ids else _by_uuid(db, ids)
    if len(numbers) > MAX_DATASETS:
        raise BadRequest(f"datasetId reaches {len(numbers)} datasets; at most {MAX_DATASETS} are searched at once")
    return numbers


def dataset_number(db: sqlite3.Connection, uuid: str, name: str = "datasetId") -> int:
    """The number of the dataset with a uuid, else BadRequest."""
    query = "SELECT id FROM dataset WHERE uuid = ? AND deleted_at IS NULL"
    row = db.execute(query, (uuid.strip().lower(),)).fetchone()
    if row is None:
        raise BadRequest(f"{name} {uuid!r} names no dataset; GET /events/dataset lists them")
    return int(row[0])


def default_uuid(db: sqlite3.Connection) -> str:
    return str(db.execute("SELECT uuid FROM dataset WHERE name = ?", (DEFAULT_DATASET,)).fetchone()[0])


def has_analytics(db: sqlite3.Connection, numbers: Sequence[int]) -> bool:
    """Whether any of the datasets is an analytics dataset."""
    analytics = {row[0] for row in db.execute("SELECT id FROM dataset WHERE is_analytics")}
    return not analytics.isdisjoint(numbers)


def scope_clause(db: sqlite3.Connection, numbers: Sequence[int]) -> str:
    """SQL that holds for events of these datasets; no clause at all when they are all there are, so that indexes
    which do not begin with the dataset stay useful."""
    every = {row[0] for row in db.execute("SELECT id FROM dataset")}
    if every.issubset(numbers):
        return "1"
    chosen = sorted(every.intersection(numbers))
    if len(chosen) == 1:
        return f"e.dataset = {chosen[0]}"
    return f"e.dataset IN ({', '.join(map(str, chosen))})"


def _by_uuid(db: sqlite3.Connection, ids: Sequence[str]) -> list[int]:
    return list(dict.fromkeys(dataset_number(db, uuid) for uuid in ids))


def _by_word(db: sqlite3.Connection, word: str, without_analytics: bool) -> list[int]:
    kinds = {"analytics": "is_analytics", "operational": "NOT is_analytics"}
    kind = kinds.get(word, "NOT is_analytics" if without_analytics else "1")
    query = f"SELECT id FROM dataset WHERE deleted_at IS NULL AND {kind} ORDER BY id"
    return [int(row[0]) for row in db.execute(query)]
