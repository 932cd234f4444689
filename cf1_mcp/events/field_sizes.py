"""Limits on the size of event fields, checked before anything is computed from them."""

import json
from typing import Final

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument
from cf1_mcp.models.fields import BY_NAME

MAX_TEXT_LENGTH: Final = 100_000  # characters of a free text; longer reports belong into raw evidence
MAX_INDICATOR_LENGTH: Final = 8_192  # of a URL, the longest kind
MAX_WORD_LENGTH: Final = 1_000  # of a name, a word, a date or a marking
MAX_BATCH_SIZE: Final = 8_000_000  # bytes of JSON text of the events of one call


def check_length(text: str, name: str, argument: str) -> str:
    """Return the text of a field unchanged. Any name that is not of a field of events has the limit of words.

    Raises:
        BadArgument: it is too long.
    """
    match BY_NAME[name].type if name in BY_NAME else "word":
        case "text":
            most = MAX_TEXT_LENGTH
        case "indicator":
            most = MAX_INDICATOR_LENGTH
        case _:
            most = MAX_WORD_LENGTH
    if len(text) > most:
        raise BadArgument(argument, f"it has {len(text):,} characters", f"at most {most:,} characters")
    return text


class BatchSize:
    """Adds up the sizes of the events of one call. `argument` names where they come from."""

    def __init__(self, argument: str, valid: str) -> None:
        """`valid` is said of a call that is too large, after the limit."""
        self._argument = argument
        self._valid = valid
        self._events = 0
        self._size = 0

    def add(self, fields: JsonValue) -> None:
        """Count one more event.

        Raises:
            BadArgument: the events are too large together.
        """
        self._events += 1
        try:
            self._size += len(
                json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
            )
        except (ValueError, RecursionError):
            # The check of the field says what is wrong.
            return
        if self._size > MAX_BATCH_SIZE:
            raise BadArgument(
                self._argument,
                f"the first {self._events} of its events already have {self._size:,} bytes of JSON together",
                f"at most {MAX_BATCH_SIZE:,} bytes in one call{self._valid}",
            )
