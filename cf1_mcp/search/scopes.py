"""The datasets that a search covers."""

from dataclasses import replace
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.errors import BadArgument
from cf1_mcp.policy.dataset_scope import DatasetScope, find_default_dataset, resolve_scope
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.query_grammar import finds_everything
from cf1_mcp.search.saved_queries import SavedSearch

DEFAULT_ONLY: Final = (
    "The saved query names no dataset, so it searches the default one alone, here as in its alerts and rules. "
    "Others were not searched: name them in dataset_ids, or all."
)
NO_CONDITION: Final = "The saved query has no condition: it finds every event of its datasets."


async def _search_scope(
    policy: CurrentReadPolicy,
    saved: SavedSearch,
    dataset_ids: list[str] | None,
    conditions: list[Clause] | None,
    query_id: str | None,
) -> DatasetScope:
    grouped = bool(saved.search_branches) or any(clause.group is not None for clause in conditions or ())
    notes = [NO_CONDITION] if query_id is not None and finds_everything(saved) else []
    if query_id is None or dataset_ids or saved.dataset_id:
        scope = resolve_scope(dataset_ids or saved.dataset_id or ["all"], policy)
    else:
        scope, is_all = _default_scope(policy)
        notes += [] if is_all else [DEFAULT_ONLY]
    scope = replace(scope, notes=tuple(notes))
    return scope.without_analytics() if grouped else scope


def _default_scope(policy: ReadPolicy) -> tuple[DatasetScope, bool]:
    """Return the scope of a saved query that names no dataset, and whether that is every dataset that may be read.

    Raises:
        BadArgument: it is unclear which dataset is the default, or it may not be read.
    """
    default = find_default_dataset(policy)
    if default is None:
        problem = "the saved query names no dataset, and it is unclear which one is the default"
        raise BadArgument("query_id", problem, "dataset_ids to say which to search, beside it")
    return resolve_scope([default.uuid], policy), len(policy.datasets) == 1


async def _export_scope(
    policy: CurrentReadPolicy, saved: SavedSearch, dataset_ids: list[str] | None, query_id: str | None
) -> DatasetScope:
    return await _search_scope(policy, saved, dataset_ids, None, query_id)


SearchScope = Annotated[DatasetScope, Resolve(_search_scope)]
# For a tool without the argument `conditions`.
ExportScope = Annotated[DatasetScope, Resolve(_export_scope)]
