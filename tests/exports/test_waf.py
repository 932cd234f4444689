"""Expressions for WAF rules."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.exports.waf import MAX_EXPRESSION_LENGTH
from cf1_mcp.models import Tlp
from tests.exports.making import EVENT, HOSTILE, event, export, written


def expressions(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("# ")]


def test_attackers_are_named_and_addresses_stand_in_where_none_is() -> None:
    nameless = [
        event(value, attacker="", indicator_type="ip", indicator=value)
        for value in ("192.0.2.9", "192.0.2.10", "10.0.0.1")
    ]
    file = export("waf", Tlp.GREEN)
    text = written(
        file, [EVENT, event("x", attacker="Tycoon 2FA"), *nameless, event("z", attacker=""), event("r", tlp="red")]
    )
    assert text == snapshot("""\
# Relays of autumn. TLP:GREEN. Source: cf1-mcp sandbox, fictional events. Made 2026-11-24T12:00:00Z. Events: 4.
# Deploy each rule with the action Log first, look through its matches, and only then Block or Managed Challenge.
# The cf.intel.ip.* fields hold what an address did in the last seven days; an address ages out without notice.
# They are flattened per address: two conditions in one rule may be met by two different events.
# Names of attackers are compared with regard to case.
# A list of addresses does not age out: take them from the rule when they are old. Shared and well-known infrastructure (public resolvers, content networks, file sharing) is not filtered out, and addresses change hands: look through the list before anything blocks by it.
# Expression 1 of 2
any(cf.intel.ip.attacker_names[*] == "COPPER LANTERN") or any(cf.intel.ip.attacker_names[*] == "Tycoon 2FA")
# Expression 2 of 2
ip.src in {192.0.2.9 192.0.2.10}
""")
    assert dict(file.left_out) == snapshot(
        {
            "no attacker, and an address of no public host": 1,
            "no attacker, and an indicator of another kind than ip": 1,
            "above TLP:GREEN": 1,
        }
    )


def test_no_address_no_warning_of_addresses() -> None:
    file = export("waf")
    written(file, [EVENT])
    assert not [note for note in file.notes() if "list of addresses" in note]


def test_a_name_is_quoted_for_the_rules_language() -> None:
    assert expressions(written(export("waf"), [event("x", attacker="O'Hara \\\"; --")])) == [
        'any(cf.intel.ip.attacker_names[*] == "O\'Hara \\\\\\"; --")'
    ]


def test_a_name_that_no_rule_can_hold_is_left_out_and_counted() -> None:
    file = export("waf")
    text = written(file, [event("x", attacker="TWO\nLINES"), event("y", attacker="x" * 201)])
    assert expressions(text) == []
    assert dict(file.left_out) == {"an attacker's name that no rule can hold": 2}


def test_long_expressions_are_split_and_numbered() -> None:
    named = [event(str(place), attacker=f"ACTOR {place:04}") for place in range(200)]
    nameless = [
        event(f"ip {place}", attacker="", indicator_type="ip", indicator=f"198.51.{place // 250}.{place % 250}")
        for place in range(600)
    ]
    text = written(export("waf"), [*named, *nameless])
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
    for one in expressions(written(export("waf"), [event(str(n), attacker=name) for n, name in enumerate(names)])):
        assert re.fullmatch(r'any\([^"]* == "([^"\\]|\\["\\])*"\)( or any\([^"]* == "([^"\\]|\\["\\])*"\))*', one)
