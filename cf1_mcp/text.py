"""Hygiene of untrusted text. Event text is written by attackers; whatever is shown of it passes through here."""

import re

# Letters and marks that Unicode calls printable although nothing is seen of them: fillers, joiners, selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def clean(text: str, most: int) -> str:
    """One line of text with unseen characters escaped visibly, at most `most` characters; what is cut is counted."""
    shown = text[: most + 1]
    if not shown.isprintable() or _UNSEEN.search(shown):
        shown = "".join(_visible(char) for char in shown)
    if len(text) <= most and len(shown) <= most:
        return shown
    kept = shown[: most - 1]
    return f"{kept}… (+{max(len(text), len(shown)) - len(kept)} characters)"


def _visible(char: str) -> str:
    if char.isprintable() and not _UNSEEN.match(char):
        return char
    if char.isspace() and char not in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        return " "
    return _NAMED.get(char) or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
