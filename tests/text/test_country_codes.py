"""Codes of countries, as they may be stored or searched for."""

import pytest

from cf1_mcp.policy.conditions.condition_values import Verdict, compare_country
from cf1_mcp.text.country_codes import read_country_code, spell_country


@pytest.mark.parametrize(
    ("text", "code"),
    [("DE", "de"), ("deu", "de"), (" UK ", "gb"), ("USA", "us"), ("Germany", None), ("ZZZ", None), ("", None)],
)
def test_a_code_with_two_or_three_letters_is_read(text: str, code: str | None) -> None:
    assert read_country_code(text) == code


def test_a_country_is_spelled_in_all_its_codes() -> None:
    assert spell_country("US") == ("US", "USA", "usa", "us")
    assert spell_country("QQ") == ("QQ", "qq")


@pytest.mark.parametrize(
    ("stored", "asked", "verdict"),
    [("US", "US", True), ("US", "usa", None), ("US", "DEU", False), ("DEU", "DE", None), ("US", "Germany", None)],
)
def test_countries_compare_by_their_codes(stored: str, asked: str, verdict: Verdict) -> None:
    assert compare_country(stored, "equals", asked) is verdict
