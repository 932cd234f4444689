"""Which datasets a request is about: none named, some by uuid, or one scope word."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import DEFAULT_DATASET
from cf1_mcp.sandbox.mood import current_mood

MAX_DATASETS: Final = 50
SCOPE_WORDS: Final = ("all", "*", "analytics", "operational")


def resolve_datasets(
    db: sqlite3.Connection, ids: Sequence[str], *, without_analytics: bool = False, default: str = "default"
) -> list[int]:
    """Return the row ids of datasets given by uuid or scope word.

    No ids mean the default dataset, or every dataset with `default="all"`. `without_analytics` makes the word `all`
    leave analytics datasets out, as the reference documents for aggregate, and in the mood of the live API for every
    list. In that mood, datasets that do not answer are left out and noted in the mood.
    """
    if not ids and default == "default":
        return [resolve_dataset(db, find_default_uuid(db))]
    words = [word for word in ids if word in SCOPE_WORDS]
    if words and len(ids) > 1:
        raise BadRequest(
            f"datasetId {words[0]!r} is a scope word and must be the only value; send it or uuids, not both"
        )
    row_ids = (
        _resolve_word(db, words[0], without_analytics or current_mood().like_live)
        if words
        else _resolve(db, ids)
        if ids
        else _resolve_word(db, "all", without_analytics)
    )
    if len(row_ids) > MAX_DATASETS:
        raise BadRequest(f"datasetId includes {len(row_ids)} datasets; at most {MAX_DATASETS} are searched at once")
    return _without_failing(db, row_ids) if len(row_ids) > 1 else row_ids


def resolve_dataset(db: sqlite3.Connection, uuid: str, name: str = "datasetId") -> int:
    """Return the row id of a dataset, else BadRequest that names the parameter `name`."""
    query = "SELECT id FROM dataset WHERE uuid = ? AND deleted_at IS NULL"
    row = db.execute(query, (uuid.strip().lower(),)).fetchone()
    if row is None:
        raise BadRequest(f"{name} {uuid!r} is not a dataset; GET /events/dataset lists them")
    return int(row[0])


def find_default_uuid(db: sqlite3.Connection) -> str:
    """Return the uuid of the default dataset."""
    return str(db.execute("SELECT uuid FROM dataset WHERE name = ?", (DEFAULT_DATASET,)).fetchone()[0])


def has_analytics(db: sqlite3.Connection, row_ids: Sequence[int]) -> bool:
    """Whether one of the datasets is an analytics dataset."""
    analytics = {row[0] for row in db.execute("SELECT id FROM dataset WHERE is_analytics")}
    return not analytics.isdisjoint(row_ids)


def build_scope_clause(db: sqlite3.Connection, row_ids: Sequence[int]) -> str:
    """Return SQL that is true for events of these datasets.

    For all datasets the clause is constant, so that indexes which do not begin with the dataset remain usable.
    """
    every = {row[0] for row in db.execute("SELECT id FROM dataset")}
    if every.issubset(row_ids):
        return "1"
    chosen = sorted(every.intersection(row_ids))
    if len(chosen) == 1:
        return f"e.dataset = {chosen[0]}"
    return f"e.dataset IN ({', '.join(map(str, chosen))})"


def _resolve(db: sqlite3.Connection, ids: Sequence[str]) -> list[int]:
    return list(dict.fromkeys(resolve_dataset(db, uuid) for uuid in ids))


def _without_failing(db: sqlite3.Connection, row_ids: Sequence[int]) -> list[int]:
    mood = current_mood()
    names: dict[int, tuple[str, str]] = {row[0]: row[1:] for row in db.execute("SELECT id, name, uuid FROM dataset")}
    failed = {row_id for row_id in row_ids if names[row_id][0] in mood.failing}
    mood.failed.extend(names[row_id][1] for row_id in failed)
    return [row_id for row_id in row_ids if row_id not in failed]


def _resolve_word(db: sqlite3.Connection, word: str, without_analytics: bool) -> list[int]:
    tests = {"analytics": "is_analytics", "operational": "NOT is_analytics"}
    test = tests.get(word, "NOT is_analytics" if without_analytics else "1")
    query = f"SELECT id FROM dataset WHERE deleted_at IS NULL AND {test} ORDER BY id"
    return [int(row[0]) for row in db.execute(query)]
