"""The STIX 2.1 bundle, checked by the validator of the standard's authors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from stix2patterns.validator import run_validator  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from stix2validator import ValidationOptions, validate_instance  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from cf1_mcp.exports.stix_objects import NO_DATE
from cf1_mcp.exports.stix_vocabulary import TLP_IDS
from cf1_mcp.models import Event, Relationship, Tlp
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.exports.files import (
    BARE,
    EVENT,
    HOSTILE,
    REAL,
    TYPES,
    empty_file,
    hostile_events,
    make_event,
    real_events,
    render_file,
    sample_events,
)

EVENT_BUNDLE = f"bundle--{EVENT.uuid}"
StixObjects = list[dict[str, Any]]


def objects(*events: Event, links: Sequence[tuple[str, str]] = (), level: Tlp = Tlp.RED) -> StixObjects:
    """The objects of a bundle of these events."""
    return json.loads(render_file(empty_file("stix2", level), events, links))["objects"]


def of_type(kind: str, found: StixObjects) -> StixObjects:
    return [one for one in found if one["type"] == kind]


def main_object(uuid: str, found: StixObjects) -> dict[str, Any]:
    """The main object of an event."""
    return next(one for one in found for ref in one.get("external_references", []) if ref["external_id"] == uuid)


def problems(bundle: Mapping[str, object]) -> Sequence[str]:
    """The errors of the validator, recommendations included, except that ids should be random."""
    options = ValidationOptions(version="2.1", strict=True, disabled="uuid-check")
    return [str(error) for error in validate_instance(bundle, options).errors]  # pyright: ignore


def pattern_problems(found: StixObjects) -> list[object]:
    """The errors of the pattern validator."""
    patterns = [one["pattern"] for one in of_type("indicator", found) if one["pattern_type"] == "stix"]
    return [problem for pattern in patterns for problem in run_validator(pattern, stix_version="2.1")]  # pyright: ignore


def references(found: StixObjects) -> set[str]:
    """Every id that an object of the bundle refers to."""
    single = {str(value) for one in found for name, value in one.items() if name.endswith("_ref")}
    return single | {
        str(ref) for one in found for name, value in one.items() if name.endswith("_refs") for ref in value
    }


def test_an_event_is_an_indicator_with_its_sighting_and_related_objects() -> None:
    assert json.loads(render_file(empty_file("stix2"), [EVENT])) == snapshot(
        {
            "type": "bundle",
            "objects": [
                {
                    "type": "identity",
                    "spec_version": "2.1",
                    "id": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "cf1-mcp sandbox, fictional events",
                    "identity_class": "system",
                },
                {
                    "type": "indicator",
                    "spec_version": "2.1",
                    "id": "indicator--d2e3dd15-e6ce-50c3-8964-385dd844caaa",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "description": """\
Beacon to a relay

Seen twice\
""",
                    "labels": ["Command and Control", "beacon", "T1090"],
                    "external_references": [
                        {
                            "source_name": "cf1-mcp sandbox, fictional events",
                            "external_id": "11111111-1111-4111-8111-111111111111",
                        },
                        {"source_name": "mitre-attack", "external_id": "T1071.001"},
                        {"source_name": "mitre-attack", "external_id": "T1090"},
                        {"source_name": "mitre-attack", "external_id": "TA0011"},
                        {"source_name": "capec", "external_id": "CAPEC-98"},
                    ],
                    "name": "relay[.]example",
                    "indicator_types": ["malicious-activity"],
                    "pattern": "[domain-name:value = 'relay.example']",
                    "pattern_type": "stix",
                    "pattern_version": "2.1",
                    "valid_from": "2026-11-01T09:30:00.000Z",
                    "kill_chain_phases": [
                        {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": "command-and-control"}
                    ],
                    "extensions": {
                        "extension-definition--2f6f0f0e-6c0b-5f0a-9f0e-3b6f4b0c1d52": {
                            "extension_type": "property-extension",
                            "uuid": "11111111-1111-4111-8111-111111111111",
                            "date": "2026-11-01T09:30:00Z",
                            "category": "Command and Control",
                            "event": "Beacon to a relay",
                            "attacker": "COPPER LANTERN",
                            "attacker_country": "RU",
                            "target_country": "DE",
                            "target_industry": "Energy & Utilities",
                            "indicator": "relay.example",
                            "indicator_type": "domain",
                            "insight": "Seen twice",
                            "tags": ["beacon", "T1090"],
                        }
                    },
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "sighting",
                    "spec_version": "2.1",
                    "id": "sighting--8d6a2944-9c31-5c0b-9636-2baf537f3467",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "first_seen": "2026-11-01T09:30:00.000Z",
                    "last_seen": "2026-11-01T09:30:00.000Z",
                    "count": 1,
                    "sighting_of_ref": "indicator--d2e3dd15-e6ce-50c3-8964-385dd844caaa",
                    "where_sighted_refs": [
                        "identity--daa5c42c-afb4-5316-a355-79a9f50ab351",
                        "location--4b547f71-62d1-5d5d-ab0c-58435f374c4c",
                    ],
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--f1ea2845-55c4-5e59-96da-02d1b4722b5e",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "indicates",
                    "source_ref": "indicator--d2e3dd15-e6ce-50c3-8964-385dd844caaa",
                    "target_ref": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--dcde67f4-4aac-5117-abdc-7f061cd1e1cd",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "indicates",
                    "source_ref": "indicator--d2e3dd15-e6ce-50c3-8964-385dd844caaa",
                    "target_ref": "attack-pattern--da2a056e-7c0c-55de-a515-44367d5593c6",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--c87b8b56-e3d6-5d06-9479-3b77c7e2bcd5",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2026-11-01T09:30:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "indicates",
                    "source_ref": "indicator--d2e3dd15-e6ce-50c3-8964-385dd844caaa",
                    "target_ref": "attack-pattern--0d7b9157-05d3-5eb1-8fa2-828c05952c53",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
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
                    "type": "location",
                    "spec_version": "2.1",
                    "id": "location--3c9474c1-5449-5581-a6ee-786eab5721f7",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "RU",
                    "country": "RU",
                },
                {
                    "type": "location",
                    "spec_version": "2.1",
                    "id": "location--4b547f71-62d1-5d5d-ab0c-58435f374c4c",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "DE",
                    "country": "DE",
                },
                {
                    "type": "attack-pattern",
                    "spec_version": "2.1",
                    "id": "attack-pattern--da2a056e-7c0c-55de-a515-44367d5593c6",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "T1071.001",
                    "external_references": [{"source_name": "mitre-attack", "external_id": "T1071.001"}],
                },
                {
                    "type": "attack-pattern",
                    "spec_version": "2.1",
                    "id": "attack-pattern--0d7b9157-05d3-5eb1-8fa2-828c05952c53",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "T1090",
                    "external_references": [{"source_name": "mitre-attack", "external_id": "T1090"}],
                },
                {
                    "type": "identity",
                    "spec_version": "2.1",
                    "id": "identity--daa5c42c-afb4-5316-a355-79a9f50ab351",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "Energy & Utilities",
                    "identity_class": "class",
                    "sectors": ["energy", "utilities"],
                },
                {
                    "type": "intrusion-set",
                    "spec_version": "2.1",
                    "id": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "COPPER LANTERN",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--c094f96f-92c4-59f2-be39-8d7ea8e31fc1",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "targets",
                    "source_ref": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "target_ref": "identity--daa5c42c-afb4-5316-a355-79a9f50ab351",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--2e5f9664-5963-55ec-8d89-0fcd5574ec1e",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "targets",
                    "source_ref": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "target_ref": "location--4b547f71-62d1-5d5d-ab0c-58435f374c4c",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--d563d75e-d17c-553d-a4e6-d0748e530938",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "uses",
                    "source_ref": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "target_ref": "attack-pattern--da2a056e-7c0c-55de-a515-44367d5593c6",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--28fae158-4415-54e2-b80a-820a167a48e2",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "uses",
                    "source_ref": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "target_ref": "attack-pattern--0d7b9157-05d3-5eb1-8fa2-828c05952c53",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "relationship",
                    "spec_version": "2.1",
                    "id": "relationship--f958382e-4e58-5942-adfa-bdf202064b56",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "relationship_type": "originates-from",
                    "source_ref": "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    "target_ref": "location--3c9474c1-5449-5581-a6ee-786eab5721f7",
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
                {
                    "type": "grouping",
                    "spec_version": "2.1",
                    "id": "grouping--949bd4fd-db9e-5d79-8b87-4c1e7debfb63",
                    "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                    "created": "2025-03-18T00:00:00.000Z",
                    "modified": "2026-11-24T12:00:00.000Z",
                    "name": "Relays of autumn",
                    "description": "Relays of autumn. TLP:GREEN. Source: cf1-mcp sandbox, fictional events. Created 2026-11-24T12:00:00Z. Events: 1.",
                    "context": "unspecified",
                    "object_refs": [
                        "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                        "location--3c9474c1-5449-5581-a6ee-786eab5721f7",
                        "location--4b547f71-62d1-5d5d-ab0c-58435f374c4c",
                        "attack-pattern--da2a056e-7c0c-55de-a515-44367d5593c6",
                        "attack-pattern--0d7b9157-05d3-5eb1-8fa2-828c05952c53",
                        "identity--daa5c42c-afb4-5316-a355-79a9f50ab351",
                        "intrusion-set--147bb5d1-1d1e-52e5-9fc9-601cbcfba1a5",
                    ],
                    "extensions": {
                        "extension-definition--2f6f0f0e-6c0b-5f0a-9f0e-3b6f4b0c1d52": {
                            "extension_type": "property-extension",
                            "summary": True,
                        }
                    },
                    "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                },
            ],
            "id": "bundle--0f0ee214-597a-5e12-8810-f68dac03fa49",
        }
    )


def test_an_event_without_an_indicator_is_a_campaign() -> None:
    assert of_type("campaign", objects(BARE)) == snapshot(
        [
            {
                "type": "campaign",
                "spec_version": "2.1",
                "id": "campaign--48f60683-113e-5bfb-9044-0eb670ad8615",
                "created_by_ref": "identity--96695cc7-1709-58fd-abfe-8206d5d61e5c",
                "created": "2026-11-02T00:00:00.000Z",
                "modified": "2026-11-24T12:00:00.000Z",
                "description": "A raid is planned",
                "external_references": [
                    {
                        "source_name": "cf1-mcp sandbox, fictional events",
                        "external_id": "22222222-2222-4222-8222-222222222222",
                    }
                ],
                "name": "A raid is planned",
                "first_seen": "2026-11-02T00:00:00.000Z",
                "extensions": {
                    "extension-definition--2f6f0f0e-6c0b-5f0a-9f0e-3b6f4b0c1d52": {
                        "extension_type": "property-extension",
                        "uuid": "22222222-2222-4222-8222-222222222222",
                        "date": "2026-11-02",
                        "event": "A raid is planned",
                    }
                },
                "object_marking_refs": ["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"],
            }
        ]
    )


def test_a_bundle_without_events_is_valid_and_marked_clear() -> None:
    bundle = json.loads(render_file(empty_file("stix2"), []))
    assert problems(bundle) == []
    assert [one["type"] for one in bundle["objects"]] == ["identity", "marking-definition", "grouping"]


def test_every_type_of_indicator_is_valid_with_every_hostile_value() -> None:
    values = [
        make_event(f"{kind} {place}", indicator_type=kind, indicator=value)
        for kind in TYPES
        for place, value in enumerate(HOSTILE)
    ]
    distinct = {
        one.get("pattern", one["name"]): one
        for one in objects(*values)
        if one["type"] in ("indicator", "vulnerability")
    }
    assert len(distinct) > 50
    assert problems({"type": "bundle", "id": EVENT_BUNDLE, "objects": list(distinct.values())}) == []
    assert pattern_problems(list(distinct.values())) == []


def test_hostile_text_in_every_other_field_is_valid() -> None:
    assert problems(json.loads(render_file(empty_file("stix2"), hostile_events("wallet")))) == []


@pytest.mark.parametrize("name", list(Event.model_fields))
def test_any_one_field_may_be_missing(name: str) -> None:
    lacking = Event.model_validate(EVENT.model_dump(exclude={name}) | ({"uuid": "?"} if name == "uuid" else {}))
    assert problems(json.loads(render_file(empty_file("stix2"), [lacking]))) == []


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("domain", "relay.example", "[domain-name:value = 'relay.example']"),
        ("domain", "Relay[.]Example.", "[domain-name:value = 'relay.example']"),
        ("domain", "b\u00fccher.example", "[domain-name:value = 'xn--bcher-kva.example']"),
        ("ip", "192.0.2.1", "[ipv4-addr:value = '192.0.2.1']"),
        ("IP", "2001:DB8::1", "[ipv6-addr:value = '2001:db8::1']"),
        ("cidr", "192.0.2.7/24", "[ipv4-addr:value ISSUBSET '192.0.2.0/24']"),
        ("ip", "192.0.2.7/32", "[ipv4-addr:value = '192.0.2.7']"),
        ("url", "https://a.example/?q='\\", "[url:value = 'https://a.example/?q=\\'\\\\']"),
        ("url", "hxxp://a[.]example/\u00fc b", "[url:value = 'http://a.example/%C3%BC%20b']"),
        ("hash", "d" * 32, f"[file:hashes.'MD5' = '{'d' * 32}']"),
        ("SHA-1", "D" * 40, f"[file:hashes.'SHA-1' = '{'d' * 40}']"),
        ("hash", "9" * 64, f"[file:hashes.'SHA-256' = '{'9' * 64}']"),
        ("sha512", "f" * 128, f"[file:hashes.'SHA-512' = '{'f' * 128}']"),
        ("certificate", "9" * 64, f"[x509-certificate:hashes.'SHA-256' = '{'9' * 64}']"),
        ("email", "a@b.example", "[email-addr:value = 'a@b.example']"),
        ("filename", "it's.exe", "[file:name = 'it\\'s.exe']"),
        ("asn", "AS64496", "[autonomous-system:number = 64496]"),
    ],
)
def test_the_pattern_follows_the_type(kind: str, value: str, expected: str) -> None:
    found = objects(make_event("x", indicator_type=kind, indicator=value))
    assert [one["pattern"] for one in of_type("indicator", found)] == [expected]
    assert pattern_problems(found) == []


def test_a_ja3_is_a_suricata_rule() -> None:
    (found,) = of_type("indicator", objects(make_event("x", indicator_type="ja3", indicator="d" * 32)))
    assert (found["pattern_type"], found["pattern"]) == snapshot(
        (
            "suricata",
            'alert tls any any -> any any (msg:"JA3 dddddddddddddddddddddddddddddddd"; ja3.hash; content:"dddddddddddddddddddddddddddddddd"; sid:1783261; rev:1;)',
        )
    )


def test_a_cve_is_a_vulnerability_that_the_attacker_targets() -> None:
    found = objects(make_event("x", indicator_type="cve", indicator="cve-2026-12345", tags=[]))
    (flaw,) = of_type("vulnerability", found)
    assert flaw["name"] == "CVE-2026-12345"
    assert [one["sighting_of_ref"] for one in of_type("sighting", found)] == [flaw["id"]]
    aimed = [one for one in of_type("relationship", found) if one["target_ref"] == flaw["id"]]
    assert sorted(one["source_ref"].split("--")[0] for one in aimed) == ["attack-pattern", "intrusion-set"]


@pytest.mark.parametrize(
    ("kind", "value"), [("wallet", "w1"), ("hash", "abc"), ("ip", "192.0.2.999"), ("domain", "javascript:alert(1)")]
)
def test_an_indicator_without_a_stix_form_is_described_and_counted(kind: str, value: str) -> None:
    file = empty_file("stix2")
    found = json.loads(render_file(file, [make_event("x", indicator_type=kind, indicator=value), BARE]))["objects"]
    assert f"{kind}: " in main_object("x", found)["description"]
    assert [one["type"] for one in (main_object("x", found), main_object(BARE.uuid, found))] == ["campaign", "campaign"]
    assert file.notes() == ["1 indicator without a STIX form: only described in the text of a campaign."]


@pytest.mark.parametrize("date", ["", "soon", "0001-01-01T00:00:00+05:00", "2026-13-01"])
def test_an_invalid_date_becomes_the_epoch(date: str) -> None:
    (seen,) = of_type("sighting", objects(make_event("x", date=date)))
    assert seen["first_seen"] == NO_DATE


def test_text_of_events_is_cleaned() -> None:
    (found,) = of_type(
        "indicator",
        objects(make_event("x", event="see ![x](https://a.example/x)\u202e", insight="", tags=["a\u200bb"])),
    )
    assert (found["description"], found["labels"]) == snapshot(
        ("see ! [x] (hxxps://a.example/x)\\u202e", ["Command and Control", "a\\u200bb"])
    )


def test_links_relate_events_and_group_children_with_their_parent() -> None:
    parent, child = make_event("parent", has_children=True, tlp="amber", event="Operation Relay"), make_event("child")
    found = objects(child, parent, links=[("parent", "child")])
    above, below = main_object("parent", found)["id"], main_object("child", found)["id"]
    (link,) = [one for one in of_type("relationship", found) if one["relationship_type"] == "related-to"]
    assert (link["source_ref"], link["target_ref"], link["description"]) == (below, above, "attributed_to")
    family = of_type("grouping", found)[0]
    assert (family["name"], family["object_refs"]) == ("Operation Relay", [above, below])
    assert link["object_marking_refs"] == family["object_marking_refs"] == [TLP_IDS[Tlp.AMBER]]
    assert problems({"type": "bundle", "id": EVENT_BUNDLE, "objects": found}) == []


def test_a_link_to_an_event_that_is_not_in_the_file_is_left_out_and_counted() -> None:
    file = empty_file("stix2", Tlp.GREEN)
    links = [(EVENT.uuid, "elsewhere"), (EVENT.uuid, "secret")]
    text = render_file(file, [EVENT, make_event("secret", tlp="red")], links)
    assert "related-to" not in text
    assert file.notes() == ["2 links left out: one of the events is not in the file."]


@pytest.mark.parametrize(
    ("tlp", "level"),
    [
        ("WHITE", Tlp.CLEAR),
        ("TLP:GREEN", Tlp.GREEN),
        ("", Tlp.AMBER),
        ("amber-strict", Tlp.AMBER_STRICT),
        ("purple", Tlp.RED),
    ],
)
def test_the_objects_of_an_event_refer_to_the_published_marking(tlp: str, level: Tlp) -> None:
    found = objects(make_event("x", tlp=tlp))
    marked = {str(one["object_marking_refs"]) for one in found if "object_marking_refs" in one}
    assert marked == {str([TLP_IDS[level]])}
    assert [one["id"] for one in of_type("marking-definition", found)] == [TLP_IDS[level]]


def test_attacker_objects_have_the_least_restrictive_marking_of_their_events() -> None:
    amber = make_event("a", tlp="amber", target_country="FR")
    found = objects(amber, make_event("b", tlp="green"), make_event("c", tlp="amber"))
    assert {str(one["object_marking_refs"]) for one in of_type("intrusion-set", found)} == {str([TLP_IDS[Tlp.GREEN]])}
    places = {one["id"]: one["name"] for one in of_type("location", found)}
    targets = {
        places[one["target_ref"]]: one["object_marking_refs"]
        for one in of_type("relationship", found)
        if one["relationship_type"] == "targets" and one["target_ref"] in places
    }
    assert targets == {"FR": [TLP_IDS[Tlp.AMBER]], "DE": [TLP_IDS[Tlp.GREEN]]}


def test_an_unknown_industry_has_the_least_restrictive_marking_of_its_events() -> None:
    found = objects(make_event("a", tlp="amber", target_industry="Project Quince"), make_event("b", tlp="amber"))
    marked = {one["name"]: one.get("object_marking_refs") for one in of_type("identity", found)[1:]}
    assert marked == {"Project Quince": [TLP_IDS[Tlp.AMBER]], "Energy & Utilities": None}


def test_two_links_of_different_types_are_two_relationships() -> None:
    file = empty_file("stix2")
    pieces = [file.head(), file.add(make_event("parent")), file.add(make_event("child"))]
    for kind in ("related_to", "caused_by", "caused_by"):
        file.add_link(Relationship(parent_id="parent", child_id="child", relationship_type=kind))
    found = json.loads("".join((*pieces, *file.tail())))["objects"]
    links = [one for one in of_type("relationship", found) if one["relationship_type"] == "related-to"]
    assert [one["description"] for one in links] == ["related_to", "caused_by"]
    assert len({one["id"] for one in links}) == 2


def test_a_duplicate_event_is_written_once() -> None:
    file = empty_file("stix2")
    ids = [one["id"] for one in json.loads(render_file(file, [EVENT, EVENT]))["objects"]]
    assert len(ids) == len(set(ids))
    assert (file.event_count, dict(file.left_out)) == (1, {"a duplicate of another event in the file": 1})


@pytest.mark.anyio
async def test_ids_are_the_same_in_every_run_and_order(sample_database: SandboxDatabase) -> None:
    events = (await sample_events(sample_database))[:400]
    first, second = (json.loads(render_file(empty_file("stix2"), order)) for order in (events, reversed(events)))
    assert first["id"] == second["id"]
    assert {one["id"] for one in first["objects"]} == {one["id"] for one in second["objects"]}


@pytest.mark.anyio
async def test_the_sample_tenant_is_valid(sample_database: SandboxDatabase) -> None:
    everything = await sample_events(sample_database)
    events = [one for place, one in enumerate(everything) if place % 40 == 0 or "hostile-sample" in one.tags]
    bundle = json.loads(render_file(empty_file("stix2"), events))
    assert len(events) > 100
    assert problems(bundle) == []
    assert references(bundle["objects"]) <= {one["id"] for one in bundle["objects"]}


@pytest.mark.skipif(not REAL.exists(), reason="real events are not part of the repository")
def test_real_events_and_their_links_are_valid() -> None:
    events, links = real_events(every=40)
    bundle = json.loads(render_file(empty_file("stix2"), events, links))
    assert len(events) > 90
    assert problems(bundle) == []


@pytest.mark.skipif(not REAL.exists(), reason="real events are not part of the repository")
def test_every_real_event_is_in_the_file_and_every_reference_resolves() -> None:
    events, links = real_events()
    file = empty_file("stix2")
    found = json.loads(render_file(file, events, links))["objects"]
    assert file.event_count == len(events) == len(of_type("sighting", found))
    assert file.notes() == []
    assert sum(one["relationship_type"] == "related-to" for one in of_type("relationship", found)) == len(set(links))
    assert references(found) <= {one["id"] for one in found}


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(TYPES),
    value=st.text() | st.sampled_from(HOSTILE),
    text=st.text(),
    words=st.lists(st.text(), max_size=3),
    number=st.none() | st.floats(),
)
def test_any_text_in_any_field_gives_valid_json_and_valid_patterns(
    kind: str, value: str, text: str, words: list[str], number: float | None
) -> None:
    texts = dict.fromkeys(
        ("date", "event", "insight", "attacker", "attacker_country", "category", "target_country", "target_industry"),
        text,
    )
    lists = dict.fromkeys(("tags", "mitre_attack", "mitre_capec"), words)
    made = make_event(text, indicator=value, indicator_type=kind, kill_chain=number, **texts, **lists)
    found = json.loads(render_file(empty_file("stix2"), [made]))["objects"]
    assert pattern_problems(found) == []
    assert references(found) <= {one["id"] for one in found}
