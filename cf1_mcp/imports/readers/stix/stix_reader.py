"""Reads STIX 2.1 bundles: indicators become events, and reports and groupings their parent events.

| object | becomes |
|---|---|
| indicator | a row for each value of a simple pattern; one row without an indicator for other patterns |
| sighting | the date of the object that was sighted; the last sighting counts |
| report, grouping, campaign | a parent row of the objects that it refers to |
| relationship | a link between two rows; or, with an object of a type below, what its type says of the row |
| intrusion-set, threat-actor | the attacker |
| attack-pattern, malware, tool | a tag: the technique's id, or the name |
| identity, location | the targeted industry or country |
| marking-definition | the marking: the highest of all parts that a row is made of |

An object of an export of this server has the fields of its event in an extension, and becomes that event again.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import BinaryIO, Final, cast

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.exports.stix_vocabulary import EVENT_EXTENSION
from cf1_mcp.imports.readers.own_records import is_summary, read_record
from cf1_mcp.imports.readers.source_rows import (
    ParentRef,
    ReaderNotes,
    SourceRow,
    SourceRows,
    parse_relationship_type,
    quote,
)
from cf1_mcp.imports.readers.stix.stix_database import ROW_TYPES, open_bundle
from cf1_mcp.imports.readers.stix.stix_markings import (
    RELATED_PROPERTIES,
    ROW_PROPERTIES,
    BundleObject,
    MarkingLevels,
    granular_refs,
    highest_part,
    object_refs,
)
from cf1_mcp.imports.readers.stix.stix_patterns import read_pattern
from cf1_mcp.imports.readers.stix.stix_properties import (
    find_date,
    find_own_record,
    find_title,
    list_texts,
    select_evidence,
)
from cf1_mcp.imports.readers.stix.stix_relations import LINK_TYPES, PARENT_RELATIONS, Relation, read_related
from cf1_mcp.models import RelationshipType, Tlp

Marks = list[tuple[str | None, str]]  # the markings of parts, each with a name of the part
OWN_PROPERTIES: Final = frozenset({*ROW_PROPERTIES, "extensions"})


def read_stix(file: BinaryIO, notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a bundle, or of a TAXII envelope.

    Raises:
        BadFile: the file is neither, or contains nothing that becomes an event.
    """
    with closing(open_bundle(file, notes)) as db:
        bundle = _Bundle(db, notes)
        bundle.note_dangling()
        count = 0
        for kind in ROW_TYPES:
            query = "SELECT place, json FROM object WHERE type = ? AND NOT own ORDER BY place"
            for place, text in db.execute(query, (kind,)):
                for row in bundle.read_rows(int(place), json.loads(text)):
                    count += 1
                    yield row
        for place, text in db.execute("SELECT place, json FROM object WHERE own ORDER BY place"):
            for row in bundle.read_own_row(int(place), json.loads(text)):
                count += 1
                yield row
        bundle.note_observables(count)


class _Bundle:
    """The objects of a bundle and the relationships between them."""

    def __init__(self, db: sqlite3.Connection, notes: ReaderNotes) -> None:
        self._db = db
        self._notes = notes
        self._levels = MarkingLevels(self._load_object)

    def note_dangling(self) -> None:
        """Note the references to objects that are not imported."""
        query = (
            "SELECT count(*), min(other) FROM edge WHERE (SELECT 1 FROM object WHERE id = other "
            "UNION SELECT 1 FROM gone WHERE id = other) IS NULL "
            "UNION ALL SELECT count(*), min(one) FROM edge WHERE (SELECT 1 FROM object WHERE id = one "
            "UNION SELECT 1 FROM gone WHERE id = one) IS NULL "
            "UNION ALL SELECT count(*), min(id) FROM sighting s WHERE (SELECT 1 FROM object WHERE id = s.id "
            "UNION SELECT 1 FROM gone WHERE id = s.id) IS NULL"
        )
        for count, first in self._db.execute(query):
            if count:
                self._notes.add(f"a reference to an object that is not imported, such as {quote(first)}", count)

    def note_observables(self, rows: int) -> None:
        """Note the observables that no row has as its indicator.

        Raises:
            BadFile: there is nothing else in the bundle.
        """
        query = (
            "SELECT type, place FROM observable WHERE value NOT IN (SELECT value FROM imported) "
            "GROUP BY place ORDER BY place"
        )
        for kind, place in self._db.execute(query):
            if not rows and not self._db.execute("SELECT 1 FROM gone LIMIT 1").fetchone():
                raise BadFile(
                    "The bundle contains observables alone, which say neither when nor why they were seen, so none of "
                    "them becomes an event. Export the indicators or reports that refer to them, or write a CSV file "
                    "of the values and set date, category and event with --set."
                )
            self._notes.lose(
                f"an observable of type {quote(kind)} is not imported: no indicator of the bundle has its value", place
            )

    def read_own_row(self, place: int, value: BundleObject) -> Iterator[SourceRow]:
        """Yield the row of an object that an export of this server wrote."""
        record = find_own_record(value, EVENT_EXTENSION) or {}
        if is_summary(record):
            return
        name = str(value["id"])
        tlp, unknown = self._find_marking(value)
        fields, same_as = read_record(record, place, self._notes)
        if tlp:
            fields["tlp"] = tlp
        parts = self._find_parts(value, OWN_PROPERTIES, "its")
        parts += [(level, "a relationship of it") for level in self._find_link_markings(name, tlp)]
        yield SourceRow(
            place, fields, name, self._find_own_parents(name), unknown, highest_part(parts), same_as=same_as
        )

    def _find_link_markings(self, name: str, own: str | None) -> Iterator[str]:
        """Yield the markings of an own object's links to others. An export gives a link the higher marking of its two
        ends: such a link raises neither, unless its recipient raised it.
        """
        query = (
            "SELECT edge.marks, edge.own, o.json FROM edge JOIN object o ON o.id = other "
            "WHERE one = ? AND o.own AND edge.said <> ''"
        )
        for marks, is_own, other in self._db.execute(query, (name,)):
            ends = [Tlp.of(end).rank for end in (own, self._find_marking(json.loads(other))[0]) if end]
            level = self._levels.highest(json.loads(marks))
            if level and (not is_own or Tlp.of(level).rank > max(ends, default=-1)):
                yield level

    def read_rows(self, place: int, value: BundleObject) -> Iterator[SourceRow]:
        """Yield the rows of one object."""
        name = str(value["id"])
        query = "SELECT date, marks FROM sighting WHERE id = ?"
        sightings: list[tuple[str, str]] = self._db.execute(query, (name,)).fetchall()
        sighted = max((date for date, _ in sightings), default=None)
        if _is_expired(value):
            self._notes.add("an indicator is no longer valid (valid_until): its event is imported, and keeps that date")
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
            self._db.execute("INSERT OR IGNORE INTO imported VALUES (?)", (one.value,))
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
        for ref, (relations, marked) in self._find_related(name).items():
            other = self._load_object(ref)
            if other is None:
                continue
            kind = str(other["type"])
            if kind not in ROW_TYPES:
                found = read_related(other, relations)
                if found is None:
                    said = quote(", ".join(sorted({one.type for one in relations})))
                    self._notes.add(f"a relationship {said} with an object of type {quote(kind)} sets no field")
                if not found or not ("tags" in found or found.keys() - fields.keys()):
                    continue
                tags += [found.pop("tags")] if "tags" in found else []
                for field, text in found.items():
                    fields.setdefault(field, text)
            marks.append((self._levels.highest(marked), "a relationship of it"))
            if kind not in ROW_TYPES:
                marks.append((self._levels.highest(object_refs(other)), f"its {kind}"))
                marks += self._find_parts(other, RELATED_PROPERTIES, f"its {kind}'s")
        fields["tags"] = tags
        return marks

    def _find_related(self, name: str) -> dict[str, tuple[list[Relation], list[str]]]:
        """Return the ids of related objects, each with the relationships to it and their markings."""
        query = (
            "SELECT other, type, 1, marks FROM edge WHERE one = ? "
            "UNION SELECT one, type, 0, marks FROM edge WHERE other = ? AND type <> 'refers-to' ORDER BY 1"
        )
        related: dict[str, tuple[list[Relation], list[str]]] = {}
        for ref, kind, outgoing, marks in self._db.execute(query, (name, name)):
            relations, marked = related.setdefault(str(ref), ([], []))
            relations.append(Relation(str(kind), bool(outgoing)))
            marked += json.loads(marks)
        return related

    def _find_parents(self, name: str) -> tuple[ParentRef, ...]:
        """Return the parents: objects that refer to this one, and the targets of its relationships to other rows."""
        found: dict[str, RelationshipType] = {}
        referring = (
            "SELECT one FROM edge JOIN object o ON o.id = one WHERE other = ? AND edge.type = 'refers-to' AND NOT o.own"
        )
        for (ref,) in self._db.execute(referring, (name,)):
            found.setdefault(str(ref), "related_to")
        related = (
            "SELECT other, edge.type FROM edge JOIN object o ON o.id = other "
            "WHERE one = ? AND edge.type <> 'refers-to' AND o.type IN ('report', 'grouping', 'campaign', 'indicator')"
        )
        for ref, relation in self._db.execute(related, (name,)):
            if str(relation) in PARENT_RELATIONS:
                found.setdefault(str(ref), LINK_TYPES.get(str(relation), "related_to"))
            else:
                self._notes.add(f"a relationship {quote(str(relation))} between two events is not imported")
        return self._without_circles(name, found)

    def _find_own_parents(self, name: str) -> tuple[ParentRef, ...]:
        """Return the parents of an own object, with the type of each relationship, which its description is."""
        query = "SELECT other, said FROM edge JOIN object o ON o.id = other WHERE one = ? AND o.own AND said <> ''"
        found: dict[str, RelationshipType] = {}
        for ref, said in self._db.execute(query, (name,)):
            found.setdefault(str(ref), parse_relationship_type(said) or "related_to")
        return self._without_circles(name, found)

    def _without_circles(self, name: str, found: dict[str, RelationshipType]) -> tuple[ParentRef, ...]:
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


def _is_expired(value: BundleObject) -> bool:
    until = value.get("valid_until")
    try:
        return isinstance(until, str) and datetime.fromisoformat(until) <= datetime.now(UTC)
    except (ValueError, TypeError):
        return False
