"""Hygiene of untrusted text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.text import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcödé 漢字", "plain ünïcödé 漢字"),
        ("a\tb\nc\r", "a\\tb\\nc\\r"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x1b[2J", "\\u001b[2J"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half\ud800", "half\\ud800"),
        ("x" * 12, "x" * 9 + "… (+3 characters)"),
    ],
)
def test_unseen_characters_are_shown(text: str, shown: str) -> None:
    assert clean(text, 10 if text.startswith("xx") else 100) == shown


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(20, 200))
def test_nothing_unseen_survives_and_the_length_holds(text: str, most: int) -> None:
    shown = clean(text, most)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert len(shown) <= most + len("… (+1000 characters)")
