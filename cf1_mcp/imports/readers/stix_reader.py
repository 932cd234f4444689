"""STIX 2.1 bundles: indicators and sightings become events, reports and groupings their parents.

| object | becomes |
|---|---|
| indicator | a row for each value of a simple pattern, or one row without an indicator |
| sighting | the date of the sighted object: when it was last seen |
| report, grouping, campaign | the parent row of the objects that it refers to |
| relationship | a link between two rows; from an indicator to a named object, a field of the row |
| intrusion-set, threat-actor | the attacker |
| attack-pattern, malware, tool | a tag: the technique's id, or the name |
| identity, location | the industry or country that is targeted |
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
from cf1_mcp.imports.readers.rows import ParentRef, ReaderNotes, SourceRow, SourceRows, quote_text
from cf1_mcp.imports.readers.stix_patterns import find_observables
from cf1_mcp.models import RelationshipType, Tlp

Object = Mapping[str, JsonValue]
ROWS: Final = ("report", "grouping", "campaign", "indicator")
ABOVE: Final = ROWS[:3]
ACTORS: Final = ("intrusion-set", "threat-actor")
TAGS: Final = ("malware", "tool", "attack-pattern", "vulnerability")
TARGETS: Final = ("identity", "location")
KNOWN: Final = (*ROWS, *ACTORS, *TAGS, *TARGETS, "relationship", "sighting", "marking-definition")
# Objects with nothing that an event could contain: left out without a note for each.
SILENT: Final = ("extension-definition", "language-content")
TLP: Final[Mapping[str, str]] = {
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
_TYPES: Final[Mapping[str, RelationshipType]] = {"attributed-to": "attributed_to", "derived-from": "caused_by"}
_TABLES: Final = """
CREATE TABLE object (id TEXT PRIMARY KEY, place INTEGER, type TEXT, json TEXT);
CREATE TABLE edge (one TEXT, type TEXT, other TEXT);
CREATE TABLE seen (id TEXT, date TEXT);
"""
# Links without an end, upwards or downwards: those that remain when the links of the outermost objects are removed.
MAX_DEPTH: Final = 100  # levels; anything deeper is treated as a circle
_GRAPH: Final = """
CREATE INDEX edge_one ON edge (one); CREATE INDEX edge_other ON edge (other);
CREATE TABLE loop AS SELECT other AS child, one AS parent FROM edge WHERE type = 'refers-to'
    UNION SELECT one, other FROM edge WHERE type <> 'refers-to';
CREATE INDEX loop_child ON loop (child, parent); CREATE INDEX loop_parent ON loop (parent);
"""
_PEEL: Final = "DELETE FROM loop WHERE parent NOT IN (SELECT child FROM loop) OR child NOT IN (SELECT parent FROM loop)"


def read_stix(file: BinaryIO, notes: ReaderNotes) -> SourceRows:
    """Return the rows of a bundle. Its objects are kept on disk while it is read, so its size does not matter.

    Raises:
        BadFile: it is not a STIX 2.1 bundle.
    """
    with closing(sqlite3.connect("", check_same_thread=False)) as db:
        db.executescript(_TABLES)
        _store(db, file, notes)
        bundle = _Bundle(db, notes)
        bundle.note_dangling()
        for kind in ROWS:
            query = "SELECT place, json FROM object WHERE type = ? ORDER BY place"
            for place, text in db.execute(query, (kind,)):
                yield from bundle.rows(int(place), json.loads(text))


def _store(db: sqlite3.Connection, file: BinaryIO, notes: ReaderNotes) -> None:
    bundle = False
    stream = JsonStream(file)
    for key in stream.members():
        if key == "objects":
            for place, value in enumerate(stream.elements(), 1):
                _keep(db, place, value, notes)
            continue
        value = stream.value()
        bundle = bundle or (key == "type" and value == "bundle")
        if key == "spec_version" and value != "2.1":
            raise _version(value)
    if not bundle:
        raise BadFile('The file is not a STIX bundle: it has no "type": "bundle". Name its format.')
    db.executescript(_GRAPH)
    for _ in range(MAX_DEPTH):
        if not db.execute(_PEEL).rowcount:
            break


def _keep(db: sqlite3.Connection, place: int, value: JsonValue, notes: ReaderNotes) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not isinstance(value.get("type"), str):
        notes.add("an element of the bundle is not a STIX object")
        return
    kind, name = str(value["type"]), str(value["id"])
    if (version := value.get("spec_version")) not in ("2.1", None):
        raise _version(version)
    if version is None and kind in ("indicator", "report", "sighting", "relationship"):
        raise _version("2.0")
    if kind not in KNOWN:
        if kind not in SILENT:
            notes.add(f"an object of type {quote_text(kind)} is not imported")
        return
    if kind == "relationship":
        ends = (str(value.get("source_ref")), str(value.get("relationship_type")), str(value.get("target_ref")))
        db.execute("INSERT INTO edge VALUES (?, ?, ?)", ends)
    elif kind == "sighting":
        date = value.get("last_seen") or value.get("first_seen") or value.get("created")
        db.execute("INSERT INTO seen VALUES (?, ?)", (str(value.get("sighting_of_ref")), str(date)))
        for one in _texts(value.get("where_sighted_refs")):
            db.execute("INSERT INTO edge VALUES (?, 'sighted-at', ?)", (str(value.get("sighting_of_ref")), one))
    else:
        if (
            db.execute(
                "INSERT OR IGNORE INTO object VALUES (?, ?, ?, ?)", (name, place, kind, json.dumps(value))
            ).rowcount
            == 0
        ):
            notes.add("an object occurs twice, and only its first version is imported")
        if kind in ABOVE:
            refs = [(name, "refers-to", one) for one in _texts(value.get("object_refs"))]
            db.executemany("INSERT INTO edge VALUES (?, ?, ?)", refs)


class _Bundle:
    """The objects of a bundle and their references."""

    def __init__(self, db: sqlite3.Connection, notes: ReaderNotes) -> None:
        self._db = db
        self._notes = notes

    def note_dangling(self) -> None:
        """Count the references to objects outside the bundle: nothing of them can be imported."""
        query = (
            "SELECT count(*), min(other) FROM edge WHERE (SELECT 1 FROM object WHERE id = other) IS NULL "
            "UNION ALL SELECT count(*), min(one) FROM edge WHERE (SELECT 1 FROM object WHERE id = one) IS NULL "
            "UNION ALL SELECT count(*), min(id) FROM seen WHERE (SELECT 1 FROM object o WHERE o.id = seen.id) IS NULL"
        )
        for count, first in self._db.execute(query):
            if count:
                self._notes.add(f"a reference points to nothing that is imported, such as {quote_text(first)}", count)

    def rows(self, place: int, value: Object) -> Iterator[SourceRow]:
        """Return the rows of one object."""
        name = str(value["id"])
        fields: dict[str, JsonValue] = {"date": self._date(value), "event": _title(value)}
        tlp, unknown = self._marking(value)
        if tlp:
            fields["tlp"] = tlp
        if insight := value.get("description"):
            fields["insight"] = str(insight)
        self._context(name, fields)
        fields["tags"] = list(dict.fromkeys([*_texts(fields.get("tags")), *_texts(value.get("labels"))]))
        fields["raw"] = {"data": {"stix": _evidence(value)}}
        parents = self._parents(name)
        found = find_observables(str(value.get("pattern"))) if value["type"] == "indicator" else []
        if value["type"] == "indicator" and not found:
            self._notes.add(
                "a pattern is more than a list of values: its event has no indicator, and the pattern as evidence"
            )
        for number, one in enumerate(found):
            # Other objects refer to the first value's row, which has the id of the object.
            ref = name if number == 0 else f"{name}#{number}"
            typed: dict[str, JsonValue] = {"indicator": one.value, "indicator_type": one.type}
            yield SourceRow(place, fields | typed, ref, parents, unknown)
        if not found:
            yield SourceRow(place, fields, name, parents, unknown)

    def _date(self, value: Object) -> JsonValue:
        seen = self._db.execute("SELECT max(date) FROM seen WHERE id = ?", (value["id"],)).fetchone()[0]
        return (
            seen
            or value.get("published")
            or value.get("first_seen")
            or value.get("valid_from")
            or value.get("created")
            or ""
        )

    def _marking(self, value: Object) -> tuple[str | None, tuple[str, ...]]:
        """Return the strictest of its markings, and the problems with others: an unknown one may be any marking."""
        unknown: list[str] = []
        levels: list[str] = []
        for ref in _texts(value.get("object_marking_refs")):
            definition = self._object(ref)
            named = TLP.get(ref) or _definition(definition)
            if named:
                levels.append(named)
            elif definition is None:
                unknown.append(f"object_marking_refs: {quote_text(ref)} is not in the bundle, so it may be any marking")
        return max(levels, key=lambda level: Tlp.of(level).rank, default=None), tuple(unknown)

    def _context(self, name: str, fields: dict[str, JsonValue]) -> None:
        """Set the fields that related objects contain: the attacker, the target and the tags."""
        tags: list[JsonValue] = []
        for ref in self._near(name):
            other = self._object(ref)
            if other is None:
                continue
            kind, called = str(other["type"]), str(other.get("name") or "")
            if kind in ACTORS:
                fields.setdefault("attacker", called)
            elif kind in TAGS:
                tags.append(_technique(other) or called)
            elif kind == "identity" and other.get("identity_class") == "class":
                fields.setdefault("target_industry", called)
            elif kind == "location" and (country := other.get("country")):
                fields.setdefault("target_country", str(country))
        fields["tags"] = tags

    def _near(self, name: str) -> list[str]:
        query = (
            "SELECT other FROM edge WHERE one = ? UNION SELECT one FROM edge WHERE other = ? AND type <> 'refers-to'"
        )
        return [str(row[0]) for row in self._db.execute(query, (name, name))]

    def _parents(self, name: str) -> tuple[ParentRef, ...]:
        """Return the parents: rows that refer to this one, and the targets of its own relationships to other rows."""
        found: dict[str, RelationshipType] = {}
        above = "SELECT one FROM edge JOIN object o ON o.id = one WHERE other = ? AND edge.type = 'refers-to'"
        for (ref,) in self._db.execute(above, (name,)):
            found.setdefault(str(ref), "related_to")
        beside = (
            "SELECT other, edge.type FROM edge JOIN object o ON o.id = other "
            "WHERE one = ? AND edge.type <> 'refers-to' AND o.type IN ('report', 'grouping', 'campaign', 'indicator')"
        )
        for ref, relation in self._db.execute(beside, (name,)):
            found.setdefault(str(ref), _TYPES.get(str(relation), "related_to"))
        found.pop(name, None)
        return tuple(ParentRef(ref, relation) for ref, relation in found.items() if not self._circle(name, ref))

    def _circle(self, name: str, above: str) -> bool:
        """Whether this link is left out, because the two refer to each other in a circle.

        Every circle has a link from a lower id to a higher one, so without those no circle remains.
        """
        found = self._db.execute("SELECT 1 FROM loop WHERE child = ? AND parent = ?", (name, above)).fetchone()
        if found is None or above < name:
            return False
        self._notes.add("objects refer to each other in a circle: one link of it is left out")
        return True

    def _object(self, ref: str) -> Object | None:
        found = self._db.execute("SELECT json FROM object WHERE id = ?", (ref,)).fetchone()
        return None if found is None else cast(Object, json.loads(found[0]))


def _title(value: Object) -> str:
    return str(value.get("name") or value.get("description") or value.get("pattern") or value["id"])


def _evidence(value: Object) -> JsonValue:
    kept = ("id", "pattern", "pattern_type", "confidence", "indicator_types", "report_types", "valid_until")
    return {name: value[name] for name in (*kept, "external_references", "kill_chain_phases") if name in value}


def _definition(value: Object | None) -> str | None:
    """Return the level of a TLP definition in the bundle, as TLP 1 or TLP 2.0 writes it."""
    if value is None:
        return None
    inner = value.get("definition")
    level = inner.get("tlp") if isinstance(inner, dict) else None
    named = str(value.get("name") or "")
    return str(level) if level else named if named.lower().startswith("tlp:") else None


def _technique(value: Object) -> str | None:
    references = value.get("external_references")
    for one in references if isinstance(references, list) else []:
        if (
            isinstance(one, dict)
            and one.get("source_name") == "mitre-attack"
            and isinstance(one.get("external_id"), str)
        ):
            return str(one["external_id"])
    return None


def _texts(value: JsonValue) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _version(version: JsonValue) -> BadFile:
    return BadFile(
        f"The bundle is of STIX {quote_text(str(version))}, and only 2.1 is read. Convert it first, for instance with "
        "the STIX elevator, or export it as 2.1."
    )
