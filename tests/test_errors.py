"""Error messages propose the word that was probably meant."""

import pytest

from cf1_mcp.errors import did_you_mean


@pytest.mark.parametrize(
    ("word", "part"),
    [("atacker", ", did you mean 'attacker'?"), ("ATTACKER", ", did you mean 'attacker'?"), ("colour", "")],
)
def test_the_nearest_known_word_is_proposed_if_one_is_near(word: str, part: str) -> None:
    assert did_you_mean(word, ["attacker", "category"]) == part
