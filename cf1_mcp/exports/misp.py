"""A MISP event of events."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import uuid5

from cf1_mcp.exports.format import MAX_TITLE_LENGTH, Format, Heading, LeftOut
from cf1_mcp.exports.handling import Handling
from cf1_mcp.exports.observables import Kind, observable
from cf1_mcp.exports.stix_objects import stamp, timestamp
from cf1_mcp.exports.stix_terms import NAMESPACE, techniques
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.sanitize import clean

MAX_TEXT_LENGTH: Final = 4_000

# Type, category, and whether a detection may act on it, as MISP's own defaults have them. A name of a file is too
# common to act on.
_TYPES: Final[Mapping[Kind, tuple[str, str, bool]]] = {
    Kind.DOMAIN: ("domain", "Network activity", True),
    Kind.IP: ("ip-dst", "Network activity", True),
    Kind.NETWORK: ("ip-dst", "Network activity", True),
    Kind.URL: ("url", "Network activity", True),
    Kind.EMAIL: ("email-src", "Payload delivery", True),
    Kind.MD5: ("md5", "Payload delivery", True),
    Kind.SHA1: ("sha1", "Payload delivery", True),
    Kind.SHA256: ("sha256", "Payload delivery", True),
    Kind.SHA512: ("sha512", "Payload delivery", True),
    Kind.JA3: ("ja3-fingerprint-md5", "Network activity", True),
    Kind.CVE: ("vulnerability", "External analysis", False),
    Kind.ASN: ("AS", "Network activity", False),
    Kind.FILENAME: ("filename", "Payload delivery", False),
}
_CERTIFICATES: Final = {32: "x509-fingerprint-md5", 40: "x509-fingerprint-sha1", 64: "x509-fingerprint-sha256"}
# Who gets the event once it is published: 0 the own organisation, 1 the own community. Wider is a person's decision.
_DISTRIBUTION: Final[Mapping[Tlp, str]] = {
    Tlp.CLEAR: "1",
    Tlp.GREEN: "1",
    Tlp.AMBER: "0",
    Tlp.AMBER_STRICT: "0",
    Tlp.RED: "0",
}
_INHERITED: Final = "5"
_UNDEFINED: Final = "4"
_COMPLETED: Final = "2"


@dataclass(frozen=True)
class Value:
    """What an attribute says; with `to_ids` a detection may act on it."""

    type: str
    category: str
    to_ids: bool
    text: str


class MispEvent(Format):
    """One unpublished MISP event with an attribute for each distinct value; events without one are comments.

    Its tag and its distribution follow from the highest marking; an attribute has the tag of the event it came from.
    Its uuid follows from source and name, and those of its attributes from it and their values: a file of the same name
    is a newer version of the same MISP event, and one of another name shares no uuid with it, which MISP would refuse.
    """

    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"

    def __init__(self, handling: Handling, heading: Heading) -> None:
        super().__init__(handling, heading)
        self._values: Final = set[tuple[str, str]]()
        self._techniques: Final = set[str]()
        self._newest = ""
        self._uuid: Final = uuid5(NAMESPACE, json.dumps(["misp event", heading.source, heading.name]))

    def head(self) -> str:
        return '{"Event": {"Attribute": ['

    def tail(self) -> Iterator[str]:
        about = {
            "uuid": str(self._uuid),
            "info": f"{self._name()} ({self._source()})",
            "date": (self._newest or stamp(self.heading.made))[:10],
            "timestamp": str(int(self.heading.made.timestamp())),
            "threat_level_id": _UNDEFINED,
            "analysis": _COMPLETED,
            "distribution": _DISTRIBUTION[self.marking],
            "published": False,
            "Tag": [{"name": name} for name in (_tag(self.marking), *sorted(self._techniques))],
        }
        yield f"\n], {json.dumps(about, ensure_ascii=False)[1:-1]}}}}}\n"

    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        date = timestamp(event.date)
        comment = " / ".join(clean(text, MAX_TEXT_LENGTH) for text in (event.category, event.event) if text.strip())
        self._newest = max(self._newest, date)
        self._techniques.update(techniques(event))
        told = self._attribute(_value(event), comment, level, date)
        if attacker := event.attacker.strip():
            actor = Value("threat-actor", "Attribution", False, clean(attacker, MAX_TITLE_LENGTH))
            told += self._attribute(actor, "", level, date)
        return told

    def _attribute(self, value: Value, comment: str, level: Tlp, date: str) -> str:
        """The attribute, unless the event has its like: MISP refuses a second one."""
        if (value.type, value.text) in self._values:
            return ""
        before = ",\n" if self._values else "\n"
        self._values.add((value.type, value.text))
        attribute = {
            "uuid": str(uuid5(self._uuid, json.dumps([value.type, value.text]))),
            "type": value.type,
            "category": value.category,
            "value": value.text,
            "to_ids": value.to_ids,
            "comment": comment,
            "first_seen": date,
            "last_seen": date,
            "distribution": _INHERITED,
            "Tag": [{"name": _tag(level)}],
        }
        return before + json.dumps(attribute, ensure_ascii=False)


def _value(event: Event) -> Value:
    found = observable(event)
    if found is None and event.indicator.strip():
        named = f"{event.indicator_type or 'indicator'}: {event.indicator}"
        return Value("text", "Other", False, clean(named, MAX_TEXT_LENGTH))
    if found is None:
        told = event.event if event.event.strip() else event.category
        return Value("comment", "Other", False, clean(told, MAX_TEXT_LENGTH) or "Threat event")
    if found.kind is Kind.CERTIFICATE:
        known = _CERTIFICATES.get(len(found.value))
        told = Value("text", "Other", False, found.value)
        return Value(known, "Payload delivery", True, found.value) if known else told
    type_, category, to_ids = _TYPES[found.kind]
    return Value(type_, category, to_ids, f"AS{found.value}" if found.kind is Kind.ASN else found.value)


def _tag(level: Tlp) -> str:
    return f"tlp:{level.value}"
