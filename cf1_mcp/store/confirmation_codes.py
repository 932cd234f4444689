"""Confirmation codes: proof that a call repeats exactly what a preview showed, while all is still as it was seen.

A code is a keyed digest of the tool, its arguments, the state just seen and the time window. Nothing is stored: whoever
shares the key can check it, and it dies when any of these changes.
"""

import hmac
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

MIN_KEY_LENGTH = 32  # bytes, as long as the digest: a shorter one would be the weaker part
MIN_TTL, MAX_TTL = 1, 86_400  # seconds
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U

# Changes whenever the meaning of a digest does, so that replicas of two versions never misread one another.
_VERSION = "cf1-mcp confirmation 1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEPARATORS = re.compile("[\\s\u2010-\u2015\u2212-]+")  # people and chat windows turn dashes into others
_MISREAD = str.maketrans("OIL", "011")


class ConfirmationCodes:
    """Issues codes and recognises them again. Replicas agree when they share `key`, `ttl` and the time of day."""

    def __init__(self, key: bytes, ttl: float, clock: Callable[[], datetime]) -> None:
        """`ttl` in seconds: a code lives longer than half of it and never longer than all of it.

        `clock` tells aware times. ValueError when the key is short or `ttl` is no sensible time.
        """
        if len(key) < MIN_KEY_LENGTH:
            raise ValueError(f"The confirmation key has {len(key)} bytes; it needs at least {MIN_KEY_LENGTH}.")
        if not MIN_TTL <= ttl <= MAX_TTL:
            raise ValueError(f"A code cannot live {ttl} seconds; use {MIN_TTL} to {MAX_TTL}.")
        self._key = key
        self._window = timedelta(seconds=ttl) / 2
        self._clock = clock

    @staticmethod
    def random_key() -> bytes:
        """A key for one process: codes issued under it die with the process."""
        return secrets.token_bytes(MIN_KEY_LENGTH)

    def code(self, tool: str, arguments: Mapping[str, JsonValue], state: JsonValue) -> str:
        """The code for this call now, e.g. `K7QF-2M9D-XW4T` (60 bits). ValueError when a value is not JSON."""
        return self._code(tool, arguments, state, self._now())

    def accepts(self, code: str, tool: str, arguments: Mapping[str, JsonValue], state: JsonValue) -> bool:
        """Whether `code` was issued for this very call and state and still lives. Any text may be given as code.

        ValueError when an argument or the state is not JSON.
        """
        given = spelled(code).encode("ascii", "replace")
        now = self._now()
        # A list, not a generator: every window is compared, whichever matches.
        matches = [
            hmac.compare_digest(given, self._code(tool, arguments, state, window).encode("ascii"))
            for window in (now, now - 1)
        ]
        return any(matches)

    def _now(self) -> int:
        return (self._clock() - _EPOCH) // self._window

    def _code(self, tool: str, arguments: Mapping[str, JsonValue], state: JsonValue, window: int) -> str:
        message = canonical([_VERSION, tool, dict(arguments), state, window])
        number = int.from_bytes(hmac.digest(self._key, message, "sha256")[:8], "big")
        return spelled("".join(SYMBOLS[number >> shift & 31] for shift in range(59, 0, -5)))


def spelled(code: str) -> str:
    """A code as it was issued, from however a person or a model wrote it.

    Case, spaces and dashes do not matter; O reads as 0, I and L as 1. Other text stays wrong, and never raises.
    """
    symbols = _SEPARATORS.sub("", code).upper().translate(_MISREAD)
    return "-".join(symbols[start : start + 4] for start in range(0, len(symbols), 4))


def canonical(value: JsonValue) -> bytes:
    """The one spelling of a JSON value: equal values share it, different values never do.

    Keys are sorted, without whitespace; 2.0 is 2 and -0.0 is 0, but true is not 1. Text is not normalised: the API
    stores what it is sent, so two spellings of `é` are two arguments. Characters are not escaped, because an escaped
    pair of lone surrogates would look like the character they might have been. ValueError for NaN and infinities, for
    numbers beyond Python's limit of digits and for what is nested too deep.
    """
    try:
        text = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise ValueError("These arguments are nested too deep to be confirmed.") from error
    return text.encode("utf-8", "surrogatepass")


def _plain(value: JsonValue) -> JsonValue:
    """The value with its whole numbers as integers."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a JSON number and cannot be confirmed.")
        return int(value) if value.is_integer() else value
    return value
