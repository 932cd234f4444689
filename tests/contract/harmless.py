"""What no answer may contain, whatever untrusted text is in the events."""

import json
import re
import unicodedata
from collections.abc import Iterator

from mcp.types import CallToolResult
from pydantic import JsonValue

from tests.conversations import text_of

BOUNDARY = re.compile(r"^<(/?)untrusted ([0-9a-f]{8})>$")
# Markdown images, links and definitions, HTML, fences, URLs and e-mail addresses that clients turn into links.
ACTIVE = re.compile(r"!\[|\][(\[:]|<[A-Za-z/!?|<]|`{3,}|~{3,}|https?://|\bwww\.|[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e01ef]")
# Fields whose values are exact in the data, because they would be useless otherwise.
EXACT_IN_DATA = ("indicator", "query_json")


def assert_harmless(result: CallToolResult) -> None:
    """Untrusted text is between marks, and neither text nor data contain anything active, except exact values in the data."""
    lines = text_of(result.content).split("\n")
    marks = [found for line in lines if (found := BOUNDARY.match(line))]
    assert [mark[1] for mark in marks] == ["", "/"] * (len(marks) // 2)
    assert len({mark[2] for mark in marks}) <= 1
    for line in lines:
        assert_visible(line.replace("\t", ""))
        assert not (BOUNDARY.match(line) is None and ACTIVE.search(line)), line
    for name, text in texts_of(result.structured_content):
        assert_visible(text)
        assert name in EXACT_IN_DATA or not ACTIVE.search(text.replace("\n", " ")), (name, text)


def assert_visible(text: str) -> None:
    """Every character of the text is visible."""
    invisible = [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not invisible and not BLANK.search(text), repr(text)


def texts_of(data: JsonValue | dict[str, JsonValue], name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in the data, keys included, with its field or column."""
    if isinstance(data, str):
        yield name, data
    elif isinstance(data, list):
        for item in data:
            yield from texts_of(item, name)
    elif isinstance(data, dict):
        columns, rows = data.get("columns"), data.get("rows")
        if isinstance(columns, list) and isinstance(rows, list):
            for row in rows:
                assert isinstance(row, list)
                for column, value in zip(columns, row, strict=True):
                    yield from texts_of(value, str(column))
            data = {key: value for key, value in data.items() if key != "rows"}
        for key, value in data.items():
            yield "", key
            yield from texts_of(value, key)


def untrusted_part(result: CallToolResult) -> str:
    """Return the text between the marks."""
    parts = re.findall(
        r"^<untrusted [0-9a-f]{8}>$(.*?)^</untrusted ", text_of(result.content), re.MULTILINE | re.DOTALL
    )
    return "\n".join(parts)


def text_and_data(result: CallToolResult) -> str:
    """Return both forms of an answer as one text."""
    return text_of(result.content) + json.dumps(result.structured_content, ensure_ascii=False)
