"""Defanging of indicators, and reading them back."""

import pytest

from cf1_mcp.text.defang import defang, refang, refang_indicator


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("198.51.100.9", "198[.]51[.]100[.]9"),
        ("http://kit.example.com:8080/a/index.php?x=1.5", "hxxp://kit[.]example[.]com:8080/a/index[.]php?x=1.5"),
        ("billing@example.org", "billing[@]example[.]org"),
        ("T1566.002 in version 1.2.3 at 0.5", "T1566.002 in version 1.2.3 at 0.5"),
        ("2001:db8::1", "2001:db8::1"),
        ("at 2026-11-20T10:00:15.812Z from a.io", "at 2026-11-20T10:00:15.812Z from a[.]io"),
        ("10:00:15.812Z.example", "10:00:15[.]812Z[.]example"),
        ("15.812Z", "15[.]812Z"),
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
def test_an_indicator_is_read_from_every_way_of_defanging_it(typed: str, meant: str) -> None:
    assert refang_indicator(typed) == meant
