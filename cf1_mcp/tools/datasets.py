"""What the account holds: its datasets and its words."""

from typing import Annotated

from pydantic import Field, JsonValue

from cf1_mcp.answers import LONGEST_CELL, Rows, fitting, room_for
from cf1_mcp.arguments import Cursor, Limit
from cf1_mcp.context import KnownWords
from cf1_mcp.paging import Place, decode, encode
from cf1_mcp.text import clean
from cf1_mcp.toolset import READ, Toolset
from cf1_mcp.vocabulary import Kind

datasets = Toolset("events")

Contains = Annotated[str | None, Field(description="Only values that contain this")]


@datasets.tool("List threat datasets", READ)
async def list_threat_datasets(words: KnownWords) -> Rows:
    """List the datasets that can be read, with name, uuid and kind. Use it when a question names a dataset or an
    answer's datasets need explaining.
    """
    known = await words.datasets()
    rows = [
        [
            clean(dataset.name, LONGEST_CELL),
            dataset.uuid,
            "analytics" if dataset.is_analytics else "operational",
            "public" if dataset.is_public else "private",
        ]
        for dataset in known
    ]
    return Rows(("name", "uuid", "kind", "access"), rows, {"datasets": len(rows)})


@datasets.tool("List threat vocabulary", READ)
async def list_threat_vocabulary(
    words: KnownWords,
    kind: Annotated[Kind, Field(description="Which values")],
    contains: Contains = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Rows:
    """List the values the account knows: actors, categories, countries, industries, indicator types, tags. Use it to
    find the exact spelling before a search, or when a search finds nothing. It tells no events.
    """
    identity = {"kind": kind, "contains": contains}
    place = decode(cursor, identity, limit)
    wanted = (contains or "").casefold()
    found = [word for word in await words.words(kind) if wanted in word.casefold()]
    rows = [[clean(word, LONGEST_CELL)] for word in found[place.shown :][:limit]]
    shown = fitting(rows, room_for(limit))
    facts: dict[str, JsonValue] = {"values": shown, "of": len(found)}
    if place.shown + shown < len(found):
        facts["next_cursor"] = encode(Place(limit, shown=place.shown + shown), identity)
    return Rows((kind,), rows[:shown], facts)
