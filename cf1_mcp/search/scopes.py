"""The datasets that a search looks at."""

from typing import Annotated

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import AccountVocabulary
from cf1_mcp.policy.reading import Reader, Scope, resolve_scope
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.saved_queries import Saved


async def _search_scope(
    words: AccountVocabulary,
    reading: Reader,
    saved: Saved,
    dataset_ids: list[str] | None,
    conditions: list[Clause] | None,
) -> Scope:
    grouped = bool(saved.search_branches) or any(clause.group is not None for clause in conditions or ())
    # The API takes no alternatives on analytics datasets.
    everything = "operational" if grouped else "all"
    return resolve_scope(dataset_ids or saved.dataset_id or [everything], await words.datasets(), reading)


async def _narrow_scope(
    words: AccountVocabulary, reading: Reader, saved: Saved, dataset_ids: list[str] | None
) -> Scope:
    return await _search_scope(words, reading, saved, dataset_ids, None)


SearchScope = Annotated[Scope, Resolve(_search_scope)]
# For a search without `conditions`.
NarrowScope = Annotated[Scope, Resolve(_narrow_scope)]
