"""The vocabularies, fixed objects and patterns of STIX 2.1 that events are expressed in."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from cf1_mcp.exports.markings import tlp_label
from cf1_mcp.exports.observables import HASHES, Observable, ObservableKind
from cf1_mcp.models import Event, Tlp

StixObject = dict[str, object]

NAMESPACE: Final = UUID("6c1b7c34-2f0e-5d63-9a4e-0b8f6d1f3a27")
"""Namespace of the deterministic ids of all objects, which make a second export update the first."""

EVENT_EXTENSION: Final = "extension-definition--2f6f0f0e-6c0b-5f0a-9f0e-3b6f4b0c1d52"
"""The extension in which an object has the fields of its event, from which an import makes the same event again."""

SHARED_SINCE: Final = "2025-03-18T00:00:00.000Z"
"""Creation time of objects that belong to no single event: constant, because their ids are constant too."""

TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_IDS: Final[Mapping[Tlp, str]] = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The marking definitions that OASIS publishes for TLP 2.0; STIX 2.1 itself defines only those of TLP 1."""

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

SECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "agriculture": ("agriculture",),
    "automotive": ("automotive",),
    "banking & financial services": ("financial-services",),
    "construction": ("construction",),
    "consulting": ("commercial",),
    "cryptocurrency": ("financial-services",),
    "defense & aerospace": ("defense", "aerospace"),
    "education": ("education",),
    "energy & utilities": ("energy", "utilities"),
    "food & beverage": (),
    "gambling": ("entertainment",),
    "gaming": ("entertainment",),
    "government": ("government",),
    "healthcare": ("healthcare",),
    "hospitality": ("hospitality-leisure",),
    "it services": ("technology",),
    "insurance": ("insurance",),
    "legal services": ("commercial",),
    "manufacturing": ("manufacturing",),
    "maritime": ("transportation",),
    "media": ("communications",),
    "mining": ("mining",),
    "non-governmental organizations": ("non-profit",),
    "oil & gas": ("energy",),
    "pharmaceuticals": ("pharmaceuticals",),
    "real estate": ("commercial",),
    "retail": ("retail",),
    "semiconductors": ("manufacturing", "technology"),
    "technology": ("technology",),
    "telecommunications": ("telecommunications",),
    "transportation & logistics": ("transportation",),
}
"""The known industries of the API, in the terms of STIX's industry-sector-ov."""

_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2 codes, which STIX requires for countries."""

TECHNIQUE: Final = re.compile(r"T\d{4}(\.\d{3})?", re.ASCII)
TACTIC: Final = re.compile(r"TA\d{4}", re.ASCII)

_HASH_NAMES: Final[Mapping[ObservableKind, str]] = {
    ObservableKind.MD5: "MD5",
    ObservableKind.SHA1: "SHA-1",
    ObservableKind.SHA256: "SHA-256",
    ObservableKind.SHA512: "SHA-512",
}
# Suricata reserves the numbers from here for local rules.
_FIRST_LOCAL_SID: Final = 1_000_000


def technique_ids(event: Event) -> list[str]:
    """Return the ATT&CK technique ids of an event: those of its category, and tags that are such ids."""
    words = (word.strip() for word in (*event.mitre_attack, *event.tags))
    return list(dict.fromkeys(word for word in words if TECHNIQUE.fullmatch(word)))


def marking_definition(level: Tlp) -> StixObject:
    """Return the published marking definition of a level, unchanged. Like OASIS, it only refers to the extension."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_IDS[level],
        "created": "2022-10-01T00:00:00.000Z",
        "name": tlp_label(level),
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level.value}},
    }


def pattern_properties(found: Observable) -> StixObject | None:
    """Return the pattern properties of an Indicator; None for a vulnerability, which has no pattern."""
    match found.kind:
        case ObservableKind.DOMAIN:
            return _stix_pattern(f"domain-name:value = {_quote(found.value)}")
        case ObservableKind.IP:
            return _stix_pattern(f"{_address_type(found.value)}:value = {_quote(found.value)}")
        case ObservableKind.NETWORK:
            return _stix_pattern(f"{_address_type(found.value)}:value ISSUBSET {_quote(found.value)}")
        case ObservableKind.URL:
            return _stix_pattern(f"url:value = {_quote(found.value)}")
        case ObservableKind.EMAIL:
            return _stix_pattern(f"email-addr:value = {_quote(found.value)}")
        case ObservableKind.MD5 | ObservableKind.SHA1 | ObservableKind.SHA256 | ObservableKind.SHA512:
            return _stix_pattern(f"file:hashes.'{_HASH_NAMES[found.kind]}' = {_quote(found.value)}")
        case ObservableKind.CERTIFICATE:
            name = _HASH_NAMES[HASHES[len(found.value)]]
            return _stix_pattern(f"x509-certificate:hashes.'{name}' = {_quote(found.value)}")
        case ObservableKind.FILENAME:
            return _stix_pattern(f"file:name = {_quote(found.value)}")
        case ObservableKind.ASN:
            return _stix_pattern(f"autonomous-system:number = {found.value}")
        case ObservableKind.JA3:
            return {"pattern": _suricata_rule(found.value), "pattern_type": "suricata"}
        case ObservableKind.CVE:
            return None


def _stix_pattern(comparison: str) -> StixObject:
    return {"pattern": f"[{comparison}]", "pattern_type": "stix", "pattern_version": "2.1"}


def _address_type(address: str) -> str:
    return "ipv6-addr" if ":" in address else "ipv4-addr"


def _suricata_rule(digest: str) -> str:
    # STIX has no property for JA3, and no product matches invented ones; Suricata rules have a keyword for it.
    sid = _FIRST_LOCAL_SID + int(digest, 16) % 1_000_000
    return f'alert tls any any -> any any (msg:"JA3 {digest}"; ja3.hash; content:"{digest}"; sid:{sid}; rev:1;)'


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
