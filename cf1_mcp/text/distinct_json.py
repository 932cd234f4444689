"""Reading JSON whose objects name no key twice: of two values, another program may take the other one."""

import json
from typing import Final, cast

from pydantic import JsonValue

from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_PLACE_LENGTH: Final = 160
_Path = tuple["_Path | None", str]


class RepeatedKey(ValueError):
    """An object names a key more than once. `place` is its path as in `/objects/0`, empty for the outermost one."""

    def __init__(self, key: str, place: str) -> None:
        self.key = repr(clean(key, MAX_NAME_LENGTH))
        self.place = clean(place, MAX_PLACE_LENGTH)
        super().__init__(f"the key {self.key} is repeated{f' in {self.place}' if self.place else ''}")


class DistinctJson:
    """Reads JSON texts like the `json` module, but raises RepeatedKey for an object that names a key twice."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._build)
        self._repeats = False

    def read(self, text: str | bytes) -> JsonValue:
        """Return the value of a whole text.

        Raises:
            RepeatedKey: an object in it names a key more than once.
            ValueError: it is not JSON.
            RecursionError: it is nested too deeply.
        """
        self._repeats = False
        whole = text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
        return self._refuse_repeats(self._decoder.decode(whole))

    def scan(self, text: str, at: int) -> tuple[JsonValue, int]:
        """Return the value at a position of a text, and where it ends. Raises the same errors as `read`."""
        self._repeats = False
        value, end = self._decoder.raw_decode(text, at)
        return self._refuse_repeats(value), end

    def _build(self, pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._repeats = True
        return _RepeatingObject(pairs)

    def _refuse_repeats(self, value: JsonValue) -> JsonValue:
        if self._repeats:
            raise _find_repeat(value)
        return value


class _RepeatingObject(dict[str, JsonValue]):
    """An object that names a key more than once. The reader looks for it once the whole text is read."""

    def __init__(self, pairs: list[tuple[str, JsonValue]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.key = next(key for key, _ in pairs if key in seen or seen.add(key))


def _find_repeat(value: JsonValue) -> RepeatedKey:
    """Return the error for an object that names a key more than once, with the path to it."""
    left: list[tuple[_Path | None, JsonValue]] = [(None, value)]
    while left:
        path, one = left.pop()
        if isinstance(one, _RepeatingObject):
            return RepeatedKey(one.key, _format_path(path))
        if isinstance(one, dict):
            left += [((path, f"/{key}"), item) for key, item in one.items() if isinstance(item, dict | list)]
        elif isinstance(one, list):
            left += [((path, f"/{place}"), item) for place, item in enumerate(one) if isinstance(item, dict | list)]
    raise AssertionError("no object repeats a key")


def _format_path(path: _Path | None) -> str:
    parts: list[str] = []
    while path is not None:
        above, part = cast("tuple[_Path | None, str]", path)
        parts.append(part)
        path = above
    return "".join(reversed(parts))
