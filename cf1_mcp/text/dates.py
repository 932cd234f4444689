"""Dates and times as people type them, and as the API takes them."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Literal

_RELATIVE = re.compile(r"(\d{1,6})\s*(m|min|h|d|w|mo|y)(?:\s+ago)?")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_WHOLE_SECOND = re.compile(r"(T\d\d:\d\d:\d\d)Z$")
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)?")
_DAYS = {"d": 1, "w": 7, "mo": 30, "y": 365}

ACCEPTED_DATES = (
    "an ISO date or time (2026-11-24, 2026-11, 2026-11-24T08:00Z), today, yesterday, or a time ago (24h, 7d, 4w)"
)


def parse_date(text: str, now: datetime, *, end: bool = False) -> str | None:
    """Return the time in a text, as `YYYY-MM-DDTHH:MM:SSZ`, or None if the text is not a date.

    A day, month or year is read as its first second, or with `end` as its last. Times without a zone are UTC.
    """
    word = text.strip().lower()
    if word == "now":
        return iso(now)
    if relative := _RELATIVE.fullmatch(word):
        return _ago(int(relative[1]), relative[2], now)
    if word in ("today", "yesterday"):
        day = now - timedelta(days=word == "yesterday")
        return _partial(day.year, day.month, day.day, end)
    if partial := _PARTIAL.fullmatch(word):
        year, month, day = (int(part) if part else None for part in partial.groups())
        return _partial(year or 0, month, day, end)
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return iso(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def is_relative(text: str) -> bool:
    """Whether a date depends on the time at which it is read."""
    word = text.strip().lower()
    return word in ("now", "today", "yesterday") or _RELATIVE.fullmatch(word) is not None


def iso(time: datetime, timespec: Literal["seconds", "milliseconds"] = "seconds") -> str:
    """Return a time in UTC as the API takes it, `YYYY-MM-DDTHH:MM:SSZ`; what is smaller than `timespec` is dropped."""
    # strftime writes the year 900 with three digits, which is not an ISO date.
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec)}Z"


def from_second(date: str) -> str:
    """Return a time of `iso` as the lower bound of a search: with milliseconds, `YYYY-MM-DDTHH:MM:SS.000Z`.

    Where times are compared as texts, `00.000Z` and `00.500Z` come before `00Z`, and a bound of `00Z` would lose them.
    As the upper bound, `00Z` is right for both.
    """
    return _WHOLE_SECOND.sub(r"\1.000Z", date)


def date_key(date: str) -> str:
    """Return an ISO time in UTC in a form that sorts by time, with or without milliseconds."""
    return from_second(date.strip())


def is_plain_date(date: str) -> bool:
    """Whether a text is a date as the API has them, ISO 8601 in UTC. The API can be asked for it, and `date_key` sorts
    it.
    """
    if not _PLAIN.fullmatch(date):
        return False
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return True


def _ago(count: int, unit: str, now: datetime) -> str | None:
    step = {"m": timedelta(minutes=1), "min": timedelta(minutes=1), "h": timedelta(hours=1)}.get(unit)
    try:
        return iso(now - count * (step or timedelta(days=_DAYS[unit])))
    except OverflowError:
        return None


def _partial(year: int, month: int | None, day: int | None, end: bool) -> str | None:
    try:
        if not end:
            return iso(datetime(year, month or 1, day or 1, tzinfo=UTC))
        last_month = month or 12
        last_day = day or monthrange(year, last_month)[1]
        return iso(datetime(year, last_month, last_day, 23, 59, 59, tzinfo=UTC))
    except ValueError:
        return None
