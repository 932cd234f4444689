"""The MISP event."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.exports import create_export_file
from cf1_mcp.models import Event, Tlp
from tests.exports.files import (
    BARE,
    EVENT,
    HEADING,
    HOSTILE,
    REAL,
    TYPES,
    empty_file,
    hostile_events,
    make_event,
    real_events,
    render_file,
)

# The pairs of category and type used here that MISP accepts (describeTypes of MISP 2.5).
VALID_TYPES = {
    "Network activity": {"domain", "ip-dst", "url", "ja3-fingerprint-md5", "AS"},
    "Payload delivery": {
        *("email-src", "filename", "md5", "sha1", "sha256", "sha512"),
        *("x509-fingerprint-md5", "x509-fingerprint-sha1", "x509-fingerprint-sha256"),
    },
    "External analysis": {"vulnerability"},
    "Attribution": {"threat-actor"},
    "Other": {"text", "comment"},
}


def misp(*events: Event, level: Tlp = Tlp.RED) -> dict[str, Any]:
    return json.loads(render_file(empty_file("misp", level), events))["Event"]


def test_an_event_and_its_attacker_are_attributes() -> None:
    assert misp(EVENT, BARE) == snapshot(
        {
            "Attribute": [
                {
                    "uuid": "051358a8-ed81-5339-b5fb-e849e5d7e1bf",
                    "type": "domain",
                    "category": "Network activity",
                    "value": "relay.example",
                    "to_ids": True,
                    "comment": "Command and Control / Beacon to a relay",
                    "first_seen": "2026-11-01T09:30:00.000Z",
                    "last_seen": "2026-11-01T09:30:00.000Z",
                    "distribution": "5",
                    "Tag": [{"name": "tlp:green"}],
                    "cf1_mcp": [
                        {
                            "tlp": "green",
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
                    ],
                },
                {
                    "uuid": "d0305345-bbd3-5854-9e4b-76339b5dab12",
                    "type": "threat-actor",
                    "category": "Attribution",
                    "value": "COPPER LANTERN",
                    "to_ids": False,
                    "comment": "",
                    "first_seen": "2026-11-01T09:30:00.000Z",
                    "last_seen": "2026-11-01T09:30:00.000Z",
                    "distribution": "5",
                    "Tag": [{"name": "tlp:green"}],
                },
                {
                    "uuid": "e7e6a684-314d-58b3-bbf1-60baa28d4e47",
                    "type": "comment",
                    "category": "Other",
                    "value": "A raid is planned",
                    "to_ids": False,
                    "comment": "A raid is planned",
                    "first_seen": "2026-11-02T00:00:00.000Z",
                    "last_seen": "2026-11-02T00:00:00.000Z",
                    "distribution": "5",
                    "Tag": [{"name": "tlp:clear"}],
                    "cf1_mcp": [
                        {
                            "tlp": "clear",
                            "uuid": "22222222-2222-4222-8222-222222222222",
                            "date": "2026-11-02",
                            "event": "A raid is planned",
                        }
                    ],
                },
            ],
            "uuid": "aa6bcd61-a057-5f48-a18b-525d741f2399",
            "info": "Relays of autumn (cf1-mcp sandbox, fictional events)",
            "date": "2026-11-02",
            "timestamp": "1795521600",
            "threat_level_id": "4",
            "analysis": "2",
            "distribution": "1",
            "published": False,
            "Tag": [{"name": "tlp:green"}, {"name": "T1071.001"}, {"name": "T1090"}],
            "cf1_mcp": [],
        }
    )


def test_a_file_without_events_is_valid() -> None:
    assert misp() == snapshot(
        {
            "Attribute": [],
            "uuid": "aa6bcd61-a057-5f48-a18b-525d741f2399",
            "info": "Relays of autumn (cf1-mcp sandbox, fictional events)",
            "date": "2026-11-24",
            "timestamp": "1795521600",
            "threat_level_id": "4",
            "analysis": "2",
            "distribution": "1",
            "published": False,
            "Tag": [{"name": "tlp:clear"}],
            "cf1_mcp": [],
        }
    )


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("domain", "Relay.example", ("domain", "Network activity", "relay.example", True)),
        ("ip", "2001:DB8::1", ("ip-dst", "Network activity", "2001:db8::1", True)),
        ("cidr", "192.0.2.0/24", ("ip-dst", "Network activity", "192.0.2.0/24", True)),
        ("url", "https://a.example/x", ("url", "Network activity", "https://a.example/x", True)),
        ("email", "a@b.example", ("email-src", "Payload delivery", "a@b.example", True)),
        ("hash", "d" * 32, ("md5", "Payload delivery", "d" * 32, True)),
        ("hash", "d" * 40, ("sha1", "Payload delivery", "d" * 40, True)),
        ("hash", "d" * 64, ("sha256", "Payload delivery", "d" * 64, True)),
        ("ja3", "d" * 32, ("ja3-fingerprint-md5", "Network activity", "d" * 32, True)),
        ("certificate", "d" * 40, ("x509-fingerprint-sha1", "Payload delivery", "d" * 40, True)),
        ("certificate", "d" * 128, ("text", "Other", "d" * 128, False)),
        ("cve", "cve-2026-12345", ("vulnerability", "External analysis", "CVE-2026-12345", False)),
        ("asn", "64496", ("AS", "Network activity", "AS64496", False)),
        ("filename", "invoice.exe", ("filename", "Payload delivery", "invoice.exe", False)),
        ("wallet", "w1", ("text", "Other", "wallet: w1", False)),
        ("ip", "192.0.2.999", ("text", "Other", "ip: 192.0.2.999", False)),
    ],
)
def test_type_and_category_follow_the_indicator(kind: str, value: str, expected: tuple[str, str, str, bool]) -> None:
    attribute = misp(make_event("x", indicator_type=kind, indicator=value))["Attribute"][0]
    assert tuple(attribute[name] for name in ("type", "category", "value", "to_ids")) == expected


@pytest.mark.parametrize(
    ("tlp", "tag", "distribution"),
    [
        ("white", "tlp:clear", "1"),
        ("green", "tlp:green", "1"),
        ("", "tlp:amber", "0"),
        ("amber-strict", "tlp:amber+strict", "0"),
        ("purple", "tlp:red", "0"),
    ],
)
def test_the_highest_marking_determines_tag_and_distribution(tlp: str, tag: str, distribution: str) -> None:
    made = misp(make_event("x", tlp=tlp), make_event("y", tlp="clear"))
    assert (made["Tag"][0]["name"], made["distribution"], made["published"]) == (tag, distribution, False)


def test_a_value_of_several_events_is_one_attribute() -> None:
    file = empty_file("misp")
    made = json.loads(render_file(file, [make_event("x"), make_event("y", tlp="amber")]))["Event"]
    assert [one["type"] for one in made["Attribute"]] == ["domain", "threat-actor"]
    assert (file.event_count, file.marking) == (2, Tlp.AMBER)


def test_uuids_depend_on_the_name_and_not_on_the_order() -> None:
    events = [make_event("x"), make_event("y"), BARE]
    first, second = misp(*events), misp(*reversed(events))
    other = create_export_file("misp", Tlp.RED, replace(HEADING, name="Other relays"))
    third = json.loads(render_file(other, events))["Event"]
    uuids = [{one["uuid"], *(attribute["uuid"] for attribute in one["Attribute"])} for one in (first, second, third)]
    assert uuids[0] == uuids[1]
    assert not uuids[0] & uuids[2]


@pytest.mark.parametrize("kind", TYPES)
def test_hostile_events_give_attributes_that_misp_accepts(kind: str) -> None:
    for attribute in misp(*hostile_events(kind))["Attribute"]:
        assert attribute["type"] in VALID_TYPES[attribute["category"]]
        assert attribute["value"].strip()


@pytest.mark.skipif(not REAL.exists(), reason="real events are not part of the repository")
def test_every_real_indicator_is_an_attribute() -> None:
    events, _ = real_events()
    made = misp(*events)
    assert {one.indicator.lower() for one in events if one.indicator and one.indicator_type != "url"} <= {
        one["value"].lower() for one in made["Attribute"]
    }


@settings(deadline=None)
@given(
    kind=st.sampled_from(TYPES), value=st.text() | st.sampled_from(HOSTILE), text=st.text(), words=st.lists(st.text())
)
def test_any_text_in_any_field_gives_valid_json(kind: str, value: str, text: str, words: list[str]) -> None:
    texts = dict.fromkeys(("date", "event", "attacker", "category", "tlp"), text)
    made = misp(make_event(text, indicator=value, indicator_type=kind, tags=words, mitre_attack=words, **texts), EVENT)
    uuids = [one["uuid"] for one in made["Attribute"]]
    assert len(uuids) == len(set(uuids)) >= 2
