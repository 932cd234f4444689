"""Creating, updating and deleting events, inside the caller's transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import EventInput, encode_raw_data
from cf1_mcp.sandbox.json_values import JsonMapping, is_object
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import (
    parse_marking,
    read_country,
    read_optional_marking,
    read_optional_text,
    read_text,
)
from cf1_mcp.sandbox.storage.row_statements import insert_row, update_rows
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import parse_event_date


@dataclass(frozen=True)
class NewEventRow:
    """An event to be inserted: its content, the row id of its dataset, its uuid and its creation time."""

    content: EventInput
    dataset: int
    uuid: str
    created_at: str


def insert_events(
    db: sqlite3.Connection,
    rows: Sequence[NewEventRow],
    vocabulary: VocabularyIds,
    due: str | None = None,
    shown: bool = False,
) -> list[int]:
    """Insert events and return their row ids. With `due`, their indicators stay invisible until that time, or, with
    `shown`, cannot be found until then."""
    last = read_last_event_id(db)
    events: list[tuple[object, ...]] = []
    raws: list[tuple[object, ...]] = []
    tags: list[tuple[object, ...]] = []
    indicators: list[tuple[object, ...]] = []
    for row_id, row in enumerate(rows, last + 1):
        content = row.content
        typed = [(value, vocabulary.indicator_type_id(kind)) for value, kind in content.indicators]
        first = typed[0] if typed and (due is None or shown) else (None, None)
        events.append((
            row_id, row.dataset, row.uuid, content.date, row.created_at, vocabulary.category_id(content.category),
            vocabulary.term_id("attacker", content.attacker), vocabulary.term_id("country", content.attacker_country),
            vocabulary.term_id("country", content.target_country),
            vocabulary.term_id("industry", content.target_industry), vocabulary.term_id("tlp", content.tlp),
            content.event, content.insight or None, *first,
        ))  # fmt: skip
        raws.append((row.dataset, row_id, row.created_at, content.raw.data, content.raw.source, content.raw.tlp))
        tags.extend((row.dataset, row_id, vocabulary.tag_id(tag, row.created_at)) for tag in content.tags)
        indicators.extend((row.dataset, row_id, value, kind) for value, kind in typed)
    db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", events)
    db.executemany("INSERT INTO raw (dataset, event, created, data, source, tlp) VALUES (?, ?, ?, ?, ?, ?)", raws)
    db.executemany("INSERT INTO event_tag (dataset, event, tag) VALUES (?, ?, ?)", tags)
    if due is None:
        db.executemany("INSERT INTO indicator (dataset, event, value, type) VALUES (?, ?, ?, ?)", indicators)
    else:
        queued = "INSERT INTO queued_indicator (dataset, event, value, type, due) VALUES (?, ?, ?, ?, ?)"
        db.executemany(queued, ((*indicator, due) for indicator in indicators))
    return list(range(last + 1, last + 1 + len(rows)))


def read_last_event_id(db: sqlite3.Connection) -> int:
    """Return the highest row id that an event ever had; row ids are never reused."""
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'").fetchone()[0])


def find_event_id(db: sqlite3.Connection, uuid: str, dataset: int | None = None) -> int | None:
    """Return the row id of an event; without a dataset that of the copy stored first."""
    query = "SELECT id FROM event WHERE uuid = ? AND dataset = ifnull(?, dataset) ORDER BY id LIMIT 1"
    row = db.execute(query, (uuid.strip().lower(), dataset)).fetchone()
    return None if row is None else int(row[0])


def require_event_id(db: sqlite3.Connection, uuid: str, dataset: int | None = None) -> int:
    """Return the row id of an event, else BadRequest: most routes document no 404."""
    row_id = find_event_id(db, uuid, dataset)
    if row_id is None:
        where = "" if dataset is None else " in this dataset"
        raise BadRequest(f"Event not found: {uuid!r} does not exist{where}; list events to find valid ids")
    return row_id


def update_event(db: sqlite3.Connection, event: int, changes: JsonMapping) -> None:
    """Set the given fields; an empty or null value clears a field. BadRequest for a field that cannot change."""
    for name in ("tags", "indicators"):
        if name in changes:
            raise BadRequest(
                f"{name} cannot be changed here; use event_tag for tags, and indicator for the first indicator"
            )
    vocabulary = VocabularyIds(db)
    values = _read_changed_columns(changes, vocabulary)
    if "indicator" in changes or "indicatorType" in changes:
        values |= _update_indicator(db, event, changes, vocabulary)
    update_rows(db, "event", "id", event, values)
    if "raw" in changes:
        update_raw(db, event, changes["raw"])


def update_raw(db: sqlite3.Connection, event: int, raw: object) -> None:
    """Set the given parts of an event's raw evidence, which is created where there is none."""
    if not is_object(raw):
        raise BadRequest("raw must be an object with data, source or tlp")
    values: dict[str, object] = {}
    if "data" in raw:
        values["data"] = encode_raw_data(raw["data"])
    if "source" in raw:
        values["source"] = read_optional_text(raw, "source")
    if "tlp" in raw:
        values["tlp"] = read_optional_marking(raw, "tlp")
    if db.execute("SELECT 1 FROM raw WHERE event = ?", (event,)).fetchone() is None:
        dataset, now = db.execute("SELECT dataset, at FROM event, moment WHERE id = ?", (event,)).fetchone()
        insert_row(db, "raw", {"dataset": dataset, "event": event, "created": now, "data": "null"})
    update_rows(db, "raw", "event", event, values)


def delete_events(db: sqlite3.Connection, dataset: int, uuids: Sequence[str]) -> int:
    """Delete events with everything that belongs to them, and return the number of those that existed."""
    unique = {uuid.strip().lower() for uuid in uuids}
    found = [row_id for uuid in unique if (row_id := find_event_id(db, uuid, dataset)) is not None]
    db.executemany("DELETE FROM event WHERE id = ?", ((row_id,) for row_id in found))
    return len(found)


def _read_changed_columns(changes: JsonMapping, vocabulary: VocabularyIds) -> dict[str, object]:
    """Return the new values of the event's columns, except those of its indicator."""
    values: dict[str, object] = {}
    if "attacker" in changes:
        values["attacker"] = vocabulary.term_id("attacker", read_optional_text(changes, "attacker"))
    if "attackerCountry" in changes:
        values["attacker_country"] = vocabulary.term_id("country", read_country(changes, "attackerCountry"))
    if "targetCountry" in changes:
        values["target_country"] = vocabulary.term_id("country", read_country(changes, "targetCountry"))
    if "targetIndustry" in changes:
        values["target_industry"] = vocabulary.term_id("industry", read_optional_text(changes, "targetIndustry"))
    if "category" in changes:
        values["category"] = vocabulary.category_id(read_text(changes, "category"))
    if "tlp" in changes:
        values["tlp"] = vocabulary.term_id("tlp", parse_marking(changes["tlp"], "tlp"))
    if "event" in changes:
        values["event"] = read_text(changes, "event")
    if "insight" in changes:
        values["insight"] = read_optional_text(changes, "insight") or None
    for name, column in (("date", "date"), ("createdAt", "created_at")):
        if name in changes:
            values[column] = parse_event_date(changes[name], name)
    return values


def _update_indicator(
    db: sqlite3.Connection, event: int, changes: JsonMapping, vocabulary: VocabularyIds
) -> dict[str, object]:
    """Change, add or remove the first indicator, and return the event's indicator columns."""
    if is_like_live():
        columns = "dataset, event, value, type"
        queued = f"SELECT {columns} FROM queued_indicator WHERE event = ? ORDER BY id"
        db.execute(f"INSERT INTO indicator ({columns}) {queued}", (event,))
        db.execute("DELETE FROM queued_indicator WHERE event = ?", (event,))
    query = "SELECT id, value, type FROM indicator WHERE event = ? ORDER BY id LIMIT 1"
    row_id, value, kind = db.execute(query, (event,)).fetchone() or (None, "", None)
    if "indicator" in changes:
        value = read_optional_text(changes, "indicator").strip()
    if "indicatorType" in changes:
        kind = vocabulary.indicator_type_id(read_optional_text(changes, "indicatorType").strip())
    if not value:
        db.execute("DELETE FROM indicator WHERE id = ?", (row_id,))
        _, value, kind = db.execute(query, (event,)).fetchone() or (None, None, None)
    elif row_id is not None:
        db.execute("UPDATE indicator SET value = ?, type = ? WHERE id = ?", (value, kind, row_id))
    else:
        new = "INSERT INTO indicator (dataset, event, value, type) SELECT dataset, id, ?, ? FROM event WHERE id = ?"
        db.execute(new, (value, kind, event))
    return {"indicator": value, "indicator_type": kind}
