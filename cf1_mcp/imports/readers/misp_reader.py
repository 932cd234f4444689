"""Reads MISP events as JSON: an event becomes a row, and each of its indicators a child row.

An event may stand alone or in the `{"Event": ...}` of an export. Deleted attributes, and those of deleted objects, are
left out and counted. A file that an export of this server wrote has the events themselves, which are read instead.

Attributes inside objects are read like those of the event. Tags `tlp:*` set the marking, actor galaxies set the
attacker, and techniques become tags with their ids. A row is never marked lower than what it is made of: that of an
attribute has the title, date and actor of its event too, and the tags of its object count. What is proposed for an
attribute (`ShadowAttribute`) and who saw it (`Sighting`) are not imported. `to_ids` (whether an attribute is for
detection) is kept in the raw evidence.
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, cast

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.exports.event_record import OWN_RECORDS
from cf1_mcp.imports.readers.json_stream import JsonStream
from cf1_mcp.imports.readers.misp_values import (
    MispObject,
    convert_timestamp,
    find_least,
    is_deleted,
    list_objects,
    marking_fields,
    read_cluster_tags,
    read_indicators,
    read_ref,
    read_tag_fields,
    read_tags,
)
from cf1_mcp.imports.readers.own_records import read_record
from cf1_mcp.imports.readers.source_rows import LeastMarking, ParentRef, ReaderNotes, SourceRow, SourceRows, quote
from cf1_mcp.imports.readers.tag_markings import find_marking
from cf1_mcp.models import Tlp

# Of an event that stands alone.
_BARE_KEYS: Final = frozenset({"Attribute", "Object", "info"})
_NOT_IMPORTED: Final = ("ShadowAttribute", "Sighting")


def read_misp(file: BinaryIO, notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a file with one or several events. One event at a time is kept in memory.

    Raises:
        BadFile: the file is not a MISP export.
    """
    place = 0
    found = False
    stream = JsonStream(file)
    for event in _read_events(stream):
        found = True
        for row in _read_rows(event, notes):
            place += 1
            yield row._replace(place=place)
    stream.expect_end()
    if not found:
        raise BadFile(
            'The file contains no MISP event: {"Event": ...}, {"response": [...]} or an event itself is expected.'
        )


def _read_events(stream: JsonStream) -> Iterator[MispObject]:
    if stream.peek() == "[":
        yield from _unwrap_events(stream.elements())
        return
    bare: dict[str, JsonValue] = {}
    for key in stream.members():
        if key == "response" and stream.peek() == "[":
            yield from _unwrap_events(stream.elements())
        else:
            value = stream.value()
            if key in ("Event", "response"):
                yield from _unwrap_events(iter([{key: value} if key == "Event" else value]))
            else:
                bare[key] = value
    yield from _unwrap_events(iter([bare]))


def _unwrap_events(values: Iterator[JsonValue]) -> Iterator[MispObject]:
    for value in values:
        event = value.get("Event") if isinstance(value, dict) else None
        if isinstance(event, dict):
            yield cast(MispObject, event)
        elif isinstance(value, dict) and (_BARE_KEYS & value.keys()):
            yield cast(MispObject, value)


def _read_rows(event: MispObject, notes: ReaderNotes) -> Iterator[SourceRow]:
    """Yield the row of an event and the rows of its attributes. The caller numbers them."""
    if OWN_RECORDS in event:
        yield from _read_own_rows(event, notes)
        return
    info = str(event.get("info") or "")
    tags, clusters = read_tags(event), read_cluster_tags(event)
    common: dict[str, JsonValue] = {
        "date": event.get("date") or convert_timestamp(event.get("timestamp")),
        "event": info,
    }
    common |= read_tag_fields(tags)
    ref = read_ref(event)
    kept = ("uuid", "threat_level_id", "analysis", "org_id", "Orgc")
    evidence: JsonValue = {"misp": {name: event[name] for name in kept if name in event}}
    common["raw"] = {"data": evidence}
    marking, above = find_marking(tags), find_marking(clusters)
    least = LeastMarking(above, "its galaxies") if above else None
    yield SourceRow(0, {**common, **marking_fields(marking)}, ref, least=least)
    parents = (ParentRef(ref, "related_to"),) if ref else ()
    _note_left_out(event, notes)
    for attribute, of_object, of_object_galaxies in _list_attributes(event, notes):
        if is_deleted(attribute):
            notes.add("a deleted attribute is left out")
            continue
        _note_left_out(attribute, notes)
        found = read_indicators(attribute)
        if not found:
            note = f"an attribute of type {quote(str(attribute.get('type')))} is not an indicator and is not imported"
            if attribute.get("to_ids") in (True, "1"):
                notes.lose(f"{note}, although it is for detection")
            else:
                notes.add(note)
            continue
        yield from _read_attribute(attribute, found, common, tags, of_object, [*clusters, *of_object_galaxies], parents)


def _read_attribute(
    attribute: MispObject,
    found: list[tuple[str, str]],
    common: Mapping[str, JsonValue],
    tags: list[str],
    of_object: list[str],
    clusters: list[str],
    parents: tuple[ParentRef, ...],
) -> Iterator[SourceRow]:
    own = read_tags(attribute)
    fields = {**common, **read_tag_fields(list(dict.fromkeys([*own, *of_object, *tags])))}
    marking, group, of_event = find_marking(own), find_marking(of_object), find_marking(tags)
    of_galaxies = find_marking([*clusters, *read_cluster_tags(attribute)])
    fields |= marking_fields(marking if marking and of_event else of_event)
    # The marking of an attribute alone says nothing of its event, whose marking may come from a default.
    parts = [(None if of_event else marking, "its tags"), (of_event if marking else None, "the tags of its event")]
    least = find_least([*parts, (group, "the tags of its object"), (of_galaxies, "its galaxies")])
    if least and (marking or group) and not of_event:
        least = least._replace(suffices=True)
    if date := attribute.get("last_seen") or attribute.get("first_seen"):
        fields["date"] = date
    if comment := str(attribute.get("comment") or "").strip():
        fields["insight"] = comment
    kept = ("uuid", "category", "type", "to_ids", "value")
    fields["raw"] = {"data": {"misp": {name: attribute[name] for name in kept if name in attribute}}}
    ref = read_ref(attribute)
    for number, (value, kind) in enumerate(found):
        row: dict[str, JsonValue] = {**fields, "indicator": value, "indicator_type": kind}
        yield SourceRow(0, row, ref if number == 0 or ref is None else f"{ref}#{number}", parents, least=least)


def _list_attributes(event: MispObject, notes: ReaderNotes) -> Iterator[tuple[MispObject, list[str], list[str]]]:
    """Yield the attributes of an event, each with the tags of its object and those of the object's galaxies."""
    for attribute in list_objects(event.get("Attribute")):
        yield attribute, [], []
    for group in list_objects(event.get("Object")):
        if is_deleted(group):
            notes.add("a deleted object is left out")
            continue
        tags, clusters = read_tags(group), read_cluster_tags(group)
        for attribute in list_objects(group.get("Attribute")):
            yield attribute, tags, clusters


def _note_left_out(value: MispObject, notes: ReaderNotes) -> None:
    for name in _NOT_IMPORTED:
        if found := list_objects(value.get(name)):
            notes.add(f"a {name} is not imported", len(found))


def _read_own_rows(event: MispObject, notes: ReaderNotes) -> Iterator[SourceRow]:
    """Yield the rows of an export of this server: the events that it keeps beside the attributes.

    Their markings are their own, unless a tag of the attribute or of the MISP event was raised since.
    """
    attributes = [one for one in list_objects(event.get("Attribute")) if not is_deleted(one)]
    kept = [(one, list_objects(one.get(OWN_RECORDS))) for one in attributes]
    kept.append((event, list_objects(event.get(OWN_RECORDS))))
    highest = _highest([record for _, records in kept for record in records])
    of_event = find_marking(read_tags(event))
    raised = of_event if of_event and of_event.rank > highest.rank else None
    place = 0
    for attribute, records in kept:
        own = None if attribute is event else find_marking(read_tags(attribute))
        changed = own if own and own.rank > _highest(records).rank else None
        least = find_least([(raised, "the tags of its event"), (changed, "its tags")])
        for record in records:
            place += 1
            fields, same_as = read_record(record, place, notes)
            if isinstance(level := record.get("tlp"), str):
                fields["tlp"] = level
            yield SourceRow(0, fields, same_as, least=least, same_as=same_as)


def _highest(records: list[MispObject]) -> Tlp:
    levels = [Tlp.of(str(record.get("tlp") or "")) for record in records]
    return max(levels, key=lambda level: level.rank, default=Tlp.CLEAR)
