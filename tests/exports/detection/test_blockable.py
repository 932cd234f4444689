"""What may be marked for detection: kept in every file, as a pattern or `to_ids` only if it may be blocked."""

import json

import pytest

from cf1_mcp.exports import FormatName
from cf1_mcp.exports.detection.blockable import find_objection
from cf1_mcp.exports.observables import read_observable
from cf1_mcp.models import Event
from tests.exports.files import empty_file, make_event, render_file

HARMLESS = [
    ("ip", "0.0.0.0/0"),
    ("ip", "10.0.0.0/8"),
    ("ip", "192.168.1.7"),
    ("ip", "::1"),
    ("ip", "::ffff:10.0.0.1"),
    ("ip", "2000::/3"),
    ("ip", "203.0.0.0/8"),
    ("ip", "203.0.0.0/9"),
    ("cidr", "198.50.0.0/15"),
    ("ip", "2001:db8::/31"),
    ("ip", "8.8.8.8"),
    ("ip", "1.1.1.1"),
    ("ip", "2606:4700:4700::1111"),
    ("ip", "9.9.9.0/24"),
    ("domain", "co.uk"),
    ("domain", "github.io"),
    ("domain", "dns.google"),
    ("domain", "printer.local"),
    ("domain", "router.lan"),
    ("domain", "1.0.0.127.in-addr.arpa"),
    ("domain", "nas.home.arpa"),
    ("domain", "db.internal"),
    ("domain", "host.localdomain"),
    ("url", "http://printer.local/x"),
    ("email", "root@host.localdomain"),
    ("url", "http://127.0.0.1/x"),
    ("url", "http://intranet/x"),
    ("url", "https://8.8.8.8/dns-query"),
    ("email", "a@co.uk"),
    ("hash", "d41d8cd98f00b204e9800998ecf8427e"),
    ("hash", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("hash", "0" * 32),
    ("hash", "0" * 64),
    ("ja3", "0" * 32),
]
HARMFUL = [
    ("ip", "192.0.2.1"),
    ("ip", "198.51.0.0/16"),
    ("ip", "2001:db8::/32"),
    ("ip", "198.51.100.16:443"),
    ("domain", "evil.co.uk"),
    ("domain", "*.evil.example"),
    ("domain", "evil.test.."),
    ("url", "hxxp://evil.example/x"),
    ("url", "https://a.example/x"),
    ("email", "a@b.example"),
    ("hash", "d" * 64),
]


def only(name: FormatName, event: Event) -> tuple[str, list[str]]:
    file = empty_file(name)
    return render_file(file, [event]), [*file.notes()]


@pytest.mark.parametrize(("kind", "value"), HARMLESS)
def test_a_value_that_must_not_be_blocked_is_kept_and_not_for_detection(kind: str, value: str) -> None:
    event = make_event("x", indicator=value, indicator_type=kind)
    found = read_observable(event)
    assert found is not None
    reason = find_objection(found)
    note = f"1 indicator not marked for detection: {reason}."
    misp, said = only("misp", event)
    [attribute, _] = json.loads(misp)["Event"]["Attribute"]
    assert (attribute["value"], attribute["to_ids"], said) == (found.value, False, [note])
    stix, said = only("stix2", event)
    objects = json.loads(stix)["objects"]
    assert [one["type"] for one in objects if "pattern" in one or one["type"] == "indicator"] == []
    assert value in json.dumps(objects)
    assert said == [f"{note} Only described in the text of a campaign."]


@pytest.mark.parametrize(("kind", "value"), HARMFUL)
def test_other_values_are_for_detection(kind: str, value: str) -> None:
    event = make_event("x", indicator=value, indicator_type=kind)
    misp, said = only("misp", event)
    assert (json.loads(misp)["Event"]["Attribute"][0]["to_ids"], said) == (True, [])
    stix, said = only("stix2", event)
    assert ([one["type"] for one in json.loads(stix)["objects"] if "pattern" in one], said) == (["indicator"], [])


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("domain", "*.evil.example", "evil.example"),
        ("domain", "Evil.Example.:443", "evil.example"),
        ("domain", "evil.example..", "evil.example"),
        ("ip", "198.51.100.16:443", "198.51.100.16"),
        ("ip", "[2001:db8::1]:443", "2001:db8::1"),
        ("ip", "198.51.100.0 - 198.51.100.255", "198.51.100.0/24"),
        ("email", "mailto:a@evil.example", "a@evil.example"),
        ("hash", f"MD5: {'A1' * 16}", "a1" * 16),
    ],
)
def test_a_value_that_is_stored_in_another_form_is_exported_in_its_canonical_form(
    kind: str, written: str, value: str
) -> None:
    misp, said = only("misp", make_event("x", indicator=written, indicator_type=kind))
    attribute = json.loads(misp)["Event"]["Attribute"][0]
    assert (attribute["value"], attribute["to_ids"], said) == (value, True, [])
