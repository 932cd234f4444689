"""What a relationship of STIX says of a row: who did it, how, against whom, and what it belongs to.

A relationship of another type may say the opposite (`mitigates`) or nothing of the event (`duplicate-of`), so it sets
no field.
"""

from typing import Final, NamedTuple

from pydantic import JsonValue

from cf1_mcp.imports.readers.stix.stix_database import ACTOR_TYPES, TAG_TYPES
from cf1_mcp.imports.readers.stix.stix_markings import BundleObject
from cf1_mcp.imports.readers.stix.stix_properties import find_technique
from cf1_mcp.models import RelationshipType

# Of a report or grouping to its objects, of a sighting to its places, and of authors who say nothing more exact.
_GENERAL: Final = ("refers-to", "sighted-at", "related-to")
_ACTOR: Final = frozenset(
    {*_GENERAL, "indicates", "attributed-to", "authored-by", "uses", "controls", "owns", "operates", "compromises"}
)
_TAG: Final = frozenset(
    {*_GENERAL, "indicates", "uses", "exploits", "delivers", "drops", "downloads", "targets", "communicates-with"}
    | {"characterizes", "consists-of", "has", "controls", "hosts", "beacons-to", "exfiltrates-to"}
)
_TARGET: Final = frozenset({*_GENERAL, "targets", "compromises"})
_ORIGIN: Final = frozenset({"originates-from"})
PARENT_RELATIONS: Final = frozenset(
    {"related-to", "indicates", "attributed-to", "derived-from", "part-of", "based-on", "consists-of", "uses"}
)
LINK_TYPES: Final[dict[str, RelationshipType]] = {"attributed-to": "attributed_to", "derived-from": "caused_by"}


class Relation(NamedTuple):
    """The type of a relationship, and whether it begins at the row."""

    type: str
    outgoing: bool


def read_related(other: BundleObject, relations: list[Relation]) -> dict[str, JsonValue] | None:
    """Return the fields that a related object sets, empty if it has none; None if the relationships do not say that.

    A tag is under `tags`, as one text.
    """
    kind, label = str(other["type"]), str(other.get("name") or "")
    types = {relation.type for relation in relations}
    if kind in ACTOR_TYPES:
        return _if_said(types & _ACTOR, "attacker", label)
    if kind in TAG_TYPES:
        return _if_said(types & _TAG, "tags", find_technique(other) or label)
    if kind == "identity" and other.get("identity_class") == "class":
        return _if_said(types & _TARGET, "target_industry", label)
    if kind == "location" and (country := other.get("country")):
        if types & _ORIGIN:
            return {"attacker_country": str(country)}
        return _if_said(types & _TARGET, "target_country", str(country))
    return {}


def _if_said(said: set[str], name: str, value: str) -> dict[str, JsonValue] | None:
    return {name: value} if said else None
