"""The graph of events: typed edges between nodes, as `GET /events/graph` returns them."""

from typing import Literal, cast

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from cf1_mcp.models.lenient_answers import UUID, ApiAnswer, Lenient, Listed, find_rows
from cf1_mcp.models.odd_values import Count, KnownFlag, Text

GraphDirection = Literal["in", "out", "both"]


class GraphEdge(ApiAnswer):
    """An edge from its source to its target. `source` and `target` are `type:uuid`; the other parts repeat them."""

    relationship_type: Text = ""
    source: Text = ""
    source_id: Text = ""
    source_type: Text = ""
    target: Text = ""
    target_id: Text = ""
    target_type: Text = ""

    def event_ids(self) -> tuple[str, str]:
        """Return the ids of both ends. That of an end that is not an event, or cannot be read, is empty."""
        return (
            _find_event_id(self.source, self.source_type, self.source_id),
            _find_event_id(self.target, self.target_type, self.target_id),
        )

    def leads_elsewhere(self) -> bool:
        """Whether an end is an indicator or a tag, so that this is not a relationship between events."""
        kinds = {
            _find_kind(self.source, self.source_type),
            _find_kind(self.target, self.target_type),
        }
        return not kinds <= {"", "event"}


class GraphNode(ApiAnswer):
    """A node. `missing` says that the graph does not know it."""

    id: Text = ""
    uuid: Text = ""
    type: Text = ""
    missing: KnownFlag = None


class Graph(ApiAnswer):
    """The neighbourhood of the seeds. `dropped` and `dropped_nodes` count edges and nodes that are not even objects."""

    edges: Listed[GraphEdge]
    nodes: Listed[GraphNode] = []
    truncated: KnownFlag = None
    dropped: int = Field(0, exclude=True)
    dropped_nodes: int = Field(0, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _count_dropped(cls, graph: object) -> object:
        if not isinstance(graph, dict):
            return graph
        given = cast("dict[str, object]", graph)
        counts = {"dropped": _count_odd(given.get("edges")), "droppedNodes": _count_odd(given.get("nodes"))}
        return {name: value for name, value in given.items() if name != "nodes" or value is not None} | counts


class GraphInfo(Lenient):
    """Whether the answer is all there is; with a `cursor` it goes on. In snake or camel case.

    What `edge_count` counts is not published: taken for the edges of this answer.
    """

    model_config = ConfigDict(extra="ignore")
    cursor: Text = ""
    has_more: KnownFlag = None
    truncated: KnownFlag = None
    edge_count: Count = None

    @model_validator(mode="before")
    @classmethod
    def _read_names(cls, info: object) -> object:
        if isinstance(info, GraphInfo):
            return info
        given = cast("dict[object, object]", info) if isinstance(info, dict) else {}
        return {to_snake(str(name)): value for name, value in given.items()}


class GraphPage(Lenient):
    """One answer of the graph."""

    result: Graph
    result_info: GraphInfo = GraphInfo()
    truncated: KnownFlag = None

    @property
    def is_whole(self) -> bool:
        """Whether the API says of nothing that it was left out."""
        info = self.result_info
        is_odd = (info.unreadable | self.unreadable | self.result.unreadable) - {"edge_count"}
        is_cut = info.truncated or self.truncated or self.result.truncated
        return not (info.has_more or info.cursor or is_cut or is_odd)

    @property
    def lacks_edges(self) -> bool:
        """Whether there are edges of which nothing can be read, or more than were sent."""
        said = self.result_info.edge_count
        return bool(self.result.dropped) or (said is not None and said > len(self.result.edges))


def _find_kind(compact: str, kind: str) -> str:
    prefix, separator, _ = compact.partition(":")
    return (kind or (prefix if separator else "")).strip().casefold()


def _count_odd(rows: object) -> int:
    found = find_rows(rows)
    return sum(not isinstance(row, dict) for row in cast("list[object]", found)) if isinstance(found, list) else 0


def _find_event_id(compact: str, kind: str, uuid: str) -> str:
    """Return the id of an event from `event:uuid` or its parts; empty for a node of another type."""
    _, separator, rest = compact.partition(":")
    end, found = (uuid or (rest if separator else compact)).strip(), _find_kind(compact, kind)
    # Only relationships between events are asked for, so that a uuid without a type is one.
    return end if found == "event" or (not found and UUID.fullmatch(end)) else ""
