"""Lone surrogates (half characters) in a request: JSON may contain them, UTF-8 cannot."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast


def surrogate_path(value: object) -> str | None:
    """Return the path to the first text that UTF-8 cannot encode, such as `tags.2` or `search.0.value`, or None.

    The path of a key that cannot be encoded is that of its object. Query parameters may be JSON text; the path
    leads into it.
    """
    path = _find(value)
    return None if path is None else ".".join(path)


def _find(value: object) -> tuple[str, ...] | None:
    items: Iterable[tuple[object, object]] = ()
    match value:
        case str():
            if _is_encodable(value):
                return None
            inside = _parse_json(value)
            return () if inside is None else _find(inside)
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            if not all(_is_encodable(str(key)) for key, _ in items):
                return ()
        case list() | tuple():
            items = enumerate(cast("Sequence[object]", value))
        case _:
            pass
    for name, item in items:
        if (path := _find(item)) is not None:
            return (str(name), *path)
    return None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_json(text: str) -> object:
    """Return the JSON array or object in a text, or None."""
    try:
        return json.loads(text) if text[:1] in "[{" else None
    except (ValueError, RecursionError):
        return None
