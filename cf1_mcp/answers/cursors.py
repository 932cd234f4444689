"""Cursors: where the next page of one particular search begins. They hold no state on the server."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cf1_mcp.errors import BadArgument

# How far the API pages by number; from there on its own cursor leads.
MAX_OFFSET: Final = 100_000
_CURSOR: Final = re.compile(r"([0-9a-f]{8})-(\d{1,5})-(\d{1,6})-(\d{1,5})(?:-(.+))?")


@dataclass(frozen=True)
class Place:
    """A place in a list: which page of the API, how many of its rows were shown, and beyond its reach its cursor.

    Pages go by number where they can: a number costs a model a few tokens, the API's cursor some hundreds.
    """

    page_size: int
    page: int = 1
    shown: int = 0
    api_cursor: str | None = None

    def following(self, api_cursor: str | None = None) -> "Place":
        """The next page, by the API's cursor where numbers no longer reach."""
        reached = self.page * self.page_size
        return Place(self.page_size, self.page + 1, 0, api_cursor if reached >= MAX_OFFSET else None)


def encode(place: Place, search: Mapping[str, object]) -> str:
    """A cursor for the place, good for the same search only."""
    parts = [digest(search), str(place.page_size), str(place.page), str(place.shown)]
    return "-".join([*parts, place.api_cursor] if place.api_cursor else parts)


def decode(cursor: str | None, search: Mapping[str, object], limit: int) -> Place:
    """The place that a cursor names; without one, the beginning.

    Raises:
        BadArgument: it is no cursor, or one of another search.
    """
    if not cursor:
        return Place(page_size=limit)
    again = "the next_cursor of the last answer with the same arguments, or leave it out to begin anew"
    found = _CURSOR.fullmatch(cursor.strip())
    if found is None:
        raise BadArgument("cursor", "this is no cursor of this server", again)
    named, page_size, page, shown, api_cursor = found.groups()
    if named != digest(search):
        raise BadArgument("cursor", "it belongs to another search", again)
    return Place(int(page_size), int(page), int(shown), api_cursor)


def digest(search: Mapping[str, object]) -> str:
    """Eight digits that tell one search from another."""
    return hashlib.sha256(json.dumps(search, sort_keys=True, default=str).encode()).hexdigest()[:8]
