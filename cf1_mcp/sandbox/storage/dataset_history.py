"""What every row was before it changed, and how a dataset gets back there.

Triggers write each change into `history`. The earliest entry after a moment holds what its row was at that moment, so
a revert sets every row that changed since back to that. It writes history like any change: a revert can be reverted.
"""

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.invented import HISTORY
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.sql_schema import INSERT_TRIGGERS, VERSIONED
from cf1_mcp.sandbox.timestamps import shown, stored

MAX_MINUTES_AGO: Final = HISTORY // timedelta(minutes=1)
# Rows that join two events are restored only where both still are.
_ENDS: Final = {"relationship": ("parent", "child"), "event_reference": ("event", "target")}
_CHANGED: Final = """
SELECT kind, row, before FROM history WHERE seq IN (
    SELECT min(seq) FROM history WHERE at > ? AND (dataset = ? OR other = ?) GROUP BY kind, row
) ORDER BY seq
"""


def revert(store: SandboxDatabase, dataset: int, minutes_ago: object) -> dict[str, object]:
    """Put a dataset back to where it was; the API's answer. BadRequest when the time is not within 30 days."""
    if (
        not isinstance(minutes_ago, (int, float))
        or isinstance(minutes_ago, bool)
        or not 0 < minutes_ago <= MAX_MINUTES_AGO
    ):
        raise BadRequest(
            f"minutesAgo must be a number above 0 and at most {MAX_MINUTES_AGO} (30 days), not {minutes_ago!r}"
        )
    moment = stored(store.clock() - timedelta(minutes=minutes_ago))
    with store.transaction() as db:
        # Bookmarks count the changes made until then, so that they sort as time does even within one moment.
        revert_bookmark = _bookmark(db, moment, "WHERE at <= ?", (moment,))
        undo_bookmark = _bookmark(db, store.now(), "", ())
        changed: dict[str, list[tuple[int, str | None]]] = {table: [] for table in VERSIONED}
        for kind, row, before in db.execute(_CHANGED, (moment, dataset, dataset)).fetchall():
            changed[kind].append((row, before))
        for table in reversed(VERSIONED):
            gone = [(row,) for row, before in changed[table] if before is None]
            db.executemany(f"DELETE FROM {table} WHERE id = ?", gone)
        for table in VERSIONED:
            _restore(db, table, [json.loads(before) for _, before in changed[table] if before is not None])
        row = (dataset, store.now(), revert_bookmark, undo_bookmark)
        db.execute("INSERT INTO bookmark (dataset, at, revert_bookmark, undo_bookmark) VALUES (?, ?, ?, ?)", row)
        uuid = db.execute("SELECT uuid FROM dataset WHERE id = ?", (dataset,)).fetchone()[0]
    return {
        "datasetId": uuid,
        "minutesAgo": minutes_ago,
        "targetTimestamp": shown(moment),
        "revertBookmark": revert_bookmark,
        "undoBookmark": undo_bookmark,
    }


def without_insert_history(db: sqlite3.Connection) -> None:
    """Stop remembering new rows, inside a transaction: what loads many writes `remember_load` instead."""
    for trigger in INSERT_TRIGGERS:
        db.execute(f"DROP TRIGGER {trigger}")


def remember_load(db: sqlite3.Connection, first_event: int) -> None:
    """Remember loaded events as created when they say they were, and go on remembering new rows.

    What hangs on an event leaves with it, so its tags, indicators and raw need no entries; what joins two events came
    with the younger.
    """
    horizon = "(SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at, ?) FROM moment)"
    back = f"-{HISTORY.days} days"
    columns = "INSERT INTO history (at, dataset, other, kind, row) SELECT"
    db.execute(
        f"{columns} created_at, dataset, NULL, 'event', id FROM event WHERE id >= ? AND created_at > {horizon}",
        (first_event, back),
    )
    for table, (one, two) in _ENDS.items():
        db.execute(
            f"{columns} max(a.created_at, b.created_at) born, r.dataset, r.other, '{table}', r.id FROM {table} r "
            f"JOIN event a ON a.id = r.{one} JOIN event b ON b.id = r.{two} "
            f"WHERE (a.id >= ? OR b.id >= ?) AND max(a.created_at, b.created_at) > {horizon}",
            (first_event, first_event, back),
        )
    for statement in INSERT_TRIGGERS.values():
        db.execute(statement)


def _restore(db: sqlite3.Connection, table: str, rows: Sequence[dict[str, str | int | None]]) -> None:
    if table in _ENDS:
        one, two = _ENDS[table]
        exists = "SELECT count(*) FROM event WHERE id IN (?, ?)"
        rows = [row for row in rows if db.execute(exists, (row[one], row[two])).fetchone()[0] == 2]
    columns = VERSIONED[table]
    names, marks = ", ".join(columns), ", ".join(f":{column}" for column in columns)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}"
    db.executemany(statement, rows)


def _bookmark(db: sqlite3.Connection, moment: str, where: str, parameters: tuple[str, ...]) -> str:
    changes = db.execute(f"SELECT coalesce(max(seq), 0) FROM history {where}", parameters).fetchone()[0]
    return f"{moment}-{changes:012d}"
