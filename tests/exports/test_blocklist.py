"""The plain block list."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.exports.detection.blockable import NOT_PUBLIC, TOO_WIDE
from cf1_mcp.exports.observables import read_observable
from cf1_mcp.models import Event, Tlp
from tests.exports.files import BARE, EVENT, HOSTILE, TYPES, empty_file, hostile_events, make_event, render_file

KINDS = ("ip", "domain", "url", "hash")


def events_of_type(kind: str, *values: str) -> list[Event]:
    return [make_event(f"{kind} {value}", indicator_type=kind, indicator=value) for value in values]


def lines(kind: str, events: list[Event]) -> list[str]:
    """The lines of a list that are not comments."""
    return [
        line
        for line in render_file(empty_file("blocklist", kind=kind), events).splitlines()
        if not line.startswith("# ")
    ]


def test_a_list_has_a_heading_and_each_value_once_in_order() -> None:
    addresses = events_of_type("ip", "198.51.100.9", "192.0.2.10", "192.0.2.9", "2001:db8::1", "::ffff:192.0.2.9")
    file = empty_file("blocklist", Tlp.AMBER, "ip")
    text = render_file(
        file, [*addresses, *events_of_type("cidr", "192.0.2.0/28"), EVENT, BARE, make_event("r", tlp="red")]
    )
    assert text == snapshot("""\
# Relays of autumn. TLP:GREEN. Source: cf1-mcp sandbox, fictional events. Created 2026-11-24T12:00:00Z. Events: 6.
# 5 values of kind ip. Shared and well-known infrastructure (content delivery networks, file sharing) is not filtered out (the extra cf1-mcp[warninglists] does that), and addresses change owners: review the list before you block anything with it.
192.0.2.0/28
192.0.2.9
192.0.2.10
198.51.100.9
2001:db8::1
""")
    assert dict(file.left_out) == snapshot(
        {"an indicator that is not of kind ip": 1, "no indicator": 1, "above TLP:AMBER": 1}
    )
    assert file.notes() == snapshot(
        (
            "Shared and well-known infrastructure (content delivery networks, file sharing) is not filtered out (the extra cf1-mcp[warninglists] does that), and addresses change owners: review the list before you block anything with it.",
        )
    )


@pytest.mark.parametrize(
    ("kind", "values", "kept"),
    [
        ("ip", ["10.1.2.3", "127.0.0.1", "192.168.1.1", "169.254.0.1", "100.64.0.1", "224.0.0.1", "0.0.0.0"], []),  # noqa: S104
        ("ip", ["::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1"], []),
        ("cidr", ["0.0.0.0/0", "1.0.0.0/7", "::/0", "2000::/3", "8.0.0.0/5", "::ffff:0:0/96"], []),
        ("cidr", ["198.51.100.0/24", "2001:db8::/32"], ["198.51.100.0/24", "2001:db8::/32"]),
    ],
)
def test_addresses_that_are_not_public_and_wide_ranges_are_not_blocked(
    kind: str, values: list[str], kept: list[str]
) -> None:
    file = empty_file("blocklist", kind="ip")
    text = render_file(file, events_of_type(kind, *values))
    assert text.splitlines()[2:] == kept
    assert sum(file.left_out.values()) == len(values) - len(kept)
    assert set(file.left_out) <= {NOT_PUBLIC, TOO_WIDE}


def test_a_public_suffix_is_not_blocked() -> None:
    assert lines("domain", events_of_type("domain", "co.uk", "github.io", "com", "a.co.uk", "relay.example")) == [
        "a.co.uk",
        "relay.example",
    ]


def test_only_urls_on_public_hosts_are_blocked() -> None:
    values = ["http://127.0.0.1/", "http://[::1]/", "http://intranet/", "http://[::1/", "https://co.uk/", "http://2.2/"]
    assert lines("url", events_of_type("url", *values, "https://a.example/x#y", "hxxp://192.0.2.1:8080/a b")) == [
        "http://192.0.2.1:8080/a%20b",
        "https://a.example/x#y",
    ]


def test_hashes_are_lower_case() -> None:
    assert lines("hash", [*events_of_type("hash", "D" * 32, "e" * 64), *events_of_type("md5", "d" * 32)]) == [
        "d" * 32,
        "e" * 64,
    ]


def test_the_list_has_the_highest_marking_of_its_events() -> None:
    file = empty_file("blocklist", kind="domain")
    assert "TLP:AMBER+STRICT." in render_file(file, [make_event("x", tlp="clear"), make_event("y", tlp="amber-strict")])
    assert file.marking is Tlp.AMBER_STRICT


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_is_a_value_of_its_kind_for_hostile_events(kind: str) -> None:
    found = lines(kind, [one for type_ in TYPES for one in hostile_events(type_)])
    assert found
    assert len(found) == len(set(found))
    for line in found:
        again = read_observable(make_event("x", indicator_type="cidr" if kind == "ip" else kind, indicator=line))
        assert again is not None
        assert again.value == line


@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), value=st.text() | st.sampled_from(HOSTILE), name=st.text())
def test_no_text_injects_a_line(kind: str, value: str, name: str) -> None:
    text = render_file(
        empty_file("blocklist", kind=kind), [make_event(name, indicator=value, indicator_type=kind, attacker=name)]
    )
    assert len(text.splitlines()) <= 3
