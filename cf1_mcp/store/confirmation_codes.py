"""Confirmation codes: proof that a call repeats exactly what a preview showed, and that nothing changed since.

A code is a keyed digest of the tool, its arguments, the state in the preview and the time window. Nothing is stored:
every server with the key can verify it, and it becomes invalid when any of these changes.
"""

import hmac
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from cf1_mcp.text.plurals import plural

MIN_KEY_LENGTH = 32  # bytes: a key shorter than the digest would be the weakest part
MIN_TTL, MAX_TTL = 1, 86_400  # seconds
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U

# To be changed when the content of the digest changes: replicas of two versions must not accept each other's codes.
_VERSION = "cf1-mcp confirmation 2"
CODE_LENGTH = 12  # symbols
TIME_LENGTH = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEPARATORS = re.compile("[\\s\u2010-\u2015\u2212-]+")  # people and chat windows replace dashes with others
_MISREAD = str.maketrans("OIL", "011")


class ConfirmationCodes:
    """Issues and verifies codes. Replicas accept each other's codes if they share `key`, `ttl` and the time of day."""

    def __init__(self, key: bytes, ttl: float, clock: Callable[[], datetime]) -> None:
        """`ttl` is in seconds: a code is valid for at least half of it, and never longer than all of it.

        `clock` returns aware times.

        Raises:
            ValueError: the key is too short, or `ttl` is out of range.
        """
        if len(key) < MIN_KEY_LENGTH:
            raise ValueError(
                f"The confirmation key has {plural(len(key), 'byte')}; it needs at least {MIN_KEY_LENGTH}."
            )
        if not MIN_TTL <= ttl <= MAX_TTL:
            raise ValueError(f"A code cannot be valid for {ttl} seconds; use {MIN_TTL} to {MAX_TTL}.")
        self._key = key
        self._window = timedelta(seconds=ttl) / 2
        self._clock = clock

    @staticmethod
    def random_key() -> bytes:
        """Return a key for one process: its codes become invalid when the process ends."""
        return secrets.token_bytes(MIN_KEY_LENGTH)

    def issue(self, tool: str, arguments: Mapping[str, JsonValue], state: JsonValue) -> str:
        """Return the code for this call now, such as `K7QF-2M9D-XW4T` (60 bits).

        Raises:
            ValueError: a value is not JSON.
        """
        return self._code(tool, arguments, state, self._now())

    def accepts(self, code: str, tool: str, arguments: Mapping[str, JsonValue], state: JsonValue) -> bool:
        """Whether `code` was issued for this call and state, and is still valid. Any text may be passed as code.

        Raises:
            ValueError: an argument or the state is not JSON.
        """
        given = normalize_code(code).encode("ascii", "replace")
        now = self._now()
        # A list, not a generator: every window is compared, even after a match.
        matches = [
            hmac.compare_digest(given, self._code(tool, arguments, state, window).encode("ascii"))
            for window in (now, now - 1)
        ]
        return any(matches)

    def _now(self) -> int:
        return (self._clock() - _EPOCH) // self._window

    def _code(self, tool: str, arguments: Mapping[str, JsonValue], state: JsonValue, window: int) -> str:
        message = canonicalize([_VERSION, tool, dict(arguments), state, window])
        number = int.from_bytes(hmac.digest(self._key, message, "sha256")[:8], "big")
        return normalize_code("".join(SYMBOLS[number >> shift & 31] for shift in range(59, 0, -5)))


def normalize_code(code: str) -> str:
    """Return a code as it was issued, however a person or a model typed it.

    Case, spaces and dashes are ignored; O is read as 0, I and L as 1. Any other text stays invalid, and never raises.
    """
    symbols = _SEPARATORS.sub("", code).upper().translate(_MISREAD)
    return "-".join(symbols[start : start + 4] for start in range(0, len(symbols), 4))


def append_time(code: str, moment: datetime) -> str:
    """Return a code that carries a time, in whole seconds, such as `K7QF-2M9D-XW4T-001N-RJ80`.

    The time is not protected by being there: what the code is issued for must contain it.
    """
    number = (moment - _EPOCH) // timedelta(seconds=1)
    return f"{code}-{normalize_code(''.join(SYMBOLS[number >> shift & 31] for shift in range(35, -1, -5)))}"


def split_time(code: str) -> tuple[str, datetime | None]:
    """Return a code without the time that it carries, and that time; None if it carries none."""
    symbols = normalize_code(code).replace("-", "")
    carried = symbols[CODE_LENGTH:]
    if len(carried) != TIME_LENGTH or any(symbol not in SYMBOLS for symbol in carried):
        return code, None
    number = 0
    for symbol in carried:
        number = number << 5 | SYMBOLS.index(symbol)
    try:
        return normalize_code(symbols[:CODE_LENGTH]), _EPOCH + timedelta(seconds=number)
    except OverflowError:
        return code, None


def canonicalize(value: JsonValue) -> bytes:
    """Return the canonical form of a JSON value: equal values share it, different values never do.

    Keys are sorted, without whitespace; 2.0 is 2 and -0.0 is 0, but true is not 1. Text is not normalized: the API
    stores what it receives, so two spellings of `é` are two arguments. Characters are not escaped, because an escaped
    pair of lone surrogates would look like the character that they could form.

    Raises:
        ValueError: NaN, an infinity, a number beyond Python's limit of digits, or too deep nesting.
    """
    try:
        text = json.dumps(_normalize_numbers(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise ValueError("These arguments are nested too deeply to be confirmed.") from error
    return text.encode("utf-8", "surrogatepass")


def _normalize_numbers(value: JsonValue) -> JsonValue:
    """Return the value with its whole numbers as integers."""
    if isinstance(value, dict):
        return {key: _normalize_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_normalize_numbers(each) for each in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a JSON number and cannot be confirmed.")
        return int(value) if value.is_integer() else value
    return value
