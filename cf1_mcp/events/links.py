"""Typed relationships of events: from the graph, fifty events at a time, and event by event where it tells too little.

An event by itself takes up to seven requests, so only a few are read so. Of others the links are marked as not read:
what depends on them, such as an undo, has to say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import BaseModel

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.event_graph import TYPES, EventGraph, find_direction, read_event_graph
from cf1_mcp.errors import Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.events.copied_links import NO_COPIES, CopiedEvents, Unclear, keep_own_edges
from cf1_mcp.models import Direction, Event, RelationshipType
from cf1_mcp.text.uuids import id_key

DIRECTIONS: Final[tuple[Direction, ...]] = ("ancestors", "descendants")
# Each event takes up to seven requests there, which must end within the time of a call.
AT_ONCE: Final = 16
MAX_PROBED: Final = 2  # events whose links are listed before a graph is believed; one more if it has no edges
MAX_READ_SINGLY: Final = 10  # events of one change
MANY: Final = 30  # events of one change, of more of which one at most is read singly
# What the list of relationships fails with where an account lacks it.
NO_LIST: Final = (Forbidden, NotFound, Refused)


class EventLink(BaseModel, frozen=True):
    """A typed relationship of an event. With `above`, the other event is the parent (ancestor)."""

    type: RelationshipType
    other: str
    other_dataset: str
    above: bool


@dataclass(frozen=True)
class FoundLinks:
    """The relationships of one event. With `is_unread` it may have others, which were not read."""

    links: tuple[EventLink, ...] = ()
    is_unread: bool = False


async def read_all_links(
    client: ThreatEventsClient,
    events: Sequence[Event],
    dataset_ids: Sequence[str],
    copied: CopiedEvents = NO_COPIES,
    *,
    tells_which: bool = True,
) -> list[FoundLinks]:
    """Return the typed relationships of events, in their order. The datasets of the others may be unknown.

    `dataset_ids` are all datasets of the account, or the scope words for them. Without `tells_which`, all events count
    as unread if one does: how many do may depend on relationships of which a caller may not know.
    """
    own = {id_key(event.uuid): event for event in events}
    graph, unclear = await _read_whole_graph(client, [*own.values()], dataset_ids, copied)
    known = {key: graph.list_links(event) for key, event in own.items()} if graph else {}
    # Whose copies are hidden is always read: their number must not decide what is told.
    hidden = unclear.hidden - graph.graph.unsure if graph else frozenset[str]()
    others = {
        key for key in own if not (graph and graph.knows_all(own[key], known[key])) or key in unclear.ids
    } - hidden
    few = MAX_READ_SINGLY if len(own) <= MANY else 1
    singly = [key for key in own if key in hidden or (key in others and len(others) <= few)]
    found = await gather((partial(_read_links_if_told, client, own[key]) for key in singly), AT_ONCE)
    read = {key: links for key, links in zip(singly, found, strict=True) if links is not None}
    known |= read
    links = _complete([event.uuid for event in events], [known.get(id_key(event.uuid), ()) for event in events])
    unread = (others | hidden) - read.keys()
    if unread and not tells_which:
        unread = {*own}
    return [FoundLinks(some, id_key(event.uuid) in unread) for event, some in zip(events, links, strict=True)]


@dataclass(frozen=True)
class _DirectedGraph:
    """A graph of which it is known which end of an edge is the parent."""

    graph: EventGraph
    parents_are_sources: bool

    def knows_all(self, event: Event, links: Sequence[EventLink]) -> bool:
        """Whether these are all links of an event, as far as that can be told: the graph may lag behind."""
        # Whether a plain reference makes a child is not published.
        has_all = not event.has_children or event.references or any(not link.above for link in links)
        return bool(has_all) and id_key(event.uuid) not in self.graph.unsure

    def list_links(self, event: Event) -> tuple[EventLink, ...]:
        return tuple(
            EventLink(type=kind, other=other, other_dataset="", above=above)
            for kind, other, above in self.graph.relatives_of(event.uuid, self.parents_are_sources)
        )


async def _read_whole_graph(
    client: ThreatEventsClient, events: Sequence[Event], dataset_ids: Sequence[str], copied: CopiedEvents
) -> tuple[_DirectedGraph | None, Unclear]:
    """Return the graph of several events, and those of them of which it may lack links because they have copies. The
    graph is None if there is none, or if it does not know all that a list knows.
    """
    if len(events) < 2:
        return None, Unclear()
    scope = sorted({event.dataset_id for event in events}) if copied.is_unknown else dataset_ids
    graph = await read_event_graph(client, events, scope)
    if graph is None:
        return None, Unclear()
    unclear = Unclear(frozenset(id_key(event.uuid) for event in events)) if copied.is_unknown else Unclear()
    if copied.ids:
        unclear = await keep_own_edges(client, graph, events, copied)
    certain = [event for event in events if id_key(event.uuid) not in unclear.ids | graph.unsure]
    if await _misses_links(client, graph, certain, dataset_ids):
        return None, Unclear()
    forwards = await find_direction(client, graph, events)
    return (None, Unclear()) if forwards is None else (_DirectedGraph(graph, forwards), unclear)


async def _misses_links(
    client: ThreatEventsClient, graph: EventGraph, events: Sequence[Event], dataset_ids: Sequence[str]
) -> bool:
    """Whether events have links that the graph does not know. One without edges may ignore what it was asked for, and
    that it searches analytics datasets which are named is documented without a word on kinds.

    An account may have no list to compare it with, or an incomplete one: then the graph is all that can be known.
    """
    if graph.edges and [*dataset_ids] == ["all"]:
        return False

    async def has_more(event: Event) -> bool:
        # Whether a reference is a relationship for this list is not published.
        linked = {id_key(other) for other in (*event.references, *event.referenced, event.uuid)}
        linked |= {id_key(other) for _, other, _ in graph.relatives_of(event.uuid, True)} | graph.unsure
        try:
            found = await client.list_relationships(event.uuid, event.dataset_id, "both", 1, include_parent=False)
        except (*NO_LIST, UnexpectedAnswer):
            return False
        return any(id_key(one.uuid) not in linked for one in found)

    probed = sorted(events, key=lambda event: not event.has_children)[: MAX_PROBED + (not graph.edges)]
    return any(await gather(partial(has_more, event) for event in probed))


async def _read_links_if_told(client: ThreatEventsClient, event: Event) -> tuple[EventLink, ...] | None:
    """Return the typed relationships of one event; None if the account has no list of them."""
    try:
        return await read_links(client, event)
    except NO_LIST:
        return None


def _complete(event_ids: Sequence[str], links: Sequence[tuple[EventLink, ...]]) -> list[tuple[EventLink, ...]]:
    """Return the links, each at both its ends: one end may have been read in another way than the other."""
    own = {id_key(event_id): place for place, event_id in enumerate(event_ids)}
    every = [dict.fromkeys(some) for some in links]
    for event_id, some in zip(event_ids, links, strict=True):
        for link in some:
            if (place := own.get(id_key(link.other))) is None:
                continue
            known = {(one.type, id_key(one.other), one.above) for one in every[place]}
            if (link.type, id_key(event_id), not link.above) not in known:
                mirrored = EventLink(type=link.type, other=event_id, other_dataset="", above=not link.above)
                every[place][mirrored] = None
    return [tuple(some) for some in every]


async def read_links(client: ThreatEventsClient, event: Event) -> tuple[EventLink, ...]:
    """Return the typed relationships of one event.

    The API lists related events without the relationship, so each type and direction takes a request of its own.
    """
    if not await client.list_relationships(event.uuid, event.dataset_id, "both", 1, include_parent=False):
        return ()
    links: list[EventLink] = []
    for kind in TYPES:
        for direction in DIRECTIONS:
            found = await client.list_relationships(event.uuid, event.dataset_id, direction, 1, [kind], False)
            above = direction == "ancestors"
            links += [
                EventLink(type=kind, other=other.uuid, other_dataset=other.dataset_id, above=above) for other in found
            ]
    return tuple(links)


def name_datasets(
    links: Sequence[EventLink], home: str, copies: Mapping[str, Sequence[Event]]
) -> tuple[EventLink, ...]:
    """Return the links with the datasets of the others: that of the event itself where the other has a copy there."""
    named: list[EventLink] = []
    for link in links:
        found = sorted({one.dataset_id for one in copies.get(id_key(link.other), ())})
        nearest = next((one for one in found if id_key(one) == id_key(home)), found[0] if found else "")
        named.append(link if link.other_dataset else link.model_copy(update={"other_dataset": nearest}))
    return tuple(named)
