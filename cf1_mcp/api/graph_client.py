"""The graph of events, which tells the types and directions of many relationships at once."""

from collections.abc import Sequence
from typing import Final

from cf1_mcp.api import operations as op
from cf1_mcp.api.connection import Query
from cf1_mcp.api.lists.event_lists import EventLists
from cf1_mcp.models import GraphDirection, GraphPage, RelationshipType

MAX_SEEDS: Final = 50
MAX_EDGES: Final = 1_000  # in one answer; also the most nodes


class GraphClient(EventLists):
    """The operation that reads the graph. Not every account has it."""

    async def read_graph(
        self,
        event_ids: Sequence[str],
        relationship_types: Sequence[RelationshipType],
        direction: GraphDirection = "both",
        cursor: str | None = None,
    ) -> GraphPage:
        """Edges of up to 50 events, in all operational datasets. A `cursor` goes with one event only."""
        query: Query = {
            "seeds": ",".join(f"event:{event_id}" for event_id in event_ids),
            "relationshipTypes": ",".join(relationship_types),
            "datasetIds": "all",
            "direction": direction,
            "limit": MAX_EDGES,
            "max_nodes": MAX_EDGES,
            "cursor": cursor,
        }
        return await self.request(GraphPage, op.READ_GRAPH, query=query, paged=True)
