"""The words and fixed objects of STIX 2.1 that events are told in."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from cf1_mcp.exports.handling import label
from cf1_mcp.exports.observables import HASHES, Kind, Observable
from cf1_mcp.models import Event, Tlp

StixObject = dict[str, object]

NAMESPACE: Final = UUID("6c1b7c34-2f0e-5d63-9a4e-0b8f6d1f3a27")
"""Every id follows from it and from what the object stands for, so that a second export updates the first."""

SHARED_SINCE: Final = "2025-03-18T00:00:00.000Z"
"""When an object was created that stands for no single event: one day for all, as the ids stay the same too."""

TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_IDS: Final[Mapping[Tlp, str]] = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The objects that OASIS publishes for TLP 2.0; STIX 2.1 itself knows only those of TLP 1."""

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
"""The industries of the API's own list as far as it is known, in the words of STIX's industry-sector-ov."""

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
"""ISO 3166-1 alpha-2: what STIX takes as a country."""

TECHNIQUE: Final = re.compile(r"T\d{4}(\.\d{3})?", re.ASCII)
TACTIC: Final = re.compile(r"TA\d{4}", re.ASCII)

_HASH_NAMES: Final[Mapping[Kind, str]] = {
    Kind.MD5: "MD5",
    Kind.SHA1: "SHA-1",
    Kind.SHA256: "SHA-256",
    Kind.SHA512: "SHA-512",
}
# Suricata leaves these numbers to rules that nobody published.
_FIRST_LOCAL_SID: Final = 1_000_000


def techniques(event: Event) -> list[str]:
    """The ids of an event's techniques: its own, which come from its category, and tags that are such ids."""
    words = (word.strip() for word in (*event.mitre_attack, *event.tags))
    return list(dict.fromkeys(word for word in words if TECHNIQUE.fullmatch(word)))


def marking(level: Tlp) -> StixObject:
    """The published object of a level, word for word. Its extension is referred to, as OASIS does."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_IDS[level],
        "created": "2022-10-01T00:00:00.000Z",
        "name": label(level),
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level.value}},
    }


def pattern(found: Observable) -> StixObject | None:
    """The pattern properties of an Indicator; None for what is no pattern, a vulnerability."""
    match found.kind:
        case Kind.DOMAIN:
            return _stix(f"domain-name:value = {_literal(found.value)}")
        case Kind.IP:
            return _stix(f"{_family(found.value)}:value = {_literal(found.value)}")
        case Kind.NETWORK:
            return _stix(f"{_family(found.value)}:value ISSUBSET {_literal(found.value)}")
        case Kind.URL:
            return _stix(f"url:value = {_literal(found.value)}")
        case Kind.EMAIL:
            return _stix(f"email-addr:value = {_literal(found.value)}")
        case Kind.MD5 | Kind.SHA1 | Kind.SHA256 | Kind.SHA512:
            return _stix(f"file:hashes.'{_HASH_NAMES[found.kind]}' = {_literal(found.value)}")
        case Kind.CERTIFICATE:
            name = _HASH_NAMES[HASHES[len(found.value)]]
            return _stix(f"x509-certificate:hashes.'{name}' = {_literal(found.value)}")
        case Kind.FILENAME:
            return _stix(f"file:name = {_literal(found.value)}")
        case Kind.ASN:
            return _stix(f"autonomous-system:number = {found.value}")
        case Kind.JA3:
            return {"pattern": _suricata(found.value), "pattern_type": "suricata"}
        case Kind.CVE:
            return None


def _stix(comparison: str) -> StixObject:
    return {"pattern": f"[{comparison}]", "pattern_type": "stix", "pattern_version": "2.1"}


def _family(address: str) -> str:
    return "ipv6-addr" if ":" in address else "ipv4-addr"


def _suricata(digest: str) -> str:
    # STIX has no property for JA3, and patterns over invented ones match nowhere; Suricata's language has the keyword.
    sid = _FIRST_LOCAL_SID + int(digest, 16) % 1_000_000
    return f'alert tls any any -> any any (msg:"JA3 {digest}"; ja3.hash; content:"{digest}"; sid:{sid}; rev:1;)'


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
