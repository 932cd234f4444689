"""Moving and copying events between datasets, inside a transaction that the caller holds."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from cf1_mcp.sandbox.storage.event_writes import find_event

_COLUMNS = (
    "uuid, date, created_at, category, attacker, attacker_country, target_country, target_industry, tlp, event, "
    "insight, indicator, indicator_type"
)


@dataclass
class CopyResult:
    """What arrived in the other dataset, and why some events did not; the index is 0-based."""

    numbers: dict[int, int] = field(default_factory=dict[int, int])
    indicators: int = 0
    relationships: int = 0
    failures: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def arrived(self, number: int) -> int:
        """The copy's number where an event was copied, else its own."""
        return self.numbers.get(number, number)


def copy_events(
    db: sqlite3.Connection, source: int, target: int, uuids: Sequence[str], *, keep_raw: bool
) -> CopyResult:
    """Copy events with tags, indicators, relationships and references, and with raw when it is kept."""
    copied = CopyResult()
    for index, uuid in enumerate(uuids):
        number = find_event(db, uuid, source)
        if number is None:
            copied.failures.append({"index": index, "reason": f"Event not found: {uuid!r} is not in this dataset"})
        elif number in copied.numbers or find_event(db, uuid, target) is not None:
            copied.failures.append({"index": index, "reason": f"Event {uuid!r} is in the destination already"})
        else:
            copied.numbers[number] = _copy(db, number, target, keep_raw)
    # Links follow once every event has arrived, so that events copied together stay linked to one another.
    for number in copied.numbers:
        _copy_links(db, number, copied)
    for new in copied.numbers.values():
        row = db.execute("SELECT count(*) FROM indicator WHERE event = ?", (new,)).fetchone()
        copied.indicators += int(row[0])
    return copied


def move_events(
    db: sqlite3.Connection, source: int, target: int, uuids: Sequence[str], *, keep_raw: bool
) -> CopyResult:
    """Copy, then take the copied events and their raw out of the source."""
    copied = copy_events(db, source, target, uuids, keep_raw=keep_raw)
    db.executemany("DELETE FROM event WHERE id = ?", ((number,) for number in copied.numbers))
    return copied


def _copy(db: sqlite3.Connection, number: int, target: int, keep_raw: bool) -> int:
    db.execute(
        f"INSERT INTO event (dataset, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM event WHERE id = ?",
        (target, number),
    )
    new = int(db.execute("SELECT last_insert_rowid()").fetchone()[0])
    tables = {"event_tag": "tag", "indicator": "value, type", "queued_indicator": "value, type, due"}
    if keep_raw:
        tables["raw"] = "created, data, source, tlp"
    for table, columns in tables.items():
        db.execute(
            f"INSERT INTO {table} (dataset, event, {columns}) "
            f"SELECT ?, ?, {columns} FROM {table} WHERE event = ? ORDER BY id",
            (target, new, number),
        )
    return new


def _copy_links(db: sqlite3.Connection, number: int, copied: CopyResult) -> None:
    links = "SELECT parent, child, type FROM relationship WHERE parent = :event OR child = :event"
    for parent, child, kind in db.execute(links, {"event": number}).fetchall():
        copied.relationships += link(db, copied.arrived(parent), copied.arrived(child), kind)
    references = "SELECT event, target FROM event_reference WHERE event = :event OR target = :event"
    for event, target in db.execute(references, {"event": number}).fetchall():
        refer(db, copied.arrived(event), copied.arrived(target))


def link(db: sqlite3.Connection, parent: int, child: int, kind: str) -> int:
    """1 when the relationship is new, 0 when it was there."""
    return db.execute(
        "INSERT INTO relationship (dataset, other, parent, child, type) "
        "SELECT p.dataset, c.dataset, p.id, c.id, ? FROM event p, event c WHERE p.id = ? AND c.id = ? "
        "ON CONFLICT (parent, child, type) DO NOTHING",
        (kind, parent, child),
    ).rowcount


def refer(db: sqlite3.Connection, event: int, target: int) -> None:
    """Let one event reference another, once."""
    db.execute(
        "INSERT INTO event_reference (dataset, other, event, target) "
        "SELECT a.dataset, b.dataset, a.id, b.id FROM event a, event b WHERE a.id = ? AND b.id = ? "
        "ON CONFLICT (event, target) DO NOTHING",
        (event, target),
    )
