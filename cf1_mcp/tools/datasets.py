"""What the account holds: its datasets and its words."""

from typing import Annotated

from pydantic import Field

from cf1_mcp.answers import Rows
from cf1_mcp.arguments import Cursor, Limit
from cf1_mcp.cells import LONGEST_CELL
from cf1_mcp.context import KnownWords
from cf1_mcp.listing import whole_list, withheld_fact
from cf1_mcp.policy import DATASET_RULE, Reader, Reading
from cf1_mcp.text import clean
from cf1_mcp.toolset import READ, Toolset
from cf1_mcp.vocabulary import EVERYWHERE, Kind, Vocabulary

datasets = Toolset("events")

Contains = Annotated[str | None, Field(description="Only values that contain this")]


@datasets.tool("List threat datasets", READ)
async def list_threat_datasets(words: KnownWords, reading: Reader, cursor: Cursor = None) -> Rows:
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
    withheld = len([one for one in await words.datasets() if one not in reading.datasets])
    facts = withheld_fact({DATASET_RULE: withheld} if withheld else {})
    return whole_list("datasets", ("name", "uuid", "kind", "access"), rows, cursor, facts=facts)


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
    wanted = (contains or "").casefold()
    found = [word for word in await _words(words, reading, kind) if wanted in word.casefold()]
    rows = [[clean(word, LONGEST_CELL)] for word in found]
    return whole_list("values", (kind,), rows, cursor, limit, kind=kind, contains=contains)


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
