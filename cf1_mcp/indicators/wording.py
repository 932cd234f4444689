"""What the words of a text say of a number that stands beside them."""

import re
from typing import Final

# How far such words reach, in characters: before a version, between two of a list, and from a heading over JA3
# fingerprints to the first of them or from one to the next.
_BEFORE: Final = 40
_BETWEEN: Final = 12
_JA3_REACHES: Final = 200
_VERSION: Final = frozenset(
    [
        "build",
        "firmware",
        "patch",
        "release",
        "releases",
        "rev",
        "revision",
        "update",
        "v",
        "ver",
        "version",
        "versions",
    ]
)
_BETWEEN_THEM: Final = frozenset(["before", "below", "from", "is", "number", "of", "than", "through", "to"])
_MARKS: Final = ".,:;=(\"'-"
_LISTED: Final = re.compile(r"[\s,;&/-]*(?:and|or|to|through|until|before)?\s*", re.IGNORECASE)


class Wording:
    """Remembers, from left to right, of what a text last spoke."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ja3_until = -1
        self._version_end = -1

    def says(self, word: str, end: int) -> None:
        """Note a word that tells a JA3 from an MD5."""
        self._ja3_until = end + _JA3_REACHES if word.lower().startswith("ja3") else -1

    def is_ja3(self, start: int, end: int) -> bool:
        """Whether 32 hexadecimal digits are said to be a JA3."""
        if start > self._ja3_until:
            return False
        self._ja3_until = end + _JA3_REACHES
        return True

    def is_version(self, start: int, end: int) -> bool:
        """Whether four numbers are said to be a version: `version 1.2.3.4`, `Chrome/1.2.3.4`, and on in such a list."""
        if not self._goes_on(start) and not _names_version(self._text[max(0, start - _BEFORE) : start]):
            return False
        self._version_end = end
        return True

    def _goes_on(self, start: int) -> bool:
        if self._version_end < 0 or start - self._version_end > _BETWEEN:
            return False
        return _LISTED.fullmatch(self._text, self._version_end, start) is not None


def _names_version(before: str) -> bool:
    words = before.lower().split()
    if not words:
        return False
    if before.endswith("/"):
        return words[-1][:-1].isalpha()
    last = words[-1].strip(_MARKS)
    if last in _BETWEEN_THEM and len(words) > 1:
        last = words[-2].strip(_MARKS)
    return last in _VERSION
