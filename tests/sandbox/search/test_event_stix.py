"""Events as STIX 2.1, checked with the validator of the standard's authors."""

import gzip
import json
from collections.abc import Mapping

import httpx
import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.search.event_stix import TLP_IDS, build_stix_bundle, build_taxii_envelope
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.sandbox.vocabulary_catalog import INDICATOR_TYPES
from tests.ports import REAL
from tests.sandbox.search.stix_validation import EVENT, HOSTILE_VALUES, find_problems, objects_by_type


def test_an_event_is_a_sighting_of_its_indicator_with_observed_data() -> None:
    assert build_stix_bundle([EVENT]) == snapshot(
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
    assert build_stix_bundle([EVENT]) == build_stix_bundle([dict(EVENT)])


@pytest.mark.parametrize("kind", [*INDICATOR_TYPES, "IP", "", "weird 'type'"])
def test_every_indicator_type_gives_valid_stix_for_every_hostile_value(kind: str) -> None:
    events = [
        {
            **EVENT,
            "uuid": f"{kind} {place}",
            "indicatorType": kind,
            **dict.fromkeys(("indicator", "event", "insight", "attacker", "category", "targetCountry"), text),
            **{name: [text] for name in ("tags", "mitreAttack", "mitreCapec")},
            "killChain": place - 1,
        }
        for place, text in enumerate(HOSTILE_VALUES)
    ]
    assert find_problems(build_stix_bundle(events)) == []


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
def test_an_incomplete_event_still_has_a_sighting(event: Mapping[str, object]) -> None:
    bundle = build_stix_bundle([event])
    assert find_problems(bundle) == []
    assert "sighting" in objects_by_type(event)


@pytest.mark.parametrize("name", list(EVENT))
def test_an_event_without_any_one_field_is_valid(name: str) -> None:
    assert find_problems(build_stix_bundle([{key: value for key, value in EVENT.items() if key != name}])) == []


def test_a_cve_is_a_sighting_of_a_vulnerability() -> None:
    found = objects_by_type({**EVENT, "indicatorType": "cve", "indicator": "cve-2026-12345"})
    assert found["vulnerability"]["name"] == "CVE-2026-12345"
    assert found["sighting"]["sighting_of_ref"] == found["vulnerability"]["id"]
    assert "observed-data" not in found


@pytest.mark.parametrize(
    ("kind", "value", "description"),
    [("wallet", "w1", "Beacon to a relay\n\nSeen twice\n\nwallet: w1"), ("", "", "Beacon to a relay\n\nSeen twice")],
)
def test_an_indicator_that_stix_cannot_express_is_a_sighting_of_a_campaign(
    kind: str, value: str, description: str
) -> None:
    found = objects_by_type({**EVENT, "indicatorType": kind, "indicator": value})
    assert (found["campaign"]["name"], found["campaign"]["description"]) == ("Beacon to a relay", description)
    assert found["sighting"]["sighting_of_ref"] == found["campaign"]["id"]


def test_an_invalid_observable_has_a_pattern_and_no_observed_data() -> None:
    found = objects_by_type({**EVENT, "indicator": "a_b.example"})
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
def test_every_object_has_the_marking_of_its_event(tlp: str, level: Tlp) -> None:
    bundle = build_stix_bundle([{**EVENT, "tlp": tlp}])
    found = objects_by_type({**EVENT, "tlp": tlp})
    marked = {str(one["object_marking_refs"]) for kind, one in found.items() if kind != "marking-definition"}
    assert marked == {str([TLP_IDS[level]])}
    assert found["marking-definition"]["id"] == TLP_IDS[level]
    assert find_problems(bundle) == []


@pytest.mark.parametrize("order", [("red", "clear"), ("clear", "red")])
def test_an_observable_of_several_events_has_the_strictest_marking(order: tuple[str, str]) -> None:
    shared = objects_by_type(*({**EVENT, "uuid": tlp, "tlp": tlp} for tlp in order))
    assert shared["domain-name"]["object_marking_refs"] == [TLP_IDS[Tlp.RED]]


def test_an_envelope_contains_the_objects_of_the_bundle_and_whether_there_are_more() -> None:
    assert build_taxii_envelope([EVENT], more=True) == {"more": True, "objects": build_stix_bundle([EVENT])["objects"]}
    assert build_taxii_envelope([], more=False) == {"more": False, "objects": []}


def test_a_bundle_without_events_is_valid() -> None:
    bundle = build_stix_bundle([])
    assert find_problems(bundle) == []
    assert bundle.keys() == {"type", "id"}


@pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of the repository")
def test_real_events_are_valid() -> None:
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        events = [
            {**json.loads(line)["body"], "uuid": str(place)} for place, line in enumerate(lines) if place % 10 == 0
        ]
    assert len(events) > 300
    assert find_problems(build_stix_bundle(events)) == []


@pytest.mark.anyio
async def test_the_sample_is_returned_as_valid_stix_and_taxii(sample_database: SandboxDatabase) -> None:
    transport = httpx.ASGITransport(create_sandbox_app(sample_database))
    base = f"http://sandbox/client/v4/accounts/{'a' * 32}/cloudforce-one"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        hostile = json.dumps([{"field": "tags", "op": "equals", "value": "hostile-sample"}])
        stix = await client.get("/events", params={"format": "stix2", "datasetId": "all", "search": hostile})
        newest = await client.get("/events", params={"format": "stix2", "datasetId": "all", "pageSize": 150})
        taxii = await client.get("/events", params={"format": "taxii", "datasetId": "all", "pageSize": 150})
    assert find_problems(stix.json()) == find_problems(newest.json()) == []
    assert taxii.headers["Content-Type"] == "application/taxii+json;version=2.1"
    assert taxii.json() == {"more": True, "objects": newest.json()["objects"]}
