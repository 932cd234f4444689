"""The STIX 2.1 objects of one event, and those that events share."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from uuid import uuid5

from cf1_mcp.exports.format import MAX_TITLE_LENGTH, event_key
from cf1_mcp.exports.observables import Kind, observable
from cf1_mcp.exports.stix_terms import (
    COUNTRIES,
    KILL_CHAIN,
    NAMESPACE,
    SECTORS,
    SHARED_SINCE,
    TACTIC,
    TLP_IDS,
    StixObject,
    pattern,
    techniques,
)
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import clean

MAX_TEXT_LENGTH: Final = 4_000
NO_DATE: Final = "1970-01-01T00:00:00.000Z"
"""For an event whose date is missing or cannot be read."""


@dataclass(frozen=True)
class Origin:
    """Where all objects of a file come from: `source` in words, `identity` as an object, `made` as a timestamp."""

    source: str
    identity: str
    made: str


# Thousands of events name the same few industries, countries, techniques and attackers.
_remembered = lru_cache(maxsize=4_096)


class EventObjects:
    """An event in STIX: the object that stands for it, and its references to what events share.

    An event with an indicator stands as an Indicator, one with a CVE as a Vulnerability. One without, or with an
    indicator that STIX has no words for (a wallet), stands as a Campaign whose description names the indicator.
    """

    def __init__(self, event: Event, level: Tlp, origin: Origin) -> None:
        self._event = event
        self._key = event_key(event)
        self._origin = origin
        self.level: Final = level
        self.date: Final = timestamp(event.date)
        self.attacker: Final = event.attacker.strip()
        self.industry: Final = event.target_industry.strip()
        self.attacker_country: Final = country(event.attacker_country)
        self.target_country: Final = country(event.target_country)
        self.techniques: Final = techniques(event)
        self.found: Final = observable(event)
        self.standing: Final = self._standing()
        self.kind: Final = str(self.standing["type"])
        self.id: Final = str(self.standing["id"])

    @property
    def title(self) -> str:
        return (
            clean(self._event.event, MAX_TITLE_LENGTH)
            or clean(self._event.category, MAX_TITLE_LENGTH)
            or "Threat event"
        )

    @property
    def places(self) -> list[str]:
        """Ids of the industry and the country that were targeted."""
        industry = [industry_id(self.industry)] if self.industry else []
        return [*industry, *([location_id(self.target_country)] if self.target_country else [])]

    def __iter__(self) -> Iterator[StixObject]:
        yield self.standing
        yield self._made(
            "sighting",
            first_seen=self.date,
            last_seen=self.date,
            count=1,
            sighting_of_ref=self.id,
            where_sighted_refs=self.places,
        )
        for kind, source, target in self._links():
            yield relationship(kind, source, target, self.level, self._origin, self.date)

    def _links(self) -> Iterator[tuple[str, str, str]]:
        actor = [intrusion_set_id(self.attacker)] if self.attacker else []
        techniques = [technique_id(technique) for technique in self.techniques]
        match self.kind:
            case "indicator":
                yield from (("indicates", self.id, target) for target in (*actor, *techniques))
            case "vulnerability":
                yield from (("targets", source, self.id) for source in (*actor, *techniques))
            case _:
                yield from (("attributed-to", self.id, target) for target in actor)
                yield from (("uses", self.id, target) for target in techniques)
                yield from (("targets", self.id, target) for target in self.places)

    def _standing(self) -> StixObject:
        properties = pattern(self.found) if self.found else None
        if self.found and properties:
            return self._described(
                "indicator",
                name=clean(defang(self.found.value), MAX_TITLE_LENGTH),
                indicator_types=["malicious-activity"],
                **properties,
                valid_from=self.date,
                kill_chain_phases=self._phases(),
            )
        if self.found:
            return self._described("vulnerability", name=self.found.value)
        named = f"{self._event.indicator_type or 'indicator'}: {defang(self._event.indicator)}"
        leftover = named if self._event.indicator.strip() else ""
        return self._described("campaign", leftover, name=self.title, first_seen=self.date)

    def _phases(self) -> list[StixObject]:
        return [
            {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": phase}
            for place, phase in enumerate(KILL_CHAIN, 1)
            if place == self._event.kill_chain
        ]

    def _described(self, kind: str, *further: str, **properties: object) -> StixObject:
        texts = (self._event.event, self._event.insight, *further)
        labels = [clean(text, MAX_TITLE_LENGTH) for text in (self._event.category, *self._event.tags)]
        return self._made(
            kind,
            description="\n\n".join(clean(text, MAX_TEXT_LENGTH) for text in texts if text.strip()),
            labels=list(dict.fromkeys(label for label in labels if label.strip())),
            external_references=[
                {"source_name": name, "external_id": number} for name, number in dict.fromkeys(self._references())
            ],
            **properties,
        )

    def _references(self) -> Iterator[tuple[str, str]]:
        if self._event.uuid.strip():
            yield self._origin.source, clean(self._event.uuid, MAX_TITLE_LENGTH)
        if self.found and self.found.kind is Kind.CVE:
            yield "cve", self.found.value
        tactics = (word.strip() for word in self._event.mitre_attack)
        for number in (*self.techniques, *(tactic for tactic in tactics if TACTIC.fullmatch(tactic))):
            yield "mitre-attack", number
        for number in self._event.mitre_capec:
            if (digits := number.strip().removeprefix("CAPEC-")).isascii() and digits.isdecimal():
                yield "capec", f"CAPEC-{digits}"

    def _made(self, kind: str, **properties: object) -> StixObject:
        return _object(kind, object_id(kind, self._key), self.date, self._origin, self.level, properties)


def identity(name: str, made: str) -> StixObject:
    """The source of the file, which created all other objects."""
    common = {"type": "identity", "spec_version": "2.1", "id": object_id("identity", "source", name)}
    return {**common, "created": SHARED_SINCE, "modified": made, "name": name, "identity_class": "system"}


def industry(name: str, level: Tlp, origin: Origin) -> StixObject:
    """Unmarked where it is a word of the API's list; any other may say what only its events say."""
    sectors = list(SECTORS.get(name.casefold(), ()))
    marked = None if name.casefold() in SECTORS else level
    told = {"name": clean(name, MAX_TITLE_LENGTH), "identity_class": "class", "sectors": sectors}
    return _object("identity", industry_id(name), SHARED_SINCE, origin, marked, told)


def location(code: str, origin: Origin) -> StixObject:
    return _object("location", location_id(code), SHARED_SINCE, origin, None, {"name": code, "country": code})


def attack_pattern(technique: str, origin: Origin) -> StixObject:
    """A technique by its id: MITRE's names are not part of this package."""
    references = [{"source_name": "mitre-attack", "external_id": technique}]
    told = {"name": technique, "external_references": references}
    return _object("attack-pattern", technique_id(technique), SHARED_SINCE, origin, None, told)


def intrusion_set(attacker: str, level: Tlp, origin: Origin) -> StixObject:
    told = {"name": clean(attacker, MAX_TITLE_LENGTH)}
    return _object("intrusion-set", intrusion_set_id(attacker), SHARED_SINCE, origin, level, told)


def grouping(
    about: str, context: str, told: Mapping[str, str], refs: Sequence[str], level: Tlp, origin: Origin
) -> StixObject:
    """What belongs together. `about` makes the id; `told` is name and description."""
    properties = {**told, "context": context, "object_refs": list(dict.fromkeys(refs))}
    return _object("grouping", object_id("grouping", about), SHARED_SINCE, origin, level, properties)


def relationship(
    kind: str, source: str, target: str, level: Tlp, origin: Origin, since: str = SHARED_SINCE, description: str = ""
) -> StixObject:
    ends = {"relationship_type": kind, "description": description, "source_ref": source, "target_ref": target}
    id_ = object_id("relationship", kind, source, target, *([description] if description else []))
    return _object("relationship", id_, since, origin, level, ends)


def object_id(kind: str, *parts: str) -> str:
    """The id of an object, which follows from its type and from what it stands for."""
    return f"{kind}--{uuid5(NAMESPACE, json.dumps([kind, *parts]))}"


@_remembered
def industry_id(name: str) -> str:
    return object_id("identity", "industry", name.casefold())


@_remembered
def location_id(code: str) -> str:
    return object_id("location", code)


@_remembered
def technique_id(technique: str) -> str:
    return object_id("attack-pattern", technique)


@_remembered
def intrusion_set_id(attacker: str) -> str:
    return object_id("intrusion-set", attacker)


def country(code: str) -> str:
    """The country as STIX takes it; empty where the text is no ISO 3166-1 alpha-2 code."""
    upper = code.strip().upper()
    return upper if upper in COUNTRIES else ""


def timestamp(date: str) -> str:
    """A date of the API as a STIX timestamp in milliseconds; without a zone it is UTC."""
    try:
        return stamp(datetime.fromisoformat(date.strip()))
    except (ValueError, OverflowError):
        return NO_DATE


def stamp(moment: datetime) -> str:
    utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _object(
    kind: str, id_: str, created: str, origin: Origin, level: Tlp | None, properties: Mapping[str, object]
) -> StixObject:
    """Empty properties are left out, as STIX demands. A newer export is a newer version of the same object."""
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": id_,
        "created_by_ref": origin.identity,
        "created": created,
        "modified": max(created, origin.made),
        **{name: value for name, value in properties.items() if value not in ("", [])},
        **({"object_marking_refs": [TLP_IDS[level]]} if level is not None else {}),
    }
