"""Reading JSON that an upstream may have made as unkind as it can."""

import json
import math
from collections.abc import Callable, Sequence

from pydantic import JsonValue

from cf1_mcp.models.base import Tlp

MARKING = "tlp"
# Of a whole number that is read as one.
MAX_DIGITS = 300


def read_json(content: bytes | str) -> JsonValue:
    """Return the value of a JSON text, without half characters (lone surrogates), which nothing can store or send.

    An object that names a key twice has its last value, but of several markings the highest. A number that is not
    finite, or has hundreds of digits, is its text: it must not cost the whole answer.

    Raises:
        ValueError: the text is not JSON.
        RecursionError: it is nested too deeply.
    """
    value: JsonValue = json.loads(
        content, object_pairs_hook=_build_object, parse_constant=str, parse_float=_parse_float, parse_int=_parse_int
    )
    return map_texts(value, replace_surrogates) if _may_have_surrogates(content) else value


def replace_surrogates(text: str) -> str:
    """Return the text with the replacement character for each half character."""
    # Almost every text can be encoded, which is the fastest way to find out.
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def map_texts(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    """Return a JSON value with every text in it changed, keys included."""
    match value:
        case str():
            return change(value)
        case list():
            return [map_texts(item, change) for item in value]
        case dict():
            return {change(key): map_texts(item, change) for key, item in value.items()}
        case _:
            return value


def _may_have_surrogates(content: bytes | str) -> bool:
    """Return whether a text may have lone surrogates: as a code, as bytes of UTF-8, or in UTF-16 and UTF-32."""
    if isinstance(content, str):
        return "\\ud" in content or "\\uD" in content or replace_surrogates(content) != content
    return b"\\ud" in content or b"\\uD" in content or b"\xed" in content or b"\0" in content


def _build_object(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs) and MARKING in found:
        found[MARKING] = max((value for key, value in pairs if key == MARKING), key=_rank)
    return found


def _rank(marking: JsonValue) -> int:
    """Return how restrictive a marking is; what is not a text counts as an unknown marking, which is red."""
    return (Tlp.RED if not isinstance(marking, str | None) else Tlp.of(marking or "")).rank


def _parse_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _parse_int(text: str) -> int | str:
    return int(text) if len(text) <= MAX_DIGITS else text
