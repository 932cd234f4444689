"""Expressions for WAF rules."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.exports.waf import MAX_EXPRESSION_LENGTH
from cf1_mcp.models import Tlp
from tests.exports.files import EVENT, HOSTILE, empty_file, make_event, render_file


def expressions(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("# ")]


def test_events_match_by_attacker_or_else_by_address() -> None:
    nameless = [
        make_event(value, attacker="", indicator_type="ip", indicator=value)
        for value in ("192.0.2.9", "192.0.2.10", "10.0.0.1")
    ]
    file = empty_file("waf", Tlp.GREEN)
    text = render_file(
        file,
        [
            EVENT,
            make_event("x", attacker="Tycoon 2FA"),
            *nameless,
            make_event("z", attacker=""),
            make_event("r", tlp="red"),
        ],
    )
    assert text == snapshot("""\
# Relays of autumn. TLP:GREEN. Source: cf1-mcp sandbox, fictional events. Created 2026-11-24T12:00:00Z. Events: 4.
# Deploy each rule with the action Log first, review its matches, and only then use Block or Managed Challenge.
# The cf.intel.ip.* fields cover the last seven days: an address that was quiet for longer no longer matches.
# They are flattened per address: two conditions in one rule can match two different events.
# Attacker names are case-sensitive.
# Addresses in a rule do not expire: remove them from the rule when they are outdated. Shared and well-known infrastructure (content delivery networks, file sharing) is not filtered out (the extra cf1-mcp[warninglists] does that), and addresses change owners: review the list before you block anything with it.
# Expression 1 of 2
any(cf.intel.ip.attacker_names[*] == "COPPER LANTERN") or any(cf.intel.ip.attacker_names[*] == "Tycoon 2FA")
# Expression 2 of 2
ip.src in {192.0.2.9 192.0.2.10}
""")
    assert dict(file.left_out) == snapshot(
        {
            "no attacker, and not the address of a public host": 1,
            "no attacker, and an indicator that is not of kind ip": 1,
            "above TLP:GREEN": 1,
        }
    )


def test_without_addresses_there_is_no_note_about_addresses() -> None:
    file = empty_file("waf")
    render_file(file, [EVENT])
    assert not [note for note in file.notes() if "Addresses in a rule" in note]


def test_a_name_is_quoted_for_the_rules_language() -> None:
    assert expressions(render_file(empty_file("waf"), [make_event("x", attacker="O'Hara \\\"; --")])) == [
        'any(cf.intel.ip.attacker_names[*] == "O\'Hara \\\\\\"; --")'
    ]


def test_a_name_that_a_rule_cannot_contain_is_left_out_and_counted() -> None:
    file = empty_file("waf")
    text = render_file(file, [make_event("x", attacker="TWO\nLINES"), make_event("y", attacker="x" * 201)])
    assert expressions(text) == []
    assert dict(file.left_out) == {"an attacker name that a rule cannot contain": 2}


def test_long_expressions_are_split_and_numbered() -> None:
    named = [make_event(str(place), attacker=f"ACTOR {place:04}") for place in range(200)]
    nameless = [
        make_event(f"ip {place}", attacker="", indicator_type="ip", indicator=f"198.51.{place // 250}.{place % 250}")
        for place in range(600)
    ]
    text = render_file(empty_file("waf"), [*named, *nameless])
    found = expressions(text)
    assert [len(one) <= MAX_EXPRESSION_LENGTH for one in found] == [True] * 5
    assert [line for line in text.splitlines() if "Expression" in line] == [
        f"# Expression {n} of 5" for n in range(1, 6)
    ]
    assert re.findall(r'"(ACTOR \d{4})"', text) == [one.attacker for one in named]
    assert [part for one in found if one.startswith("ip.src in {") for part in one[11:-1].split()] == [
        one.indicator for one in nameless
    ]


@settings(deadline=None)
@given(st.lists(st.text() | st.sampled_from(HOSTILE), max_size=5))
def test_no_name_breaks_out_of_its_quotes(names: list[str]) -> None:
    for one in expressions(
        render_file(empty_file("waf"), [make_event(str(n), attacker=name) for n, name in enumerate(names)])
    ):
        assert re.fullmatch(r'any\([^"]* == "([^"\\]|\\["\\])*"\)( or any\([^"]* == "([^"\\]|\\["\\])*"\))*', one)
