"""A text after replacements, with a mapping of its positions back to the original text."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class MappedText:
    """A text in which every match of a pattern was replaced.

    `starts` and `ends` are the positions of the replacements in the new text, `original_starts` and `original_ends`
    those of the replaced parts in the original text.
    """

    text: str
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    original_starts: tuple[int, ...] = ()
    original_ends: tuple[int, ...] = ()

    @classmethod
    def replace(cls, text: str, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]) -> "MappedText":
        """Replace every match. A replacement that differs from its match only in case is not recorded."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        original_starts: list[int] = []
        original_ends: list[int] = []
        done = length = 0
        for found in pattern.finditer(text):
            new, (start, end) = replacement(found), found.span()
            parts += text[done:start], new
            length += start - done + len(new)
            done = end
            if new.lower() == found[0].lower():
                continue
            starts.append(length - len(new))
            ends.append(length)
            original_starts.append(start)
            original_ends.append(end)
        parts.append(text[done:])
        return cls("".join(parts), tuple(starts), tuple(ends), tuple(original_starts), tuple(original_ends))

    def original_position(self, position: int) -> int:
        """Return the position in the original text of a position in the new text."""
        if not self.starts or position < self.starts[0]:
            return position
        last = bisect_right(self.starts, position) - 1
        beyond = position - self.ends[last]
        return self.original_starts[last] if beyond < 0 else self.original_ends[last] + beyond

    def has_replacement(self, start: int, end: int) -> bool:
        """Whether anything was replaced between two positions of the new text."""
        if not self.starts:
            return False
        first = bisect_left(self.starts, start)
        return first < len(self.starts) and self.starts[first] < end
