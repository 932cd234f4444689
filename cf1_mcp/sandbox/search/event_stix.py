"""Events as STIX 2.1, in a bundle or in a TAXII 2.1 envelope.

The API reference promises Sightings with linked Indicators, Observed Data and observables. Everything else is invented;
see invented.py.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.json_values import is_array
from cf1_mcp.sandbox.search.stix_observables import StixObject, StixObservable, parse_observable

STIX_NAMESPACE: Final = UUID("0f0c4b3e-8f0e-5b1d-9a57-6f2f6f1c7f6a")
"""The namespace of ids derived from events, so that a second export updates the objects of the first."""

NO_DATE: Final = "1970-01-01T00:00:00.000Z"
"""The date of an event whose own date is missing or unreadable."""

LABELS: Final = {"attacker": "attacker", "targetCountry": "target-country", "targetIndustry": "target-industry"}
SOURCE: Final = "cloudforce-one-sandbox"
MAX_TITLE_LENGTH: Final = 80

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
"""The namespace of STIX 2.1, section 2.9: ids of observables derive from their content, so that all tools agree."""

TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_IDS: Final = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The objects published for TLP 2.0, least restrictive first; STIX 2.1 itself defines only those of TLP 1."""

_TECHNIQUE: Final = re.compile(r"TA\d{4}|T\d{4}(\.\d{3})?", re.ASCII)
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII | re.IGNORECASE)

EventFields = Mapping[str, object]


def build_stix_bundle(events: Sequence[EventFields]) -> StixObject:
    """Return a STIX 2.1 bundle of events in their wire form. Without events it has no `objects`: STIX forbids empty
    lists."""
    objects = _build_objects(events)
    content = " ".join(str(one["id"]) for one in objects)
    bundle: StixObject = {"type": "bundle", "id": f"bundle--{uuid5(STIX_NAMESPACE, content)}"}
    return bundle | ({"objects": objects} if objects else {})


def build_taxii_envelope(events: Sequence[EventFields], more: bool) -> StixObject:
    """Return a TAXII 2.1 envelope with the objects of the bundle; `more` states that there is another page."""
    return {"more": more, "objects": _build_objects(events)}


def _build_objects(events: Sequence[EventFields]) -> list[StixObject]:
    found: dict[str, tuple[int, StixObject]] = {}
    for event in events:
        objects = _EventObjects(event)
        level = list(Tlp).index(objects.level)
        for one in objects:
            known = found.get(str(one["id"]))
            if known is None or level > known[0]:
                found[str(one["id"])] = (level, one)
    used = {level for level, _ in found.values()}
    markings = [_build_marking(marking) for level, marking in enumerate(Tlp) if level in used]
    return [*markings, *(one for _, one in found.values())]


def _build_marking(level: Tlp) -> StixObject:
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

    def __init__(self, event: EventFields) -> None:
        self._event = event
        self._key = self._read_text("uuid") or json.dumps(event, sort_keys=True, default=str)
        self._date = _format_timestamp(self._read_text("date"))
        marking = self._read_text("tlp")
        self.level = (Tlp.parse(marking) or Tlp.RED) if marking else Tlp.AMBER

    def __iter__(self) -> Iterator[StixObject]:
        kind, value = self._read_text("indicatorType").lower(), self._read_text("indicator")
        observable = parse_observable(kind, value)
        observed: list[StixObject] = []
        if observable is not None:
            threat = self._build_indicator(observable)
            if observable.is_valid:
                yield (stored := self._build_observable(observable))
                observed.append(self._build_observed_data(str(stored["id"])))
        elif kind == "cve" and _CVE.fullmatch(value):
            threat = self._build_described("vulnerability", name=value.upper())
        else:
            text = " ".join(self._read_text("event").split())[:MAX_TITLE_LENGTH]
            name = text or self._read_text("category") or "Threat event"
            indicator = f"{kind or 'indicator'}: {value}" if value else ""
            threat = self._build_described("campaign", indicator, name=name, first_seen=self._date)
        yield from (*observed, threat, self._build_sighting(str(threat["id"]), [str(one["id"]) for one in observed]))

    def _build_observable(self, observable: StixObservable) -> StixObject:
        content = json.dumps(observable.properties, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {
            "type": observable.type,
            "spec_version": "2.1",
            "id": f"{observable.type}--{uuid5(OBSERVABLE_NAMESPACE, content)}",
            **observable.properties,
            "object_marking_refs": [TLP_IDS[self.level]],
        }

    def _build_observed_data(self, observable_id: str) -> StixObject:
        return self._build(
            "observed-data",
            first_observed=self._date,
            last_observed=self._date,
            number_observed=1,
            object_refs=[observable_id],
        )

    def _build_indicator(self, observable: StixObservable) -> StixObject:
        number = self._event.get("killChain")
        phases: list[StixObject] = [
            {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": phase}
            for place, phase in enumerate(KILL_CHAIN, 1)
            if place == number
        ]
        return self._build_described(
            "indicator",
            name=self._read_text("category") or "Threat event",
            indicator_types=["malicious-activity"],
            pattern=f"[{observable.comparison}]",
            pattern_type="stix",
            pattern_version="2.1",
            valid_from=self._date,
            kill_chain_phases=phases,
        )

    def _build_described(self, kind: str, indicator: str = "", **properties: object) -> StixObject:
        """Return an object with the text, labels and MITRE ids of the event; `indicator` ends the description."""
        texts = (self._read_text("event"), self._read_text("insight"), indicator)
        labels = [f"{label}:{text}" for name, label in LABELS.items() if (text := self._read_text(name))]
        cve = [("cve", str(properties["name"]))] if kind == "vulnerability" else []
        techniques = [word for word in self._read_texts("mitreAttack") if _TECHNIQUE.fullmatch(word)]
        capec = [number for number in self._read_texts("mitreCapec") if re.fullmatch("[0-9]+", number)]
        references = [
            *cve,
            *(("mitre-attack", technique) for technique in techniques),
            *(("capec", f"CAPEC-{number}") for number in capec),
        ]
        return self._build(
            kind,
            description="\n\n".join(text for text in texts if text),
            labels=self._read_texts("tags") + labels,
            external_references=[{"source_name": source, "external_id": id_} for source, id_ in references],
            **properties,
        )

    def _build_sighting(self, threat: str, observed: list[str]) -> StixObject:
        uuid = self._read_text("uuid")
        return self._build(
            "sighting",
            external_references=[{"source_name": SOURCE, "external_id": uuid}] if uuid else [],
            description=self._read_text("event"),
            first_seen=self._date,
            last_seen=self._date,
            count=1,
            sighting_of_ref=threat,
            observed_data_refs=observed,
        )

    def _build(self, kind: str, **properties: object) -> StixObject:
        """Return an object of this event; empty properties are left out, as STIX requires."""
        return {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{uuid5(STIX_NAMESPACE, f'{kind} {self._key}')}",
            "created": self._date,
            "modified": self._date,
            **{name: value for name, value in properties.items() if value not in ("", [])},
            "object_marking_refs": [TLP_IDS[self.level]],
        }

    def _read_text(self, name: str) -> str:
        value = self._event.get(name)
        return value.strip() if isinstance(value, str) else ""

    def _read_texts(self, name: str) -> list[str]:
        values = self._event.get(name)
        return [text for value in values if (text := str(value).strip())] if is_array(values) else []


def _format_timestamp(date: str) -> str:
    try:
        moment = datetime.fromisoformat(date)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return NO_DATE
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
