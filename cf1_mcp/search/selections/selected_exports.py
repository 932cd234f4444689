"""What an export is of: the events of its filters, or those of a selection."""

from dataclasses import dataclass
from typing import Annotated

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import ToolContext
from cf1_mcp.errors import BadArgument
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.read_policy import CurrentReadPolicy
from cf1_mcp.search.request import RequestedExport, SearchRequest
from cf1_mcp.search.scopes import ExportScope
from cf1_mcp.search.selections.selection_handles import open_selection


@dataclass(frozen=True)
class ExportChoice:
    """The search of an export, and its datasets."""

    request: SearchRequest
    scope: DatasetScope


async def _choose_export(
    context: ToolContext,
    policy: CurrentReadPolicy,
    request: RequestedExport,
    scope: ExportScope,
    query_id: str | None,
    dataset_ids: list[str] | None,
    selection: str | None,
) -> ExportChoice:
    if not selection:
        return ExportChoice(request, scope)
    if request.parts or request.branches or query_id or dataset_ids:
        valid = "either a selection, which has its filters and datasets, or filters"
        raise BadArgument("selection", "filters or datasets are given as well", valid)
    opened = open_selection(selection, context.request_context.lifespan_context.sealer, policy)
    search = opened.search()
    parts = {"selection": search.search} if search.search else {}
    identity = {"selection": opened.held.model_dump(mode="json", include={"d", "c", "b"})}
    asked = SearchRequest(identity, parts, search.search_branches, (), (), "")
    return ExportChoice(asked, opened.scope(policy))


ChosenExport = Annotated[ExportChoice, Resolve(_choose_export)]
