"""The plain block list."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.exports.observables import observable
from cf1_mcp.models import Event, Tlp
from tests.exports.making import BARE, EVENT, HOSTILE, TYPES, event, export, hostile_events, written

KINDS = ("ip", "domain", "url", "hash")


def typed(kind: str, *values: str) -> list[Event]:
    return [event(f"{kind} {value}", indicator_type=kind, indicator=value) for value in values]


def lines(kind: str, events: list[Event]) -> list[str]:
    """The values of a list."""
    return [line for line in written(export("blocklist", kind=kind), events).splitlines() if not line.startswith("# ")]


def test_a_list_says_what_it_is_and_holds_each_value_once_in_order() -> None:
    addresses = typed("ip", "198.51.100.9", "192.0.2.10", "192.0.2.9", "2001:db8::1", "::ffff:192.0.2.9")
    file = export("blocklist", Tlp.AMBER, "ip")
    text = written(file, [*addresses, *typed("cidr", "192.0.2.0/28"), EVENT, BARE, event("r", tlp="red")])
    assert text == snapshot("""\
# Relays of autumn. TLP:GREEN. Source: cf1-mcp sandbox, fictional events. Made 2026-11-24T12:00:00Z. Events: 6.
# 5 values of kind ip. Shared and well-known infrastructure (public resolvers, content networks, file sharing) is not filtered out, and addresses change hands: look through the list before anything blocks by it.
192.0.2.0/28
192.0.2.9
192.0.2.10
198.51.100.9
2001:db8::1
""")
    assert dict(file.left_out) == snapshot(
        {"an indicator of another kind than ip": 1, "no indicator": 1, "above TLP:AMBER": 1}
    )
    assert file.notes() == snapshot(
        (
            "Shared and well-known infrastructure (public resolvers, content networks, file sharing) is not filtered out, and addresses change hands: look through the list before anything blocks by it.",
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
def test_what_is_no_public_host_or_too_wide_is_not_blocked(kind: str, values: list[str], kept: list[str]) -> None:
    file = export("blocklist", kind="ip")
    text = written(file, typed(kind, *values))
    assert text.splitlines()[2:] == kept
    assert sum(file.left_out.values()) == len(values) - len(kept)
    assert set(file.left_out) <= {"an address of no public host", "a range too wide to block"}


def test_a_public_suffix_is_not_blocked() -> None:
    assert lines("domain", typed("domain", "co.uk", "github.io", "com", "a.co.uk", "relay.example")) == [
        "a.co.uk",
        "relay.example",
    ]


def test_a_url_is_blocked_by_its_public_host_alone() -> None:
    values = ["http://127.0.0.1/", "http://[::1]/", "http://intranet/", "http://[::1/", "https://co.uk/", "http://2.2/"]
    assert lines("url", typed("url", *values, "https://a.example/x#y", "hxxp://192.0.2.1:8080/a b")) == [
        "http://192.0.2.1:8080/a%20b",
        "https://a.example/x#y",
    ]


def test_hashes_are_in_lower_case_whatever_their_kind() -> None:
    assert lines("hash", [*typed("hash", "D" * 32, "e" * 64), *typed("md5", "d" * 32)]) == ["d" * 32, "e" * 64]


def test_the_list_has_the_highest_marking_of_its_events() -> None:
    file = export("blocklist", kind="domain")
    assert "TLP:AMBER+STRICT." in written(file, [event("x", tlp="clear"), event("y", tlp="amber-strict")])
    assert file.marking is Tlp.AMBER_STRICT


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_is_a_value_of_its_kind_whatever_the_events_say(kind: str) -> None:
    found = lines(kind, [one for type_ in TYPES for one in hostile_events(type_)])
    assert found
    assert len(found) == len(set(found))
    for line in found:
        again = observable(event("x", indicator_type="cidr" if kind == "ip" else kind, indicator=line))
        assert again is not None
        assert again.value == line


@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), value=st.text() | st.sampled_from(HOSTILE), name=st.text())
def test_no_text_adds_a_line_of_its_own(kind: str, value: str, name: str) -> None:
    text = written(export("blocklist", kind=kind), [event(name, indicator=value, indicator_type=kind, attacker=name)])
    assert len(text.splitlines()) <= 3
