"""The CSV table of events."""

import csv
from collections.abc import Iterable
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.models import Event, Tlp
from tests.exports.files import BARE, EVENT, HOSTILE, REAL, empty_file, make_event, real_events, render_file

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rows(events: Iterable[Event]) -> list[list[str]]:
    return list(csv.reader(StringIO(render_file(empty_file("csv"), events), newline="")))


def test_an_event_is_a_row_below_a_header() -> None:
    assert render_file(empty_file("csv"), [EVENT, BARE]) == snapshot("""\
tlp,date,indicator,indicator_type,attacker,attacker_country,category,kill_chain,mitre_attack,mitre_capec,target_country,target_industry,tags,event,insight,has_children,uuid,dataset_id,source\r
green,2026-11-01T09:30:00Z,relay.example,domain,COPPER LANTERN,RU,Command and Control,6,TA0011;T1071.001,98,DE,Energy & Utilities,beacon;T1090,Beacon to a relay,Seen twice,false,11111111-1111-4111-8111-111111111111,d1d1d1d1-1111-4111-8111-111111111111,"cf1-mcp sandbox, fictional events"\r
clear,2026-11-02,,,,,,,,,,,,A raid is planned,,false,22222222-2222-4222-8222-222222222222,,"cf1-mcp sandbox, fictional events"\r
""")


def test_a_kill_chain_phase_has_no_trailing_zero_and_is_empty_if_missing() -> None:
    assert [row[7] for row in rows([EVENT, BARE, make_event("x", kill_chain=2.5)])] == ["kill_chain", "6", "", "2.5"]


def test_the_first_column_is_the_effective_marking() -> None:
    markings = ["WHITE", "", "amber-strict", "purple"]
    assert [row[0] for row in rows(make_event(tlp, tlp=tlp) for tlp in markings)] == [
        "tlp", "clear", "amber", "amber+strict", "red",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(1)", " =1", "\u3000=1", "\uff1d1"])
def test_a_formula_is_quoted(text: str) -> None:
    _, row = rows([make_event("x", event=text, tags=["plain", text])])
    assert row[13].startswith("'")
    assert row[12].startswith("plain;'")


def test_an_indicator_is_unchanged_and_other_text_is_defanged() -> None:
    _, row = rows(
        [make_event("x", indicator="https://a.example/x", indicator_type="url", event="see https://a.example/x")]
    )
    assert (row[2], row[13]) == ("https://a.example/x", "see hxxps://a.example/x")


@pytest.mark.skipif(not REAL.exists(), reason="real events are not part of the repository")
def test_every_real_event_is_a_row() -> None:
    events, _ = real_events()
    header, *body = rows(events)
    assert [row[header.index("uuid")] for row in body] == [one.uuid for one in events]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text() | st.sampled_from(HOSTILE), st.lists(st.text())), max_size=4))
def test_any_text_parses_back_to_the_same_number_of_rows_without_a_formula(texts: list[tuple[str, list[str]]]) -> None:
    names = (
        "date",
        "event",
        "insight",
        "attacker",
        "category",
        "indicator",
        "indicator_type",
        "target_industry",
        "tlp",
    )
    events = [
        make_event(f"{place}{text}", **dict.fromkeys(names, text), tags=words, mitre_attack=words)
        for place, (text, words) in enumerate(texts)
    ]
    file = empty_file("csv", Tlp.RED)
    header, *body = csv.reader(StringIO(render_file(file, events), newline=""))
    assert len(body) == len(events) == file.event_count
    assert {len(row) for row in body} <= {len(header)}
    assert not [cell for row in body for cell in row if cell.startswith(FORMULAS)]
