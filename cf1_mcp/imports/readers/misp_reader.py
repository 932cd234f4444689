"""Reads MISP events as JSON: an event becomes a row, and each of its indicators a child row.

Attributes inside objects are read like those of the event. Tags `tlp:*` set the marking, actor galaxies set the
attacker, and techniques become tags with their ids. A row is never marked lower than what it is made of: that of an
attribute has the title, date and actor of its event too, and the tags of its object count. What is proposed for an
attribute (`ShadowAttribute`) and who saw it (`Sighting`) are not imported. `to_ids` (whether an attribute is for
detection) is kept in the raw evidence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import BinaryIO, Final, cast

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.json_stream import JsonStream
from cf1_mcp.imports.readers.source_rows import LeastMarking, ParentRef, ReaderNotes, SourceRow, SourceRows, quote
from cf1_mcp.imports.readers.tag_markings import find_marking, is_marking
from cf1_mcp.models import Tlp
from cf1_mcp.text.dates import iso

MispObject = Mapping[str, JsonValue]
_HASHES: Final = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "imphash", "ssdeep", "authentihash", "tlsh")
INDICATOR_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("domain", "hostname"), "domain"),
    **dict.fromkeys(("ip", "ip-src", "ip-dst"), "ip"),
    **dict.fromkeys(("url", "uri"), "url"),
    **dict.fromkeys(("email", "email-src", "email-dst", "email-reply-to"), "email"),
    **dict.fromkeys(_HASHES, "hash"),
    "ja3-fingerprint-md5": "ja3",
    "vulnerability": "cve",
}
_ACTOR: Final = re.compile(r'misp-galaxy:(?:threat-actor|mitre-intrusion-set|microsoft-activity-group)="([^"]+)"')
# Where exports keep tags: as texts, as objects with a name, or as links to such objects.
_TAG_KEYS: Final = frozenset({"tag", "tags", "eventtag", "attributetag", "objecttag", "galaxyclustertag"})
_NOT_IMPORTED: Final = ("ShadowAttribute", "Sighting")
_TECHNIQUE: Final = re.compile(r'misp-galaxy:mitre-attack-pattern="[^"]*\b(T\d{4}(?:\.\d{3})?)"')


def read_misp(file: BinaryIO, notes: ReaderNotes) -> SourceRows:
    """Yield the rows of a file with one or several events. One event at a time is kept in memory.

    Raises:
        BadFile: the file is not a MISP export.
    """
    place = 0
    found = False
    for event in _read_events(JsonStream(file)):
        found = True
        for row in _read_rows(event, notes):
            place += 1
            yield row._replace(place=place)
    if not found:
        raise BadFile('The file contains no MISP event: {"Event": ...} or {"response": [...]} is expected.')


def _read_events(stream: JsonStream) -> Iterator[MispObject]:
    if stream.peek() == "[":
        yield from _unwrap_events(stream.elements())
        return
    for key in stream.members():
        if key == "response" and stream.peek() == "[":
            yield from _unwrap_events(stream.elements())
        else:
            value = stream.value()
            if key in ("Event", "response"):
                yield from _unwrap_events(iter([{key: value} if key == "Event" else value]))


def _unwrap_events(values: Iterator[JsonValue]) -> Iterator[MispObject]:
    for value in values:
        event = value.get("Event") if isinstance(value, dict) else None
        if isinstance(event, dict):
            yield cast(MispObject, event)


def _read_rows(event: MispObject, notes: ReaderNotes) -> Iterator[SourceRow]:
    """Yield the row of an event and the rows of its attributes. The caller numbers them."""
    info = str(event.get("info") or "")
    tags, clusters = _read_tags(event), _read_cluster_tags(event)
    common: dict[str, JsonValue] = {
        "date": event.get("date") or _convert_timestamp(event.get("timestamp")),
        "event": info,
    }
    common |= _read_tag_fields(tags)
    ref = _read_ref(event)
    kept = ("uuid", "threat_level_id", "analysis", "org_id", "Orgc")
    evidence: JsonValue = {"misp": {name: event[name] for name in kept if name in event}}
    common["raw"] = {"data": evidence}
    marking, above = find_marking(tags), find_marking(clusters)
    least = LeastMarking(above, "its galaxies") if above else None
    yield SourceRow(0, {**common, **_marking_fields(marking)}, ref, least=least)
    parents = (ParentRef(ref, "related_to"),) if ref else ()
    _note_left_out(event, notes)
    for attribute, of_object, of_object_galaxies in _list_attributes(event):
        if attribute.get("deleted") in (True, "1"):
            continue
        _note_left_out(attribute, notes)
        found = _read_indicators(attribute)
        if not found:
            notes.add(
                f"an attribute of type {quote(str(attribute.get('type')))} is not an indicator and is not imported"
            )
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
    own = _read_tags(attribute)
    fields = {**common, **_read_tag_fields(list(dict.fromkeys([*own, *of_object, *tags])))}
    marking, group, of_event = find_marking(own), find_marking(of_object), find_marking(tags)
    of_galaxies = find_marking([*clusters, *_read_cluster_tags(attribute)])
    fields |= _marking_fields(marking if marking and of_event else of_event)
    # The marking of an attribute alone says nothing of its event, whose marking may come from a default.
    parts = [(None if of_event else marking, "its tags"), (of_event if marking else None, "the tags of its event")]
    least = _find_least([*parts, (group, "the tags of its object"), (of_galaxies, "its galaxies")])
    if least and (marking or group) and not of_event:
        least = least._replace(suffices=True)
    if date := attribute.get("last_seen") or attribute.get("first_seen"):
        fields["date"] = date
    if comment := str(attribute.get("comment") or "").strip():
        fields["insight"] = comment
    kept = ("uuid", "category", "type", "to_ids", "value")
    fields["raw"] = {"data": {"misp": {name: attribute[name] for name in kept if name in attribute}}}
    ref = _read_ref(attribute)
    for number, (value, kind) in enumerate(found):
        row: dict[str, JsonValue] = {**fields, "indicator": value, "indicator_type": kind}
        yield SourceRow(0, row, ref if number == 0 or ref is None else f"{ref}#{number}", parents, least=least)


def _list_attributes(event: MispObject) -> Iterator[tuple[MispObject, list[str], list[str]]]:
    """Yield the attributes of an event, each with the tags of its object and those of the object's galaxies."""
    for attribute in _list_objects(event.get("Attribute")):
        yield attribute, [], []
    for group in _list_objects(event.get("Object")):
        tags, clusters = _read_tags(group), _read_cluster_tags(group)
        for attribute in _list_objects(group.get("Attribute")):
            yield attribute, tags, clusters


def _note_left_out(value: MispObject, notes: ReaderNotes) -> None:
    for name in _NOT_IMPORTED:
        if found := _list_objects(value.get(name)):
            notes.add(f"a {name} is not imported", len(found))


def _read_indicators(attribute: MispObject) -> list[tuple[str, str]]:
    """Return pairs of value and type: two for an attribute type such as `domain|ip`."""
    kinds = str(attribute.get("type") or "").split("|")
    values = str(attribute.get("value") or "").split("|", len(kinds) - 1)
    paired = zip(kinds, values, strict=False)
    return [
        (value.strip(), INDICATOR_TYPES[kind]) for kind, value in paired if kind in INDICATOR_TYPES and value.strip()
    ]


def _read_tag_fields(tags: list[str]) -> dict[str, JsonValue]:
    """Return the fields that tags of known forms set, and the other tags unchanged."""
    fields: dict[str, JsonValue] = {}
    other_tags: list[JsonValue] = []
    for tag in tags:
        if actor := _ACTOR.fullmatch(tag):
            fields.setdefault("attacker", actor[1].partition(" - ")[0])
        elif technique := _TECHNIQUE.fullmatch(tag):
            other_tags.append(technique[1])
        elif not is_marking(tag):
            other_tags.append(tag)
    if other_tags:
        fields["tags"] = other_tags
    return fields


def _find_least(parts: Sequence[tuple[Tlp | None, str]]) -> LeastMarking | None:
    found = [LeastMarking(level, part) for level, part in parts if level]
    return max(found, key=lambda least: least.level.rank, default=None)


def _marking_fields(marking: Tlp | None) -> dict[str, JsonValue]:
    return {"tlp": marking.value} if marking else {}


def _read_tags(value: MispObject) -> list[str]:
    """Return the tags of an event, an object or an attribute, in whichever form and place they are kept."""
    names: list[str] = []
    # What is left to read, the next at the end.
    left = [item for key, item in value.items() if key.casefold() in _TAG_KEYS][::-1]
    while left:
        match left.pop():
            case str(name):
                names.append(name)
            case list(items):
                left += items[::-1]
            case dict(tag):
                left += [item for key, item in tag.items() if key == "name" or key.casefold() in _TAG_KEYS]
            case _:
                pass
    return names


def _read_cluster_tags(value: MispObject) -> list[str]:
    """Return the tags of the galaxy clusters of an event or attribute, and of their relations."""
    clusters = [
        cluster
        for galaxy in _list_objects(value.get("Galaxy"))
        for cluster in _list_objects(galaxy.get("GalaxyCluster"))
    ]
    relations = [one for cluster in clusters for one in _list_objects(cluster.get("GalaxyClusterRelation"))]
    return [tag for one in (*clusters, *relations) for tag in _read_tags(one)]


def _list_objects(value: JsonValue) -> list[MispObject]:
    values = [value] if isinstance(value, dict) else value
    return [cast(MispObject, one) for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _read_ref(value: MispObject) -> str | None:
    ref = value.get("uuid")
    return ref if isinstance(ref, str) and ref else None


def _convert_timestamp(timestamp: JsonValue) -> str:
    """Convert a MISP timestamp, seconds since 1970 as text, to an ISO date."""
    text = str(timestamp)
    return iso(datetime.fromtimestamp(int(text), UTC)) if text.isdecimal() and len(text) < 12 else ""
