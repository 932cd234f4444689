"""Indicators of files: in their canonical form, and held to their types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.imports.indicator_values import is_type_word, read_indicators


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.0/24", None, "192.0.2.0/24"),
        ("bad[.]example", None, "bad.example"),
        ("hxxps://bad.example/x", None, "https://bad.example/x"),
        ("a@bad.example", None, "a@bad.example"),
        ("Desk <a@bad.example>", "email", "a@bad.example"),
        ("d" * 32, None, "d" * 32),
        ("d" * 128, None, "d" * 128),
        ("CVE-2026-12345", None, "CVE-2026-12345"),
        ("192.0.2.1", "IPv4", "192.0.2.1"),
        ("d" * 64, "FileHash-SHA256", "d" * 64),
        ("c2.bit", "domain", "c2.bit"),
        ("anything at all", "wallet", "anything at all"),
    ],
)
def test_a_value_is_read_in_its_canonical_form(text: str, kind: str | None, value: str) -> None:
    assert read_indicators(text, kind) == ([value], "")


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("not an ip", "ip", "indicator: 'not an ip' is not of type ip"),
        ("bad.example", "sha256", "indicator: 'bad.example' is not of type sha256"),
        ("a.example, and more", "domain", "indicator: 'a.example, and more' is not of type domain"),
        ("ip address", None, "indicator: 'ip address' names a type and is not an indicator"),
        ("SHA256 hash", None, "indicator: 'SHA256 hash' names a type and is not an indicator"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(text: str, kind: str | None, problem: str) -> None:
    assert read_indicators(text, kind).problem == problem


@pytest.mark.parametrize(
    "text", ["a.example, b.example", "a.example;b.example", "a.example b.example", "a.example|b.example"]
)
def test_a_list_in_one_text_is_several_indicators(text: str) -> None:
    assert read_indicators(text, "domain").values == ["a.example", "b.example"]


@pytest.mark.parametrize("word", ["ip address", "SHA256 hash", "Domain", "URL", "MD5", "IPv4", "file-hash"])
def test_words_for_types_are_known(word: str) -> None:
    assert is_type_word(word)


@given(st.text(), st.none() | st.text(max_size=8) | st.sampled_from(["ip", "url", "hash", "email", "domain"]))
def test_any_text_is_read_or_refused(text: str, kind: str | None) -> None:
    found = read_indicators(text, kind)
    assert bool(found.values) is not bool(found.problem)
