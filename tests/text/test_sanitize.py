"""Sanitising of untrusted text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.text.defang import defang
from cf1_mcp.text.sanitize import clean, disarm, escape_invisible, mask_emails


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
def test_invisible_characters_are_shown_by_their_codes(text: str, shown: str) -> None:
    assert clean(text, 10 if text.startswith("xx") else 100) == shown


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
    assert clean(text, 60) == text == defang(disarm(escape_invisible(mask_emails(text))))
