"""A STIX 2.1 bundle of events, and the TAXII 2.1 envelope of the same objects."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from cf1_mcp.exports.detection.blockable import describe_undetectable
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission, event_key
from cf1_mcp.exports.markings import less_restrictive, more_restrictive
from cf1_mcp.exports.stix_objects import (
    EventObjects,
    Origin,
    attack_pattern,
    format_timestamp,
    grouping,
    industry_id,
    industry_identity,
    intrusion_set,
    intrusion_set_id,
    location,
    location_id,
    object_id,
    relationship,
    source_identity,
    technique_id,
)
from cf1_mcp.exports.stix_vocabulary import StixObject, marking_definition
from cf1_mcp.models import Event, Relationship, Tlp
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_TYPE_LENGTH: Final = 40
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class MainObject:
    """The STIX type of an event's main object, and its marking."""

    type: str
    marking: Tlp

    def id(self, key: str) -> str:
        return object_id(self.type, key)


class StixBundle(ExportFile):
    """Events as Indicators, Vulnerabilities and Campaigns, with Sightings, Relationships and the objects they share.

    Each object of an event has the marking of the event. Known industries, countries and techniques are unmarked,
    because they come from public lists. Attackers, relationships of attackers and unknown industries have the least
    restrictive marking of the events that contain them. A Grouping of the shared objects has the marking of the file.
    """

    media_type: ClassVar[str] = "application/stix+json;version=2.1"
    suffix: ClassVar[str] = ".json"
    supports_links: ClassVar[bool] = True

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        created = format_timestamp(heading.created)
        self._identity: Final = source_identity(self._source(), created)
        self._origin: Final = Origin(self._source(), str(self._identity["id"]), created)
        self._levels: Final = set[Tlp]()
        # Countries and techniques by the id of their object, industries by folded name, attackers by name.
        self._public_objects: Final = dict[str, StixObject]()
        self._industries: Final = dict[str, tuple[str, Tlp]]()
        self._attackers: Final = dict[str, Tlp]()
        # Relationships of attackers: type, source, target.
        self._attacker_relationships: Final = dict[tuple[str, str, str], Tlp]()
        self._main_objects: Final = dict[str, MainObject]()
        self._distinct_main_objects: Final = dict[MainObject, MainObject]()
        self._titles: Final = dict[str, str]()
        self._links: Final = dict[tuple[str, str, str], None]()
        self._digest = 0
        self._inexpressible = 0
        self._undetectable: Final = Counter[str]()
        self._omitted_links = 0

    def head(self) -> str:
        return f"{self._opening()}\n{_encode(self._identity)}"

    def add_link(self, relationship: Relationship) -> None:
        """Add a link, which `tail()` writes if both of its events are in the file."""
        type_ = clean(relationship.relationship_type, MAX_TYPE_LENGTH)
        self._links[(relationship.parent_id, relationship.child_id, type_)] = None

    def tail(self) -> Iterator[str]:
        file_grouping = self._file_grouping()
        yield from (_append(marking_definition(level)) for level in Tlp if level in self._levels)
        yield from map(_append, self._public_objects.values())
        yield from map(_append, self._industries_and_attackers())
        yield from map(_append, self._event_links())
        yield _append(file_grouping) + self._closing()

    def notes(self) -> Sequence[str]:
        notes: list[str] = []
        if self._inexpressible:
            count = plural(self._inexpressible, "indicator")
            notes.append(f"{count} without a STIX form: only described in the text of a campaign.")
        notes += [
            f"{one} Only described in the text of a campaign." for one in describe_undetectable(self._undetectable)
        ]
        if self._omitted_links:
            notes.append(f"{plural(self._omitted_links, 'link')} left out: one of the events is not in the file.")
        return notes

    def _opening(self) -> str:
        return '{"type": "bundle", "objects": ['

    def _closing(self) -> str:
        # The id is derived from the events, in whatever order, so it is only known at the end.
        return f'\n], "id": "{object_id("bundle", self.heading.source, f"{self._digest:032x}")}"}}\n'

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        objects = EventObjects(event, level, self._origin)
        key = event_key(event)
        self._levels.add(level)
        main = MainObject(objects.type, level)
        # There are few distinct ones, so each further event costs one reference.
        self._main_objects[key] = self._distinct_main_objects.setdefault(main, main)
        self._digest ^= int(objects.id[-36:].replace("-", ""), 16)
        if event.has_children:
            self._titles[key] = objects.title
        if event.indicator.strip() and objects.observable is None:
            self._inexpressible += 1
        if objects.objection:
            self._undetectable[objects.objection] += 1
        self._share(objects)
        return "".join(map(_append, objects))

    def _share(self, event: EventObjects) -> None:
        """Record the objects that the event shares with others, each once."""
        if event.industry:
            name = event.industry.casefold()
            known, level = self._industries.get(name, (event.industry, Tlp.RED))
            self._industries[name] = (known, less_restrictive(event.marking, level))
        for code in (event.attacker_country, event.target_country):
            if code and location_id(code) not in self._public_objects:
                self._public_objects[location_id(code)] = location(code, self._origin)
        for technique in event.techniques:
            if technique_id(technique) not in self._public_objects:
                self._public_objects[technique_id(technique)] = attack_pattern(technique, self._origin)
        if event.attacker:
            level = self._attackers.get(event.attacker, Tlp.RED)
            self._attackers[event.attacker] = less_restrictive(event.marking, level)
            for ends in _attacker_relationships(intrusion_set_id(event.attacker), event):
                level = self._attacker_relationships.get(ends, Tlp.RED)
                self._attacker_relationships[ends] = less_restrictive(event.marking, level)

    def _industries_and_attackers(self) -> Iterator[StixObject]:
        for name, level in self._industries.values():
            yield industry_identity(name, level, self._origin)
        for attacker, level in self._attackers.items():
            yield intrusion_set(attacker, level, self._origin)
        for (type_, source, target), level in self._attacker_relationships.items():
            yield relationship(type_, source, target, level, self._origin)

    def _event_links(self) -> Iterator[StixObject]:
        """Yield the links between the events of the file, and a Grouping of each parent with its children."""
        children_of: dict[str, dict[str, Tlp]] = {}
        for parent, child, type_ in self._links:
            above, below = self._main_objects.get(parent), self._main_objects.get(child)
            if above is None or below is None:
                self._omitted_links += 1
                continue
            level = more_restrictive(above.marking, below.marking)
            children_of.setdefault(parent, {})[child] = level
            source, target = below.id(child), above.id(parent)
            yield relationship("related-to", source, target, level, self._origin, description=type_)
        for parent, children in children_of.items():
            parent_id = self._main_objects[parent].id(parent)
            refs = [parent_id, *(self._main_objects[child].id(child) for child in children)]
            level = max(children.values(), key=lambda one: one.rank)
            name = {"name": self._titles.get(parent, "")}
            yield grouping(parent_id, "suspicious-activity", name, refs, level, self._origin)

    def _file_grouping(self) -> StixObject:
        self._levels.add(self.marking)
        properties = {"name": self._name(), "description": self._provenance()}
        refs = [str(self._identity["id"]), *self._public_objects, *map(industry_id, self._industries)]
        refs += map(intrusion_set_id, self._attackers)
        return grouping(f"file {self._digest:032x}", "unspecified", properties, refs, self.marking, self._origin)


class TaxiiEnvelope(StixBundle):
    """The objects of the STIX bundle as the response of a TAXII 2.1 collection, complete in one page."""

    media_type: ClassVar[str] = "application/taxii+json;version=2.1"
    suffix: ClassVar[str] = ".json"

    def _opening(self) -> str:
        return '{"more": false, "objects": ['

    def _closing(self) -> str:
        return "\n]}\n"


def _attacker_relationships(attacker: str, event: EventObjects) -> Iterator[tuple[str, str, str]]:
    """Yield what an event says about its attacker: targets, techniques and origin."""
    yield from (("targets", attacker, target) for target in event.target_ids)
    yield from (("uses", attacker, technique_id(technique)) for technique in event.techniques)
    if event.attacker_country:
        yield "originates-from", attacker, location_id(event.attacker_country)


def _append(one: StixObject) -> str:
    """Return the JSON of an object, preceded by the separator from the object before it."""
    return f",\n{_encode(one)}"
