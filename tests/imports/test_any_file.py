"""No file ends as a fault of the server: whatever is changed in a valid one, it is read or refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.exports import FormatName
from cf1_mcp.imports.readers.files import Format
from cf1_mcp.imports.readers.source_rows import ReaderNotes
from cf1_mcp.imports.readers.sources import read_text_rows
from tests.exports.files import BARE, EVENT, empty_file, render_file

FORMATS: list[tuple[FormatName, Format]] = [("csv", "csv"), ("stix2", "stix"), ("misp", "misp")]
VALID = {form: render_file(empty_file(name), [EVENT, BARE]) for name, form in FORMATS}
VALID["jsonl"] = '{"date": "2026-01-10", "category": "Phishing", "event": "x", "tlp": "green", "raw": {"k": [1]}}\n' * 2
JUNK = (
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1e999",
    "\\",
    "\n",
    "\r",
    "\x00",
    "#",
    "'=",
    ";",
    "|",
    "\ufeff",
    "9" * 30,
)
ODD = ("null", "1", "[]", "{}", '"x"', "true", "[null]", "[[]]", '{"a": 1}', f'"{"T" * 50}"')

splices = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(JUNK) | st.text(max_size=3)), max_size=5
)


def read_or_refuse(text: str, form: Format) -> None:
    with suppress(ThreatEventsError):
        for row in read_text_rows(text, form, {"tlp": "green"}, ReaderNotes()):
            assert row.place >= 0


@pytest.mark.parametrize("form", VALID)
@settings(max_examples=150, deadline=None)
@given(changes=splices, end=st.floats(0, 1))
def test_any_change_of_characters_is_read_or_refused(
    form: Format, changes: list[tuple[float, int, str]], end: float
) -> None:
    text = VALID[form][: int(len(VALID[form]) * max(end, 0.2))]
    for where, removed, junk in changes:
        at = int(where * len(text))
        text = text[:at] + junk + text[at + removed :]
    read_or_refuse(text, form)


@pytest.mark.parametrize("form", ["stix", "misp"])
@settings(max_examples=150, deadline=None)
@given(
    paths=st.lists(st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.sampled_from(ODD)), max_size=4)
)
def test_any_change_of_values_is_read_or_refused(form: Format, paths: list[tuple[list[int], str]]) -> None:
    document: Any = json.loads(VALID[form])
    for path, odd in paths:
        within: Any = document
        for step, number in enumerate(path):
            keys: list[Any] = list(within) if hasattr(within, "keys") else list(range(len(within)))
            key = keys[number % len(keys)]
            inner: Any = within[key]
            if step == len(path) - 1 or type(inner) not in (dict, list) or not inner:
                within[key] = json.loads(odd)
                break
            within = inner
    read_or_refuse(json.dumps(document), form)
