"""Rules for Suricata: their syntax here, and Suricata's own test of them where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.exports.detection.suricata import FIRST_SID, SID_COUNT, escape_content
from tests.exports.files import BARE, HOSTILE, TYPES, empty_file, hostile_events, make_event, render_file

EVENTS = [
    make_event("a"),
    make_event("b", indicator="192.0.2.9", indicator_type="ip", tlp="amber"),
    make_event("c", indicator="2001:db8::/32", indicator_type="cidr"),
    make_event("d", indicator='https://a.example/x?y=1;z="q"|', indicator_type="url"),
    make_event("e", indicator="e" * 32, indicator_type="ja3"),
]
# A rule is one line; in its options a quote, a semicolon or a backslash may stand only where Suricata expects it.
RULE = re.compile(
    r'alert (?:ip|dns|tls|http) \$HOME_NET any -> [0-9a-f.:/any]+ any \(msg:"[^";\\|]+"; [^\\]*'
    r"metadata:tlp [a-z+]+, created_at \d{4}_\d\d_\d\d; sid:\d{10}; rev:1;\)"
)
CONTENT = re.compile(r'content:"([^"]*)";')


def rules(*kinds: str) -> list[str]:
    events = [*EVENTS, *(event for kind in kinds for event in hostile_events(kind))]
    lines = render_file(empty_file("suricata"), events).splitlines()
    return [line for line in lines if not line.startswith("#")]


def sid_of(rule: str) -> int:
    found = re.search(r"sid:(\d+)", rule)
    assert found
    return int(found[1])


def test_a_value_is_a_rule_of_each_protocol_that_shows_it() -> None:
    assert rules() == snapshot(
        [
            'alert dns $HOME_NET any -> any any (msg:"cf1-mcp TLP:GREEN domain relay[.]example"; dns.query; dotprefix; content:".relay.example"; nocase; endswith; metadata:tlp green, created_at 2026_11_24; sid:3023433847; rev:1;)',
            'alert tls $HOME_NET any -> any any (msg:"cf1-mcp TLP:GREEN domain relay[.]example"; tls.sni; dotprefix; content:".relay.example"; nocase; endswith; metadata:tlp green, created_at 2026_11_24; sid:3951405258; rev:1;)',
            'alert ip $HOME_NET any -> 192.0.2.9/32 any (msg:"cf1-mcp TLP:AMBER ip 192[.]0[.]2[.]9";  metadata:tlp amber, created_at 2026_11_24; sid:3021548056; rev:1;)',
            'alert tls $HOME_NET any -> any any (msg:"cf1-mcp TLP:GREEN ja3 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"; ja3.hash; content:"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"; metadata:tlp green, created_at 2026_11_24; sid:3406787865; rev:1;)',
            'alert ip $HOME_NET any -> 2001:db8::/32 any (msg:"cf1-mcp TLP:GREEN network 2001:db8::/32";  metadata:tlp green, created_at 2026_11_24; sid:3409828344; rev:1;)',
            'alert http $HOME_NET any -> any any (msg:"cf1-mcp TLP:GREEN url hxxps://a[.]example/x?y=1_z=_q__"; http.host; content:"a.example"; startswith; endswith; http.uri.raw; content:"/x|3F|y=1|3B|z=|22|q|22 7C|"; startswith; endswith; metadata:tlp green, created_at 2026_11_24; sid:3550741114; rev:1;)',
        ]
    )


def test_what_cannot_be_detected_is_counted() -> None:
    file = empty_file("suricata")
    others = [("10.0.0.1", "ip"), ("d" * 64, "hash"), ("ftp://a.example/x", "url"), ("a@b.example", "email")]
    render_file(file, [BARE, *(make_event(value, indicator=value, indicator_type=kind) for value, kind in others)])
    assert dict(file.left_out) == {
        "no indicator": 1,
        "not the address of a public host": 1,
        "an indicator of a kind that a rule of Suricata cannot have": 2,
        "a URL of another scheme than http or https": 1,
    }


def test_a_value_has_the_same_number_in_every_file() -> None:
    alone = render_file(empty_file("suricata"), [EVENTS[1]])
    [rule] = [one for one in rules() if "192[.]0[.]2[.]9" in one]
    assert sid_of(rule) == sid_of(alone)
    assert FIRST_SID <= sid_of(rule) < FIRST_SID + SID_COUNT < 2**32


def test_two_rules_never_share_a_number() -> None:
    numbers = [sid_of(rule) for rule in rules(*TYPES)]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("kind", TYPES)
def test_hostile_events_stay_in_their_rules(kind: str) -> None:
    for rule in rules(kind):
        assert RULE.fullmatch(rule), rule


@given(st.text() | st.sampled_from(HOSTILE))
def test_content_is_plain_or_hexadecimal_and_means_the_same_bytes(text: str) -> None:
    content = escape_content(text)
    assert content.isascii() and not set(content) & set('";:\\')
    parts = content.split("|")
    found = b"".join(bytes.fromhex(part) if place % 2 else part.encode() for place, part in enumerate(parts))
    assert found == text.encode()


@pytest.mark.skipif(shutil.which("suricata") is None, reason="Suricata is not installed (Debian's package suricata)")
def test_suricata_accepts_every_rule(tmp_path: Path) -> None:
    file = tmp_path / "cf1.rules"
    file.write_text("\n".join(rules(*TYPES)) + "\n", encoding="utf-8")
    tested = subprocess.run(
        ["suricata", "-T", "-S", str(file), "-l", str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
