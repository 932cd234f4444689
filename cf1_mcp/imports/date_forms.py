"""The forms in which files write dates, beside those that every argument takes."""

import re
from datetime import UTC, datetime
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.text.dates import iso
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

EXAMPLE: Final = "DD/MM/YYYY"
WHOLE: Final = ", which then holds for every date"
_UNIX: Final = {"unix": 1, "epoch": 1, "unix-ms": 1000}
_PARTS: Final = (("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("hh", "%H"), ("mm", "%M"), ("ss", "%S"), ("YY", "%y"))
_YEAR_FIRST: Final = re.compile(r"(\d{4})([/.])(\d{1,2})\2(\d{1,2})(?:[T ]+(\d{1,2}:\d\d(?::\d\d)?)\s*(?:Z|UTC|GMT)?)?")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[T ,]+(\d{1,2}:\d\d(?::\d\d)?)\s*(?:Z|UTC|GMT)?)?")
_NAMED_ZONE: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(?:UTC|GMT)", re.IGNORECASE)
_DOUBTFUL: Final = re.compile(r"\d{1,2}([/-])\d{1,2}\1(?:\d{4}|\d\d)(?:[T ].*)?")
_SECONDS: Final = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
# English names of months, whatever the language of the system.
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMED: Final = re.compile(r"(?:(\d{1,2})\.?[ -]([a-z]{3,9})[ ,-]+|([a-z]{3,9})\.? (\d{1,2}),? )(\d{4})", re.IGNORECASE)


class DateForm:
    """How the dates of a file are written: as `pattern` says, such as DD/MM/YYYY or unix, or in any form that is clear.

    `option` is how a caller names the pattern.
    """

    def __init__(self, pattern: str = "", option: str = "--date-format ") -> None:
        """Raises BadArgument if the pattern is not one."""
        self._option = option
        self._shown = clean(pattern.strip(), MAX_NAME_LENGTH)
        self._divisor = _UNIX.get(pattern.strip().lower())
        self._pattern = "" if self._divisor else _to_strptime(pattern.strip())
        if pattern.strip() and not self._divisor and not _is_complete(self._pattern):
            raise BadArgument(
                option.strip(" ="),
                f"{self._shown!r} is not a form of a date",
                f"{EXAMPLE}, MM/DD/YYYY hh:mm:ss or unix",
            )

    def read(self, text: str) -> str:
        """Return a date as ISO 8601, or the text itself if it has none of these forms, for the usual check.

        Raises:
            BadArgument: the date does not have the stated form, or may mean several dates.
        """
        word = text.strip()
        if self._divisor or self._pattern:
            return self._read_stated(word)
        if found := _YEAR_FIRST.fullmatch(word):
            return _compose(found[1], found[3], found[4], found[5]) or text
        if found := _DAY_FIRST.fullmatch(word):
            return _compose(found[3], found[2], found[1], found[4]) or text
        if found := _NAMED_ZONE.fullmatch(word):
            return f"{found[1]}Z"
        if (found := _NAMED.fullmatch(word)) and (month := (found[2] or found[3])[:3].lower()) in _MONTHS:
            return _compose(found[5], str(_MONTHS.index(month) + 1), found[1] or found[4], None) or text
        if found := _DOUBTFUL.fullmatch(word):
            sign = found[1]
            forms = f"{self._option}DD{sign}MM{sign}YYYY or {self._option}MM{sign}DD{sign}YYYY"
            raise BadArgument("date", f"{clean(word, MAX_NAME_LENGTH)!r} may mean two days", forms + WHOLE)
        if _SECONDS.fullmatch(word):
            unit = "unix" if len(word.partition(".")[0]) < 12 else "unix-ms"
            raise BadArgument("date", f"{clean(word, MAX_NAME_LENGTH)!r} is a number", f"{self._option}{unit}{WHOLE}")
        return text

    def _read_stated(self, word: str) -> str:
        try:
            if self._divisor:
                return iso(datetime.fromtimestamp(float(word) / self._divisor, UTC))
            moment = datetime.strptime(word, self._pattern)
            return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError, OSError):
            shown = clean(word, MAX_NAME_LENGTH)
            problem = f"{shown!r} does not have the form {self._shown}, which holds for every date"
            raise BadArgument("date", problem, "dates of one form, such as YYYY-MM-DD") from None


def _to_strptime(pattern: str) -> str:
    if "%" in pattern:
        return pattern
    for word, code in _PARTS:
        pattern = pattern.replace(word, code, 1)
    return pattern


def _is_complete(pattern: str) -> bool:
    """Whether a pattern has year, month and day, and can be used."""
    try:
        written = datetime(2021, 12, 31, 22, 58, 59, tzinfo=UTC).strftime(pattern)
        return datetime.strptime(written, pattern).date() == datetime(2021, 12, 31, tzinfo=UTC).date()
    except (ValueError, re.error):
        return False


def _compose(year: str, month: str, day: str, time: str | None) -> str | None:
    try:
        datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
    clock = f"T{time if len(time.partition(':')[0]) == 2 else f'0{time}'}" if time else ""
    return f"{year}-{int(month):02}-{int(day):02}{clock}{'Z' if clock else ''}"
