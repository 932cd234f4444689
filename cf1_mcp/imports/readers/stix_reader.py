"""Reads STIX 2.1 bundles: indicators become events, and reports and groupings their parent events.

| object | becomes |
|---|---|
| indicator | a row for each value of a simple pattern; one row without an indicator for other patterns |
| sighting | the date of the object that was sighted; the last sighting counts |
| report, grouping, campaign | a parent row of the objects that it refers to |
| relationship | a link between two rows; or, with an object of a type below, a field of the row |
| intrusion-set, threat-actor | the attacker |
| attack-pattern, malware, tool | a tag: the technique's id, or the name |
| identity, location | the targeted industry or country |
| marking-definition | the marking: the highest of all parts that a row is made of |
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from typing import BinaryIO, Final, cast

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.json_stream import JsonStream
from cf1_mcp.imports.readers.source_rows import ParentRef, ReaderNotes, SourceRow, SourceRows, quote
from cf1_mcp.imports.readers.stix_markings import (
    RELATED_PROPERTIES,
    ROW_PROPERTIES,
    BundleObject,
    MarkingLevels,
    dump_refs,
    granular_refs,
    highest_part,
    object_refs,
)
from cf1_mcp.imports.readers.stix_patterns import read_pattern
from cf1_mcp.imports.readers.stix_properties import (
    find_date,
    find_technique,
    find_title,
    list_texts,
    select_evidence,
)
from cf1_mcp.models import RelationshipType, Tlp

Marks = list[tuple[str | None, str]]  # the markings of parts, each with a name of the part
ROW_TYPES: Final = ("report", "grouping", "campaign", "indicator")
PARENT_TYPES: Final = ROW_TYPES[:3]
ACTOR_TYPES: Final = ("intrusion-set", "threat-actor")
TAG_TYPES: Final = ("malware", "tool", "attack-pattern", "vulnerability")
TARGET_TYPES: Final = ("identity", "location")
OTHER_TYPES: Final = ("relationship", "sighting", "marking-definition")
KNOWN_TYPES: Final = (*ROW_TYPES, *ACTOR_TYPES, *TAG_TYPES, *TARGET_TYPES, *OTHER_TYPES)
# Objects without information for an event. No note reports that they are left out.
IGNORED_TYPES: Final = ("extension-definition", "language-content")
_LINK_TYPES: Final[dict[str, RelationshipType]] = {"attributed-to": "attributed_to", "derived-from": "caused_by"}
_TABLES: Final = """
CREATE TABLE object (id TEXT PRIMARY KEY, place INTEGER, type TEXT, json TEXT);
CREATE TABLE edge (one TEXT, type TEXT, other TEXT, marks TEXT);
CREATE TABLE sighting (id TEXT, date TEXT, marks TEXT);
CREATE TABLE repeated (id TEXT, marks TEXT);
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


def read_stix(file: BinaryIO, notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a bundle. Its objects are kept on disk, so that its size is not limited by memory.

    Raises:
        BadFile: the file is not a STIX 2.1 bundle.
    """
    with closing(sqlite3.connect("", check_same_thread=False)) as db:
        db.executescript(_TABLES)
        _store_bundle(db, file, notes)
        bundle = _Bundle(db, notes)
        bundle.note_dangling()
        for kind in ROW_TYPES:
            query = "SELECT place, json FROM object WHERE type = ? ORDER BY place"
            for place, text in db.execute(query, (kind,)):
                yield from bundle.read_rows(int(place), json.loads(text))


def _store_bundle(db: sqlite3.Connection, file: BinaryIO, notes: ReaderNotes) -> None:
    bundle = False
    stream = JsonStream(file)
    for key in stream.members():
        if key == "objects":
            for place, value in enumerate(stream.elements(), 1):
                _store_object(db, place, value, notes)
            continue
        value = stream.value()
        bundle = bundle or (key == "type" and value == "bundle")
        if key == "spec_version" and value != "2.1":
            raise _unsupported_version(value)
    if not bundle:
        raise BadFile('The file is not a STIX bundle: it has no "type": "bundle". Name its real format.')
    db.executescript(_GRAPH)
    for _ in range(MAX_DEPTH):
        if not db.execute(_PRUNE).rowcount:
            break


def _store_object(db: sqlite3.Connection, place: int, value: JsonValue, notes: ReaderNotes) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not isinstance(value.get("type"), str):
        notes.add("an element of the bundle is not a STIX object")
        return
    kind, name = str(value["type"]), str(value["id"])
    if (version := value.get("spec_version")) not in ("2.1", None):
        raise _unsupported_version(version)
    if version is None and kind in ("indicator", "report", "sighting", "relationship"):
        raise _unsupported_version("2.0")
    if kind not in KNOWN_TYPES:
        if kind not in IGNORED_TYPES:
            notes.add(f"an object of type {quote(kind)} is not imported")
        return
    if kind == "relationship":
        ends = (str(value.get("source_ref")), str(value.get("relationship_type")), str(value.get("target_ref")))
        db.execute("INSERT INTO edge VALUES (?, ?, ?, ?)", (*ends, dump_refs(value)))
    elif kind == "sighting":
        date = value.get("last_seen") or value.get("first_seen") or value.get("created")
        sighted, marks = str(value.get("sighting_of_ref")), dump_refs(value)
        db.execute("INSERT INTO sighting VALUES (?, ?, ?)", (sighted, str(date), marks))
        for one in list_texts(value.get("where_sighted_refs")):
            db.execute("INSERT INTO edge VALUES (?, 'sighted-at', ?, ?)", (sighted, one, marks))
    else:
        columns = (name, place, kind, json.dumps(value))
        if not db.execute("INSERT OR IGNORE INTO object VALUES (?, ?, ?, ?)", columns).rowcount:
            notes.add("an object occurs more than once: only its first version is imported")
            db.execute("INSERT INTO repeated VALUES (?, ?)", (name, dump_refs(value)))
        if kind in PARENT_TYPES:
            refs = [(name, "refers-to", one, "[]") for one in list_texts(value.get("object_refs"))]
            db.executemany("INSERT INTO edge VALUES (?, ?, ?, ?)", refs)


class _Bundle:
    """The objects of a bundle and the relationships between them."""

    def __init__(self, db: sqlite3.Connection, notes: ReaderNotes) -> None:
        self._db = db
        self._notes = notes
        self._levels = MarkingLevels(self._load_object)

    def note_dangling(self) -> None:
        """Note the references to objects that are not imported."""
        query = (
            "SELECT count(*), min(other) FROM edge WHERE (SELECT 1 FROM object WHERE id = other) IS NULL "
            "UNION ALL SELECT count(*), min(one) FROM edge WHERE (SELECT 1 FROM object WHERE id = one) IS NULL "
            "UNION ALL SELECT count(*), min(id) FROM sighting s WHERE (SELECT 1 FROM object WHERE id = s.id) IS NULL"
        )
        for count, first in self._db.execute(query):
            if count:
                self._notes.add(f"a reference to an object that is not imported, such as {quote(first)}", count)

    def read_rows(self, place: int, value: BundleObject) -> Iterator[SourceRow]:
        """Yield the rows of one object."""
        name = str(value["id"])
        query = "SELECT date, marks FROM sighting WHERE id = ?"
        sightings: list[tuple[str, str]] = self._db.execute(query, (name,)).fetchall()
        sighted = max((date for date, _ in sightings), default=None)
        fields: dict[str, JsonValue] = {"date": find_date(value, sighted), "event": find_title(value)}
        tlp, unknown = self._find_marking(value)
        if tlp:
            fields["tlp"] = tlp
        if insight := value.get("description"):
            fields["insight"] = str(insight)
        parts = [*self._find_parts(value, ROW_PROPERTIES, "its"), *self._add_related_fields(name, fields)]
        parts += [(self._levels.highest(json.loads(marks)), "a sighting of it") for _, marks in sightings]
        least = highest_part(parts)
        fields["tags"] = list(dict.fromkeys([*list_texts(fields.get("tags")), *list_texts(value.get("labels"))]))
        fields["raw"] = {"data": {"stix": select_evidence(value)}}
        parents = self._find_parents(name)
        found = read_pattern(str(value.get("pattern"))) if value["type"] == "indicator" else []
        if value["type"] == "indicator" and not found:
            self._notes.add(
                "a pattern is not a list of values: its event has no indicator, and keeps the pattern as evidence"
            )
        for number, one in enumerate(found):
            # The row of the first value has the object's own id, which other rows refer to.
            ref = name if number == 0 else f"{name}#{number}"
            typed: dict[str, JsonValue] = {"indicator": one.value, "indicator_type": one.type}
            yield SourceRow(place, fields | typed, ref, parents, unknown, least)
        if not found:
            yield SourceRow(place, fields, name, parents, unknown, least)

    def _find_marking(self, value: BundleObject) -> tuple[str | None, tuple[str, ...]]:
        """Return the most restrictive marking of an object, and a problem for each unknown marking."""
        refs = object_refs(value)
        gone = [ref for ref in refs if not self._levels.is_defined(ref)]
        unknown = [f"object_marking_refs: {quote(ref)} is not in the bundle, so it may be any marking" for ref in gone]
        return self._levels.highest(ref for ref in refs if ref not in gone), tuple(unknown)

    def _find_parts(self, value: BundleObject, properties: Collection[str], owner: str) -> Marks:
        """Return the markings of an object's properties that are used, of its labels, and of its other versions."""
        marks: Marks = [(self._levels.name(ref), f"{owner} {name}") for ref, name in granular_refs(value, properties)]
        labels = [label for label in list_texts(value.get("labels")) if label.strip().lower().startswith("tlp:")]
        marks += [(label if Tlp.parse(label) else Tlp.RED.value, f"{owner} labels") for label in labels]
        repeated = self._db.execute("SELECT marks FROM repeated WHERE id = ?", (value["id"],)).fetchall()
        return marks + [(self._levels.highest(json.loads(refs)), "another version of it") for (refs,) in repeated]

    def _add_related_fields(self, name: str, fields: dict[str, JsonValue]) -> Marks:
        """Set the fields that related objects determine: attacker, target and tags. Return the markings of those
        objects, and of the relationships to them and to other rows.
        """
        tags: list[JsonValue] = []
        marks: Marks = []
        for ref, relations in self._find_related(name):
            other = self._load_object(ref)
            if other is None:
                continue
            kind, label = str(other["type"]), str(other.get("name") or "")
            if kind in ACTOR_TYPES and "attacker" not in fields:
                fields["attacker"] = label
            elif kind in TAG_TYPES:
                tags.append(find_technique(other) or label)
            elif kind == "identity" and other.get("identity_class") == "class" and "target_industry" not in fields:
                fields["target_industry"] = label
            elif kind == "location" and other.get("country") and "target_country" not in fields:
                fields["target_country"] = str(other["country"])
            elif kind not in ROW_TYPES:
                continue
            marks.append((self._levels.highest(relations), "a relationship of it"))
            if kind not in ROW_TYPES:
                marks.append((self._levels.highest(object_refs(other)), f"its {kind}"))
                marks += self._find_parts(other, RELATED_PROPERTIES, f"its {kind}'s")
        fields["tags"] = tags
        return marks

    def _find_related(self, name: str) -> list[tuple[str, list[str]]]:
        """Return the ids of related objects, each with the markings of the relationships to it."""
        query = (
            "SELECT other, marks FROM edge WHERE one = ? "
            "UNION SELECT one, marks FROM edge WHERE other = ? AND type <> 'refers-to' ORDER BY 1"
        )
        related: dict[str, list[str]] = {}
        for ref, marks in self._db.execute(query, (name, name)):
            related.setdefault(str(ref), []).extend(json.loads(marks))
        return [*related.items()]

    def _find_parents(self, name: str) -> tuple[ParentRef, ...]:
        """Return the parents: objects that refer to this one, and the targets of its relationships to other rows."""
        found: dict[str, RelationshipType] = {}
        referring = "SELECT one FROM edge JOIN object o ON o.id = one WHERE other = ? AND edge.type = 'refers-to'"
        for (ref,) in self._db.execute(referring, (name,)):
            found.setdefault(str(ref), "related_to")
        related = (
            "SELECT other, edge.type FROM edge JOIN object o ON o.id = other "
            "WHERE one = ? AND edge.type <> 'refers-to' AND o.type IN ('report', 'grouping', 'campaign', 'indicator')"
        )
        for ref, relation in self._db.execute(related, (name,)):
            found.setdefault(str(ref), _LINK_TYPES.get(str(relation), "related_to"))
        found.pop(name, None)
        return tuple(ParentRef(ref, relation) for ref, relation in found.items() if not self._is_circular(name, ref))

    def _is_circular(self, name: str, parent: str) -> bool:
        """Whether a link must be left out because it is part of a circle.

        Every circle has a link from a lower id to a higher one, so leaving these out breaks all circles.
        """
        found = self._db.execute("SELECT 1 FROM loop WHERE child = ? AND parent = ?", (name, parent)).fetchone()
        if found is None or parent < name:
            return False
        self._notes.add("objects refer to each other in a circle: one link is left out")
        return True

    def _load_object(self, ref: str) -> BundleObject | None:
        found = self._db.execute("SELECT json FROM object WHERE id = ?", (ref,)).fetchone()
        return None if found is None else cast(BundleObject, json.loads(found[0]))


def _unsupported_version(version: JsonValue) -> BadFile:
    return BadFile(
        f"The bundle is STIX {quote(str(version))}, but only 2.1 is supported. Convert it first, for example with the "
        "STIX elevator, or export it as 2.1."
    )
