"""Dates and times as people type them, and as the API takes them."""

import re
from calendar import monthrange
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

_UNITS: Final = {
    "m": "m",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "h": "h",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "d": "d",
    "day": "d",
    "days": "d",
    "w": "w",
    "week": "w",
    "weeks": "w",
    "mo": "mo",
    "month": "mo",
    "months": "mo",
    "y": "y",
    "year": "y",
    "years": "y",
}
_AMOUNT: Final = r"(\d{1,6}|an?|one)\s*([a-z]+)"
# "7d", "7d ago", "30 days ago", "a week ago", "last 30 days", "past 2 weeks".
_RELATIVE: Final = re.compile(rf"-?{_AMOUNT}(?:\s+ago)?|(?:the\s+)?(?:last|past)\s+{_AMOUNT}")
_DURATION: Final = re.compile(r"-?p(?:(\d{1,6})y)?(?:(\d{1,6})m)?(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:t(.+))?")
_CLOCK_DURATION: Final = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
# "3M" may mean months or minutes.
_UNCLEAR: Final = re.compile(r"-?\d+\s*M(\s+ago)?")
_MONTH: Final = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_WEEK: Final = re.compile(r"(\d{4})-?w(\d\d)")
_QUARTER: Final = re.compile(r"(\d{4})-?q([1-4])")
_NAMED: Final = re.compile(r"(this|current|last|previous)\s+(week|month|quarter|year)")
_DAY_AND_TIME: Final = re.compile(
    r"(today|yesterday)(?:\s+|t|\s+at\s+)(\d{1,2}(?::\d\d){1,2}(?:\.\d+)?(?:z|[+-]\d\d:?\d\d)?)"
)
_WHOLE_SECOND: Final = re.compile(r"(T\d\d:\d\d:\d\d)Z$")
_PLAIN: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)?")
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DAYS: Final = {"d": 1, "w": 7, "mo": 30, "y": 365}

ACCEPTED_DATES: Final = (
    "an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a "
    "time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)"
)


def parse_date(text: str, now: datetime, *, end: bool = False) -> str | None:
    """Return the time in a text, as `YYYY-MM-DDTHH:MM:SSZ`, or None if the text is not a date.

    A day, week, month, quarter or year is read as its first second, or with `end` as its last. Times without a zone are
    UTC. A time ago is counted from `now`; a month has 30 days there, and a year 365.
    """
    typed = " ".join(text.split())
    word = typed.lower()
    if _UNCLEAR.fullmatch(typed):
        return None
    try:
        if (moment := _read_moment(word, now)) is not None:
            return iso(moment)
        if (period := _read_period(word, now)) is not None:
            first, last = period
            return iso(datetime.combine(last, time(23, 59, 59), UTC) if end else datetime.combine(first, time(), UTC))
        parsed = datetime.fromisoformat(text.strip())
        return iso(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def is_relative(text: str) -> bool:
    """Whether a date depends on the time at which it is read."""
    word = " ".join(text.lower().split())
    named = word in ("now", "today", "yesterday")
    forms = (_RELATIVE, _DURATION, _NAMED, _DAY_AND_TIME)
    return named or (any(form.fullmatch(word) for form in forms) and parse_date(text, _ANY_TIME) is not None)


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


def _read_moment(word: str, now: datetime) -> datetime | None:
    """Return the time that a text names to the second, except for ISO times; None if it is not such a text."""
    if word == "now":
        return now
    if found := _RELATIVE.fullmatch(word):
        count, unit = found[1] or found[3], _UNITS.get(found[2] or found[4])
        return None if unit is None else now - _span(int(count) if count.isdecimal() else 1, unit)
    if found := _DURATION.fullmatch(word):
        return _read_duration(found, now)
    if found := _DAY_AND_TIME.fullmatch(word):
        written = f"0{found[2]}" if found[2][1] == ":" else found[2]
        clock = time.fromisoformat(written.upper())
        day = now.date() - timedelta(days=found[1] == "yesterday")
        return datetime.combine(day, clock if clock.tzinfo else clock.replace(tzinfo=UTC))
    return None


def _read_duration(found: re.Match[str], now: datetime) -> datetime | None:
    """Return the time before `now` by a duration of ISO 8601; None if it has no parts."""
    years, months, weeks, days, clock = found.groups()
    parts = [(years, "y"), (months, "mo"), (weeks, "w"), (days, "d")]
    if clock is not None:
        if not (inner := _CLOCK_DURATION.fullmatch(clock)):
            return None
        parts += [(inner[1], "h"), (inner[2], "m"), (inner[3], "s")]
    spans = [_span(int(count), unit) for count, unit in parts if count]
    return now - sum(spans, timedelta()) if spans else None


def _read_period(word: str, now: datetime) -> tuple[date, date] | None:
    """Return the first and the last day of a period; None if the text does not name one."""
    today = now.astimezone(UTC).date()
    if word in ("today", "yesterday"):
        day = today - timedelta(days=word == "yesterday")
        return day, day
    if found := _NAMED.fullmatch(word):
        return _named_period(found[2], today, back=found[1] in ("last", "previous"))
    if found := _WEEK.fullmatch(word):
        year, week = int(found[1]), int(found[2])
        return date.fromisocalendar(year, week, 1), date.fromisocalendar(year, week, 7)
    if found := _QUARTER.fullmatch(word):
        return _months(int(found[1]), 3 * int(found[2]) - 2, 3)
    if found := _MONTH.fullmatch(word):
        year, month, day = (int(part) if part else 0 for part in found.groups())
        if found[3]:
            return date(year, month, day), date(year, month, day)
        return _months(year, month, 1) if found[2] else _months(year, 1, 12)
    return _read_written_day(word)


def _read_written_day(word: str) -> tuple[date, date] | None:
    """Return the period of a day in another form of ISO 8601, or of a day or month with its English name."""
    with suppress(ValueError):
        day = date.fromisoformat(word.upper())
        return day, day
    words = word.replace(",", " ").split()
    if len(words) == 2:
        words.insert(0, "1")
    for form in ("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y"):
        with suppress(ValueError):
            # An English name only: nothing here sets another locale.
            day = datetime.strptime(" ".join(words), form).replace(tzinfo=UTC).date()
            return _months(day.year, day.month, 1) if words[0] == "1" and len(word.split()) == 2 else (day, day)
    return None


def _named_period(name: str, today: date, *, back: bool) -> tuple[date, date]:
    match name:
        case "week":
            monday = today - timedelta(days=today.weekday() + 7 * back)
            return monday, monday + timedelta(days=6)
        case "month":
            return _months(today.year, today.month - back, 1)
        case "quarter":
            return _months(today.year, (today.month - 1) // 3 * 3 + 1 - 3 * back, 3)
        case _:
            return _months(today.year - back, 1, 12)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    """Return the first and the last day of `count` months of a year; a month before January is in the year before."""
    if month < 1:
        year, month = year - 1, month + 12
    last = month + count - 1
    return date(year, month, 1), date(year, last, monthrange(year, last)[1])


def _span(count: int, unit: str) -> timedelta:
    match unit:
        case "s":
            return timedelta(seconds=count)
        case "m":
            return timedelta(minutes=count)
        case "h":
            return timedelta(hours=count)
        case _:
            return timedelta(days=count * _DAYS[unit])
