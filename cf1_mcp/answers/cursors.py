"""Cursors: where the next page of a particular search begins. The server keeps no state for them."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cf1_mcp.errors import BadArgument

# Rows that the API pages by number; beyond them only its own cursor works.
MAX_OFFSET: Final = 100_000
_CURSOR: Final = re.compile(r"([0-9a-f]{8})-(\d{1,5})-(\d{1,6})-(\d{1,5})(?:-(.+))?")


@dataclass(frozen=True)
class PagePosition:
    """A position in a list: a page of the API, how many of its rows were shown, and the API's cursor past MAX_OFFSET.

    Pages are numbered where possible: a number costs a model a few tokens, the API's cursor some hundreds.
    """

    page_size: int
    page: int = 1
    shown: int = 0
    api_cursor: str | None = None

    def next_page(self, api_cursor: str | None = None) -> "PagePosition":
        """Return the start of the next page, by the API's cursor past MAX_OFFSET."""
        reached = self.page * self.page_size
        return PagePosition(self.page_size, self.page + 1, 0, api_cursor if reached >= MAX_OFFSET else None)


def encode_cursor(position: PagePosition, search: Mapping[str, object]) -> str:
    """Return a cursor for the position, valid for the same search only."""
    parts = [digest_search(search), str(position.page_size), str(position.page), str(position.shown)]
    return "-".join([*parts, position.api_cursor] if position.api_cursor else parts)


def decode_cursor(cursor: str | None, search: Mapping[str, object], limit: int) -> PagePosition:
    """Return the position that a cursor encodes; without a cursor, the beginning.

    Raises:
        BadArgument: it is not a cursor, or it belongs to another search.
    """
    if not cursor:
        return PagePosition(page_size=limit)
    valid = "the next_cursor of the last answer with the same arguments, or leave it out to start again"
    found = _CURSOR.fullmatch(cursor.strip())
    if found is None:
        raise BadArgument("cursor", "this is not a cursor of this server", valid)
    digest, page_size, page, shown, api_cursor = found.groups()
    if digest != digest_search(search):
        raise BadArgument("cursor", "it belongs to another search", valid)
    return PagePosition(int(page_size), int(page), int(shown), api_cursor)


def digest_search(search: Mapping[str, object]) -> str:
    """Return eight hexadecimal digits that distinguish searches."""
    return hashlib.sha256(json.dumps(search, sort_keys=True, default=str).encode()).hexdigest()[:8]
