"""Making, changing, moving and deleting events, inside a transaction that the caller holds."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import (
    EventInput,
    Json,
    country_code,
    is_object,
    marking,
    optional_marking,
    raw_data,
    required_text,
    text,
)
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import exact


@dataclass(frozen=True)
class NewRow:
    """A draft with its place: dataset number, uuid, and when it was created."""

    draft: EventInput
    dataset: int
    uuid: str
    created_at: str


def insert_events(
    db: sqlite3.Connection, rows: Sequence[NewRow], vocabulary: VocabularyIds, due: str | None = None
) -> list[int]:
    """The numbers of the new events. With `due`, their indicators wait until then."""
    last = last_event(db)
    events: list[tuple[object, ...]] = []
    raws: list[tuple[object, ...]] = []
    tags: list[tuple[object, ...]] = []
    indicators: list[tuple[object, ...]] = []
    for number, row in enumerate(rows, last + 1):
        draft = row.draft
        typed = [(value, vocabulary.indicator_type(kind)) for value, kind in draft.indicators]
        first = typed[0] if typed and due is None else (None, None)
        events.append((
            number, row.dataset, row.uuid, draft.date, row.created_at, vocabulary.category(draft.category),
            vocabulary.term("attacker", draft.attacker), vocabulary.term("country", draft.attacker_country),
            vocabulary.term("country", draft.target_country), vocabulary.term("industry", draft.target_industry),
            vocabulary.term("tlp", draft.tlp), draft.event, draft.insight or None, *first,
        ))  # fmt: skip
        if draft.raw is not None:
            raws.append((row.dataset, number, row.created_at, draft.raw.data, draft.raw.source, draft.raw.tlp))
        tags.extend((row.dataset, number, vocabulary.tag(tag, row.created_at)) for tag in draft.tags)
        indicators.extend((row.dataset, number, value, kind) for value, kind in typed)
    db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", events)
    db.executemany("INSERT INTO raw (dataset, event, created, data, source, tlp) VALUES (?, ?, ?, ?, ?, ?)", raws)
    db.executemany("INSERT INTO event_tag (dataset, event, tag) VALUES (?, ?, ?)", tags)
    if due is None:
        db.executemany("INSERT INTO indicator (dataset, event, value, type) VALUES (?, ?, ?, ?)", indicators)
    else:
        queued = "INSERT INTO queued_indicator (dataset, event, value, type, due) VALUES (?, ?, ?, ?, ?)"
        db.executemany(queued, ((*indicator, due) for indicator in indicators))
    return list(range(last + 1, last + 1 + len(rows)))


def last_event(db: sqlite3.Connection) -> int:
    """The highest number that an event ever had; numbers are never given twice."""
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'").fetchone()[0])


def find_event(db: sqlite3.Connection, uuid: str, dataset: int | None = None) -> int | None:
    """The number of an event; without a dataset the earliest stored copy."""
    query = "SELECT id FROM event WHERE uuid = ? AND dataset = ifnull(?, dataset) ORDER BY id LIMIT 1"
    row = db.execute(query, (uuid.strip().lower(), dataset)).fetchone()
    return None if row is None else int(row[0])


def known_event(db: sqlite3.Connection, uuid: str, dataset: int | None = None) -> int:
    """The number of an event, else BadRequest: most routes document no 404."""
    number = find_event(db, uuid, dataset)
    if number is None:
        where = "" if dataset is None else " in this dataset"
        raise BadRequest(f"Event not found: {uuid!r} is no event{where}; list events to see which there are")
    return number


def update_event(db: sqlite3.Connection, event: int, changes: Json) -> None:
    """Set the fields that are named; an empty or null one is cleared. BadRequest for a field that cannot change."""
    for name in ("tags", "indicators"):
        if name in changes:
            raise BadRequest(f"{name} cannot be changed here; use event_tag for tags and indicator for the first one")
    words = VocabularyIds(db)
    columns: dict[str, object] = {}
    if "attacker" in changes:
        columns["attacker"] = words.term("attacker", text(changes, "attacker"))
    if "attackerCountry" in changes:
        columns["attacker_country"] = words.term("country", country_code(changes, "attackerCountry"))
    if "targetCountry" in changes:
        columns["target_country"] = words.term("country", country_code(changes, "targetCountry"))
    if "targetIndustry" in changes:
        columns["target_industry"] = words.term("industry", text(changes, "targetIndustry"))
    if "category" in changes:
        columns["category"] = words.category(required_text(changes, "category"))
    if "tlp" in changes:
        columns["tlp"] = words.term("tlp", marking(changes["tlp"], "tlp"))
    if "event" in changes:
        columns["event"] = required_text(changes, "event")
    if "insight" in changes:
        columns["insight"] = text(changes, "insight") or None
    for name, column in (("date", "date"), ("createdAt", "created_at")):
        if name in changes:
            columns[column] = exact(changes[name], name)
    if "indicator" in changes or "indicatorType" in changes:
        columns |= _update_indicator(db, event, changes, words)
    if columns:
        assignments = ", ".join(f"{column} = ?" for column in columns)
        db.execute(f"UPDATE event SET {assignments} WHERE id = ?", (*columns.values(), event))
    if "raw" in changes:
        update_raw(db, event, changes["raw"])


def update_raw(db: sqlite3.Connection, event: int, raw: object) -> None:
    """Set the named parts of an event's raw evidence, which is made where there is none."""
    if not is_object(raw):
        raise BadRequest("raw must be an object with data, source or tlp")
    dataset, now = db.execute("SELECT dataset, at FROM event, moment WHERE id = ?", (event,)).fetchone()
    columns: dict[str, object] = {}
    if "data" in raw:
        columns["data"] = raw_data(raw["data"])
    if "source" in raw:
        columns["source"] = text(raw, "source")
    if "tlp" in raw:
        columns["tlp"] = optional_marking(raw, "tlp")
    if db.execute("SELECT 1 FROM raw WHERE event = ?", (event,)).fetchone() is None:
        row = (dataset, event, now)
        db.execute("INSERT INTO raw (dataset, event, created, data) VALUES (?, ?, ?, 'null')", row)
    if columns:
        assignments = ", ".join(f"{column} = ?" for column in columns)
        db.execute(f"UPDATE raw SET {assignments} WHERE event = ?", (*columns.values(), event))


def delete_events(db: sqlite3.Connection, dataset: int, uuids: Sequence[str]) -> int:
    """How many of the events were there to be deleted; what hangs on them goes with them."""
    wanted = {uuid.strip().lower() for uuid in uuids}
    found = [number for uuid in wanted if (number := find_event(db, uuid, dataset)) is not None]
    db.executemany("DELETE FROM event WHERE id = ?", ((number,) for number in found))
    return len(found)


def _update_indicator(db: sqlite3.Connection, event: int, changes: Json, words: VocabularyIds) -> Mapping[str, object]:
    query = "SELECT id, value, type, dataset FROM indicator WHERE event = ? ORDER BY id LIMIT 1"
    first = db.execute(query, (event,)).fetchone()
    value = text(changes, "indicator").strip() if "indicator" in changes else first[1] if first else ""
    kind = words.indicator_type(text(changes, "indicatorType").strip()) if "indicatorType" in changes else None
    if "indicatorType" not in changes and first is not None:
        kind = first[2]
    if not value:
        if first is not None:
            db.execute("DELETE FROM indicator WHERE id = ?", (first[0],))
        first = db.execute(query, (event,)).fetchone()
        return {"indicator": first[1] if first else None, "indicator_type": first[2] if first else None}
    if first is not None:
        db.execute("UPDATE indicator SET value = ?, type = ? WHERE id = ?", (value, kind, first[0]))
    else:
        new = "INSERT INTO indicator (dataset, event, value, type) SELECT dataset, id, ?, ? FROM event WHERE id = ?"
        db.execute(new, (value, kind, event))
    return {"indicator": value, "indicator_type": kind}
