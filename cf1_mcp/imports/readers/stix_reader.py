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
| marking-definition | the marking |
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import BinaryIO, Final, cast

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.json_stream import JsonStream
from cf1_mcp.imports.readers.source_rows import ParentRef, ReaderNotes, SourceRow, SourceRows, quote
from cf1_mcp.imports.readers.stix_patterns import read_pattern
from cf1_mcp.models import RelationshipType, Tlp

BundleObject = Mapping[str, JsonValue]
ROW_TYPES: Final = ("report", "grouping", "campaign", "indicator")
PARENT_TYPES: Final = ROW_TYPES[:3]
ACTOR_TYPES: Final = ("intrusion-set", "threat-actor")
TAG_TYPES: Final = ("malware", "tool", "attack-pattern", "vulnerability")
TARGET_TYPES: Final = ("identity", "location")
OTHER_TYPES: Final = ("relationship", "sighting", "marking-definition")
KNOWN_TYPES: Final = (*ROW_TYPES, *ACTOR_TYPES, *TAG_TYPES, *TARGET_TYPES, *OTHER_TYPES)
# Objects without information for an event. No note reports that they are left out.
IGNORED_TYPES: Final = ("extension-definition", "language-content")
TLP_BY_ID: Final[Mapping[str, str]] = {
    # Fixed by the STIX 2.1 specification (TLP 1), and by FIRST's and OASIS's extension (TLP 2.0).
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
_LINK_TYPES: Final[dict[str, RelationshipType]] = {"attributed-to": "attributed_to", "derived-from": "caused_by"}
_TABLES: Final = """
CREATE TABLE object (id TEXT PRIMARY KEY, place INTEGER, type TEXT, json TEXT);
CREATE TABLE edge (one TEXT, type TEXT, other TEXT);
CREATE TABLE sighting (id TEXT, date TEXT);
"""
# Finds links in circles: those that remain after links at the ends of chains are removed again and again.
MAX_DEPTH: Final = 100  # levels; deeper links are treated as circles
_GRAPH: Final = """
CREATE INDEX edge_one ON edge (one); CREATE INDEX edge_other ON edge (other);
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
        db.execute("INSERT INTO edge VALUES (?, ?, ?)", ends)
    elif kind == "sighting":
        date = value.get("last_seen") or value.get("first_seen") or value.get("created")
        db.execute("INSERT INTO sighting VALUES (?, ?)", (str(value.get("sighting_of_ref")), str(date)))
        for one in _list_texts(value.get("where_sighted_refs")):
            db.execute("INSERT INTO edge VALUES (?, 'sighted-at', ?)", (str(value.get("sighting_of_ref")), one))
    else:
        columns = (name, place, kind, json.dumps(value))
        if not db.execute("INSERT OR IGNORE INTO object VALUES (?, ?, ?, ?)", columns).rowcount:
            notes.add("an object occurs more than once: only its first version is imported")
        if kind in PARENT_TYPES:
            refs = [(name, "refers-to", one) for one in _list_texts(value.get("object_refs"))]
            db.executemany("INSERT INTO edge VALUES (?, ?, ?)", refs)


class _Bundle:
    """The objects of a bundle and the relationships between them."""

    def __init__(self, db: sqlite3.Connection, notes: ReaderNotes) -> None:
        self._db = db
        self._notes = notes

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
        fields: dict[str, JsonValue] = {"date": self._find_date(value), "event": _find_title(value)}
        tlp, unknown = self._find_marking(value)
        if tlp:
            fields["tlp"] = tlp
        if insight := value.get("description"):
            fields["insight"] = str(insight)
        self._add_related_fields(name, fields)
        fields["tags"] = list(dict.fromkeys([*_list_texts(fields.get("tags")), *_list_texts(value.get("labels"))]))
        fields["raw"] = {"data": {"stix": _select_evidence(value)}}
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
            yield SourceRow(place, fields | typed, ref, parents, unknown)
        if not found:
            yield SourceRow(place, fields, name, parents, unknown)

    def _find_date(self, value: BundleObject) -> JsonValue:
        sighted = self._db.execute("SELECT max(date) FROM sighting WHERE id = ?", (value["id"],)).fetchone()[0]
        return (
            sighted
            or value.get("published")
            or value.get("first_seen")
            or value.get("valid_from")
            or value.get("created")
            or ""
        )

    def _find_marking(self, value: BundleObject) -> tuple[str | None, tuple[str, ...]]:
        """Return the most restrictive marking of an object, and a problem for each unknown marking."""
        unknown: list[str] = []
        levels: list[str] = []
        for ref in _list_texts(value.get("object_marking_refs")):
            definition = self._load_object(ref)
            named = TLP_BY_ID.get(ref) or _read_definition(definition)
            if named:
                levels.append(named)
            elif definition is None:
                unknown.append(f"object_marking_refs: {quote(ref)} is not in the bundle, so it may be any marking")
        return max(levels, key=lambda level: Tlp.of(level).rank, default=None), tuple(unknown)

    def _add_related_fields(self, name: str, fields: dict[str, JsonValue]) -> None:
        """Set the fields that related objects determine: attacker, target and tags."""
        tags: list[JsonValue] = []
        for ref in self._find_related_ids(name):
            other = self._load_object(ref)
            if other is None:
                continue
            kind, label = str(other["type"]), str(other.get("name") or "")
            if kind in ACTOR_TYPES:
                fields.setdefault("attacker", label)
            elif kind in TAG_TYPES:
                tags.append(_find_technique(other) or label)
            elif kind == "identity" and other.get("identity_class") == "class":
                fields.setdefault("target_industry", label)
            elif kind == "location" and (country := other.get("country")):
                fields.setdefault("target_country", str(country))
        fields["tags"] = tags

    def _find_related_ids(self, name: str) -> list[str]:
        query = (
            "SELECT other FROM edge WHERE one = ? UNION SELECT one FROM edge WHERE other = ? AND type <> 'refers-to'"
        )
        return [str(row[0]) for row in self._db.execute(query, (name, name))]

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


def _find_title(value: BundleObject) -> str:
    return str(value.get("name") or value.get("description") or value.get("pattern") or value["id"])


def _select_evidence(value: BundleObject) -> JsonValue:
    kept = ("id", "pattern", "pattern_type", "confidence", "indicator_types", "report_types", "valid_until")
    return {name: value[name] for name in (*kept, "external_references", "kill_chain_phases") if name in value}


def _read_definition(value: BundleObject | None) -> str | None:
    """Return the level of a TLP 1 or TLP 2.0 marking definition of the bundle."""
    if value is None:
        return None
    inner = value.get("definition")
    level = inner.get("tlp") if isinstance(inner, dict) else None
    named = str(value.get("name") or "")
    return str(level) if level else named if named.lower().startswith("tlp:") else None


def _find_technique(value: BundleObject) -> str | None:
    references = value.get("external_references")
    for one in references if isinstance(references, list) else []:
        if (
            isinstance(one, dict)
            and one.get("source_name") == "mitre-attack"
            and isinstance(one.get("external_id"), str)
        ):
            return str(one["external_id"])
    return None


def _list_texts(value: JsonValue) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _unsupported_version(version: JsonValue) -> BadFile:
    return BadFile(
        f"The bundle is STIX {quote(str(version))}, but only 2.1 is supported. Convert it first, for example with the "
        "STIX elevator, or export it as 2.1."
    )
