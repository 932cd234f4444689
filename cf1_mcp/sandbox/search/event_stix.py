"""Events as STIX 2.1: in a bundle, or in a TAXII 2.1 envelope.

The API reference promises Sightings with linked Indicators, Observed Data and cyber-observables, and no more.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_interface
from typing import Final
from uuid import UUID, uuid5

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.event_input import is_array

# Invented: how the promised objects are filled is not published, so all of this is ours.
# - An event is sighted as its Indicator; a CVE as a Vulnerability; an event without an indicator, or with one that STIX
#   has no words for (a wallet, a JA3), as a Campaign whose description names the indicator.
# - An indicator whose value STIX does not take as an observable (`a_b.example`) has its pattern but no Observed Data.
# - Tags are labels, and so are the attacker and the target's country and industry (`target-country:DE`).
# - Without a marking an event counts as amber, and with one that TLP 2.0 does not know (purple) as red. An observable
#   that several events share has the strictest marking among them.

NAMESPACE: Final = UUID("0f0c4b3e-8f0e-5b1d-9a57-6f2f6f1c7f6a")
"""Ids follow from it and from the event, so that a second export updates the first."""

NO_DATE: Final = "1970-01-01T00:00:00.000Z"
"""For an event whose date is missing or cannot be read."""

LABELS: Final = {"attacker": "attacker", "targetCountry": "target-country", "targetIndustry": "target-industry"}
SOURCE: Final = "cloudforce-one-sandbox"
MAX_NAME_LENGTH: Final = 80

KILL_CHAIN: Final = (
    "reconnaissance",
    "weaponization",
    "delivery",
    "exploitation",
    "installation",
    "command-and-control",
    "actions-on-objectives",
)
"""Phases 1 to 7 of the Lockheed Martin Cyber Kill Chain."""

OBSERVABLE_NAMESPACE: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX 2.1, section 2.9: ids of observables follow from it and from their content, so that all tools agree."""

TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_IDS: Final = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The fixed objects published for TLP 2.0, least restrictive first; STIX 2.1 itself knows only those of TLP 1."""

HASHES: Final = {32: "MD5", 40: "SHA-1", 64: "SHA-256", 128: "SHA-512"}
_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)((?!..--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.(?!\Z)|\Z))+", re.IGNORECASE)
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:([a-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9a-f]{2})+", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+\.[a-z0-9.-]+", re.IGNORECASE)
_TECHNIQUE: Final = re.compile(r"TA\d{4}|T\d{4}(\.\d{3})?", re.ASCII)
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII | re.IGNORECASE)

StixObject = dict[str, object]
WireEvent = Mapping[str, object]


def stix2_bundle(events: Sequence[WireEvent]) -> StixObject:
    """A STIX 2.1 bundle of events in their wire form. Without events it has no `objects`: STIX forbids empty lists."""
    objects = _objects(events)
    content = " ".join(str(one["id"]) for one in objects)
    bundle: StixObject = {"type": "bundle", "id": f"bundle--{uuid5(NAMESPACE, content)}"}
    return bundle | ({"objects": objects} if objects else {})


def taxii_envelope(events: Sequence[WireEvent], more: bool) -> StixObject:
    """A TAXII 2.1 envelope with the objects of the bundle; `more` says that a next page exists."""
    return {"more": more, "objects": _objects(events)}


def _objects(events: Sequence[WireEvent]) -> list[StixObject]:
    found: dict[str, tuple[int, StixObject]] = {}
    for event in events:
        objects = _EventObjects(event)
        level = list(Tlp).index(objects.level)
        for one in objects:
            known = found.get(str(one["id"]))
            if known is None or level > known[0]:
                found[str(one["id"])] = (level, one)
    used = {level for level, _ in found.values()}
    markings = [_marking(marking) for level, marking in enumerate(Tlp) if level in used]
    return [*markings, *(one for _, one in found.values())]


def _marking(level: Tlp) -> StixObject:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_IDS[level],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{level.upper()}",
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level.value}},
    }


class _EventObjects:
    """The objects of one event, each before those that refer to it."""

    def __init__(self, event: WireEvent) -> None:
        self._event = event
        self._key = self._text("uuid") or json.dumps(event, sort_keys=True, default=str)
        self._date = _timestamp(self._text("date"))
        marking = self._text("tlp")
        self.level = (Tlp.parse(marking) or Tlp.RED) if marking else Tlp.AMBER

    def __iter__(self) -> Iterator[StixObject]:
        kind, value = self._text("indicatorType").lower(), self._text("indicator")
        seen = _observable(kind, value)
        observed: list[StixObject] = []
        if seen is not None:
            threat = self._indicator(seen)
            if seen.storable:
                yield (stored := self._stored(seen))
                observed.append(self._observed(str(stored["id"])))
        elif kind == "cve" and _CVE.fullmatch(value):
            threat = self._described("vulnerability", name=value.upper())
        else:
            name = " ".join(self._text("event").split())[:MAX_NAME_LENGTH] or self._text("category") or "Threat event"
            leftover = f"{kind or 'indicator'}: {value}" if value else ""
            threat = self._described("campaign", leftover, name=name, first_seen=self._date)
        yield from (*observed, threat, self._sighting(str(threat["id"]), [str(one["id"]) for one in observed]))

    def _stored(self, seen: "_Observable") -> StixObject:
        content = json.dumps(seen.properties, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {
            "type": seen.type,
            "spec_version": "2.1",
            "id": f"{seen.type}--{uuid5(OBSERVABLE_NAMESPACE, content)}",
            **seen.properties,
            "object_marking_refs": [TLP_IDS[self.level]],
        }

    def _observed(self, stored: str) -> StixObject:
        return self._made(
            "observed-data",
            first_observed=self._date,
            last_observed=self._date,
            number_observed=1,
            object_refs=[stored],
        )

    def _indicator(self, seen: "_Observable") -> StixObject:
        number = self._event.get("killChain")
        phases: list[StixObject] = [
            {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": phase}
            for place, phase in enumerate(KILL_CHAIN, 1)
            if place == number
        ]
        return self._described(
            "indicator",
            name=self._text("category") or "Threat event",
            indicator_types=["malicious-activity"],
            pattern=f"[{seen.comparison}]",
            pattern_type="stix",
            pattern_version="2.1",
            valid_from=self._date,
            kill_chain_phases=phases,
        )

    def _described(self, kind: str, leftover: str = "", **properties: object) -> StixObject:
        """An object that says what the event says: its text, labels and MITRE ids."""
        texts = (self._text("event"), self._text("insight"), leftover)
        named = [f"{label}:{text}" for name, label in LABELS.items() if (text := self._text(name))]
        cve = [("cve", str(properties["name"]))] if kind == "vulnerability" else []
        attack = [("mitre-attack", word) for word in self._texts("mitreAttack") if _TECHNIQUE.fullmatch(word)]
        capec = [("capec", f"CAPEC-{number}") for number in self._texts("mitreCapec") if re.fullmatch("[0-9]+", number)]
        return self._made(
            kind,
            description="\n\n".join(text for text in texts if text),
            labels=self._texts("tags") + named,
            external_references=[{"source_name": name, "external_id": id_} for name, id_ in (*cve, *attack, *capec)],
            **properties,
        )

    def _sighting(self, threat: str, observed: list[str]) -> StixObject:
        uuid = self._text("uuid")
        return self._made(
            "sighting",
            external_references=[{"source_name": SOURCE, "external_id": uuid}] if uuid else [],
            description=self._text("event"),
            first_seen=self._date,
            last_seen=self._date,
            count=1,
            sighting_of_ref=threat,
            observed_data_refs=observed,
        )

    def _made(self, kind: str, **properties: object) -> StixObject:
        """An object of this event; empty properties are left out, as STIX demands."""
        return {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{uuid5(NAMESPACE, f'{kind} {self._key}')}",
            "created": self._date,
            "modified": self._date,
            **{name: value for name, value in properties.items() if value not in ("", [])},
            "object_marking_refs": [TLP_IDS[self.level]],
        }

    def _text(self, name: str) -> str:
        value = self._event.get(name)
        return value.strip() if isinstance(value, str) else ""

    def _texts(self, name: str) -> list[str]:
        values = self._event.get(name)
        return [text for value in values if (text := str(value).strip())] if is_array(values) else []


@dataclass(frozen=True)
class _Observable:
    """An indicator in the words of STIX. `storable`: its value is one that STIX takes outside of a pattern."""

    type: str
    properties: StixObject
    comparison: str
    storable: bool = True


def _observable(kind: str, value: str) -> _Observable | None:
    """What an indicator is in STIX, or None. `kind` is an event's indicatorType in lower case."""
    match kind if value else "":
        case "domain" | "hostname":
            return _valued("domain-name", value, _DOMAIN.fullmatch(value) is not None)
        case "url":
            return _valued("url", value, _URI.fullmatch(value) is not None)
        case "email":
            return _valued("email-addr", value, _EMAIL.fullmatch(value) is not None)
        case "ip" | "ipv4" | "ipv6" | "cidr":
            return _address(value)
        case "hash" | "md5" | "sha1" | "sha256" | "sha512":
            return _hashed("file", value)
        case "certificate":
            return _hashed("x509-certificate", value)
        case "filename":
            return _Observable("file", {"name": value}, f"file:name = {_literal(value)}")
        case "asn" if re.fullmatch(r"(AS)?\d{1,10}", value, re.ASCII | re.IGNORECASE):
            number = int(value.upper().removeprefix("AS"))
            return _Observable("autonomous-system", {"number": number}, f"autonomous-system:number = {number}")
        case _:
            return None


def _valued(kind: str, value: str, storable: bool = True, comparison: str = "=") -> _Observable:
    return _Observable(kind, {"value": value}, f"{kind}:value {comparison} {_literal(value)}", storable)


def _address(value: str) -> _Observable | None:
    try:
        address = ip_interface(value)
    except ValueError:
        return None
    if "%" in value:
        return None
    kind = f"ipv{address.version}-addr"
    if "/" in value:
        return _valued(kind, str(address.network), comparison="ISSUBSET")
    return _valued(kind, str(address.ip))


def _hashed(kind: str, value: str) -> _Observable | None:
    name = HASHES.get(len(value))
    if name is None or re.fullmatch("[0-9a-fA-F]+", value) is None:
        return None
    digest = value.lower()
    return _Observable(kind, {"hashes": {name: digest}}, f"{kind}:hashes.'{name}' = '{digest}'")


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _timestamp(date: str) -> str:
    try:
        moment = datetime.fromisoformat(date)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return NO_DATE
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
