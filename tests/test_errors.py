"""Error messages propose the word that was probably meant."""

import pytest

from cf1_mcp.errors import BadArgument, did_you_mean, suggest


@pytest.mark.parametrize(
    ("word", "part"),
    [("atacker", ", did you mean 'attacker'?"), ("ATTACKER", ", did you mean 'attacker'?"), ("colour", "")],
)
def test_the_nearest_known_word_is_proposed_if_one_is_near(word: str, part: str) -> None:
    assert did_you_mean(word, ["attacker", "category"]) == part


@pytest.mark.parametrize(("name", "part"), [("wave", ", did you mean 'wave'?"), (None, "")])
def test_a_name_found_in_another_way_is_proposed_in_the_same_words(name: str | None, part: str) -> None:
    assert suggest(name) == part


@pytest.mark.parametrize(
    ("problem", "valid", "message"),
    [
        ("it is unknown", "a tag", "tag: it is unknown. Use a tag."),
        ("it is unknown, did you mean 'x'?", "a tag", "tag: it is unknown, did you mean 'x'? Use a tag."),
        ("it is unknown", "a tag, did you mean 'x'?", "tag: it is unknown. Use a tag, did you mean 'x'?"),
    ],
)
def test_a_message_that_ends_with_a_suggestion_gets_no_full_stop(problem: str, valid: str, message: str) -> None:
    assert str(BadArgument("tag", problem, valid)) == message
