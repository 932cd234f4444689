"""Sigma rules, as pySigma reads them."""

import importlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf1_mcp.exports import FileHeading, create_export_file
from cf1_mcp.models import Event, Tlp
from tests.exports.files import BARE, HEADING, HOSTILE, TYPES, empty_file, hostile_events, make_event, render_file

EVENTS = [
    make_event("a"),
    make_event("b", indicator="192.0.2.9", indicator_type="ip", tlp="amber"),
    make_event("c", indicator="192.0.2.0/24", indicator_type="cidr"),
    make_event("d", indicator="https://a.example/x?y=*\\z", indicator_type="url"),
    make_event("e", indicator="D" * 64, indicator_type="hash"),
    make_event("f", indicator="d" * 32, indicator_type="hash"),
]


def sigma_rules(text: str) -> list[Any]:
    """Return the rules of a file, checked by pySigma."""
    sigma = pytest.importorskip("sigma.collection", reason="pySigma is not installed")
    rules = sigma.SigmaCollection.from_yaml(text).rules
    assert [rule.errors for rule in rules] == [[] for _ in rules]
    return rules


def values(rule: Any) -> dict[str, list[str]]:  # noqa: ANN401 - pySigma has no types here
    types = importlib.import_module("sigma.types")
    found: dict[str, list[str]] = {}
    for detection in rule.detection.detections.values():
        for item in detection.detection_items:
            plain = [one.to_plain() if isinstance(one, types.SigmaString) else str(one.cidr) for one in item.value]
            found.setdefault(item.field, []).extend(plain)
    return found


def test_there_is_a_rule_for_each_kind_of_log() -> None:
    rules = sigma_rules(render_file(empty_file("sigma"), EVENTS))
    assert {rule.logsource.category: values(rule) for rule in rules} == {
        "dns": {"query": ["relay.example", "*.relay.example"]},
        "firewall": {"dst_ip": ["192.0.2.9", "192.0.2.0/24"]},
        "proxy": {"c-uri": ["https://a.example/x\\?y=\\*\\z"]},
        "process_creation": {"Hashes": [f"*MD5={'d' * 32}*", f"*SHA256={'d' * 64}*"]},
    }
    assert {str(tag) for rule in rules for tag in rule.tags} == {"tlp.amber"}


def test_what_cannot_be_detected_is_counted() -> None:
    file = empty_file("sigma")
    harmless = [
        make_event("h", indicator="10.0.0.1", indicator_type="ip"),
        make_event("j", indicator="e" * 32, indicator_type="ja3"),
    ]
    render_file(file, [*EVENTS, *harmless, BARE, make_event("r", indicator="x", indicator_type="ip")])
    assert dict(file.left_out) == {
        "not the address of a public host": 1,
        "an indicator of a kind that Sigma has no field for": 1,
        "no indicator": 1,
        "an indicator that is not valid for its type": 1,
    }


def test_the_same_events_give_the_same_rules_in_any_order() -> None:
    assert render_file(empty_file("sigma"), EVENTS) == render_file(empty_file("sigma"), reversed(EVENTS))


@pytest.mark.parametrize("kind", TYPES)
def test_hostile_events_give_rules_that_pysigma_reads(kind: str) -> None:
    sigma_rules(render_file(empty_file("sigma"), [make_event("plain"), *hostile_events(kind)]))


def test_a_heading_of_hostile_text_stays_in_its_fields() -> None:
    heading = FileHeading("x\nlevel: critical\n---\n", 'y"\n- z', HEADING.created)
    file = create_export_file("sigma", Tlp.RED, heading)
    [rule] = sigma_rules(render_file(file, EVENTS[:1]))
    assert (rule.level.name, rule.logsource.category) == ("MEDIUM", "dns")


@settings(max_examples=50, deadline=None)
@given(kind=st.sampled_from(TYPES), value=st.text() | st.sampled_from(HOSTILE))
def test_any_indicator_gives_rules_that_pysigma_reads(kind: str, value: str) -> None:
    event: Event = make_event("x", indicator=value, indicator_type=kind)
    sigma_rules(render_file(empty_file("sigma"), [make_event("plain"), event]))
