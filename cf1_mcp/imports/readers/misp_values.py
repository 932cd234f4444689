"""Reads the parts of MISP events: indicators by their types, and tags by what they mean."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, cast

from pydantic import JsonValue

from cf1_mcp.imports.readers.source_rows import LeastMarking
from cf1_mcp.imports.readers.tag_markings import is_marking
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
_TECHNIQUE: Final = re.compile(r'misp-galaxy:mitre-attack-pattern="[^"]*\b(T\d{4}(?:\.\d{3})?)"')


def read_indicators(attribute: MispObject) -> list[tuple[str, str]]:
    """Return pairs of value and type: two for an attribute type such as `domain|ip`."""
    kinds = str(attribute.get("type") or "").split("|")
    values = str(attribute.get("value") or "").split("|", len(kinds) - 1)
    paired = zip(kinds, values, strict=False)
    return [
        (value.strip(), INDICATOR_TYPES[kind]) for kind, value in paired if kind in INDICATOR_TYPES and value.strip()
    ]


def is_deleted(value: MispObject) -> bool:
    """Whether an attribute or an object was deleted in MISP, which keeps it and may export it."""
    return value.get("deleted") in (True, "1", "true")


def read_tag_fields(tags: list[str]) -> dict[str, JsonValue]:
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


def find_least(parts: Sequence[tuple[Tlp | None, str]]) -> LeastMarking | None:
    """Return the highest of the markings of parts, and which part has it."""
    found = [LeastMarking(level, part) for level, part in parts if level]
    return max(found, key=lambda least: least.level.rank, default=None)


def marking_fields(marking: Tlp | None) -> dict[str, JsonValue]:
    """Return a marking as a field of a row."""
    return {"tlp": marking.value} if marking else {}


def read_tags(value: MispObject) -> list[str]:
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


def read_cluster_tags(value: MispObject) -> list[str]:
    """Return the tags of the galaxy clusters of an event or attribute, and of their relations."""
    clusters = [
        cluster for galaxy in list_objects(value.get("Galaxy")) for cluster in list_objects(galaxy.get("GalaxyCluster"))
    ]
    relations = [one for cluster in clusters for one in list_objects(cluster.get("GalaxyClusterRelation"))]
    return [tag for one in (*clusters, *relations) for tag in read_tags(one)]


def list_objects(value: JsonValue) -> list[MispObject]:
    """Return the objects of a list, or an object alone."""
    values = [value] if isinstance(value, dict) else value
    return [cast(MispObject, one) for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def read_ref(value: MispObject) -> str | None:
    """Return the uuid of an event or attribute, to which other rows refer."""
    ref = value.get("uuid")
    return ref if isinstance(ref, str) and ref else None


def convert_timestamp(timestamp: JsonValue) -> str:
    """Convert a MISP timestamp, seconds since 1970 as text, to an ISO date."""
    text = str(timestamp)
    return iso(datetime.fromtimestamp(int(text), UTC)) if text.isdecimal() and len(text) < 12 else ""
