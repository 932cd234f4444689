"""What the account holds: its datasets and its words."""

from typing import Annotated

from pydantic import Field, JsonValue

from cf1_mcp.answers import LONGEST_CELL, Rows, fitting, room_for
from cf1_mcp.arguments import Cursor, Limit
from cf1_mcp.context import KnownWords
from cf1_mcp.paging import Place, decode, encode
from cf1_mcp.policy import DATASET_RULE, Reader, Reading
from cf1_mcp.text import clean
from cf1_mcp.toolset import READ, Toolset
from cf1_mcp.vocabulary import EVERYWHERE, Kind, Vocabulary

datasets = Toolset("events")

Contains = Annotated[str | None, Field(description="Only values that contain this")]


@datasets.tool("List threat datasets", READ)
async def list_threat_datasets(words: KnownWords, reading: Reader) -> Rows:
    """List the datasets that can be read, with name, uuid and kind. Use it when a question names a dataset or an
    answer's datasets need explaining.
    """
    rows = [
        [
            clean(dataset.name, LONGEST_CELL),
            dataset.uuid,
            "analytics" if dataset.is_analytics else "operational",
            "public" if dataset.is_public else "private",
        ]
        for dataset in reading.datasets
    ]
    facts: dict[str, JsonValue] = {"datasets": len(rows)}
    if withheld := len([one for one in await words.datasets() if one not in reading.datasets]):
        facts["withheld"] = [f"{withheld} by {DATASET_RULE}"]
    return Rows(("name", "uuid", "kind", "access"), rows, facts)


@datasets.tool("List threat vocabulary", READ)
async def list_threat_vocabulary(
    words: KnownWords,
    reading: Reader,
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
    found = [word for word in await _words(words, reading, kind) if wanted in word.casefold()]
    rows = [[clean(word, LONGEST_CELL)] for word in found[place.shown :][:limit]]
    shown = fitting(rows, room_for(limit))
    facts: dict[str, JsonValue] = {"values": shown, "of": len(found)}
    if place.shown + shown < len(found):
        facts["next_cursor"] = encode(Place(limit, shown=place.shown + shown), identity)
    return Rows((kind,), rows[:shown], facts)


async def _words(words: Vocabulary, reading: Reading, kind: Kind) -> list[str]:
    """All values of one kind that may be told, in the API's order."""
    readable = tuple(dataset.uuid for dataset in reading.datasets) if reading.restricted else EVERYWHERE
    match kind:
        case "attackers":
            return await words.attackers(readable) if readable else []
        case "indicator_types":
            return await words.indicator_types(readable) if readable else []
        case "categories":
            return await words.categories()
        case "countries":
            return await words.countries()
        case "datasets":
            return [dataset.name for dataset in reading.datasets]
        case "industries":
            return await words.industries()
        case "tags":
            return [tag.value for tag in await words.tags() if not reading.above(tag.tlp)]
