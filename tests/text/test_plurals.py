"""Counted nouns."""

import pytest

from cf1_mcp.text.plurals import plural


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 queries"), (1, "1 query"), (2, "2 queries"), (1_200, "1,200 queries")]
)
def test_a_count_is_followed_by_the_right_form_of_its_noun(count: int, text: str) -> None:
    assert plural(count, "query", "queries") == text


def test_a_regular_noun_needs_no_plural_of_its_own() -> None:
    assert (plural(1, "event"), plural(3, "event")) == ("1 event", "3 events")
