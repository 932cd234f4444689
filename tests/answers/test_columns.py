"""How long values are shortened in an answer."""

import pytest
from pydantic import JsonValue

from cf1_mcp.answers.columns import shorten


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abc", "abc"),
        ("abcd", "abc… (+1 character)"),
        ("abcde", "abc… (+2 characters)"),
        ("abc" + 1200 * "x", "abc… (+1,200 characters)"),
        (["a", "abcd", "b"], ["a", "abc… (+1 character)", "… (+1 more)"]),
    ],
)
def test_what_is_cut_of_a_value_is_counted(value: JsonValue, shown: JsonValue) -> None:
    assert shorten(value, 3, 2) == shown
