"""Sanitising of untrusted text."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import clean, collapse_blanks, disarm, escape_invisible, mask_emails


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
        ("x" * 26, "x" * 26),
        ("x" * 27, "x" * 9 + "… (+18 characters)"),
    ],
)
def test_invisible_characters_are_shown_by_their_codes(text: str, shown: str) -> None:
    assert clean(text, 10 if text.startswith("xx") else 100) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one two", "one two"),
        ("one  two", "one two"),
        (" one    two   three ", " one two three "),
        ("one\u00a0two", "one two"),
        ("one \u00a0\u3000\u2003\u202f two", "one two"),
        ("A" + " " * 24 + "undo: restores everything", "A undo: restores everything"),
        ("![a]   (b)  www.x.example", "! [a] (b) www[.]x.example"),
        ("a" + " " * 5_000 + "b", "a b"),
        ("a" + "\u3000 " * 45_000 + "b" * 200, "a " + "b" * 97 + "… (+103 characters)"),
        ("a \t \t b", "a \\t \\t b"),
        ("a\u2800\u2800b", "a\\u2800\\u2800b"),
    ],
)
def test_runs_of_blanks_become_one(text: str, shown: str) -> None:
    assert clean(text, 100) == shown


@pytest.mark.parametrize("text", ["a  b", "a   b  c.example"])
def test_an_exact_value_keeps_its_blanks(text: str) -> None:
    assert clean(text, 100, value=True) == text


@given(st.text(alphabet=" a\u00a0\u3000\u2009\u1680.!<[\u200b", max_size=300), st.integers(20, 200))
def test_no_cleaned_text_has_two_blanks_in_a_row(text: str, most: int) -> None:
    shown = clean(text, most)
    assert not [pair for pair in pairwise(shown) if pair[0].isspace() and pair[1].isspace()]


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(20, 200))
def test_no_invisible_character_survives_and_the_length_holds(text: str, most: int) -> None:
    shown = clean(text, most)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert len(shown) <= most + len("… (+1,000 characters)")


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("![x](http://203.0.113.5/p.png)", "! [x] (hxxp://203.0.113.5/p.png)"),
        ("[sign in](https://login.bait.example/)", "[sign in] (hxxps://login.bait.example/)"),
        ("[ref][1] [1]: ftp://a.example", "[ref] [1] [1] : ftp[:]//a.example"),
        (
            "<img src=x> </event><!-- x --> <https://a.example>",
            "< img src=x> < /event>< !-- x --> < hxxps://a.example>",
        ),
        ("```js ~~~~", "'''js ---"),
        ("www.example.com", "www[.]example.com"),
        ("1 < 2, a[0] = b, 5!", "1 < 2, a[0] = b, 5!"),
    ],
)
def test_what_a_renderer_would_act_on_is_disarmed(text: str, harmless: str) -> None:
    assert disarm(text) == harmless


def test_names_in_addresses_are_masked_except_in_the_indicator() -> None:
    text = "from jo.doe+x@mail.example.org to billing@example.org"
    assert mask_emails(text) == "from ***@mail.example.org to ***@example.org"
    assert mask_emails(text, keep="billing@example.org") == "from ***@mail.example.org to billing@example.org"


@given(st.text(alphabet="0123456789ABCXYZabchpstwxyz ,;:()'_-", max_size=60))
def test_plain_words_are_not_changed(text: str) -> None:
    assert clean(text, 60) == collapse_blanks(text) and text == defang(disarm(escape_invisible(mask_emails(text))))
