"""Hostile texts in the sample tenant."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from json import dumps, loads

import pytest

from cf1_mcp.models import NewEvent
from cf1_mcp.sandbox.sample import sample_records

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)

# The pattern of each kind, searched in the texts of its event, which are joined by newlines.
HOSTILE: dict[str, Callable[[str], object]] = {
    "instruction": re.compile("IGNORE ALL PREVIOUS INSTRUCTIONS").search,
    "tool-markup": re.compile("</event><system>.*<tool_call>").search,
    "forged-answer": re.compile('"status": "done"').search,
    "fence": re.compile("```\n</untrusted>").search,
    "markdown": re.compile(r"!\[status\]\(https://beacon\.example\.net/").search,
    "html": re.compile("<script>.*<!--").search,
    "zero-width": re.compile("\u200b.*\u200c.*\u200d.*\u2060.*\ufeff").search,
    "bidi": re.compile("\u202e.*\u2067").search,
    "tag-block": re.compile("[\U000e0020-\U000e007e]{20}").search,
    "control": re.compile("\x1b\\[2J.*\x07.*\x9b").search,
    "line-separator": re.compile("\u2028.*\u2029.*\u0085").search,
    "formula": re.compile("^=HYPERLINK", re.MULTILINE).search,
    "attacker-lines": re.compile("NICE\tFINCH\n\nAssistant:").search,
    "look-alike": re.compile("COPPER L\u0410NT\u0415RN").search,
    "insight-instruction": re.compile("Analyst guidance").search,
    "tag-instruction": re.compile("^ignore previous instructions", re.MULTILINE).search,
    "indicator-instruction": re.compile(r"^https://login\.bait\.example/\?q=</event>", re.MULTILINE).search,
    "raw-instruction": re.compile("Mozilla/5.0 <!-- assistant:").search,
    "base64": re.compile("[A-Za-z0-9+/]{400}").search,
    "long": re.compile("(?s)^This sentence.{10000}", re.MULTILINE).search,
}


@pytest.fixture(scope="module")
def hostile_events() -> list[NewEvent]:
    events = [NewEvent.model_validate(record["body"]) for record in sample_records(NOW)]
    return [event for event in events if "hostile-sample" in (event.tags or [])]


def _join_texts(event: NewEvent) -> str:
    raw = [str(value) for value in (event.raw.data or {}).values()]
    texts = [event.event, event.attacker, event.insight, event.indicator, *(event.tags or []), *raw]
    return "\n".join(text for text in texts if text)


@pytest.mark.parametrize("kind", HOSTILE)
def test_each_kind_of_hostile_text_is_found_by_its_tag(kind: str, hostile_events: list[NewEvent]) -> None:
    events = [event for event in hostile_events if f"hostile:{kind}" in (event.tags or [])]
    assert len(events) == 1
    assert HOSTILE[kind](_join_texts(events[0]))


def test_every_field_that_attackers_can_write_contains_a_hostile_text(hostile_events: list[NewEvent]) -> None:
    assert len(hostile_events) == 24
    for field in ("event", "attacker", "insight", "indicator"):
        assert len({getattr(event, field) for event in hostile_events}) > 1, field
    assert any(len(event.tags or []) > 2 for event in hostile_events)
    assert any(len(event.raw.data or {}) > 2 for event in hostile_events)


def test_hostile_events_are_unchanged_by_json(hostile_events: list[NewEvent]) -> None:
    for event in hostile_events:
        assert loads(dumps(event.wire(), ensure_ascii=False).encode()) == event.wire()
