"""The history of every row, and reverting a dataset to an earlier state.

Triggers record each change in `history`. The first entry of a row after a moment contains the row as it was at that
moment, so a revert restores that entry for every row changed since. A revert is recorded like any other change, so it
can be reverted too.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import HISTORY, REVERT_DELAY
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.sandbox.storage.sql_schema import INSERT_TRIGGERS, VERSIONED_COLUMNS
from cf1_mcp.sandbox.timestamps import format_stored, format_wire

MAX_MINUTES_AGO: Final = HISTORY // timedelta(minutes=1)
# Rows that link two events are restored only where both events exist.
_LINKED_EVENTS: Final = {"relationship": ("parent", "child"), "event_reference": ("event", "target")}
_CHANGED: Final = """
SELECT kind, row, before FROM history WHERE seq IN (
    SELECT min(seq) FROM history WHERE at > ? AND (dataset = ? OR other = ?) GROUP BY kind, row
) ORDER BY seq
"""


def revert_dataset(database: SandboxDatabase, dataset: int, minutes_ago: object) -> dict[str, object]:
    """Restore a dataset to an earlier time and return the API's answer; BadRequest for a time out of range."""
    if (
        not isinstance(minutes_ago, (int, float))
        or isinstance(minutes_ago, bool)
        or not 0 < minutes_ago <= MAX_MINUTES_AGO
    ):
        raise BadRequest(
            f"minutesAgo must be a number above 0 and at most {MAX_MINUTES_AGO} (30 days), not {minutes_ago!r}"
        )
    moment = format_stored(database.clock() - timedelta(minutes=minutes_ago))
    if is_like_live():
        database.run_later(REVERT_DELAY, lambda: _restore_moment(database, dataset, minutes_ago, moment))
        bookmark = _bookmark(database.db, moment, "WHERE at <= ?", (moment,))
        undo = _bookmark(database.db, database.now(), "", ())
        return _render_revert(database.db, dataset, minutes_ago, moment, (bookmark, undo)) | {"status": "scheduled"}
    return _restore_moment(database, dataset, minutes_ago, moment)


def _restore_moment(database: SandboxDatabase, dataset: int, minutes_ago: float, moment: str) -> dict[str, object]:
    """Restore a dataset to a moment and return the API's answer."""
    with database.transaction() as db:
        # Bookmarks contain the number of changes until then, so that they sort correctly even within one millisecond.
        revert_bookmark = _bookmark(db, moment, "WHERE at <= ?", (moment,))
        undo_bookmark = _bookmark(db, database.now(), "", ())
        changed: dict[str, list[tuple[int, str | None]]] = {table: [] for table in VERSIONED_COLUMNS}
        for kind, row, before in db.execute(_CHANGED, (moment, dataset, dataset)).fetchall():
            changed[kind].append((row, before))
        for table in reversed(VERSIONED_COLUMNS):
            created = [(row,) for row, before in changed[table] if before is None]
            db.executemany(f"DELETE FROM {table} WHERE id = ?", created)
        for table in VERSIONED_COLUMNS:
            _restore(db, table, [json.loads(before) for _, before in changed[table] if before is not None])
        row = (dataset, database.now(), revert_bookmark, undo_bookmark)
        db.execute("INSERT INTO bookmark (dataset, at, revert_bookmark, undo_bookmark) VALUES (?, ?, ?, ?)", row)
        return _render_revert(db, dataset, minutes_ago, moment, (revert_bookmark, undo_bookmark))


def _render_revert(
    db: sqlite3.Connection, dataset: int, minutes_ago: float, moment: str, bookmarks: tuple[str, str]
) -> dict[str, object]:
    return {
        "datasetId": db.execute("SELECT uuid FROM dataset WHERE id = ?", (dataset,)).fetchone()[0],
        "minutesAgo": minutes_ago,
        "targetTimestamp": format_wire(moment),
        "revertBookmark": bookmarks[0],
        "undoBookmark": bookmarks[1],
    }


def pause_insert_history(db: sqlite3.Connection) -> None:
    """Stop recording new rows, inside a transaction; a load calls `record_load` at its end instead."""
    for trigger in INSERT_TRIGGERS:
        db.execute(f"DROP TRIGGER {trigger}")


def record_load(db: sqlite3.Connection, first_event: int) -> None:
    """Record loaded events at their creation time, and resume recording new rows.

    Tags, indicators and raw evidence are deleted with their event, so they need no entries. A link between two events
    counts as created with the newer one.
    """
    horizon = "(SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at, ?) FROM moment)"
    back = f"-{HISTORY.days} days"
    columns = "INSERT INTO history (at, dataset, other, kind, row) SELECT"
    db.execute(
        f"{columns} created_at, dataset, NULL, 'event', id FROM event WHERE id >= ? AND created_at > {horizon}",
        (first_event, back),
    )
    for table, (one, two) in _LINKED_EVENTS.items():
        db.execute(
            f"{columns} max(a.created_at, b.created_at) born, r.dataset, r.other, '{table}', r.id FROM {table} r "
            f"JOIN event a ON a.id = r.{one} JOIN event b ON b.id = r.{two} "
            f"WHERE (a.id >= ? OR b.id >= ?) AND max(a.created_at, b.created_at) > {horizon}",
            (first_event, first_event, back),
        )
    for statement in INSERT_TRIGGERS.values():
        db.execute(statement)


def _restore(db: sqlite3.Connection, table: str, rows: Sequence[dict[str, str | int | None]]) -> None:
    if table in _LINKED_EVENTS:
        one, two = _LINKED_EVENTS[table]
        exists = "SELECT count(*) FROM event WHERE id IN (?, ?)"
        rows = [row for row in rows if db.execute(exists, (row[one], row[two])).fetchone()[0] == 2]
    columns = VERSIONED_COLUMNS[table]
    names, marks = ", ".join(columns), ", ".join(f":{column}" for column in columns)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}"
    db.executemany(statement, rows)


def _bookmark(db: sqlite3.Connection, moment: str, where: str, parameters: tuple[str, ...]) -> str:
    changes = db.execute(f"SELECT coalesce(max(seq), 0) FROM history {where}", parameters).fetchone()[0]
    return f"{moment}-{changes:012d}"
