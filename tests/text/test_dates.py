"""Dates and times as people type them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.text.dates import is_relative, iso, parse_date

NOW = datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("now", "2026-11-24T12:30:15Z", "2026-11-24T12:30:15Z"),
        ("7d", "2026-11-17T12:30:15Z", "2026-11-17T12:30:15Z"),
        ("24h", "2026-11-23T12:30:15Z", "2026-11-23T12:30:15Z"),
        ("2 w ago", "2026-11-10T12:30:15Z", "2026-11-10T12:30:15Z"),
        ("30min", "2026-11-24T12:00:15Z", "2026-11-24T12:00:15Z"),
        ("3mo", "2026-08-26T12:30:15Z", "2026-08-26T12:30:15Z"),
        ("Today", "2026-11-24T00:00:00Z", "2026-11-24T23:59:59Z"),
        ("yesterday", "2026-11-23T00:00:00Z", "2026-11-23T23:59:59Z"),
        ("2026", "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"),
        ("0900", "0900-01-01T00:00:00Z", "0900-12-31T23:59:59Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59Z"),
        ("2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T23:59:59Z"),
        ("2026-11-01T08:00", "2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z"),
        ("2026-11-01T08:00:00+02:00", "2026-11-01T06:00:00Z", "2026-11-01T06:00:00Z"),
        ("2026-11-01T08:00:00.5Z", "2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z"),
        ("20261120", "2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z"),
        ("2026-W47", "2026-11-16T00:00:00Z", "2026-11-22T23:59:59Z"),
        ("2026W473", "2026-11-18T00:00:00Z", "2026-11-18T23:59:59Z"),
        ("2026-Q3", "2026-07-01T00:00:00Z", "2026-09-30T23:59:59Z"),
        ("9999-12", "9999-12-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("24 Nov 2026", "2026-11-24T00:00:00Z", "2026-11-24T23:59:59Z"),
        ("February 3, 2026", "2026-02-03T00:00:00Z", "2026-02-03T23:59:59Z"),
        ("Feb 2024", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59Z"),
        ("yesterday 08:00", "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        ("Today at 8:15+02:00", "2026-11-24T06:15:00Z", "2026-11-24T06:15:00Z"),
        ("last week", "2026-11-16T00:00:00Z", "2026-11-22T23:59:59Z"),
        ("this month", "2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z"),
        ("previous  quarter", "2026-07-01T00:00:00Z", "2026-09-30T23:59:59Z"),
        ("last year", "2025-01-01T00:00:00Z", "2025-12-31T23:59:59Z"),
        ("30 days ago", "2026-10-25T12:30:15Z", "2026-10-25T12:30:15Z"),
        ("an hour ago", "2026-11-24T11:30:15Z", "2026-11-24T11:30:15Z"),
        ("the last 2 weeks", "2026-11-10T12:30:15Z", "2026-11-10T12:30:15Z"),
        ("P7D", "2026-11-17T12:30:15Z", "2026-11-17T12:30:15Z"),
        ("P1DT12H", "2026-11-23T00:30:15Z", "2026-11-23T00:30:15Z"),
        ("PT3M", "2026-11-24T12:27:15Z", "2026-11-24T12:27:15Z"),
    ],
)
def test_a_date_means_its_first_second_or_its_last(text: str, start: str, end: str) -> None:
    assert (parse_date(text, NOW), parse_date(text, NOW, end=True)) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "7",
        "7q",
        "2026-13",
        "2026-02-30",
        "0000",
        "999999y",
        "24/11/2026",
        "3M",
        "12 M ago",
        "P",
        "PT",
        "2026-W54",
        "2026-Q5",
        "7 potatoes",
        "last 3 blue",
        "yesterday 25:00",
        "31 Feb 2026",
        "week",
    ],
)
def test_a_text_that_is_not_a_date_gives_none(text: str) -> None:
    assert parse_date(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("7d", True),
        ("P7D", True),
        ("last week", True),
        ("Yesterday 08:00", True),
        ("the past month", False),
        ("2026-W47", False),
        ("20261120", False),
        ("7 potatoes", False),
    ],
)
def test_a_date_that_counts_from_now_is_relative(text: str, relative: bool) -> None:
    assert is_relative(text) is relative


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-zPTWQ: \-]{1,20}", fullmatch=True))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = parse_date(text, NOW)
    assert found is None or datetime.fromisoformat(found).tzinfo is not None


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 11, 24, 12, 30, 15, 999_999, tzinfo=UTC), "2026-11-24T12:30:15Z"),
        (datetime(2026, 11, 24, 1, tzinfo=timezone(timedelta(hours=2))), "2026-11-23T23:00:00Z"),
        (datetime(900, 1, 1, tzinfo=UTC), "0900-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_written_in_utc_to_the_second(time: datetime, text: str) -> None:
    assert iso(time) == text


def test_a_time_is_written_to_the_millisecond_on_request() -> None:
    time = datetime(2026, 11, 24, 1, 0, 0, 5_999, tzinfo=timezone(timedelta(hours=2)))
    assert iso(time, "milliseconds") == "2026-11-23T23:00:00.005Z"
