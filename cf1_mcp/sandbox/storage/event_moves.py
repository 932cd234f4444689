"""Moving and copying events between datasets, inside the caller's transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from cf1_mcp.sandbox.storage.event_links import add_reference, add_relationship
from cf1_mcp.sandbox.storage.event_writes import find_event_id

_COLUMNS = (
    "uuid, date, created_at, category, attacker, attacker_country, target_country, target_industry, tlp, event, "
    "insight, indicator, indicator_type"
)


@dataclass
class CopyResult:
    """What was copied, and why some events were not.

    `row_ids` maps the originals to their copies; the index in `failures` is 0-based.
    """

    row_ids: dict[int, int] = field(default_factory=dict[int, int])
    indicators: int = 0
    relationships: int = 0
    failures: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def find_copy(self, row_id: int) -> int:
        """Return the row id of an event's copy, or its own where it was not copied."""
        return self.row_ids.get(row_id, row_id)


def copy_events(
    db: sqlite3.Connection, source: int, target: int, uuids: Sequence[str], *, keep_raw: bool
) -> CopyResult:
    """Copy events with tags, indicators, relationships and references, and with raw evidence where `keep_raw`."""
    copied = CopyResult()
    for index, uuid in enumerate(uuids):
        row_id = find_event_id(db, uuid, source)
        if row_id is None:
            copied.failures.append({"index": index, "reason": f"Event not found: {uuid!r} is not in this dataset"})
        elif row_id in copied.row_ids or find_event_id(db, uuid, target) is not None:
            copied.failures.append({"index": index, "reason": f"Event {uuid!r} is already in the destination"})
        else:
            copied.row_ids[row_id] = _copy_event(db, row_id, target, keep_raw)
    # Links are copied after all events, so that events copied together stay linked to each other.
    for row_id in copied.row_ids:
        _copy_links(db, row_id, copied)
    for new in copied.row_ids.values():
        row = db.execute("SELECT count(*) FROM indicator WHERE event = ?", (new,)).fetchone()
        copied.indicators += int(row[0])
    return copied


def move_events(
    db: sqlite3.Connection, source: int, target: int, uuids: Sequence[str], *, keep_raw: bool
) -> CopyResult:
    """Copy events, then delete the originals with their raw evidence."""
    copied = copy_events(db, source, target, uuids, keep_raw=keep_raw)
    db.executemany("DELETE FROM event WHERE id = ?", ((row_id,) for row_id in copied.row_ids))
    return copied


def _copy_event(db: sqlite3.Connection, row_id: int, target: int, keep_raw: bool) -> int:
    db.execute(
        f"INSERT INTO event (dataset, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM event WHERE id = ?",
        (target, row_id),
    )
    new = int(db.execute("SELECT last_insert_rowid()").fetchone()[0])
    tables = {"event_tag": "tag", "indicator": "value, type", "queued_indicator": "value, type, due"}
    if keep_raw:
        tables["raw"] = "created, data, source, tlp"
    for table, columns in tables.items():
        db.execute(
            f"INSERT INTO {table} (dataset, event, {columns}) "
            f"SELECT ?, ?, {columns} FROM {table} WHERE event = ? ORDER BY id",
            (target, new, row_id),
        )
    return new


def _copy_links(db: sqlite3.Connection, row_id: int, copied: CopyResult) -> None:
    links = "SELECT parent, child, type FROM relationship WHERE parent = :event OR child = :event"
    for parent, child, kind in db.execute(links, {"event": row_id}).fetchall():
        copied.relationships += add_relationship(db, copied.find_copy(parent), copied.find_copy(child), kind)
    references = "SELECT event, target FROM event_reference WHERE event = :event OR target = :event"
    for event, target in db.execute(references, {"event": row_id}).fetchall():
        add_reference(db, copied.find_copy(event), copied.find_copy(target))
