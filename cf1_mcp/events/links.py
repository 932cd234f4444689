"""Typed relationships of events: from the graph, fifty events at a time, and event by event where there is none.

An event for which the graph is incomplete is read by itself.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from pydantic import BaseModel

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.event_graph import TYPES, find_direction, read_event_graph
from cf1_mcp.models import Direction, Event, RelationshipType
from cf1_mcp.text.uuids import id_key

DIRECTIONS: Final[tuple[Direction, ...]] = ("ancestors", "descendants")
# Each event takes up to seven requests there, which must end within the time of a call.
AT_ONCE: Final = 16
MAX_PROBED: Final = 3  # events that are read by themselves before a graph without edges is believed


class EventLink(BaseModel, frozen=True):
    """A typed relationship of an event. With `above`, the other event is the parent (ancestor)."""

    type: RelationshipType
    other: str
    other_dataset: str
    above: bool


async def read_all_links(
    client: ThreatEventsClient, events: Sequence[Event], copied: Sequence[str] = ()
) -> list[tuple[EventLink, ...]]:
    """Return the typed relationships of events, in their order. The datasets of the others may be unknown.

    `copied` are events with copies in other datasets, of which the graph does not tell apart whose links it has.
    """
    apart = set(map(id_key, copied))
    asked = [event for event in events if id_key(event.uuid) not in apart]
    graph = await read_event_graph(client, asked) if len(asked) > 1 else None
    if graph is not None and not graph.edges and await _have_links(client, asked):
        graph = None
    forwards = await find_direction(client, graph, asked) if graph else None

    async def find(event: Event) -> tuple[EventLink, ...]:
        if graph is not None and forwards is not None and id_key(event.uuid) not in graph.unsure | apart:
            links = tuple(
                EventLink(type=kind, other=other, other_dataset="", above=above)
                for kind, other, above in graph.relatives_of(event.uuid, forwards)
            )
            # The graph may lag behind. Whether a plain reference makes a child is not published.
            if not event.has_children or event.references or any(not link.above for link in links):
                return links
        return await read_links(client, event)

    return _complete([event.uuid for event in events], await gather((partial(find, one) for one in events), AT_ONCE))


async def _have_links(client: ThreatEventsClient, events: Sequence[Event]) -> bool:
    """Whether events of which the graph knows no link have some: it may be empty, or ignore what it was asked for."""
    probed = sorted(events, key=lambda event: not event.has_children)[:MAX_PROBED]
    found = await gather(partial(read_links, client, event) for event in probed)
    return any(found)


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
