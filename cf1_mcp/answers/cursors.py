"""Cursors: where the next page of a particular list begins.

The server keeps no state for them. They are sealed, so a client can only return one that it was given, for the same
arguments. They name a place among the rows that may be shown, so they tell nothing about others.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import ToolContext
from cf1_mcp.errors import BadArgument
from cf1_mcp.store.sealed_tokens import TokenSealer

VALID_CURSOR: Final = "the next_cursor of the last answer with the same arguments, or leave it out to start again"


@dataclass(frozen=True)
class Paging:
    """The cursor that a call was given, None at the beginning of a list, and the means to make the next one."""

    sealer: TokenSealer
    cursor: str | None = None

    @property
    def is_first(self) -> bool:
        return not (self.cursor and self.cursor.strip())

    def open(self, identity: Mapping[str, object]) -> str | None:
        """Return the place that the cursor names, None at the beginning. `identity` distinguishes the list from others.

        Raises:
            BadArgument: it is not a cursor of this server, or it belongs to another list.
        """
        if self.cursor is None or self.is_first:
            return None
        place = self.sealer.open(self.cursor, "cursor", _dump(identity))
        if place is None:
            problem = "this is not a cursor of this server, or it belongs to other arguments"
            raise BadArgument("cursor", problem, VALID_CURSOR)
        return place

    def seal(self, place: str, identity: Mapping[str, object]) -> str:
        """Return a cursor for a place, valid for the same list only."""
        return self.sealer.seal(place, "cursor", _dump(identity))

    def open_offset(self, identity: Mapping[str, object]) -> int:
        """Return the number of rows before the page. Raises the same as `open`."""
        return int(self.open(identity) or 0)


async def _resolve_paging(context: ToolContext, cursor: str | None) -> Paging:
    return Paging(context.request_context.lifespan_context.sealer, cursor)


CurrentPaging = Annotated[Paging, Resolve(_resolve_paging)]


def digest_search(search: Mapping[str, object]) -> str:
    """Return eight hexadecimal digits that distinguish searches."""
    return hashlib.sha256(_dump(search).encode()).hexdigest()[:8]


def _dump(identity: Mapping[str, object]) -> str:
    return json.dumps(identity, sort_keys=True, default=str)
