"""Markings of STIX objects: of whole objects (`object_marking_refs`) and of their properties (`granular_markings`).

Markings that are not known, or not written as the specification says, count as red. A statement has no TLP level.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.imports.readers.source_rows import LeastMarking
from cf1_mcp.models import Tlp

BundleObject = Mapping[str, JsonValue]
TLP_BY_ID: Final[Mapping[str, str]] = {
    # Fixed by the STIX 2.1 specification (TLP 1), and by FIRST's and OASIS's extension (TLP 2.0).
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
# Stands for markings that are not written as the specification says. No object has this id.
UNREADABLE: Final = "(unreadable)"
# Begins what stands for a level that an object has in a property of its own.
OWN: Final = "(own) "
# What a marking applies to if it is unclear to which property.
SOME_PROPERTY: Final = "properties"
# Properties of an object that become a part of its event or its evidence.
EVIDENCE: Final = (
    "id",
    "pattern",
    "pattern_type",
    "confidence",
    "indicator_types",
    "report_types",
    "valid_until",
    "external_references",
    "kill_chain_phases",
)
ROW_PROPERTIES: Final = frozenset(
    {*EVIDENCE, "name", "description", "labels", "published", "first_seen", "valid_from", "created", "object_refs"}
)
# Properties of a related object that become the attacker, a tag, the industry or the country.
RELATED_PROPERTIES: Final = frozenset({"id", "type", "name", "external_references", "country", "identity_class"})


def object_refs(value: BundleObject) -> list[str]:
    """Return the markings of a whole object, those in properties of its own such as `x_opencti_tlp` included."""
    given, own = value.get("object_marking_refs"), [f"{OWN}{level}" for level in _read_own_levels(value)]
    if given is None:
        return own
    refs = [*_texts(given), *own]
    complete = isinstance(given, str) or (isinstance(given, list) and len(refs) - len(own) == len(given))
    return refs if complete else [*refs, UNREADABLE]


def granular_refs(value: BundleObject, properties: Collection[str] | None) -> list[tuple[str, str]]:
    """Return the markings of an object's properties, each with the property. None stands for all properties."""
    given = value.get("granular_markings")
    if given is None:
        return []
    found: list[tuple[str, str]] = []
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, dict):
            found.append((UNREADABLE, SOME_PROPERTY))
            continue
        ref, selectors = one.get("marking_ref"), one.get("selectors")
        if ref is None and "lang" in one:
            continue
        # A selector of a property that the object does not have may be meant for any of them.
        named = [name if name in value else SOME_PROPERTY for name in _first_parts(_texts(selectors))]
        if not named or (isinstance(selectors, list) and len(named) < len(selectors)):
            named.append(SOME_PROPERTY)
        for name in dict.fromkeys(named):
            if properties is None or name in properties or name == SOME_PROPERTY:
                found.append((ref if isinstance(ref, str) else UNREADABLE, name))
    return found


def dump_refs(value: BundleObject) -> str:
    """Return all markings of a relationship or sighting as JSON text, for the database of the reader."""
    return json.dumps([*object_refs(value), *(ref for ref, _ in granular_refs(value, None))])


class MarkingLevels:
    """The TLP levels of markings, by their definitions in the bundle. `load` returns an object of the bundle."""

    def __init__(self, load: Callable[[str], BundleObject | None]) -> None:
        self._load = load
        self._known: dict[str, str | None] = {}

    def name(self, ref: str) -> str | None:
        """Return the TLP level of a marking as it is written, red if it is unknown, or None if it has none."""
        if ref.startswith(OWN):
            return ref.removeprefix(OWN)
        if ref not in self._known:
            if len(self._known) > 1000:
                self._known.clear()
            self._known[ref] = self._find(ref)
        return self._known[ref]

    def is_defined(self, ref: str) -> bool:
        """Whether a marking is one of the specification, or defined in the bundle."""
        return ref.startswith(OWN) or ref in TLP_BY_ID or self._load(ref) is not None

    def highest(self, refs: Iterable[str]) -> str | None:
        """Return the highest of the markings, None if none of them is a TLP level."""
        names = [name for ref in refs if (name := self.name(ref))]
        return max(names, key=lambda name: Tlp.of(name).rank, default=None)

    def _find(self, ref: str) -> str | None:
        definition = self._load(ref)
        written = [] if definition is None else _read_levels(definition)
        if ref in TLP_BY_ID:
            written.append(TLP_BY_ID[ref])
        if not written:
            return None if definition is not None and _is_statement(definition) else Tlp.RED.value
        highest = max(written, key=lambda name: Tlp.of(name).rank)
        return highest if Tlp.parse(highest) else Tlp.RED.value


def highest_part(parts: Iterable[tuple[str | None, str]]) -> LeastMarking | None:
    """Return the highest of the markings of parts, and which parts have it."""
    levels = [(Tlp.of(name), part) for name, part in parts if name]
    if not levels:
        return None
    highest = max((level for level, _ in levels), key=lambda level: level.rank)
    return LeastMarking(highest, ", ".join(dict.fromkeys(part for level, part in levels if level == highest)))


def _read_own_levels(value: BundleObject) -> list[str]:
    """Return the levels in properties that the specification does not have, such as `x_tlp` or `tlp_2_0`."""
    if value.get("type") == "marking-definition":
        return []
    extensions = value.get("extensions")
    parts = [value, *(extensions.values() if isinstance(extensions, dict) else ())]
    pairs = [pair for part in parts if isinstance(part, dict) for pair in part.items()]
    return [
        level.value if (level := Tlp.parse(text)) else Tlp.RED.value
        for name, found in pairs
        if "tlp" in name.lower()
        for text in _texts(found)
    ]


def _first_parts(selectors: Iterable[str]) -> list[str]:
    return [selector.partition(".")[0] for selector in selectors]


def _read_levels(definition: BundleObject) -> list[str]:
    """Return what a definition says of TLP, in any of the forms of TLP 1 and TLP 2.0."""
    inner, extensions = definition.get("definition"), definition.get("extensions")
    found = [inner.get("tlp")] if isinstance(inner, dict) and "tlp" in inner else []
    for extension in extensions.values() if isinstance(extensions, dict) else ():
        if isinstance(extension, dict):
            found += [value for name, value in extension.items() if name.lower().startswith("tlp")]
    statement = inner.get("statement") if isinstance(inner, dict) else None
    for words in (definition.get("name"), statement):
        if isinstance(words, str) and words.strip().lower().startswith("tlp"):
            found.append(words.strip())
    return [str(one) for one in found]


def _is_statement(definition: BundleObject) -> bool:
    inner = definition.get("definition")
    return definition.get("definition_type") == "statement" or (isinstance(inner, dict) and "statement" in inner)


def _texts(value: JsonValue) -> list[str]:
    """Return the texts of a list, or a text alone, as some programs write a list of one."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
