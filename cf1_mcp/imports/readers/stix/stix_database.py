"""Keeps the objects of a STIX bundle on disk while it is read, so that its size is not limited by memory.

Of several versions of one object the newest counts, by `modified`. What its newest version revokes is left out and
counted: an object, and a relationship or sighting, which then says nothing.
"""

import json
import sqlite3
from typing import BinaryIO, Final

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.exports.stix_objects import object_id
from cf1_mcp.exports.stix_vocabulary import EVENT_EXTENSION
from cf1_mcp.imports.readers.json_stream import JsonStream
from cf1_mcp.imports.readers.source_rows import ReaderNotes, quote
from cf1_mcp.imports.readers.stix.stix_markings import BundleObject, dump_refs
from cf1_mcp.imports.readers.stix.stix_properties import find_own_record, list_texts, list_values

ROW_TYPES: Final = ("report", "grouping", "campaign", "indicator")
PARENT_TYPES: Final = ROW_TYPES[:3]
ACTOR_TYPES: Final = ("intrusion-set", "threat-actor")
TAG_TYPES: Final = ("malware", "tool", "attack-pattern", "vulnerability")
TARGET_TYPES: Final = ("identity", "location")
LINK_TYPES: Final = ("relationship", "sighting")
KNOWN_TYPES: Final = (*ROW_TYPES, *ACTOR_TYPES, *TAG_TYPES, *TARGET_TYPES, *LINK_TYPES, "marking-definition")
# Objects without information for an event. No note reports that they are left out.
IGNORED_TYPES: Final = ("extension-definition", "language-content")
_TABLES: Final = """
CREATE TABLE object (id TEXT PRIMARY KEY, place INTEGER, type TEXT, version TEXT, revoked INTEGER, own INTEGER,
    json TEXT);
CREATE TABLE edge (one TEXT, type TEXT, other TEXT, marks TEXT, said TEXT, own INTEGER);
CREATE TABLE sighting (id TEXT, date TEXT, marks TEXT);
CREATE TABLE repeated (id TEXT, marks TEXT);
CREATE TABLE gone (id TEXT PRIMARY KEY);
CREATE TABLE observable (place INTEGER, type TEXT, value TEXT);
CREATE TABLE imported (value TEXT PRIMARY KEY);
CREATE INDEX repeated_id ON repeated (id);
"""
# Finds links in circles: those that remain after links at the ends of chains are removed again and again.
MAX_DEPTH: Final = 100  # levels; deeper links are treated as circles
_GRAPH: Final = """
CREATE INDEX edge_one ON edge (one); CREATE INDEX edge_other ON edge (other); CREATE INDEX sighted ON sighting (id);
CREATE TABLE loop AS SELECT other AS child, one AS parent FROM edge WHERE type = 'refers-to'
    UNION SELECT one, other FROM edge WHERE type <> 'refers-to';
CREATE INDEX loop_child ON loop (child, parent); CREATE INDEX loop_parent ON loop (parent);
"""
_PRUNE: Final = (
    "DELETE FROM loop WHERE parent NOT IN (SELECT child FROM loop) OR child NOT IN (SELECT parent FROM loop)"
)
# What a page of a TAXII 2.1 collection has beside its objects.
_ENVELOPE_KEYS: Final = frozenset({"objects", "more", "next", "id"})


def open_bundle(file: BinaryIO, notes: ReaderNotes) -> sqlite3.Connection:
    """Return the objects of a bundle, or of a TAXII envelope, in a database on disk that the caller closes.

    Raises:
        BadFile: the file is neither.
    """
    db = sqlite3.connect("", check_same_thread=False)
    try:
        db.executescript(_TABLES)
        _store_bundle(db, file, notes)
        _leave_out_revoked(db, notes)
        _store_links(db)
        db.executescript(_GRAPH)
        for _ in range(MAX_DEPTH):
            if not db.execute(_PRUNE).rowcount:
                break
    except BaseException:
        db.close()
        raise
    return db


def _store_bundle(db: sqlite3.Connection, file: BinaryIO, notes: ReaderNotes) -> None:
    kind: JsonValue = None
    keys: set[str] = set()
    stream = JsonStream(file)
    for key in stream.members():
        keys.add(key)
        if key == "objects" and stream.peek() == "[":
            for place, value in enumerate(stream.elements(), 1):
                _store_object(db, place, value, notes)
            continue
        value = stream.value()
        kind = value if key == "type" else kind
        if key == "spec_version" and value != "2.1":
            raise _unsupported_version(value)
        if key == "more" and value is True:
            notes.lose("the TAXII envelope is one page, and there are more: import the following pages as well")
    stream.expect_end()
    is_envelope = kind is None and "objects" in keys and keys <= _ENVELOPE_KEYS
    if kind != "bundle" and not is_envelope:
        raise BadFile(
            'The file is neither a STIX bundle ("type": "bundle") nor a TAXII envelope ({"objects": [...]}). '
            "Name its real format."
        )


def _store_object(db: sqlite3.Connection, place: int, value: JsonValue, notes: ReaderNotes) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not isinstance(value.get("type"), str):
        notes.lose("an element of the bundle is not a STIX object", place)
        return
    kind, name = str(value["type"]), str(value["id"])
    if (version := value.get("spec_version")) not in ("2.1", None):
        raise _unsupported_version(version)
    if version is None and kind in ("indicator", "report", "sighting", "relationship"):
        raise _unsupported_version("2.0")
    if kind not in KNOWN_TYPES:
        if values := list_values(value):
            db.executemany("INSERT INTO observable VALUES (?, ?, ?)", [(place, kind, one) for one in values])
        elif kind not in IGNORED_TYPES:
            notes.add(f"an object of type {quote(kind)} is not imported")
        return
    own = find_own_record(value, EVENT_EXTENSION) is not None
    columns = (place, kind, _sortable(value), value.get("revoked") in (True, "true", 1), own, json.dumps(value), name)
    known = db.execute("SELECT version, json FROM object WHERE id = ?", (name,)).fetchone()
    if known is None:
        db.execute(
            "INSERT INTO object (place, type, version, revoked, own, json, id) VALUES (?, ?, ?, ?, ?, ?, ?)", columns
        )
        return
    is_newer = columns[2] > known[0]
    notes.add(
        "an object has several versions: the newest is imported"
        if columns[2] != known[0]
        else "an object occurs more than once: only its first version is imported"
    )
    db.execute("INSERT INTO repeated VALUES (?, ?)", (name, dump_refs(json.loads(known[1]) if is_newer else value)))
    if is_newer:
        db.execute(
            "UPDATE object SET place = ?, type = ?, version = ?, revoked = ?, own = ?, json = ? WHERE id = ?", columns
        )


def _leave_out_revoked(db: sqlite3.Connection, notes: ReaderNotes) -> None:
    for kind, count in db.execute("SELECT type, count(*) FROM object WHERE revoked GROUP BY type ORDER BY type"):
        notes.add(f"an object of type {quote(kind)} is revoked and left out", count)
    db.execute("INSERT INTO gone SELECT id FROM object WHERE revoked")
    db.execute("DELETE FROM object WHERE revoked")


def _store_links(db: sqlite3.Connection) -> None:
    """Store what relationships, sightings and lists of references say as edges."""
    select = "SELECT json FROM object WHERE type = ? ORDER BY place"
    for (text,) in db.execute(select, ("relationship",)).fetchall():
        value: BundleObject = json.loads(text)
        ends = (str(value.get("source_ref")), str(value.get("relationship_type")), str(value.get("target_ref")))
        said = str(value.get("description") or "")
        # The id that an export gives to a link between two events.
        is_own = said != "" and value.get("id") == object_id("relationship", ends[1], ends[0], ends[2], said)
        db.execute("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?)", (*ends, dump_refs(value), said, is_own))
    for (text,) in db.execute(select, ("sighting",)).fetchall():
        value = json.loads(text)
        date = value.get("last_seen") or value.get("first_seen") or value.get("created")
        sighted, marks = str(value.get("sighting_of_ref")), dump_refs(value)
        db.execute("INSERT INTO sighting VALUES (?, ?, ?)", (sighted, str(date), marks))
        for one in list_texts(value.get("where_sighted_refs")):
            db.execute("INSERT INTO edge VALUES (?, 'sighted-at', ?, ?, '', 0)", (sighted, one, marks))
    db.execute("DELETE FROM object WHERE type IN ('relationship', 'sighting')")
    for kind in PARENT_TYPES:
        for (text,) in db.execute(select, (kind,)).fetchall():
            value = json.loads(text)
            refs = [(str(value["id"]), "refers-to", one, "[]", "", 0) for one in list_texts(value.get("object_refs"))]
            db.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?)", refs)


def _sortable(value: BundleObject) -> str:
    """Return the time of a version in a form that sorts. STIX times are in UTC, with any number of decimals."""
    time = value.get("modified") or value.get("created")
    whole, _, decimals = (time if isinstance(time, str) else "").rstrip("Zz").partition(".")
    return f"{whole}.{decimals:0<9}"


def _unsupported_version(version: JsonValue) -> BadFile:
    return BadFile(
        f"The bundle is STIX {quote(str(version))}, but only 2.1 is supported. Convert it first, for example with the "
        "STIX elevator, or export it as 2.1."
    )
