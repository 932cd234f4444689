"""Reading of odd values: one costs its field, not the object that it is in, and never the list.

Readers return a value as its field has it, and raise `ValueError` for what cannot be read. No value (null, a blank
text) is not odd: it is the neutral value of the field.
"""

import json
import math
from datetime import UTC, datetime
from typing import Annotated, Final, cast

from pydantic import (
    BeforeValidator,
    TypeAdapter,
    ValidationError,
)

# Whole numbers that JSON keeps exact. Nothing that this API counts or numbers comes near.
MAX_COUNT: Final = 2**53
MAX_DIGITS: Final = 16
# A deletion whose time cannot be read.
UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Some languages write no time as one: the year 1, 1601, 1900 or 1970. Nothing of this API is older than this.
FIRST_YEAR: Final = 2000
NO_TIMES: Final = frozenset({"", "0", "-", "null", "none", "nil", "undefined", "n/a", "never", "false"})
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TIME: Final = TypeAdapter(datetime)


def read_text(value: object) -> str:
    """Return a text. A number is its text; no value, and a text of blanks, is an empty one."""
    if isinstance(value, str):
        return "" if value.isspace() else value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it is not a text")
    return str(value)


def read_id(value: object) -> str:
    """Return a text that has more than blanks."""
    if not (text := read_text(value)):
        raise ValueError("it is empty")
    return text


def read_texts(value: object) -> list[str]:
    """Return a list of texts without blank ones: the API returns an empty list as `[" "]`.

    A single text is a list of one, commas included, unless it is the JSON of a list.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _parse_list(value)
    if isinstance(value, list):
        return [text for item in cast("list[object]", value) if (text := read_text(item))]
    return [text] if (text := read_text(value)) else []


def read_json_text(value: object) -> str:
    """Return JSON text, or an object as JSON text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else read_text(value)


def read_number(value: object) -> float | None:
    """Return a number, also one that came as text; None for no value."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("it is not a number")
    # An integer of hundreds of digits has no float.
    number = value if isinstance(value, int) else _parse_number(value) if isinstance(value, str) else value
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError("it is not a number of JSON")
    if abs(number) > MAX_COUNT:
        raise ValueError("it is too large")
    return number


def read_count(value: object) -> int | None:
    """Return a whole number, also one that came as text; None for no value, which is not 0."""
    number = read_number(value)
    if number is not None and number != int(number):
        raise ValueError("it is not a whole number")
    return None if number is None else int(number)


def read_flag(value: object) -> bool | None:
    """Return true or false, also as a word or as 1 or 0; None for no value."""
    if value is None or isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else str(value) if isinstance(value, int | float) else "?"
    if not word:
        return None
    if (flag := _FLAGS.get(word.removesuffix(".0"))) is None:
        raise ValueError("it is not true or false")
    return flag


def _read_plain_flag(value: object) -> bool:
    return bool(read_flag(value))


def _read_guard_flag(value: object) -> bool:
    """Return true or false where no value is odd, because a guard depends on it."""
    if (flag := read_flag(value)) is None:
        raise ValueError("it is neither true nor false")
    return flag


def _read_time(value: object) -> object:
    """Return a time, None for none. Any other value says that there was one, although not when."""
    if isinstance(value, datetime):
        return value
    if not value or (isinstance(value, str) and value.strip().casefold() in NO_TIMES):
        return None
    if isinstance(value, list | dict):
        raise ValueError("it is not a time")
    if isinstance(value, str) and value.strip().startswith("0000"):
        return None
    try:
        time = _TIME.validate_python(value)
    except ValidationError:
        return UNKNOWN_TIME
    return time if time.year >= FIRST_YEAR else None


def _parse_number(text: str) -> float:
    """Return the number of a text: whole numbers keep all digits. Raises `ValueError` for what JSON would not take."""
    if "_" in text:  # which Python would read as 1_000
        raise ValueError("it is not a number")
    word = text.strip()
    return int(word) if len(word) <= MAX_DIGITS and word.isdecimal() else float(word)


def _parse_list(text: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else text  # pyright: ignore[reportUnknownVariableType]


# -- types of fields

Text = Annotated[str, BeforeValidator(read_text)]
Id = Annotated[str, BeforeValidator(read_id)]
JsonText = Annotated[str, BeforeValidator(read_json_text)]
Strings = Annotated[list[str], BeforeValidator(read_texts)]
# A number that an object must have, and one that it may have: None is unknown.
Number = Annotated[int, BeforeValidator(read_count)]
Count = Annotated[int | None, BeforeValidator(read_count)]
Decimal = Annotated[float | None, BeforeValidator(read_number)]
Flag = Annotated[bool, BeforeValidator(_read_plain_flag)]
GuardFlag = Annotated[bool, BeforeValidator(_read_guard_flag)]
KnownFlag = Annotated[bool | None, BeforeValidator(read_flag)]
Time = Annotated[datetime | None, BeforeValidator(_read_time)]
