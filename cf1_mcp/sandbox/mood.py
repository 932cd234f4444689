"""The mood in which a request is answered: kind, as by default, or as unkind as the live API may be (`--like-live`).

A context variable, because the mood matters where SQL is composed, many calls below the request. Which answers differ,
and why, is in invented.py.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass
class Mood:
    """How one request is answered. `failing` are names of datasets that do not answer a request about several datasets,
    and `failed` the uuids of those that this request has missed so far."""

    like_live: bool = False
    introspection: bool = True
    failing: frozenset[str] = frozenset()
    failed: list[str] = field(default_factory=list[str])


_MOOD: Final[ContextVar[Mood]] = ContextVar("mood")
_KIND: Final = Mood()


def current_mood() -> Mood:
    """Return the mood of the current request; the kind one outside of requests."""
    return _MOOD.get(_KIND)


def is_like_live() -> bool:
    """Whether the current request is answered like the live API."""
    return current_mood().like_live


@contextmanager
def in_mood(mood: Mood) -> Generator[None]:
    """Answer what is inside in this mood."""
    token = _MOOD.set(mood)
    try:
        yield
    finally:
        _MOOD.reset(token)
