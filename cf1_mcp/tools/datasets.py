"""The datasets of the account, and the values of its vocabularies."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.answers.pages import fit_list, withheld_facts
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.vocabulary import Kind
from cf1_mcp.context import AccountVocabulary
from cf1_mcp.contracts.arguments import Cursor, Limit
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import EVENTS
from cf1_mcp.policy.reading import DATASET_RULE, Reader, readable_words
from cf1_mcp.search.guide import SearchGuide
from cf1_mcp.search.spelling import near
from cf1_mcp.text.sanitize import clean

Contains = Annotated[str | None, Field(description="Only values that contain this")]


@EVENTS.tool("List threat datasets", ToolEffect.READ)
async def list_threat_datasets(words: AccountVocabulary, reading: Reader, cursor: Cursor = None) -> Rows:
    """List the datasets that can be read: which sources or collections of events exist, with name, uuid and kind. Use
    it when a question names a dataset or an answer's datasets need explaining. For the events in them use
    search_threat_events.
    """
    rows = [
        [
            clean(dataset.name, MAX_CELL_LENGTH),
            dataset.uuid,
            "analytics" if dataset.is_analytics else "operational",
            "public" if dataset.is_public else "private",
        ]
        for dataset in reading.datasets
    ]
    withheld = len([one for one in await words.datasets() if one not in reading.datasets])
    facts = withheld_facts({DATASET_RULE: withheld} if withheld else {})
    return fit_list("datasets", ("name", "uuid", "kind", "access"), rows, cursor, facts=facts)


@EVENTS.tool("List threat vocabulary", ToolEffect.READ)
async def list_threat_vocabulary(
    words: AccountVocabulary,
    reading: Reader,
    kind: Annotated[Literal[Kind, "search_guide"], Field(description="Which values")],
    contains: Contains = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Answer:
    """List the values the account knows: threat actors, categories, countries, industries (sectors), indicator types,
    tags. Use it to find the exact spelling or alias before a search or a filter, or when a search finds nothing. It
    returns no events: for those use search_threat_events. Kind search_guide explains how to write a search, with
    examples.
    """
    if kind == "search_guide":
        return SearchGuide()
    part = (contains or "").casefold()
    known = await readable_words(words, reading, kind)
    found = [word for word in known if part in word.casefold()]
    rows = [[clean(word, MAX_CELL_LENGTH)] for word in found]
    listed = fit_list("values", (kind,), rows, cursor, limit, kind=kind, contains=contains)
    meant = near(part, known) if not rows else []
    return replace(listed, untrusted={"near": [clean(word, MAX_CELL_LENGTH) for word in meant]}) if meant else listed
