"""The tables of the sandbox, and the triggers that record every row before it changes.

Repeated words (attackers, countries, industries, markings) are stored once in `term`, and events contain their row ids:
grouping and filtering 120,000 events then compares small integers inside one index. Times are text of fixed width,
`2026-11-01T09:30:00.000Z`, which sorts chronologically.
"""

from typing import Final

TABLES: Final = """
CREATE TABLE moment (at TEXT NOT NULL);
INSERT INTO moment VALUES ('');

CREATE TABLE dataset (
    id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    is_public INTEGER NOT NULL, is_analytics INTEGER NOT NULL, deleted_at TEXT
);
CREATE TABLE category (
    id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    kill_chain REAL NOT NULL, mitre_attack TEXT NOT NULL, mitre_capec TEXT NOT NULL, shortname TEXT NOT NULL
);
CREATE TABLE country (alpha2 TEXT PRIMARY KEY, alpha3 TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE indicator_type (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);
CREATE TABLE term (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (kind, value));
CREATE TABLE tag (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, value TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL);

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL, uuid TEXT NOT NULL, date TEXT NOT NULL,
    created_at TEXT NOT NULL, category INTEGER NOT NULL, attacker INTEGER, attacker_country INTEGER,
    target_country INTEGER, target_industry INTEGER, tlp INTEGER, event TEXT NOT NULL, insight TEXT,
    indicator TEXT, indicator_type INTEGER, UNIQUE (uuid, dataset)
);
CREATE INDEX event_newest ON event (date, uuid);
CREATE INDEX event_dataset ON event (dataset, date, uuid);
CREATE INDEX event_attacker ON event (attacker, date, uuid);
CREATE INDEX event_target_country ON event (target_country, date, uuid);
CREATE INDEX event_category ON event (category, date, uuid);
CREATE INDEX event_counts ON event (
    dataset, date, attacker, attacker_country, category, indicator_type, target_country, target_industry, tlp
);

CREATE TABLE raw (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL,
    event INTEGER NOT NULL UNIQUE REFERENCES event ON DELETE CASCADE,
    created TEXT NOT NULL, data TEXT NOT NULL, source TEXT, tlp TEXT
);
CREATE TABLE event_tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, tag INTEGER NOT NULL, UNIQUE (event, tag)
);
CREATE INDEX event_tag_tag ON event_tag (tag, event);
CREATE TABLE indicator (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, value TEXT NOT NULL, type INTEGER
);
CREATE INDEX indicator_value ON indicator (value COLLATE NOCASE, event);
CREATE INDEX indicator_event ON indicator (event, type);
CREATE TABLE queued_indicator (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, value TEXT NOT NULL, type INTEGER, due TEXT NOT NULL
);
CREATE INDEX queued_indicator_due ON queued_indicator (due);
CREATE INDEX queued_indicator_event ON queued_indicator (event);
CREATE TABLE relationship (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL, other INTEGER NOT NULL,
    parent INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
    child INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, type TEXT NOT NULL, UNIQUE (parent, child, type)
);
CREATE INDEX relationship_child ON relationship (child);
CREATE TABLE event_reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT, dataset INTEGER NOT NULL, other INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
    target INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, UNIQUE (event, target)
);
CREATE INDEX event_reference_target ON event_reference (target);

CREATE TABLE query (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, query_json TEXT NOT NULL,
    alert_enabled INTEGER NOT NULL, alert_rollup_enabled INTEGER NOT NULL, rule_enabled INTEGER NOT NULL,
    rule_scope TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT, query_id INTEGER NOT NULL REFERENCES query ON DELETE CASCADE,
    enabled INTEGER NOT NULL, frequency TEXT NOT NULL, notification_type TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);

CREATE TABLE history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, dataset INTEGER NOT NULL, other INTEGER,
    kind TEXT NOT NULL, row INTEGER NOT NULL, before TEXT
);
CREATE INDEX history_at ON history (at);
CREATE TABLE bookmark (
    id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL, at TEXT NOT NULL, revert_bookmark TEXT NOT NULL,
    undo_bookmark TEXT NOT NULL
);
"""

VERSIONED_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "event": (
        "id", "dataset", "uuid", "date", "created_at", "category", "attacker", "attacker_country", "target_country",
        "target_industry", "tlp", "event", "insight", "indicator", "indicator_type",
    ),
    "raw": ("id", "dataset", "event", "created", "data", "source", "tlp"),
    "event_tag": ("id", "dataset", "event", "tag"),
    "indicator": ("id", "dataset", "event", "value", "type"),
    "queued_indicator": ("id", "dataset", "event", "value", "type", "due"),
    "relationship": ("id", "dataset", "other", "parent", "child", "type"),
    "event_reference": ("id", "dataset", "other", "event", "target"),
}  # fmt: skip
"""The tables that a revert restores, with their columns; events first, because the others refer to them."""


def _build_trigger(table: str, verb: str, row: str, before: str) -> str:
    other = f"{row}.other" if "other" in VERSIONED_COLUMNS[table] else "NULL"
    entry = f"at, {row}.dataset, {other}, '{table}', {row}.id, {before}"
    write = f"INSERT INTO history (at, dataset, other, kind, row, before) SELECT {entry} FROM moment"
    return f"CREATE TRIGGER {table}_{verb.lower()} AFTER {verb} ON {table} BEGIN {write}; END"


def _build_old_row(table: str) -> str:
    return "json_object({})".format(", ".join(f"'{column}', OLD.{column}" for column in VERSIONED_COLUMNS[table]))


INSERT_TRIGGERS: Final = {
    f"{table}_insert": _build_trigger(table, "INSERT", "NEW", "NULL") for table in VERSIONED_COLUMNS
}
"""Separate from the others because a load disables them and records all its rows at once."""

TRIGGERS: Final = tuple(
    _build_trigger(table, verb, "OLD", _build_old_row(table))
    for table in VERSIONED_COLUMNS
    for verb in ("UPDATE", "DELETE")
) + tuple(INSERT_TRIGGERS.values())
