"""No text ends as a fault, and what is canonical stays so: for every reader of indicators, with texts made to confuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.errors import BadArgument
from cf1_mcp.events.indicator_fields import read_event_indicator
from cf1_mcp.indicators import extract, find_types, other_spellings, read_indicator, read_indicators, type_meaning
from cf1_mcp.lookups.targets import LookupInput, comparison_key, read_list, read_text
from cf1_mcp.lookups.value_groups import ValueGroups
from cf1_mcp.search.typed_values import hint_at_parts, read_indicator_values
from tests.indicators.written_forms import TYPES, written_forms

PIECES = [
    *(".", "..", "[.]", ":", "://", "/", "\\", "\\n", "\\u0065", "\\x2e", "=20", "=3D", "=\n", "%2F", "@", "*.", ",", ";"),
    *("(", ")", "[", "]", "](", "<", ">", "|", "- ", "1. ", "IP: ", "mailto:", "?url=", "https%3A%2F%2F", "/v3/__", "__;", "!!"),
    *("\u200b", "\u202e", "\u3002", "\u0308", "\u0130", "\ufb01", "\U0001d7d8", "\ud800", "xn--", "\xdf", "\u2488", "0", "256"),
    *("192.0.2.1", "2001:db8::1", "evil.example", "co.uk", "https://evil.example/a", "hxxp", "a@b.example", "0a" * 16, "/32"),
    *("C:\\", "\\\\", "http:", "urldefense.com", "urldefense.proofpoint.com/v2/url?u=", ".translate.goog", "virustotal.com/"),
    *("AS1", "CVE-2025-53770", "443", ".443", " > ", "Win", "The", " ", "\n", "\t", "and ", "-", "--", "_", "+", "~", "a"),
]  # fmt: skip
odd_texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=120)
type_names = st.sampled_from(
    ["", "ip", "ipv4", "domain", "url", "email", "hash", "sha256", "cidr", "asn", "cve", "ja3", "filename", "x"]
)


def read_alone(text: str) -> LookupInput:
    return read_list([text])


@given(odd_texts)
def test_every_reader_reads_or_refuses_any_text(text: str) -> None:
    extract(text)
    for read in (read_text, read_alone):
        try:
            found = read(text)
        except BadArgument:
            continue
        ValueGroups(found.targets)
    reads = read_indicator_values([text])
    hint_at_parts([one for read in reads for one in read.spellings])
    assert type_meaning(text) is None or find_types(text, ["ip", text])


@given(odd_texts, type_names)
def test_a_field_is_read_or_refused(text: str, type_name: str) -> None:
    try:
        found = read_event_indicator(text, type_name)
    except BadArgument:
        return
    if found and found.kind != "other":
        again = read_event_indicator(found.value, type_name)
        assert again and again.value == found.value


@given(odd_texts)
def test_what_is_canonical_is_read_as_itself(text: str) -> None:
    for one in read_indicators(text):
        if one.kind == "other":
            continue
        again = [two for two in read_indicators(one.value) if not two.is_inner]
        assert [(two.kind, two.value) for two in again] == [(one.kind, one.value)]


@given(odd_texts)
def test_nothing_is_lost_without_being_counted(text: str) -> None:
    try:
        found = read_list([text])
    except BadArgument:
        assert not any(one.value for one in read_indicators(text))
        return
    assert found.targets or found.references


@given(odd_texts)
def test_every_stored_form_is_read_as_the_same(text: str) -> None:
    for one in extract(text).indicators:
        for spelling in other_spellings(one.indicator):
            again = read_indicator(spelling)
            is_bare = one.indicator.kind in ("asn", "ja3")
            assert is_bare or (
                again and comparison_key(again.value).rstrip("/") == comparison_key(one.indicator.value).rstrip("/")
            )


@pytest.mark.parametrize("form", [*written_forms()])
def test_a_type_changes_nothing_about_a_value_that_fits(form: tuple[str, str]) -> None:
    text, value = form
    found = read_indicator(text, TYPES[value])
    assert found and found.value == value
