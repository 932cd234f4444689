"""A text that was rewritten, and the way back: where in the original each part of it stood."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rewritten:
    """A text in which every match of a pattern was replaced.

    `starts` and `ends` are the places of the replacements in the new text, `origins` the starts of what they replaced,
    `origin_ends` its ends.
    """

    text: str
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    origins: tuple[int, ...] = ()
    origin_ends: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> "Rewritten":
        """Rewrite a text. What is replaced by the same in another case counts as untouched."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        origins: list[int] = []
        origin_ends: list[int] = []
        done = length = 0
        for found in pattern.finditer(text):
            new, (start, end) = replace(found), found.span()
            parts += text[done:start], new
            length += start - done + len(new)
            done = end
            if new.lower() == found[0].lower():
                continue
            starts.append(length - len(new))
            ends.append(length)
            origins.append(start)
            origin_ends.append(end)
        parts.append(text[done:])
        return cls("".join(parts), tuple(starts), tuple(ends), tuple(origins), tuple(origin_ends))

    def origin(self, position: int) -> int:
        """Where in the original a place of the new text stood."""
        if not self.starts or position < self.starts[0]:
            return position
        last = bisect_right(self.starts, position) - 1
        beyond = position - self.ends[last]
        return self.origins[last] if beyond < 0 else self.origin_ends[last] + beyond

    def touched(self, start: int, end: int) -> bool:
        """Whether anything was replaced in a part of the new text."""
        if not self.starts:
            return False
        first = bisect_left(self.starts, start)
        return first < len(self.starts) and self.starts[first] < end
