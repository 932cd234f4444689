"""Secrets are hidden in every form, and looking for them takes linear time."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.text.secrets import MIN_SECRET_LENGTH, SecretMask
from tests.planting import disguises, reveals

TOKEN = "Zx9_secret-token.of~a/test"
ACCOUNT = "0123456789abcdef" * 2
MASK = SecretMask([TOKEN, ACCOUNT])


@pytest.mark.parametrize("secret", [TOKEN, ACCOUNT])
@pytest.mark.parametrize("form", [*disguises("x")])
def test_a_secret_is_hidden_in_every_form(secret: str, form: str) -> None:
    text = f"before {disguises(secret)[form]} after"
    hidden = MASK.hide(text)
    assert not reveals(hidden, secret)
    assert hidden.startswith("before ") and hidden.endswith(" after") and "[hidden]" in hidden


@pytest.mark.parametrize("before", ["\\", "\\x", "\\u", "\\U", "%", "&#x", "&#", "\\n"])
@pytest.mark.parametrize("secret", [TOKEN, ACCOUNT, ACCOUNT.replace("0", "n")])
def test_a_code_before_a_secret_does_not_swallow_its_beginning(secret: str, before: str) -> None:
    mask = SecretMask([secret])
    assert not reveals(mask.hide(before + secret), secret)
    assert mask.may_be_in(json.dumps([before + secret]).encode())


def test_other_texts_stay_as_they_are() -> None:
    for text in ("", "Invoice lure", "50% off \\u0041 &#65; \u200b", TOKEN[:-1], ACCOUNT[:-1]):
        assert MASK.hide(text) == text


def test_short_words_are_not_secrets() -> None:
    word = "x" * (MIN_SECRET_LENGTH - 1)
    assert SecretMask([word, ""]).hide(f"{word} {word}") == f"{word} {word}"


@given(st.text(), st.text(), st.sampled_from([*disguises("x")]), st.sampled_from([TOKEN, ACCOUNT]))
def test_the_quick_check_misses_nothing(before: str, after: str, form: str, secret: str) -> None:
    text = before + disguises(secret)[form] + after
    document = json.dumps({"a": [text]})
    assert MASK.may_be_in(document.encode())
    assert not reveals(MASK.hide(disguises(secret)[form]), secret)


@pytest.mark.parametrize(
    "part",
    ["b" * 31 + "c", "b\u200b", "\\u200b", "\\u0062", "%25", "%62", "&amp;", "&#98;", "\\", "(+1 invisible)", "b \\n"],
)
def test_hiding_takes_linear_time(part: str) -> None:
    mask = SecretMask(["b" * 32])
    started = time.perf_counter()
    mask.hide(part * (400_000 // len(part)) + "b" * 32)
    assert time.perf_counter() - started < 5
