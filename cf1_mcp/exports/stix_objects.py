"""The STIX 2.1 objects of one event, and the objects that events share."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from uuid import uuid5

from cf1_mcp.exports.detection.blockable import find_objection
from cf1_mcp.exports.event_record import describe_event, stix_extension
from cf1_mcp.exports.export_file import MAX_TITLE_LENGTH, event_key
from cf1_mcp.exports.observables import ObservableKind, read_observable
from cf1_mcp.exports.stix_vocabulary import (
    COUNTRIES,
    EVENT_EXTENSION,
    KILL_CHAIN,
    NAMESPACE,
    SECTORS,
    SHARED_SINCE,
    TACTIC,
    TLP_IDS,
    StixObject,
    pattern_properties,
    technique_ids,
)
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.dates import iso
from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import clean

MAX_TEXT_LENGTH: Final = 4_000
NO_DATE: Final = "1970-01-01T00:00:00.000Z"
"""The timestamp of an event whose date is missing or cannot be parsed."""


@dataclass(frozen=True)
class Origin:
    """What all objects of a file share: the name of their source, the id of its identity, the time of export."""

    source: str
    identity: str
    created: str


# Thousands of events have the same few industries, countries, techniques and attackers.
_cached = lru_cache(maxsize=4_096)


class EventObjects:
    """The STIX objects of an event: its main object, a Sighting and Relationships. Iterating yields them in order.

    The main object is an Indicator if the event has an indicator, and a Vulnerability if that is a CVE. Without an
    indicator, or with one that STIX cannot express (a wallet) or that must not be detected (a private address), it is a
    Campaign whose description names the indicator.
    """

    def __init__(self, event: Event, level: Tlp, origin: Origin) -> None:
        self._event = event
        self._key = event_key(event)
        self._origin = origin
        self.marking: Final = level
        self.date: Final = stix_timestamp(event.date)
        self.attacker: Final = event.attacker.strip()
        self.industry: Final = event.target_industry.strip()
        self.attacker_country: Final = country_code(event.attacker_country)
        self.target_country: Final = country_code(event.target_country)
        self.techniques: Final = technique_ids(event)
        self.observable: Final = read_observable(event)
        self.objection: Final = find_objection(self.observable) if self.observable else None
        self.main: Final = self._main_object()
        self.type: Final = str(self.main["type"])
        self.id: Final = str(self.main["id"])

    @property
    def title(self) -> str:
        return (
            clean(self._event.event, MAX_TITLE_LENGTH)
            or clean(self._event.category, MAX_TITLE_LENGTH)
            or "Threat event"
        )

    @property
    def target_ids(self) -> list[str]:
        """Ids of the targeted industry and country."""
        industry = [industry_id(self.industry)] if self.industry else []
        return [*industry, *([location_id(self.target_country)] if self.target_country else [])]

    def __iter__(self) -> Iterator[StixObject]:
        yield self.main
        yield self._build(
            "sighting",
            first_seen=self.date,
            last_seen=self.date,
            count=1,
            sighting_of_ref=self.id,
            where_sighted_refs=self.target_ids,
        )
        for kind, source, target in self._relationships():
            yield relationship(kind, source, target, self.marking, self._origin, self.date)

    def _relationships(self) -> Iterator[tuple[str, str, str]]:
        actor = [intrusion_set_id(self.attacker)] if self.attacker else []
        techniques = [technique_id(technique) for technique in self.techniques]
        match self.type:
            case "indicator":
                yield from (("indicates", self.id, target) for target in (*actor, *techniques))
            case "vulnerability":
                yield from (("targets", source, self.id) for source in (*actor, *techniques))
            case _:
                yield from (("attributed-to", self.id, target) for target in actor)
                yield from (("uses", self.id, target) for target in techniques)
                yield from (("targets", self.id, target) for target in self.target_ids)

    def _main_object(self) -> StixObject:
        properties = pattern_properties(self.observable) if self.observable and not self.objection else None
        if self.observable and properties:
            return self._describe(
                "indicator",
                name=clean(defang(self.observable.value), MAX_TITLE_LENGTH),
                indicator_types=["malicious-activity"],
                **properties,
                valid_from=self.date,
                kill_chain_phases=self._kill_chain_phases(),
            )
        if self.observable and not self.objection:
            return self._describe("vulnerability", name=self.observable.value)
        text = f"{self._event.indicator_type or 'indicator'}: {defang(self._event.indicator)}"
        indicator = text if self._event.indicator.strip() else ""
        return self._describe("campaign", indicator, name=self.title, first_seen=self.date)

    def _kill_chain_phases(self) -> list[StixObject]:
        return [
            {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": phase}
            for number, phase in enumerate(KILL_CHAIN, 1)
            if number == self._event.kill_chain
        ]

    def _describe(self, kind: str, *further: str, **properties: object) -> StixObject:
        texts = (self._event.event, self._event.insight, *further)
        labels = [clean(text, MAX_TITLE_LENGTH) for text in (self._event.category, *self._event.tags)]
        return self._build(
            kind,
            description="\n\n".join(clean(text, MAX_TEXT_LENGTH) for text in texts if text.strip()),
            labels=list(dict.fromkeys(label for label in labels if label.strip())),
            external_references=[
                {"source_name": name, "external_id": number}
                for name, number in dict.fromkeys(self._external_references())
            ],
            **properties,
            extensions={EVENT_EXTENSION: stix_extension(describe_event(self._event))},
        )

    def _external_references(self) -> Iterator[tuple[str, str]]:
        if self._event.uuid.strip():
            yield self._origin.source, clean(self._event.uuid, MAX_TITLE_LENGTH)
        if self.observable and self.observable.kind is ObservableKind.CVE:
            yield "cve", self.observable.value
        tactics = (word.strip() for word in self._event.mitre_attack)
        for number in (*self.techniques, *(tactic for tactic in tactics if TACTIC.fullmatch(tactic))):
            yield "mitre-attack", number
        for number in self._event.mitre_capec:
            if (digits := number.strip().removeprefix("CAPEC-")).isascii() and digits.isdecimal():
                yield "capec", f"CAPEC-{digits}"

    def _build(self, kind: str, **properties: object) -> StixObject:
        return _object(kind, object_id(kind, self._key), self.date, self._origin, self.marking, properties)


def source_identity(name: str, created: str) -> StixObject:
    """Return the identity of the file's source, the creator of all other objects."""
    common = {"type": "identity", "spec_version": "2.1", "id": object_id("identity", "source", name)}
    return {**common, "created": SHARED_SINCE, "modified": created, "name": name, "identity_class": "system"}


def industry_identity(name: str, level: Tlp, origin: Origin) -> StixObject:
    """Return an industry: unmarked if the API's own list has it, else with `level`: only its events may reveal it."""
    sectors = list(SECTORS.get(name.casefold(), ()))
    marking = None if name.casefold() in SECTORS else level
    properties = {"name": clean(name, MAX_TITLE_LENGTH), "identity_class": "class", "sectors": sectors}
    return _object("identity", industry_id(name), SHARED_SINCE, origin, marking, properties)


def location(code: str, origin: Origin) -> StixObject:
    return _object("location", location_id(code), SHARED_SINCE, origin, None, {"name": code, "country": code})


def attack_pattern(technique: str, origin: Origin) -> StixObject:
    """Return a technique, named by its id: this package does not contain MITRE's names."""
    references = [{"source_name": "mitre-attack", "external_id": technique}]
    properties = {"name": technique, "external_references": references}
    return _object("attack-pattern", technique_id(technique), SHARED_SINCE, origin, None, properties)


def intrusion_set(attacker: str, level: Tlp, origin: Origin) -> StixObject:
    properties = {"name": clean(attacker, MAX_TITLE_LENGTH)}
    return _object("intrusion-set", intrusion_set_id(attacker), SHARED_SINCE, origin, level, properties)


def grouping(
    key: str, context: str, properties: Mapping[str, str], refs: Sequence[str], level: Tlp, origin: Origin
) -> StixObject:
    """Return a grouping of the objects `refs`. Its id is derived from `key`; `properties` are name and description."""
    summary = {EVENT_EXTENSION: stix_extension({"summary": True})}
    every = {
        **properties,
        "context": context,
        "object_refs": list(dict.fromkeys(refs)),
        "extensions": summary,
    }
    return _object("grouping", object_id("grouping", key), SHARED_SINCE, origin, level, every)


def relationship(
    kind: str, source: str, target: str, level: Tlp, origin: Origin, since: str = SHARED_SINCE, description: str = ""
) -> StixObject:
    ends = {"relationship_type": kind, "description": description, "source_ref": source, "target_ref": target}
    id_ = object_id("relationship", kind, source, target, *([description] if description else []))
    return _object("relationship", id_, since, origin, level, ends)


def object_id(kind: str, *parts: str) -> str:
    """Return the deterministic id of an object, derived from its type and from what identifies it."""
    return f"{kind}--{uuid5(NAMESPACE, json.dumps([kind, *parts]))}"


@_cached
def industry_id(name: str) -> str:
    return object_id("identity", "industry", name.casefold())


@_cached
def location_id(code: str) -> str:
    return object_id("location", code)


@_cached
def technique_id(technique: str) -> str:
    return object_id("attack-pattern", technique)


@_cached
def intrusion_set_id(attacker: str) -> str:
    return object_id("intrusion-set", attacker)


def country_code(text: str) -> str:
    """Return an ISO 3166-1 alpha-2 code in upper case, as STIX requires; empty if the text is not one."""
    upper = text.strip().upper()
    return upper if upper in COUNTRIES else ""


def stix_timestamp(date: str) -> str:
    """Convert a date of the API, which is UTC if it has no zone, to a STIX timestamp in milliseconds."""
    try:
        return format_timestamp(datetime.fromisoformat(date.strip()))
    except (ValueError, OverflowError):
        return NO_DATE


def format_timestamp(moment: datetime) -> str:
    """Return a time as a STIX timestamp in milliseconds."""
    return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC), "milliseconds")


def _object(
    kind: str, id_: str, created: str, origin: Origin, level: Tlp | None, properties: Mapping[str, object]
) -> StixObject:
    """Build an object without its empty properties, which STIX forbids. A newer export is a newer version of it."""
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": id_,
        "created_by_ref": origin.identity,
        "created": created,
        "modified": max(created, origin.created),
        **{name: value for name, value in properties.items() if value not in ("", [])},
        **({"object_marking_refs": [TLP_IDS[level]]} if level is not None else {}),
    }
