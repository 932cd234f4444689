"""Events as STIX 2.1, held to the validator of the standard's authors."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from inline_snapshot import snapshot
from stix2validator import ValidationOptions, validate_instance  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.catalog import INDICATOR_TYPES
from cf1_mcp.sandbox.search.event_stix import TLP_IDS, stix2_bundle, taxii_envelope
from cf1_mcp.sandbox.storage.database import SandboxDatabase

REAL = Path(__file__).parents[3] / "shared" / "data" / "real" / "events.jsonl.gz"

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

HOSTILE = (
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


def problems(bundle: Mapping[str, object]) -> Sequence[str]:
    """What the validator finds, recommendations included; only that ids ought to be random is let pass."""
    options = ValidationOptions(version="2.1", strict=True, disabled="uuid-check")
    return [str(error) for error in validate_instance(bundle, options).errors]  # pyright: ignore


def objects(*events: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The objects of a bundle, by type; the last of each type."""
    found = taxii_envelope(events, more=False)["objects"]
    assert isinstance(found, list)
    return {one["type"]: one for one in found}  # pyright: ignore


def pattern(kind: str, value: str) -> object:
    return objects({**EVENT, "indicatorType": kind, "indicator": value}).get("indicator", {}).get("pattern")


def test_an_event_is_a_sighting_of_its_indicator_with_what_was_observed() -> None:
    assert stix2_bundle([EVENT]) == snapshot(
        {
            "type": "bundle",
            "id": "bundle--a1847ba3-026f-5df4-ab10-283fb4837661",
            "objects": [
                {
                    "type": "marking-definition",
                    "spec_version": "2.1",
                    "id": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
                    "created": "2022-10-01T00:00:00.000Z",
                    "name": "TLP:GREEN",
                    "extensions": {
                        "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
                            "extension_type": "property-extension",
                            "tlp_2_0": "green",
                        }
                    },
                },
                {
                    "type": "domain-name",
                    "spec_version": "2.1",
                    "id": "domain-name--dd1e105c-d9af-500c-b9af-56a3e5edc5f9",
                    "value": "relay.example",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "observed-data",
                    "spec_version": "2.1",
                    "id": "observed-data--43337c03-1c89-5b2e-8fb3-0ea2768652d4",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-01T09:30:00.000Z",
                    "first_observed": "2026-11-01T09:30:00.000Z",
                    "last_observed": "2026-11-01T09:30:00.000Z",
                    "number_observed": 1,
                    "object_refs": ["domain-name--dd1e105c-d9af-500c-b9af-56a3e5edc5f9"],
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "indicator",
                    "spec_version": "2.1",
                    "id": "indicator--a5eed14f-2993-592e-9f5e-be5434d81cc6",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-01T09:30:00.000Z",
                    "description": """\
Beacon to a relay

Seen twice\
""",
                    "labels": [
                        "beacon",
                        "attacker:COPPER LANTERN",
                        "target-country:DE",
                        "target-industry:Energy & Utilities",
                    ],
                    "external_references": [
                        {"source_name": "mitre-attack", "external_id": "T1071"},
                        {"source_name": "capec", "external_id": "CAPEC-98"},
                    ],
                    "name": "Command and Control",
                    "indicator_types": ["malicious-activity"],
                    "pattern": "[domain-name:value = 'relay.example']",
                    "pattern_type": "stix",
                    "pattern_version": "2.1",
                    "valid_from": "2026-11-01T09:30:00.000Z",
                    "kill_chain_phases": [
                        {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": "command-and-control"}
                    ],
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "sighting",
                    "spec_version": "2.1",
                    "id": "sighting--ce7a6d19-0ff3-5dce-9cc0-3984e9953f7a",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-01T09:30:00.000Z",
                    "external_references": [
                        {"source_name": "cloudforce-one-sandbox", "external_id": "11111111-1111-4111-8111-111111111111"}
                    ],
                    "description": "Beacon to a relay",
                    "first_seen": "2026-11-01T09:30:00.000Z",
                    "last_seen": "2026-11-01T09:30:00.000Z",
                    "count": 1,
                    "sighting_of_ref": "indicator--a5eed14f-2993-592e-9f5e-be5434d81cc6",
                    "observed_data_refs": ["observed-data--43337c03-1c89-5b2e-8fb3-0ea2768652d4"],
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
            ],
        }
    )


def test_a_second_export_has_the_same_ids() -> None:
    assert stix2_bundle([EVENT]) == stix2_bundle([dict(EVENT)])


@pytest.mark.parametrize("kind", [*INDICATOR_TYPES, "IP", "", "weird 'type'"])
def test_every_type_of_indicator_is_valid_with_every_hostile_value(kind: str) -> None:
    events = [
        {
            **EVENT,
            "uuid": f"{kind} {place}",
            "indicatorType": kind,
            **dict.fromkeys(("indicator", "event", "insight", "attacker", "category", "targetCountry"), text),
            **{name: [text] for name in ("tags", "mitreAttack", "mitreCapec")},
            "killChain": place - 1,
        }
        for place, text in enumerate(HOSTILE)
    ]
    assert problems(stix2_bundle(events)) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"uuid": "x"},
        {"indicator": "192.0.2.1"},
        dict.fromkeys(EVENT),
        {**EVENT, "date": "soon"},
        {**EVENT, "date": "0001-01-01T00:00:00+05:00"},
    ],
)
def test_an_event_with_fields_missing_is_still_sighted(event: Mapping[str, object]) -> None:
    bundle = stix2_bundle([event])
    assert problems(bundle) == []
    assert "sighting" in objects(event)


@pytest.mark.parametrize("name", list(EVENT))
def test_any_one_field_may_be_missing(name: str) -> None:
    assert problems(stix2_bundle([{key: value for key, value in EVENT.items() if key != name}])) == []


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("domain", "relay.example", "[domain-name:value = 'relay.example']"),
        ("DOMAIN", "it's\\", "[domain-name:value = 'it\\'s\\\\']"),
        ("ip", "192.0.2.1", "[ipv4-addr:value = '192.0.2.1']"),
        ("ip", "2001:DB8::1", "[ipv6-addr:value = '2001:db8::1']"),
        ("cidr", "192.0.2.0/24", "[ipv4-addr:value ISSUBSET '192.0.2.0/24']"),
        ("url", "https://a.example/?q='", "[url:value = 'https://a.example/?q=\\'']"),
        ("hash", "d" * 32, f"[file:hashes.'MD5' = '{'d' * 32}']"),
        ("hash", "D" * 40, f"[file:hashes.'SHA-1' = '{'d' * 40}']"),
        ("hash", "0" * 64, f"[file:hashes.'SHA-256' = '{'0' * 64}']"),
        ("hash", "f" * 128, f"[file:hashes.'SHA-512' = '{'f' * 128}']"),
        ("certificate", "0" * 64, f"[x509-certificate:hashes.'SHA-256' = '{'0' * 64}']"),
        ("email", "a@b.example", "[email-addr:value = 'a@b.example']"),
        ("filename", "x.exe", "[file:name = 'x.exe']"),
        ("asn", "AS64496", "[autonomous-system:number = 64496]"),
        ("hash", "abc", None),
        ("ip", "192.0.2.999", None),
        ("cve", "CVE-2026-12345", None),
        ("ja3", "d" * 32, None),
    ],
)
def test_the_pattern_follows_the_type(kind: str, value: str, expected: str | None) -> None:
    assert pattern(kind, value) == expected


def test_a_cve_is_sighted_as_a_vulnerability() -> None:
    found = objects({**EVENT, "indicatorType": "cve", "indicator": "cve-2026-12345"})
    assert found["vulnerability"]["name"] == "CVE-2026-12345"
    assert found["sighting"]["sighting_of_ref"] == found["vulnerability"]["id"]
    assert "observed-data" not in found


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [("wallet", "w1", "Beacon to a relay\n\nSeen twice\n\nwallet: w1"), ("", "", "Beacon to a relay\n\nSeen twice")],
)
def test_what_stix_cannot_express_is_sighted_as_a_campaign_that_names_it(kind: str, value: str, told: str) -> None:
    found = objects({**EVENT, "indicatorType": kind, "indicator": value})
    assert (found["campaign"]["name"], found["campaign"]["description"]) == ("Beacon to a relay", told)
    assert found["sighting"]["sighting_of_ref"] == found["campaign"]["id"]


def test_a_value_that_is_no_observable_keeps_its_pattern_and_has_no_observed_data() -> None:
    found = objects({**EVENT, "indicator": "a_b.example"})
    assert found["indicator"]["pattern"] == "[domain-name:value = 'a_b.example']"
    assert not {"observed-data", "domain-name"} & found.keys()


@pytest.mark.parametrize(
    ("tlp", "level"),
    [
        ("clear", Tlp.CLEAR),
        ("WHITE", Tlp.CLEAR),
        ("GREEN", Tlp.GREEN),
        ("amber", Tlp.AMBER),
        ("amber-strict", Tlp.AMBER_STRICT),
        ("red", Tlp.RED),
        ("", Tlp.AMBER),
        ("purple", Tlp.RED),
    ],
)
def test_every_object_carries_the_marking_of_its_event(tlp: str, level: Tlp) -> None:
    bundle = stix2_bundle([{**EVENT, "tlp": tlp}])
    found = objects({**EVENT, "tlp": tlp})
    marked = {str(one["object_marking_refs"]) for kind, one in found.items() if kind != "marking-definition"}
    assert marked == {str([TLP_IDS[level]])}
    assert found["marking-definition"]["id"] == TLP_IDS[level]
    assert problems(bundle) == []


@pytest.mark.parametrize("order", [("red", "clear"), ("clear", "red")])
def test_an_observable_that_events_share_has_the_strictest_marking(order: tuple[str, str]) -> None:
    shared = objects(*({**EVENT, "uuid": tlp, "tlp": tlp} for tlp in order))
    assert shared["domain-name"]["object_marking_refs"] == [TLP_IDS[Tlp.RED]]


def test_an_envelope_holds_the_objects_of_the_bundle_and_says_whether_there_are_more() -> None:
    assert taxii_envelope([EVENT], more=True) == {"more": True, "objects": stix2_bundle([EVENT])["objects"]}
    assert taxii_envelope([], more=False) == {"more": False, "objects": []}


def test_a_bundle_without_events_is_valid() -> None:
    bundle = stix2_bundle([])
    assert problems(bundle) == []
    assert bundle.keys() == {"type", "id"}


@pytest.mark.skipif(not REAL.exists(), reason="real events are not part of the repository")
def test_real_events_are_valid() -> None:
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        events = [
            {**json.loads(line)["body"], "uuid": str(place)} for place, line in enumerate(lines) if place % 10 == 0
        ]
    assert len(events) > 300
    assert problems(stix2_bundle(events)) == []


@pytest.mark.anyio
async def test_the_sandbox_answers_its_sample_as_valid_stix_and_taxii(filled_store: SandboxDatabase) -> None:
    transport = httpx.ASGITransport(create_sandbox_app(filled_store))
    base = f"http://sandbox/client/v4/accounts/{'a' * 32}/cloudforce-one"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        hostile = json.dumps([{"field": "tags", "op": "equals", "value": "hostile-sample"}])
        stix = await client.get("/events", params={"format": "stix2", "datasetId": "all", "search": hostile})
        newest = await client.get("/events", params={"format": "stix2", "datasetId": "all", "pageSize": 150})
        taxii = await client.get("/events", params={"format": "taxii", "datasetId": "all", "pageSize": 150})
    assert problems(stix.json()) == problems(newest.json()) == []
    assert taxii.headers["Content-Type"] == "application/taxii+json;version=2.1"
    assert taxii.json() == {"more": True, "objects": newest.json()["objects"]}
