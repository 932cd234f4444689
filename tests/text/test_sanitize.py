"""Hygiene of untrusted text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.text.sanitize import clean, defang, disarmed, masked, refang, typed_indicator


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
    assert disarmed(text) == harmless


def test_people_stay_unnamed_save_in_the_indicator() -> None:
    text = "from jo.doe+x@mail.example.org to billing@example.org"
    assert masked(text) == "from ***@mail.example.org to ***@example.org"
    assert masked(text, keep="billing@example.org") == "from ***@mail.example.org to billing@example.org"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("198.51.100.9", "198[.]51[.]100[.]9"),
        ("http://kit.example.com:8080/a/index.php?x=1.5", "hxxp://kit[.]example[.]com:8080/a/index[.]php?x=1.5"),
        ("billing@example.org", "billing[@]example[.]org"),
        ("T1566.002 in version 1.2.3 at 0.5", "T1566.002 in version 1.2.3 at 0.5"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_an_indicator_is_defanged_and_refanged(value: str, shown: str) -> None:
    assert defang(value) == shown
    assert refang(shown) == value


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hxxps://evil[.]example", "https://evil.example"),
        ("hXXp[:]//evil[.]example/a", "http://evil.example/a"),
        ("h**p[://]evil(.)example", "http://evil.example"),
        ("evil{.}example", "evil.example"),
        ("evil [dot] example", "evil.example"),
        ("evil\\.example", "evil.example"),
        ("jo[at]evil(dot)example", "jo@evil.example"),
        (" `198[.]51.100[.]9` ", "198.51.100.9"),
        ("\u201cevil[.]example\u201d", "evil.example"),
        ("<https://evil.example>", "https://evil.example"),
    ],
)
def test_an_indicator_is_read_as_reports_write_it(typed: str, meant: str) -> None:
    assert typed_indicator(typed) == meant
