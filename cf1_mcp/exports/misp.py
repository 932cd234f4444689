"""A MISP event with an attribute for each indicator."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import uuid5

from cf1_mcp.exports.detection.blockable import describe_undetectable, find_objection
from cf1_mcp.exports.event_record import OWN_RECORDS, EventRecord, describe_event
from cf1_mcp.exports.export_file import MAX_TITLE_LENGTH, ExportFile, FileHeading, Omission
from cf1_mcp.exports.observables import ObservableKind, read_observable
from cf1_mcp.exports.stix_objects import format_timestamp, stix_timestamp
from cf1_mcp.exports.stix_vocabulary import NAMESPACE, technique_ids
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.sanitize import clean

MAX_TEXT_LENGTH: Final = 4_000

# Type, category and `to_ids` (usable for detection), following MISP's defaults; except that file names are too common
# for detection.
_TYPES: Final[Mapping[ObservableKind, tuple[str, str, bool]]] = {
    ObservableKind.DOMAIN: ("domain", "Network activity", True),
    ObservableKind.IP: ("ip-dst", "Network activity", True),
    ObservableKind.NETWORK: ("ip-dst", "Network activity", True),
    ObservableKind.URL: ("url", "Network activity", True),
    ObservableKind.EMAIL: ("email-src", "Payload delivery", True),
    ObservableKind.MD5: ("md5", "Payload delivery", True),
    ObservableKind.SHA1: ("sha1", "Payload delivery", True),
    ObservableKind.SHA256: ("sha256", "Payload delivery", True),
    ObservableKind.SHA512: ("sha512", "Payload delivery", True),
    ObservableKind.JA3: ("ja3-fingerprint-md5", "Network activity", True),
    ObservableKind.CVE: ("vulnerability", "External analysis", False),
    ObservableKind.ASN: ("AS", "Network activity", False),
    ObservableKind.FILENAME: ("filename", "Payload delivery", False),
}
_CERTIFICATES: Final = {32: "x509-fingerprint-md5", 40: "x509-fingerprint-sha1", 64: "x509-fingerprint-sha256"}
# Who receives the event once it is published: 0 your organisation, 1 this community. More is a person's decision.
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
class MispValue:
    """The value of an attribute. `to_ids`: it may be used for detection."""

    type: str
    category: str
    to_ids: bool
    text: str


class MispEvent(ExportFile):
    """One unpublished MISP event with an attribute for each distinct value; events without a value become comments.

    Each event is kept as well, in a member `cf1_mcp` of an attribute, or of the MISP event itself, which MISP ignores
    and an import reads: an attribute has the value of many events, and the first of them alone describes it.

    Its tag and distribution follow from the highest marking; an attribute has the tag of the event it came from. Its
    uuid is derived from source and name, and the uuids of attributes from it and their values: a file of the same name
    is a newer version of the same MISP event, and files of different names share no uuid, which MISP would reject.
    """

    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        self._values: Final = set[tuple[str, str]]()
        self._techniques: Final = set[str]()
        self._undetectable: Final = Counter[str]()
        # Events of which no attribute has been written since.
        self._records: list[EventRecord] = []
        self._newest = ""
        self._uuid: Final = uuid5(NAMESPACE, json.dumps(["misp event", heading.source, heading.name]))

    def head(self) -> str:
        return '{"Event": {"Attribute": ['

    def tail(self) -> Iterator[str]:
        properties = {
            "uuid": str(self._uuid),
            "info": f"{self._name()} ({self._source()})",
            "date": (self._newest or format_timestamp(self.heading.created))[:10],
            "timestamp": str(int(self.heading.created.timestamp())),
            "threat_level_id": _UNDEFINED,
            "analysis": _COMPLETED,
            "distribution": _DISTRIBUTION[self.marking],
            "published": False,
            "Tag": [{"name": name} for name in (_tag(self.marking), *sorted(self._techniques))],
            OWN_RECORDS: self._records,
        }
        yield f"\n], {json.dumps(properties, ensure_ascii=False)[1:-1]}}}}}\n"

    def notes(self) -> Sequence[str]:
        return describe_undetectable(self._undetectable)

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        date = stix_timestamp(event.date)
        comment = " / ".join(clean(text, MAX_TEXT_LENGTH) for text in (event.category, event.event) if text.strip())
        self._newest = max(self._newest, date)
        self._techniques.update(technique_ids(event))
        self._records.append({"tlp": level.value, **describe_event(event)})
        value, objection = _value(event)
        if objection:
            self._undetectable[objection] += 1
        text = self._attribute(value, comment, level, date)
        if attacker := event.attacker.strip():
            actor = MispValue("threat-actor", "Attribution", False, clean(attacker, MAX_TITLE_LENGTH))
            text += self._attribute(actor, "", level, date)
        return text

    def _attribute(self, value: MispValue, comment: str, level: Tlp, date: str) -> str:
        """Return the attribute; empty if the MISP event already has it, because MISP rejects duplicates."""
        if (value.type, value.text) in self._values:
            return ""
        separator = ",\n" if self._values else "\n"
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
            **({OWN_RECORDS: self._records} if self._records else {}),
        }
        self._records = []
        return separator + json.dumps(attribute, ensure_ascii=False)


def _value(event: Event) -> tuple[MispValue, str | None]:
    """Return the value of an event, and why it is not for detection although its type is."""
    found = read_observable(event)
    if found is None:
        return _plain_value(event), None
    objection = find_objection(found)
    if found.kind is ObservableKind.CERTIFICATE:
        type_ = _CERTIFICATES.get(len(found.value))
        if type_ is None:
            return MispValue("text", "Other", False, found.value), None
        return MispValue(type_, "Payload delivery", objection is None, found.value), objection
    type_, category, to_ids = _TYPES[found.kind]
    text = f"AS{found.value}" if found.kind is ObservableKind.ASN else found.value
    return MispValue(type_, category, to_ids and objection is None, text), objection if to_ids else None


def _plain_value(event: Event) -> MispValue:
    if event.indicator.strip():
        text = f"{event.indicator_type or 'indicator'}: {event.indicator}"
        return MispValue("text", "Other", False, clean(text, MAX_TEXT_LENGTH))
    text = event.event if event.event.strip() else event.category
    return MispValue("comment", "Other", False, clean(text, MAX_TEXT_LENGTH) or "Threat event")


def _tag(level: Tlp) -> str:
    return f"tlp:{level.value}"
