"""Text for the person who decides on a change, in a dialog or on a terminal.

The server's own words start at the margin. What others wrote stands behind a prefix, and so does whatever continues a
line, so that no text can pass for a line of the server, however long or padded it is.
"""

import re
from collections.abc import Iterator
from typing import Final

from cf1_mcp.text.sanitize import escape_invisible

PREFIX: Final = "| "
MIN_WIDTH: Final = 10  # columns; narrower terminals do not exist in practice
_BLANKS: Final = re.compile(r" {2,}")
_LINE_ENDS: Final = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def collapse_blanks(text: str) -> str:
    """Return the text without invisible characters and without runs of blanks, which could push words to a new line."""
    return _BLANKS.sub(" ", escape_invisible(text)).strip()


def set_apart(line: str, *, untrusted: bool) -> list[str]:
    """Return a line as one or more lines: behind the prefix if it is untrusted, or continues another line."""
    first, *more = (collapse_blanks(part.replace("\t", " | ")) for part in _LINE_ENDS.split(line))
    return [PREFIX + first if untrusted else first, *(PREFIX + part for part in more)]


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, wrapped so that a terminal of `width` columns does not wrap them itself.

    Continuations get the prefix. All characters beyond ASCII count as two columns: terminals disagree about them, and a
    line that is too short is harmless.
    """
    # One column stays free, because some terminals wrap when the last one is filled.
    room = max(width, MIN_WIDTH) - 1
    lines: list[str] = []
    for line in text.split("\n"):
        shown = collapse_blanks(line.removeprefix(PREFIX))
        lines += _wrap_line(PREFIX if line.startswith(PREFIX) else "", shown, room)
    return lines


def _wrap_line(prefix: str, text: str, room: int) -> Iterator[str]:
    line, used = prefix, len(prefix)
    has_words = False
    for word in text.split(" "):
        for part in _chop(word, room - len(PREFIX)):
            blank = " " if has_words else ""
            if has_words and used + len(blank) + _columns(part) > room:
                yield line
                line, used, blank = PREFIX, len(PREFIX), ""
            line, used = f"{line}{blank}{part}", used + len(blank) + _columns(part)
            has_words = True
    yield line


def _chop(word: str, room: int) -> Iterator[str]:
    """Yield a word in parts of at most `room` columns."""
    part, used = "", 0
    for char in word:
        size = _columns(char)
        if part and used + size > room:
            yield part
            part, used = "", 0
        part, used = part + char, used + size
    yield part


def _columns(text: str) -> int:
    return sum(1 if char.isascii() else 2 for char in text)
