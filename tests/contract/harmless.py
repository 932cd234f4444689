"""What no answer may contain, whatever untrusted text the events contain."""

import json
import re
import unicodedata
from collections.abc import Iterator

from mcp.types import CallToolResult
from pydantic import JsonValue

from tests.conversations import text_of

BOUNDARY = re.compile(r"^<(/?)untrusted ([0-9a-f]{8})>$")
# Markdown images, links and definitions, HTML, fences, addresses that link themselves, names in addresses.
ARMED = re.compile(r"!\[|\][(\[:]|<[A-Za-z/!?|<]|`{3,}|~{3,}|https?://|\bwww\.|[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e01ef]")
# Values that stay unchanged in the data, because programs use them.
TRUE_IN_DATA = ("indicator", "query_json")


def assert_harmless(result: CallToolResult) -> None:
    """Check that untrusted text is between marks, and that neither text nor data contains anything active."""
    lines = text_of(result.content).split("\n")
    marks = [found for line in lines if (found := BOUNDARY.match(line))]
    assert [mark[1] for mark in marks] == ["", "/"] * (len(marks) // 2)
    assert len({mark[2] for mark in marks}) <= 1
    for line in lines:
        assert_seen(line.replace("\t", ""))
        assert not (BOUNDARY.match(line) is None and ARMED.search(line)), line
    for name, text in texts_of(result.structured_content):
        assert_seen(text)
        assert name in TRUE_IN_DATA or not ARMED.search(text.replace("\n", " ")), (name, text)


def assert_seen(text: str) -> None:
    """Check that every character of a text is visible."""
    unseen = [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not unseen and not BLANK.search(text), repr(text)


def texts_of(data: JsonValue | dict[str, JsonValue], name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the data, keys included, with its field or column."""
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


def inside(result: CallToolResult) -> str:
    """Return the text between the marks."""
    parts = re.findall(
        r"^<untrusted [0-9a-f]{8}>$(.*?)^</untrusted ", text_of(result.content), re.MULTILINE | re.DOTALL
    )
    return "\n".join(parts)


def whole(result: CallToolResult) -> str:
    """Both forms of an answer as one text."""
    return text_of(result.content) + json.dumps(result.structured_content, ensure_ascii=False)
