"""A STIX 2.1 bundle of events."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from cf1_mcp.exports.format import Format, Heading, LeftOut, event_key
from cf1_mcp.exports.handling import Handling, milder, stricter
from cf1_mcp.exports.stix_objects import (
    EventObjects,
    Origin,
    attack_pattern,
    grouping,
    identity,
    industry,
    industry_id,
    intrusion_set,
    intrusion_set_id,
    location,
    location_id,
    object_id,
    relationship,
    stamp,
    technique_id,
)
from cf1_mcp.exports.stix_terms import StixObject, marking
from cf1_mcp.models import Event, Relationship, Tlp
from cf1_mcp.text.sanitize import clean

MAX_TYPE_LENGTH: Final = 40
_JSON: Final = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Standing:
    """As which type of object an event is in the file, with which marking."""

    kind: str
    level: Tlp

    def id(self, key: str) -> str:
        return object_id(self.kind, key)


class StixBundle(Format):
    """Events as Indicators, Vulnerabilities and Campaigns, with Sightings, Relationships and what events share.

    Each object carries the marking of its event. Known industries, countries and techniques are unmarked, being
    words of public lists; an attacker, what is said of it, and an industry of another name have the mildest marking
    among the events that say so. A Grouping of what the events share carries the marking of the file.
    """

    media_type: ClassVar[str] = "application/stix+json;version=2.1"
    suffix: ClassVar[str] = ".json"
    tells_links: ClassVar[bool] = True

    def __init__(self, handling: Handling, heading: Heading) -> None:
        super().__init__(handling, heading)
        made = stamp(heading.made)
        self._identity: Final = identity(self._source(), made)
        self._origin: Final = Origin(self._source(), str(self._identity["id"]), made)
        self._levels: Final = set[Tlp]()
        self._shared: Final = dict[str, StixObject]()
        self._industries: Final = dict[str, tuple[str, Tlp]]()
        self._attackers: Final = dict[str, Tlp]()
        self._said: Final = dict[tuple[str, str, str], Tlp]()
        self._standing: Final = dict[str, Standing]()
        self._standings: Final = dict[Standing, Standing]()
        self._titles: Final = dict[str, str]()
        self._links: Final = dict[tuple[str, str, str], None]()
        self._digest = 0
        self._in_words = 0
        self._dangling = 0

    def head(self) -> str:
        return f"{self._opening()}\n{_JSON(self._identity)}"

    def relate(self, relationship: Relationship) -> None:
        """The link is told at the end, if both its events are in the file."""
        told = clean(relationship.relationship_type, MAX_TYPE_LENGTH)
        self._links[(relationship.parent_id, relationship.child_id, told)] = None

    def tail(self) -> Iterator[str]:
        about = self._about()
        yield from (_after(marking(level)) for level in Tlp if level in self._levels)
        yield from map(_after, self._shared.values())
        yield from map(_after, self._attributed())
        yield from map(_after, self._linked())
        yield _after(about) + self._closing()

    def notes(self) -> Sequence[str]:
        words = f"Indicators that have no form in STIX and are told in words: {self._in_words}."
        links = f"Links left out because an event at their end is not in the file: {self._dangling}."
        return [*([words] if self._in_words else []), *([links] if self._dangling else [])]

    def _opening(self) -> str:
        return '{"type": "bundle", "objects": ['

    def _closing(self) -> str:
        # The id follows from the events, whatever their order, so it is known last.
        return f'\n], "id": "{object_id("bundle", self.heading.source, f"{self._digest:032x}")}"}}\n'

    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        objects = EventObjects(event, level, self._origin)
        key = event_key(event)
        self._levels.add(level)
        standing = Standing(objects.kind, level)
        # There are few different ones; one event more costs a reference.
        self._standing[key] = self._standings.setdefault(standing, standing)
        self._digest ^= int(objects.id[-36:].replace("-", ""), 16)
        if event.has_children:
            self._titles[key] = objects.title
        if event.indicator.strip() and objects.found is None:
            self._in_words += 1
        self._share(objects)
        return "".join(map(_after, objects))

    def _share(self, event: EventObjects) -> None:
        """Keeps what the event shares with others, once each."""
        if event.industry:
            name = event.industry.casefold()
            known, level = self._industries.get(name, (event.industry, Tlp.RED))
            self._industries[name] = (known, milder(event.level, level))
        for code in (event.attacker_country, event.target_country):
            if code and location_id(code) not in self._shared:
                self._shared[location_id(code)] = location(code, self._origin)
        for technique in event.techniques:
            if technique_id(technique) not in self._shared:
                self._shared[technique_id(technique)] = attack_pattern(technique, self._origin)
        if event.attacker:
            self._attackers[event.attacker] = milder(event.level, self._attackers.get(event.attacker, Tlp.RED))
            for said in _said_of(intrusion_set_id(event.attacker), event):
                self._said[said] = milder(event.level, self._said.get(said, Tlp.RED))

    def _attributed(self) -> Iterator[StixObject]:
        """What was targeted, the attackers, and what is said of them."""
        for name, level in self._industries.values():
            yield industry(name, level, self._origin)
        for attacker, level in self._attackers.items():
            yield intrusion_set(attacker, level, self._origin)
        for (kind, source, target), level in self._said.items():
            yield relationship(kind, source, target, level, self._origin)

    def _linked(self) -> Iterator[StixObject]:
        """The links between the events of the file, and a Grouping for each parent with its children."""
        families: dict[str, dict[str, Tlp]] = {}
        for parent, child, type_ in self._links:
            above, below = self._standing.get(parent), self._standing.get(child)
            if above is None or below is None:
                self._dangling += 1
                continue
            level = stricter(above.level, below.level)
            families.setdefault(parent, {})[child] = level
            source, target = below.id(child), above.id(parent)
            yield relationship("related-to", source, target, level, self._origin, description=type_)
        for parent, children in families.items():
            own = self._standing[parent].id(parent)
            refs = [own, *(self._standing[child].id(child) for child in children)]
            level = max(children.values(), key=lambda one: one.rank)
            title = {"name": self._titles.get(parent, "")}
            yield grouping(own, "suspicious-activity", title, refs, level, self._origin)

    def _about(self) -> StixObject:
        self._levels.add(self.marking)
        told = {"name": self._name(), "description": self._provenance()}
        refs = [str(self._identity["id"]), *self._shared, *map(industry_id, self._industries)]
        refs += map(intrusion_set_id, self._attackers)
        return grouping(f"file {self._digest:032x}", "unspecified", told, refs, self.marking, self._origin)


def _said_of(attacker: str, event: EventObjects) -> Iterator[tuple[str, str, str]]:
    """What an event says of its attacker: whom it targets, what it uses, where it is from."""
    yield from (("targets", attacker, place) for place in event.places)
    yield from (("uses", attacker, technique_id(technique)) for technique in event.techniques)
    if event.attacker_country:
        yield "originates-from", attacker, location_id(event.attacker_country)


def _after(one: StixObject) -> str:
    """The object after another one."""
    return f",\n{_JSON(one)}"
