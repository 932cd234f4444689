"""Uuids, which the API does not always spell the same."""

import re
import unicodedata
from typing import Final

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_PREFIX: Final = re.compile(r"^\W*(?:urn\W*)?(?:uuid\W*)?")


def parse_uuid(text: str) -> str | None:
    """Return a uuid in its canonical spelling, in lower case; None for any other text.

    Only ASCII is read: the Kelvin sign and full-width digits would otherwise become letters and digits of a uuid.
    """
    word = text.strip()
    if not word.isascii():
        return None
    word = word.lower()
    return word if _UUID.fullmatch(word) else None


def id_key(text: str) -> str:
    """Return an id in the form in which ids are compared: without regard to case, but to everything else."""
    return text.lower() if text.isascii() else text


def looks_like_uuid(text: str) -> bool:
    """Whether a reader may take a text for a uuid, however its letters, digits and dashes are written."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    rest = _PREFIX.sub("", folded)
    digits = "".join(_to_ascii_digit(char) for char in rest if char.isalnum())
    return _HEX.fullmatch(digits) is not None


def _to_ascii_digit(char: str) -> str:
    return char if char.isascii() else str(unicodedata.decimal(char, char))
