"""The graph of events: typed edges between nodes, as `GET /events/graph` returns them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

from cf1_mcp.models.base import ApiModel
from cf1_mcp.models.odd_values import Text

GraphDirection = Literal["in", "out", "both"]


class GraphEdge(ApiModel):
    """An edge from its source to its target. `source` and `target` are `type:uuid`; the other parts repeat them."""

    relationship_type: Text = ""
    source: Text = ""
    source_id: Text = ""
    source_type: Text = ""
    target: Text = ""
    target_id: Text = ""
    target_type: Text = ""

    def event_ids(self) -> tuple[str, str] | None:
        """Return the ids of both ends if they are events; None for an edge to an indicator or a tag."""
        ends = [
            _find_event_id(self.source, self.source_type, self.source_id),
            _find_event_id(self.target, self.target_type, self.target_id),
        ]
        return (ends[0], ends[1]) if all(ends) else None


class GraphNode(ApiModel):
    """A node. `missing` says that the graph does not know it."""

    id: Text = ""
    uuid: Text = ""
    type: Text = ""
    missing: bool | None = None


class Graph(ApiModel):
    """The neighbourhood of the seeds."""

    edges: list[GraphEdge]
    nodes: list[GraphNode] = []


class GraphInfo(BaseModel):
    """Whether the answer is all there is; with a `cursor` it goes on."""

    model_config = ConfigDict(extra="ignore")
    cursor: str | None = None
    has_more: bool | None = None
    truncated: bool | None = None


class GraphPage(BaseModel):
    """One answer of the graph."""

    result: Graph
    result_info: GraphInfo = GraphInfo()

    @field_validator("result_info", mode="before")
    @classmethod
    def _default_if_null(cls, value: JsonValue) -> object:
        return GraphInfo() if value is None else value

    @property
    def is_whole(self) -> bool:
        """Whether the API says that nothing was left out."""
        info = self.result_info
        return not (info.has_more or info.truncated or info.cursor)


def _find_event_id(compact: str, kind: str, uuid: str) -> str:
    """Return the id of an event from `event:uuid` or its parts; empty for a node of another type."""
    prefix, separator, rest = compact.partition(":")
    found, end = (kind or prefix, uuid or rest) if separator else (kind, uuid or compact)
    return end.strip() if found.strip().casefold() == "event" else ""
