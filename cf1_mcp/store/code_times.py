"""Times that a confirmation code carries, so that a later call plans the same change without anything being stored."""

from datetime import UTC, datetime, timedelta
from typing import Final

from cf1_mcp.store.confirmation_codes import SYMBOLS, normalize_code

CODE_LENGTH: Final = 12  # symbols
TIME_LENGTH: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
