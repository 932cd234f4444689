"""JSON as it arrives from outside."""

import json
from typing import NoReturn


def parse_json(text: bytes | str) -> object:
    """The value; ValueError says why a text is no JSON that can be stored and sent on."""
    try:
        value: object = json.loads(text, parse_constant=_no_number)
        if b"\\ud" in text.lower() if isinstance(text, bytes) else "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair") from None
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")
