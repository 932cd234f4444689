"""The shared catalogue of actors: fictional names for the attackers of the sample, on reserved addresses only.

Its fields are documented; see invented.py for the form of the answer. The aliases have what makes names hard: parts of
one another (HERON28 and HERON280), an alias that two actors claim, and entries and single values with markings.
"""

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

JsonObject = dict[str, object]

# name | alias group names | aliases | origin | discovered | tlp | confidence | description
_ACTORS: Final = """
GLASS HERON | Porcelain Gale, HERON28 | Shale Operators | CN | 2025-02-11 | green | high | Reads the mail of carriers.
PAPER ORCA | Folding Tide, HERON280 | Wallet Divers | KP | 2024-11-03 | green | medium | Steals coins by job offers.
COPPER LANTERN | Amber Sleet, Ledger Spider | NIGHTLEDGER crew | RU | 2025-10-31 | amber | high | Empties accounts.
MARBLE JACKAL | Granite Dune | Keel Breakers | IR | 2024-06-20 | amber | medium | Wipes the disks of utilities.
HOLLOW KESTREL | Pale Wing | Brief Writers | RU | 2023-09-14 | amber+strict | high | Reads before summits.
BRASS TORTOISE | Vault Weevil | Rot Affiliates | BY | 2025-01-08 | clear | high | Encrypts hospitals.
SAFFRON MOLE | Turmeric Sleet, Folding Tide | Press Gang | VN | 2024-03-30 | | low | Follows journalists abroad.
OPAL FERRET | Milk Stone | Share Clerks | IN | 2025-05-05 | red | medium | Watched by a partner; do not tell.
VELOUR CICADA | Felt Hammer | Edge Walkers | | 2026-11-15 | green | low | Appeared this month.
IVORY LYNX | Snow Parcel | Parcel Thieves | SE | 2022-02-22 | green | low | Not seen by the accounts of this sandbox.
"""
PUBLIC_FILTERS: Final = ("value", "categoryName", "aliasGroupNames", "originCountryISO")
"""The fields that accounts other than the owner of the catalogue may filter by."""


def _parse_actor(line: str) -> JsonObject:
    name, groups, aliases, origin, discovered, tlp, confidence, description = (cell.strip() for cell in line.split("|"))
    slug = name.lower().replace(" ", "-")
    reference = {"source_name": "Fictional reports", "url": f"https://reports.example/{slug}"}
    return {
        "uuid": str(uuid5(NAMESPACE_URL, f"https://sandbox.example/actors/{slug}")),
        "value": name,
        "categoryUuid": str(uuid5(NAMESPACE_URL, "https://sandbox.example/tag-categories/actor")),
        "categoryName": "Actor",
        "description": description,
        "dateOfDiscovery": discovered,
        "tlp": tlp or None,
        "confidence": confidence,
        "properties": {},
        "originCountryISO": origin or None,
        "originCountryISO_annotated": {"value": origin, "confidence": confidence, "tlp": tlp} if origin else None,
        "aliasGroupNames": groups.split(", "),
        "aliases": aliases.split(", "),
        "externalReferences": [reference],
        "externalReferences_annotated": [{"value": reference, "confidence": confidence, "tlp": tlp or None}],
    }


def _add_marked_reference(actor: JsonObject) -> JsonObject:
    """Return an actor with a second reference, which is marked higher than the actor."""
    secret = {"source_name": "Partner channel", "url": "https://partner.example/not-for-all"}
    references, annotated = actor["externalReferences"], actor["externalReferences_annotated"]
    assert isinstance(references, list) and isinstance(annotated, list)
    return {
        **actor,
        "externalReferences": [*references, secret],
        "externalReferences_annotated": [*annotated, {"value": secret, "confidence": "high", "tlp": "red"}],
    }


ACTOR_CATALOG: Final[tuple[Mapping[str, object], ...]] = tuple(
    _add_marked_reference(actor) if actor["value"] == "BRASS TORTOISE" else actor
    for actor in map(_parse_actor, _ACTORS.strip().splitlines())
)
