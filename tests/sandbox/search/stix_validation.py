"""An event, hostile values, and the validator of STIX bundles."""

from collections.abc import Mapping, Sequence

from stix2validator import ValidationOptions, validate_instance  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from cf1_mcp.sandbox.search.event_stix import build_taxii_envelope

EVENT = {
    "uuid": "11111111-1111-4111-8111-111111111111",
    "date": "2026-11-01T09:30:00Z",
    "event": "Beacon to a relay",
    "insight": "Seen twice",
    "category": "Command and Control",
    "attacker": "COPPER LANTERN",
    "indicator": "relay.example",
    "indicatorType": "domain",
    "killChain": 6,
    "mitreAttack": ["T1071"],
    "mitreCapec": ["98"],
    "tags": ["beacon", " "],
    "targetCountry": "DE",
    "targetIndustry": "Energy & Utilities",
    "tlp": "green",
}

HOSTILE_VALUES = (
    "relay.example",
    "it's \\ \" '] OR [x:y = '",
    "\u202e\x00\x1b[0m\n\t\u2028",
    "b\u00fccher.example",
    "xn--lnterns-2fg.bait.example",
    "a_b.example",
    "-a.example",
    "a" * 64 + ".example",
    "a.",
    "x" * 10_000,
    "https://a.example/x?y=%20#z",
    "https://a.example/[x] {y}|%zz",
    "javascript:alert(1)",
    "192.0.2.1",
    "192.0.2.0/24",
    "192.0.2.1:443",
    "192.0.2.999",
    "2001:db8::1",
    "2001:DB8::/32",
    "::ffff:192.0.2.1",
    "::",
    "fe80::1%eth0",
    "a@b.example",
    '"a b"@c.example',
    "AS64496",
    "-1",
    "d" * 32,
    "D" * 40,
    "0" * 64,
    "f" * 128,
    "g" * 32,
    "CVE-2026-12345",
    "cve-2026-1",
    "\U0001f4a5" * 40,
)


def find_problems(bundle: Mapping[str, object]) -> Sequence[str]:
    """Return what the validator reports, recommendations included, except that ids should be random."""
    options = ValidationOptions(version="2.1", strict=True, disabled="uuid-check")
    return [str(error) for error in validate_instance(bundle, options).errors]  # pyright: ignore


def objects_by_type(*events: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the last object of each type in a bundle."""
    found = build_taxii_envelope(events, more=False)["objects"]
    assert isinstance(found, list)
    return {one["type"]: one for one in found}  # pyright: ignore
