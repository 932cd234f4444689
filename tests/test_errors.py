"""Error messages propose the word that was probably meant."""

import pytest

from cf1_mcp.errors import BadArgument, Refused, did_you_mean, list_words, suggest, unknown_word


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


def test_words_of_others_are_kept_apart_from_the_sentence() -> None:
    error = BadArgument("tags", "the event has no such tag", "one of these", words=["lure", "kit"])
    assert (error.sentence, error.words) == ("tags: the event has no such tag. Use one of these.", ("lure", "kit"))
    assert str(error) == "tags: the event has no such tag. Use one of these. (lure; kit)"


def test_a_message_of_the_api_is_kept_apart_from_the_sentence() -> None:
    error = Refused("The API refused the request (400). Correct what it names.", 400, said="bad date")
    assert (error.sentence, error.words) == (
        "The API refused the request (400). Correct what it names.",
        ('The API said: "bad date"',),
    )


@pytest.mark.parametrize(
    ("word", "sentence", "words"),
    [
        (
            "Mime",
            "dataset_id: there is no such dataset, did you mean the first of these? Use one of these, or a uuid.",
            ("Mine", "Yours"),
        ),
        ("zzz", "dataset_id: there is no such dataset. Use one of these, or a uuid.", ("Yours", "Mine")),
    ],
)
def test_an_unknown_word_lists_the_known_ones_nearest_first(word: str, sentence: str, words: tuple[str, ...]) -> None:
    error = unknown_word("dataset_id", "there is no such dataset", word, ["Yours", "Mine"], "one of these, or a uuid")
    assert (error.sentence, error.words) == (sentence, words)


def test_words_beyond_the_limit_are_counted() -> None:
    assert list_words(["a", "b", "a", "c", "d"], most=2) == ["a", "b", "and 2 more"]
