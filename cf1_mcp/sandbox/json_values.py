"""JSON from untrusted sources: parsing it and checking the types of its values."""

import json
from collections.abc import Mapping
from typing import NoReturn, TypeGuard

JsonMapping = Mapping[str, object]


def parse_json(text: bytes | str) -> object:
    """Return the value of a JSON text.

    Raises:
        ValueError: the text is not JSON that can be stored and sent on; the message says why.
    """
    try:
        value: object = json.loads(text, parse_constant=_reject_constant)
        if b"\\ud" in text.lower() if isinstance(text, bytes) else "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it contains an unpaired surrogate") from None
    return value


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a parsed JSON value is an object, whose keys are always strings."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a parsed JSON value is an array."""
    return isinstance(value, list)


def _reject_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")
