"""Sanitising of untrusted text. Attackers write event text, so all of it passes through here before it is shown.

`clean` makes a text harmless wherever it is rendered. All patterns take time linear in the text.
"""

import re
from itertools import groupby
from typing import Final

from cf1_mcp.text.plurals import plural

# Letters and marks that Unicode calls printable although they are invisible: fillers, joiners, selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

# What a renderer would act on: images, links and their definitions, HTML and autolinks, fences, bare addresses.
_MARKS = r"(?P<image>!(?=\[))|(?P<link>\](?=[(\[:]))|(?P<html><(?=[A-Za-z/!?|<]))|(?P<fence>`{3,}|~{3,})"
_MARKUP = re.compile(_MARKS)
_MARKUP_AND_LINKS = re.compile(_MARKS + r"|(?P<scheme>h(?:tt|xx)ps?)?(?P<slashes>://)|(?P<www>\bwww\.)", re.IGNORECASE)
# Most texts contain none of it, which one search detects.
_SUSPECT = re.compile("[.@!<\\]`~\u3002\uff0e\uff61]|://")
# Characters that are changed nowhere. Most texts have no others, which one match finds out.
_WORDS = re.compile("[0-9A-Za-z ,;:()'_-]*")
# Blanks of every width. Tabs and line breaks are shown by their codes.
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]{2,}")
# Characters of a text in which runs of blanks are looked for: more than anything shows.
MAX_COLLAPSED: Final = 100_000
_EMAIL_NAME = re.compile(r"(?<![\w.+-])(?P<name>[\w.+-]+)(?=@(?P<domain>[\w-]+(?:\.[\w-]+)+))")
# Characters that are read beyond the cut of a text, to recognise an address across the cut.
MAX_ADDRESS_LENGTH: Final = 320
# Invisible characters in a row that are shown by their codes.
MAX_CODES: Final = 8

# Of what says that a text was cut: to cut less than this would lengthen the text.
MARK_LENGTH: Final = len("… (+9 characters)") - 1

FORMULA_STARTS: Final = ("=", "+", "-", "@")


def clean(text: str, most: int, *, keep: str = "", value: bool = False) -> str:
    """Return one line of harmless text of about `most` characters; what is cut is counted, unless that is as long.

    Invisible characters are shown by their codes; Markdown images and links, HTML, fences and live addresses are
    disarmed; names in e-mail addresses are masked, except in `keep`; runs of blanks become one, so that nothing is
    pushed to where a line seems to begin. A `value` (an indicator, a query) stays exact: only its invisible characters
    and its length are changed, and it is defanged when it is rendered as text.
    """
    if len(text) <= most and is_words(text) and (value or "  " not in text):
        return text[:most]  # a plain text also for a member of an enum
    if not value:
        text = collapse_blanks(text)
    shown = escape_invisible(text[: most + MAX_ADDRESS_LENGTH])
    if not value:
        shown = mask_emails(disarm(shown), keep)
    length = max(len(text), len(shown))
    if length <= most + MARK_LENGTH:
        return shown
    kept = shown[: most - 1]
    return f"{kept}… (+{plural(length - len(kept), 'character')})"


def is_words(text: str) -> bool:
    """Return whether the text has only letters and digits of ASCII, blanks and `,;:()'_-`, all of them safe."""
    return _WORDS.fullmatch(text) is not None


def collapse_blanks(text: str) -> str:
    """Return the text with one blank for each run of blanks of any width. A very long text keeps those at its end."""
    return _BLANKS.sub(" ", text[:MAX_COLLAPSED]) + text[MAX_COLLAPSED:]


def escape_invisible(text: str) -> str:
    """Return the text on one line, with a code for each invisible character."""
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return text
    shown: list[str] = []
    for shows, run in groupby(text, key=is_visible):
        chars = "".join(run)
        # Whole messages are hidden in invisible characters; a few codes reveal that as well as all of them.
        kept = chars if shows else chars[:MAX_CODES]
        shown += [_escape(char) for char in kept]
        shown += [f"(+{len(chars) - len(kept)} invisible)"] if len(kept) < len(chars) else []
    return "".join(shown)


def drop_invisible(text: str) -> str:
    """Return the text without invisible characters; blanks of every kind, line breaks included, are kept."""
    return "".join(char for char in text if is_visible(char) or char.isspace())


def disarm(text: str, *, links: bool = True) -> str:
    """Return the text without what a renderer would load, link, run or treat as the end of a block.

    With `links` off, bare addresses stay unchanged.
    """
    if not _SUSPECT.search(text):
        return text
    return (_MARKUP_AND_LINKS if links else _MARKUP).sub(_disarm_match, text)


def mask_emails(text: str, keep: str = "") -> str:
    """Return the text without the names in e-mail addresses; the address `keep` stays unchanged."""
    if "@" not in text:
        return text
    return _EMAIL_NAME.sub(lambda found: found[0] if f"{found[0]}@{found['domain']}" == keep else "***", text)


def escape_formula(text: str) -> str:
    """Return the text of a cell, which no spreadsheet reads as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def is_visible(char: str) -> bool:
    """Return whether a character can be seen, or is the plain blank."""
    return char.isprintable() and not _INVISIBLE.match(char)


def _escape(char: str) -> str:
    if is_visible(char):
        return char
    if char.isspace() and char not in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        return " "
    return _ESCAPES.get(char) or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")


def _disarm_match(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "fence":
            return found[0][:3].replace("`", "'").replace("~", "-")
        case "www":
            return f"{found[0][:-1]}[.]"
        case "slashes":
            scheme = found["scheme"]
            return f"{scheme.lower().replace('tt', 'xx')}://" if scheme else "[:]//"
        case _:
            # A space separates what only works together: `! [`, `] (`, `< img`.
            return f"{found[0]} "
