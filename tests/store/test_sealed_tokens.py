"""Sealed tokens: what a client carries between calls, and cannot make or change."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cf1_mcp.store.sealed_tokens import TokenSealer

KEY = b"k" * 32
SEALER = TokenSealer(KEY, ["https://api.example", "a" * 32])
TEXTS = st.text(max_size=60)
IDENTITIES: st.SearchStrategy[JsonValue] = st.lists(TEXTS | st.integers(), max_size=4).map(list[JsonValue])


@given(TEXTS, TEXTS, IDENTITIES)
def test_a_token_gives_its_content_back(content: str, purpose: str, identity: JsonValue) -> None:
    content = content.lstrip()
    assert SEALER.open(SEALER.seal(content, purpose, identity), purpose, identity) == content


@given(TEXTS, IDENTITIES, IDENTITIES)
def test_a_token_is_valid_for_its_own_identity_only(content: str, identity: JsonValue, other: JsonValue) -> None:
    opened = SEALER.open(SEALER.seal(content.lstrip(), "cursor", identity), "cursor", other)
    assert (opened is not None) == (identity == other)


@given(TEXTS, TEXTS)
def test_a_token_is_valid_for_its_own_purpose_only(content: str, purpose: str) -> None:
    assert SEALER.open(SEALER.seal(content, purpose, None), f"{purpose}?", None) is None


@given(TEXTS, st.integers(min_value=0), TEXTS)
def test_a_changed_token_is_refused(content: str, place: int, other: str) -> None:
    token = SEALER.seal(content, "cursor", {})
    at = place % (len(token) + 1)
    changed = token[:at] + other + token[at + 1 :]
    assert SEALER.open(changed, "cursor", {}) is None or changed.strip() == token.strip()


@given(st.text())
def test_an_invented_token_is_refused(token: str) -> None:
    assert SEALER.open(token, "cursor", {}) is None


@given(TEXTS, st.binary(min_size=32, max_size=40))
def test_a_token_of_another_key_or_account_is_refused(content: str, key: bytes) -> None:
    elsewhere = TokenSealer(KEY, ["https://api.example", "b" * 32])
    for sealer in (elsewhere, TokenSealer(key + b"!", ["https://api.example", "a" * 32])):
        assert SEALER.open(sealer.seal(content, "cursor", {}), "cursor", {}) is None
