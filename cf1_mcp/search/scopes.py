"""The datasets that a search covers."""

from typing import Annotated

from mcp.server.mcpserver import Resolve

from cf1_mcp.policy.dataset_scope import DatasetScope, resolve_scope
from cf1_mcp.policy.read_policy import CurrentReadPolicy
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.saved_queries import SavedSearch


async def _search_scope(
    policy: CurrentReadPolicy,
    saved: SavedSearch,
    dataset_ids: list[str] | None,
    conditions: list[Clause] | None,
) -> DatasetScope:
    grouped = bool(saved.search_branches) or any(clause.group is not None for clause in conditions or ())
    scope = resolve_scope(dataset_ids or saved.dataset_id or ["all"], policy)
    return scope.without_analytics() if grouped else scope


async def _export_scope(policy: CurrentReadPolicy, saved: SavedSearch, dataset_ids: list[str] | None) -> DatasetScope:
    return await _search_scope(policy, saved, dataset_ids, None)


SearchScope = Annotated[DatasetScope, Resolve(_search_scope)]
# For a tool without the argument `conditions`.
ExportScope = Annotated[DatasetScope, Resolve(_export_scope)]
