"""MISP's warning lists, with lists of our own, and with those of the package where it is installed."""

import json
from importlib.util import find_spec

import pytest

from cf1_mcp.exports import FormatName
from cf1_mcp.exports.detection.warning_lists import WarningIndex, describe_lists
from cf1_mcp.exports.observables import Observable, ObservableKind
from tests.exports.files import empty_file, make_event, render_file

installed = pytest.mark.skipif(
    find_spec("pymispwarninglists") is None, reason="pymispwarninglists is not installed (cf1-mcp[warninglists])"
)


def index() -> WarningIndex:
    made = WarningIndex()
    made.add("cidr", "ranges", ["198.51.100.0/24", "2001:db8:1::/48", "nonsense"])
    made.add("hostname", "sites", ["Site.example", "https://paths.example/x"])
    made.add("string", "names", ["exact.example", "AB" * 16])
    made.add("substring", "parts", [".part.example"])
    made.add("regex", "patterns", [".*"])
    return made


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [
        (ObservableKind.IP, "198.51.100.7", "ranges"),
        (ObservableKind.IP, "198.51.101.7", None),
        (ObservableKind.NETWORK, "198.51.100.0/28", "ranges"),
        (ObservableKind.NETWORK, "198.51.0.0/16", None),
        (ObservableKind.IP, "2001:db8:1::5", "ranges"),
        (ObservableKind.DOMAIN, "site.example", "sites"),
        (ObservableKind.DOMAIN, "www.site.example", "sites"),
        (ObservableKind.DOMAIN, "notsite.example", None),
        (ObservableKind.DOMAIN, "paths.example", "sites"),
        (ObservableKind.DOMAIN, "exact.example", "names"),
        (ObservableKind.DOMAIN, "www.exact.example", None),
        (ObservableKind.DOMAIN, "a.part.example", "parts"),
        (ObservableKind.URL, "https://www.site.example/x", "sites"),
        (ObservableKind.URL, "http://198.51.100.7:8080/x", "ranges"),
        (ObservableKind.EMAIL, "a@site.example", "sites"),
        (ObservableKind.MD5, "ab" * 16, "names"),
        (ObservableKind.CVE, "CVE-2026-12345", None),
    ],
)
def test_a_value_is_found_by_the_kind_of_list(kind: ObservableKind, value: str, name: str | None) -> None:
    assert index().find(Observable(kind, value)) == name


@installed
@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("blocklist", "domain", [("domain", "www.github.com"), ("domain", "relay.example")]),
        ("gateway", "domain", [("domain", "www.github.com"), ("domain", "relay.example")]),
        ("waf", None, [("ip", "140.82.112.3"), ("ip", "192.0.2.1")]),
        ("sigma", None, [("domain", "www.github.com"), ("domain", "relay.example")]),
        ("suricata", None, [("domain", "www.github.com"), ("domain", "relay.example")]),
    ],
)
def test_what_stands_on_a_list_is_left_out_and_named(
    name: FormatName, kind: str | None, values: list[tuple[str, str]]
) -> None:
    file = empty_file(name, kind=kind)
    events = [make_event(value, indicator=value, indicator_type=type_, attacker="") for type_, value in values]
    text = render_file(file, events)
    (_, warned), (_, kept) = values
    assert warned not in text.replace("[.]", ".") and kept in text.replace("[.]", ".")
    assert [*file.warned.values()] == [[warned]]
    assert [reason.startswith("on a warning list: ") for reason in file.left_out] == [True]


@installed
def test_a_detection_in_misp_is_not_marked_if_it_stands_on_a_list() -> None:
    file = empty_file("misp")
    event = json.loads(render_file(file, [make_event("x", indicator="www.github.com")]))["Event"]
    assert (event["Attribute"][0]["value"], event["Attribute"][0]["to_ids"]) == ("www.github.com", False)


@installed
def test_the_note_says_which_lists() -> None:
    said = describe_lists()
    assert said and said.endswith("(pymispwarninglists 1.7.0)")
    [note] = empty_file("blocklist", kind="ip").notes()
    assert note.startswith(f"What stands on one of {said} is left out.")
