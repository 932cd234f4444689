"""The graph of some events: all edges between them and other events, and which end of an edge is the parent.

Which end is the parent is not published. The source is taken for it, and one edge is compared with the list of
ancestors or descendants, which has a direction: if that says otherwise, all edges are turned around, and if it knows
neither, the graph is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.graph_client import MAX_EDGES, MAX_SEEDS
from cf1_mcp.api.lists.dataset_groups import split_around
from cf1_mcp.api.remarks import collecting, current_remarks, watching
from cf1_mcp.errors import ApiError, RateLimited, Unauthenticated
from cf1_mcp.models import Direction, Event, GraphPage, RelationshipType
from cf1_mcp.text.uuids import id_key

TYPES: Final[tuple[RelationshipType, ...]] = get_args(RelationshipType)
MAX_PAGES: Final = 20  # of a single event
MAX_MORE_REQUESTS: Final = 8  # for groups of which an answer says that it is cut, and has few edges
MAX_HOMES: Final = 25  # datasets of the events of one request, beside which others are named


@dataclass(frozen=True)
class Edge:
    """A relationship between two events, as the graph has it."""

    type: RelationshipType
    source: str
    target: str


@dataclass
class EventGraph:
    """Edges of some events. `unsure` are the folded ids of those of which the graph may not know all, `missing` of
    those that it does not know.
    """

    edges: set[Edge] = field(default_factory=set[Edge])
    unsure: set[str] = field(default_factory=set[str])
    missing: set[str] = field(default_factory=set[str])

    @classmethod
    def joined(cls, parts: Sequence["EventGraph"]) -> "EventGraph":
        """Return the graphs of other events as one."""
        graph = cls()
        for part in parts:
            graph.edges |= part.edges
            graph.unsure |= part.unsure
            graph.missing |= part.missing
        return graph

    def relatives_of(self, event_id: str, parents_are_sources: bool) -> list[tuple[RelationshipType, str, bool]]:
        """Return the relationships of one event: the type, the other event, and whether that is the parent."""
        own, found = id_key(event_id), set[tuple[RelationshipType, str, bool]]()
        for edge in self.edges:
            parent, child = (edge.source, edge.target) if parents_are_sources else (edge.target, edge.source)
            found |= {
                (edge.type, other, above)
                for here, other, above in ((parent, child, False), (child, parent, True))
                if id_key(here) == own
            }
        return sorted(found, key=lambda one: (TYPES.index(one[0]), not one[2], one[1]))


@dataclass
class _Allowance:
    """Requests that may be sent beside the first one of each group, for those whose answers are far from full."""

    requests: int = MAX_MORE_REQUESTS

    def take_halves(self, page: GraphPage) -> bool:
        """Whether the events of a page may be asked about in two halves."""
        if len(page.result.edges) < MAX_EDGES // 2:
            self.requests -= 2
        return self.requests >= 0


async def read_event_graph(
    client: ThreatEventsClient, events: Sequence[Event], dataset_ids: Sequence[str], homes: Sequence[str] | None = None
) -> EventGraph | None:
    """Return the edges of the events to other events of the datasets, which may be scope words; None if the account has
    no graph. That is remembered for a time, in which it is not asked again.

    The datasets of the events are asked as well, or those of `homes`, in which they have copies.
    """
    state = client.graph_state
    if state.is_missing:
        return None
    asked = [
        ([event.uuid for event in some], group)
        for some in _split_events(events)
        for group in split_around(dataset_ids, [event.dataset_id for event in some] if homes is None else homes)
    ]
    allowance = _Allowance()
    requests = [partial(_read_group, client, *one, allowance) for one in asked]
    # A graph that is not known to work is asked once before it is asked for everything.
    first = 0 if state.works else 1
    try:
        parts = [await request() for request in requests[:first]]
        parts += await gather(requests[first:])
    except (RateLimited, Unauthenticated):
        raise
    except ApiError:
        state.note_failure()
        return None
    state.works = True
    graph = EventGraph.joined(parts)
    # A scope word leaves out the events of the other one.
    found = {one for (ids, _), part in zip(asked, parts, strict=True) for one in {*map(id_key, ids)} - part.missing}
    graph.unsure |= graph.missing - found
    return graph


def _split_events(events: Sequence[Event]) -> list[list[Event]]:
    """Return the events in groups of up to MAX_SEEDS, of so few datasets that others have room beside them."""
    groups: list[list[Event]] = []
    homes: set[str] = set()
    for event in sorted(events, key=lambda one: id_key(one.dataset_id)):
        homes |= {id_key(event.dataset_id)}
        if not groups or len(groups[-1]) >= MAX_SEEDS or len(homes) > MAX_HOMES:
            groups.append([])
            homes = {id_key(event.dataset_id)}
        groups[-1].append(event)
    return groups


async def _read_group(
    client: ThreatEventsClient, event_ids: Sequence[str], dataset_ids: Sequence[str], allowance: _Allowance
) -> EventGraph:
    """Return the edges of up to 50 events. A group with too many edges for an answer is read in halves, as far as the
    allowance goes.
    """
    with collecting() as remarks:
        page = await client.read_graph(event_ids, dataset_ids, TYPES)
    if len(event_ids) > 1 and not _is_whole(page) and allowance.take_halves(page):
        half = len(event_ids) // 2
        halves = (event_ids[:half], event_ids[half:])
        parts = await gather(partial(_read_group, client, some, dataset_ids, allowance) for some in halves)
        return EventGraph.joined(parts)
    current_remarks().add(remarks)
    graph = _read_page(page, event_ids)
    pages = 1
    while not _is_whole(page):
        cursor = page.result_info.cursor
        if not cursor or len(event_ids) > 1 or pages >= MAX_PAGES:
            graph.unsure |= set(map(id_key, event_ids))
            break
        with watching() as more:
            page, pages = await client.read_graph(event_ids, dataset_ids, TYPES, cursor=cursor), pages + 1
        remarks.incomplete = remarks.incomplete or more.is_incomplete
        following = _read_page(page, event_ids)
        graph.edges |= following.edges
        graph.unsure |= following.unsure
    if remarks.is_incomplete:
        graph.unsure |= set(map(id_key, event_ids))
    return graph


def _is_whole(page: GraphPage) -> bool:
    # A bare answer says nothing about what it leaves out.
    says = page.result_info.model_fields_set & {"has_more", "truncated", "cursor"}
    return page.is_whole and (bool(says) or max(len(page.result.edges), len(page.result.nodes)) < MAX_EDGES)


def _read_page(page: GraphPage, event_ids: Sequence[str]) -> EventGraph:
    """Return what one answer tells. An edge of which a part cannot be read leaves the events at its ends unsure, or
    all that were asked about if it names none of them.
    """
    asked, graph = {*map(id_key, event_ids)}, EventGraph(missing=_list_missing(page))
    if page.lacks_edges:
        graph.unsure |= asked
    for one in page.result.edges:
        source, target = one.event_ids()
        if source and target and (kind := _TYPES_BY_LETTERS.get(_keep_letters(one.relationship_type))):
            graph.edges.add(Edge(kind, source, target))
        elif not (one.leads_elsewhere() or _keep_letters(one.relationship_type) in _OTHER_TYPES):
            graph.unsure |= ({id_key(source), id_key(target)} & asked) or asked
    if page.result.dropped_nodes:
        named = {id_key(node.uuid or node.id.partition(":")[2]) for node in page.result.nodes}
        graph.unsure |= asked - named
    return graph


def _keep_letters(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold()


# An API may spell a type in another way than it takes it: `causedBy`, `CAUSED-BY`.
_TYPES_BY_LETTERS: Final[dict[str, RelationshipType]] = {_keep_letters(kind): kind for kind in TYPES}

# Of indicators and tags, which are not asked for.
_OTHER_TYPES: Final = {"taggedwith", "appearsin"}


def _list_missing(page: GraphPage) -> set[str]:
    return {id_key(node.uuid or node.id.partition(":")[2]) for node in page.result.nodes if node.missing}


async def find_direction(client: ThreatEventsClient, graph: EventGraph, events: Sequence[Event]) -> bool | None:
    """Return whether the source of an edge is the parent, by comparing one edge with a list that has a direction; None
    if the list does not know the edge.
    """
    own = {id_key(event.uuid): event for event in events}
    ends = {(edge.type, id_key(edge.source), id_key(edge.target)) for edge in graph.edges}
    one_way = [one for one in graph.edges if (one.type, id_key(one.target), id_key(one.source)) not in ends]
    if not one_way:
        return True  # no edges, or each in both directions
    edge = min(one_way, key=lambda one: (one.source, one.target, one.type))
    home = own.get(id_key(edge.source)) or own.get(id_key(edge.target))
    if home is None:
        return None
    is_source = id_key(home.uuid) == id_key(edge.source)
    other = id_key(edge.target if is_source else edge.source)
    expected: tuple[Direction, Direction] = ("descendants", "ancestors") if is_source else ("ancestors", "descendants")
    for direction, forwards in zip(expected, (True, False), strict=True):
        try:
            found = await client.list_relationships(home.uuid, home.dataset_id, direction, 1, [edge.type], False)
        except (RateLimited, Unauthenticated):
            raise
        except ApiError:
            return True
        if other in {id_key(one.uuid) for one in found}:
            return forwards
    return None
