"""The graph of events, which tells the types and directions of many relationships at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import anyio

from cf1_mcp.api import operations as op
from cf1_mcp.api.connection import Query
from cf1_mcp.api.lists.event_lists import EventLists
from cf1_mcp.models import GraphDirection, GraphPage, RelationshipType

MAX_SEEDS: Final = 50
MAX_EDGES: Final = 1_000  # in one answer; also the most nodes
HEALING_SECONDS: Final = 300.0  # after which a graph that failed is asked again


@dataclass
class GraphState:
    """Whether an account has a graph: it `works`, or it failed and is not asked before `retry`, a monotonic time."""

    works: bool = False
    retry: float = float("-inf")

    @property
    def is_missing(self) -> bool:
        return anyio.current_time() < self.retry

    def note_failure(self) -> None:
        self.works, self.retry = False, anyio.current_time() + HEALING_SECONDS


class GraphClient(EventLists):
    """The operation that reads the graph. Not every account has it."""

    @cached_property
    def graph_state(self) -> GraphState:
        """What was found out about the graph of this account."""
        return GraphState()

    async def read_graph(
        self,
        event_ids: Sequence[str],
        dataset_ids: Sequence[str],
        relationship_types: Sequence[RelationshipType],
        direction: GraphDirection = "both",
        cursor: str | None = None,
    ) -> GraphPage:
        """Edges of up to 50 events, in up to 50 datasets or those of one scope word. A `cursor` goes with one event
        only.
        """
        query: Query = {
            "seeds": ",".join(f"event:{event_id}" for event_id in event_ids),
            "relationshipTypes": ",".join(relationship_types),
            "datasetIds": ",".join(dataset_ids),
            "direction": direction,
            "limit": MAX_EDGES,
            "max_nodes": MAX_EDGES,
            "cursor": cursor,
        }
        return await self.request(GraphPage, op.READ_GRAPH, query=query, paged=True)
