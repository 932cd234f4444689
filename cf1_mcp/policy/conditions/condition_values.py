"""How one value of an event compares with one value of a condition, by every reading of the API's unpublished rules.

A comparison answers True or False where all readings agree, and None where they do not: text may be compared with or
without regard to case, a day may be its midnight or all of it. The readings of the sandbox are always among them.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from cf1_mcp.models import SearchOp, Tlp
from cf1_mcp.text.country_codes import read_country_code

Verdict: TypeAlias = bool | None
Comparison: TypeAlias = Callable[[str, SearchOp, str], Verdict]

MAX_PATTERN_TEXT: Final = 10_000  # characters; a pattern takes time in proportion to the product of both lengths
_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return True if all are True, False if one is False, else None."""
    found = [*verdicts]
    return False if False in found else None if None in found else True


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return True if one is True, False if all are False, else None."""
    found = [*verdicts]
    return True if True in found else None if None in found else False


# -- text


def compare_text(text: str, op: SearchOp, value: str) -> Verdict:
    """Compare a text by an operator other than `not` and `in`."""
    if op == "like":
        return _compare_pattern(text, value)
    if op == "find":
        return _compare_words(text, value)
    results = {_holds(*forms, op) for forms in zip(_list_forms(text), _list_forms(value), strict=True)}
    return results.pop() if len(results) == 1 else None


def compare_marking(text: str, op: SearchOp, value: str) -> Verdict:
    """Compare a TLP marking, which has several spellings."""
    one, other = Tlp.parse(text), Tlp.parse(value)
    if op != "equals" or one is None or other is None:
        return compare_text(text, op, value)
    return True if text == value else None if one is other else False


def compare_country(code: str, op: SearchOp, value: str) -> Verdict:
    """Compare a country by its codes. It may also be found by its names, which the event lacks."""
    if op != "equals":
        return True if compare_text(code, op, value) is True else None
    if code == value:
        return True
    one, other = read_country_code(code), read_country_code(value)
    return None if one is None or other is None or one == other else False


def _list_forms(text: str) -> tuple[str, ...]:
    """Return a text in the forms in which it may be compared: as it is, and with less and less regard to spelling."""
    return text, text.translate(_ASCII_LOWER), text.casefold(), fold_text(text)


def fold_text(text: str) -> str:
    """Return a text without regard to case, width and blanks around it."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _holds(text: str, value: str, op: SearchOp) -> bool:
    match op:
        case "gt":
            return text > value
        case "gte":
            return text >= value
        case "lt":
            return text < value
        case "lte":
            return text <= value
        case "contains":
            return value in text
        case "startsWith":
            return text.startswith(value)
        case "endsWith":
            return text.endswith(value)
        case _:
            return text == value


def _compare_pattern(text: str, value: str) -> Verdict:
    """Compare with a pattern of % and _. Whether one without them means the whole text is not published."""
    if len(text) > MAX_PATTERN_TEXT:
        return None
    if matches_pattern(text, value):
        return True
    for form, pattern in zip(_list_forms(text), _list_forms(value), strict=True):
        if all(part in form for part in re.split("[%_]", pattern)):
            return None
    return False


def matches_pattern(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern of % and _ as a whole.

    Each part between two % is searched after the one before it, so that no pattern takes long.
    """
    first, *rest = pattern.split("%")
    if not rest:
        return _compile(first).fullmatch(text) is not None
    *middle, last = rest
    start = _compile(first).match(text)
    end = start.end() if start else len(text) + 1
    for part in middle:
        found = _compile(part).search(text, end)
        end = found.end() if found else len(text) + 1
    tail = len(text) - len(last)
    return end <= tail and _compile(last).fullmatch(text, tail) is not None


def _compile(part: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL)


def _compare_words(text: str, value: str) -> Verdict:
    """Compare with words in any order. Whether parts of words count, or one word is enough, is not published."""
    words = value.split()
    if words and all(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words):
        return True
    forms = zip(_list_forms(text), zip(*map(_list_forms, words), strict=True), strict=True) if words else ()
    return None if not words or any(word in form for form, some in forms for word in some) else False


# -- numbers and dates


def compare_number(number: float, op: SearchOp, values: Sequence[float | None]) -> Verdict:
    """Compare a number with one value, or with several for `in`. None is a value that is not a number."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    match op:
        case "equals" | "in":
            return number in known
        case "not":
            return number not in known
        case "gt":
            return number > known[0]
        case "gte":
            return number >= known[0]
        case "lt":
            return number < known[0]
        case "lte":
            return number <= known[0]
        case _:
            return None


def parse_number(value: object) -> float | None:
    """Return the number in a value, or None."""
    try:
        return None if isinstance(value, bool) else float(str(value))
    except ValueError:
        return None


def parse_flag(value: object) -> float | None:
    """Return 1 for a value that means true, 0 for one that means false, or None."""
    return {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0}.get(str(value).strip().lower())


def compare_date(text: str, op: SearchOp, value: str) -> Verdict:
    """Compare instants, or for the operators of text the forms in which a date may be stored."""
    if op not in ("equals", "gt", "gte", "lt", "lte"):
        forms = (text, re.sub(r"(:\d\d)Z$", r"\1.000Z", text.strip()))
        results = {compare_text(form, op, value) for form in forms}
        return results.pop() if len(results) == 1 else None
    moment, other = _parse_instant(text), _parse_instant(value)
    if moment is None or other is None:
        return None
    is_day = len(value.strip()) <= len("2026-11-01")
    if other <= moment and moment - other <= timedelta(days=1 if is_day else 0):
        # Equal instants may be stored as different texts, of which one is greater.
        return op in ("equals", "gte", "lte") if text.strip() == value.strip() else None
    match op:
        case "gt" | "gte":
            return moment > other
        case "lt" | "lte":
            return moment < other
        case _:
            return False


def _parse_instant(text: str) -> datetime | None:
    """Return an instant to the millisecond. Without a time zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
