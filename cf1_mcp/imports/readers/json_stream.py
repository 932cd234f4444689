"""Reads large JSON documents one list element at a time, so that they need not fit into memory."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.text.distinct_json import DistinctJson, RepeatedKey

CHUNK_SIZE: Final = 1 << 18
MAX_VALUE_SIZE: Final = 100_000_000  # characters of one element, which is kept in memory
# Of the document itself, whose keys are remembered to find repeated ones.
MAX_KEYS: Final = 1_000
MAX_KEY_LENGTH: Final = 1_000
_SPACE: Final = " \t\r\n"


class JsonStream:
    """The text of a document and a position in it. Errors are raised as BadFile with the position."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = DistinctJson().scan
        self._text = ""
        self._at = 0
        self._before = 0
        self._ended = False

    def members(self) -> Iterator[str]:
        """Yield the keys of the object at the position. Read each value with `value` or `elements`."""
        self._expect("{")
        if self._take("}"):
            return
        seen: set[str] = set()
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._error("a key in double quotes is expected")
            if len(key) > MAX_KEY_LENGTH or len(seen) == MAX_KEYS:
                raise self._error(
                    f"an object has a key of over {MAX_KEY_LENGTH:,} characters, or over {MAX_KEYS:,} keys"
                )
            if key in seen:
                raise self._repeated(RepeatedKey(key, ""))
            seen.add(key)
            self._expect(":")
            yield key
            if self._take("}"):
                return
            self._expect(",")

    def elements(self) -> Iterator[JsonValue]:
        """Yield the elements of the list at the position."""
        self._expect("[")
        if self._take("]"):
            return
        while True:
            yield self.value()
            if self._take("]"):
                return
            self._expect(",")

    def expect_end(self) -> None:
        """Check that nothing follows the document, such as a second one."""
        if self.peek():
            raise self._error("the document ends, but more text follows. Import each document as a file of its own")

    def peek(self) -> str:
        """Return the next character that is not a space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._read_more(CHUNK_SIZE):
                return ""

    def value(self) -> JsonValue:
        """Return the value at the position."""
        self.peek()
        size = CHUNK_SIZE
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except RepeatedKey as error:
                raise self._repeated(error) from error
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._read_more(size):
                    raise self._error("a complete JSON value is expected") from error
                size *= 2  # a long value is then parsed again only a few times
                continue
            # A number at the end of the chunk may continue in the next one.
            if end == len(self._text) and self._read_more(size):
                continue
            self._at = end
            return value

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"{sign} is expected")

    def _take(self, sign: str) -> bool:
        if self.peek() != sign:
            return False
        self._at += 1
        return True

    def _read_more(self, size: int) -> bool:
        if self._ended:
            return False
        if len(self._text) - self._at > MAX_VALUE_SIZE:
            raise self._error(f"one object has more than {MAX_VALUE_SIZE:,} characters")
        chunk = self._file.read(size)
        self._ended = not chunk
        try:
            new = self._decode(chunk, self._ended)
        except UnicodeDecodeError:
            raise self._error("the file is not UTF-8 text") from None
        self._before += self._at
        self._text = self._text[self._at :] + new
        self._at = 0
        return True

    def _repeated(self, error: RepeatedKey) -> BadFile:
        inner = f" {error.place} of the value" if error.place else ""
        return BadFile(
            f"The object{inner} at character {self._before + self._at + 1:,} of the file names the key {error.key} "
            "more than once, so it is not certain which value counts. Keep one of them."
        )

    def _error(self, words: str) -> BadFile:
        truncated = " and the file ends there: it may be truncated" if self._ended else ""
        return BadFile(
            f"At character {self._before + self._at + 1:,} of the file {words}{truncated}. Download or create it again."
        )
