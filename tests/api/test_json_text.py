"""JSON of an upstream: what it cannot mean is refused, and what nothing can store is replaced."""

import json

import pytest
from pydantic import JsonValue

from cf1_mcp.api.wire.json_text import parse_json
from cf1_mcp.models.json_reading import replace_surrogates
from cf1_mcp.text.secrets import SecretMask

NO_SECRETS = SecretMask([])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"tlp": "red", "tlp": "green"}', {"tlp": "red"}),
        ('{"tlp": "green", "tlp": "red"}', {"tlp": "red"}),
        ('{"tlp": "green", "tlp": ""}', {"tlp": ""}),
        ('{"tlp": "clear", "tlp": null}', {"tlp": None}),
        ('{"tlp": "amber", "tlp": "puce"}', {"tlp": "puce"}),
        ('{"tlp": ["green"], "tlp": "amber"}', {"tlp": ["green"]}),
        ('{"tlp": "TLP:RED", "tlp": "amber", "event": "a", "event": "b"}', {"tlp": "TLP:RED", "event": "b"}),
        ('[{"raw": {"tlp": "red", "tlp": "clear"}}]', [{"raw": {"tlp": "red"}}]),
    ],
)
def test_of_several_markings_the_highest_counts_and_of_other_values_the_last(text: str, value: JsonValue) -> None:
    assert parse_json(text.encode(), NO_SECRETS) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("[Infinity]", ["Infinity"]),
        ('{"a": -Infinity}', {"a": "-Infinity"}),
        ("1e999", "1e999"),
        ("[-1e400]", ["-1e400"]),
        ("1" * 5000, "1" * 5000),
        ('{"a": ' + "9" * 100_000 + "}", {"a": "9" * 100_000}),
    ],
    ids=lambda given: str(given)[:12],
)
def test_a_number_that_json_does_not_have_is_its_text(text: str, value: JsonValue) -> None:
    assert parse_json(text.encode(), NO_SECRETS) == value


@pytest.mark.parametrize(
    "content",
    [
        b'{"a\\ud800": ["\\udfff b"]}',
        b'{"a\\uD800": ["\\uDFFF b"]}',
        b'{"a\xed\xa0\x80": ["\xed\xbf\xbf b"]}',
        '{"a\ud800": ["\udfff b"]}'.encode("utf-16", "surrogatepass"),
    ],
)
def test_half_characters_are_replaced_in_values_and_keys(content: bytes) -> None:
    value = parse_json(content, NO_SECRETS)
    assert value == {"a\ufffd": ["\ufffd b"]}
    json.dumps(value, ensure_ascii=False).encode()


def test_whole_characters_outside_the_first_plane_stay() -> None:
    assert parse_json(b'["\\ud83d\\ude00 \\ud83d"]', NO_SECRETS) == ["\U0001f600 \ufffd"]
    assert replace_surrogates("\U0001f600") == "\U0001f600"


def test_secrets_are_hidden_in_values_and_keys() -> None:
    secrets = SecretMask(["secret-token-of-a-test"])
    content = b'{"\\u0073ecret-token-of-a-test": [{"a": "x SECRET-TOKEN-OF-A-TEST y"}], "n": 1}'
    assert parse_json(content, secrets) == {"[hidden]": [{"a": "x [hidden] y"}], "n": 1}
