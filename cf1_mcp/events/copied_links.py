"""Relationships of events with copies in other datasets, which have one id for all copies.

The graph merges the edges of all copies that it is asked for. Asked for the dataset of the events alone, it has those
of no other copy. What it adds elsewhere is compared with the edges of the other copies alone: an edge that these do not
have belongs to the event itself, if the other end is not in its dataset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.event_graph import Edge, EventGraph, read_event_graph
from cf1_mcp.events.copies import find_listed
from cf1_mcp.models import Event
from cf1_mcp.text.uuids import id_key

# Other ends of edges, which are looked up in one list.
MAX_OTHERS: Final = 99


@dataclass(frozen=True)
class CopiedEvents:
    """Which events, by their folded ids, have copies in other datasets: `places`, by uuid. Of copies of `hidden` events
    a caller may not know.

    `elsewhere` are all other datasets of the account. With `is_unknown` any event may have copies.
    """

    ids: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    places: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    is_unknown: bool = False


NO_COPIES: Final = CopiedEvents()


@dataclass(frozen=True)
class Unclear:
    """Events, by their folded ids, of which a graph does not tell all links because of copies. `hidden` are those of
    them where that would tell of copies that a caller may not know.
    """

    ids: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()


async def keep_own_edges(
    client: ThreatEventsClient, graph: EventGraph, events: Sequence[Event], copied: CopiedEvents
) -> Unclear:
    """Take edges out of a graph that may belong to copies of the events, and return the events that this concerns."""
    own = {id_key(event.uuid) for event in events}
    asked = [event for event in events if id_key(event.uuid) in copied.ids]
    homes = {id_key(event.dataset_id): event.dataset_id for event in asked}
    here = await read_event_graph(client, asked, [*homes.values()]) if len(homes) == 1 else None
    if here is None:
        return Unclear(copied.ids, copied.hidden)
    unclear, hidden = here.unsure & copied.ids, here.unsure & copied.hidden
    for edge in await _find_doubtful(client, graph.edges - here.edges, asked, own, copied):
        graph.edges.discard(edge)
        unclear |= _ends(edge) & own
        hidden |= set[str]() if _ends(edge).isdisjoint(copied.hidden) else _ends(edge) & own
    return Unclear(frozenset(unclear), frozenset(hidden))


async def _find_doubtful(
    client: ThreatEventsClient, edges: set[Edge], asked: Sequence[Event], own: set[str], copied: CopiedEvents
) -> set[Edge]:
    """Return those of the edges outside a dataset that may be edges of copies of its events, and not of these."""
    beyond = {edge for edge in edges if not _ends(edge).isdisjoint(copied.ids)}
    among = [event for event in asked if any(id_key(event.uuid) in _ends(edge) for edge in beyond)]
    if not beyond or not copied.elsewhere:
        return beyond
    there = await read_event_graph(client, among, copied.elsewhere, copied.places)
    at_home = await _find_at_home(client, among[0].dataset_id, beyond, own)
    if there is None or at_home is None:
        return beyond
    unsure = there.unsure - there.missing
    return {
        edge for edge in beyond if edge in there.edges or _ends(edge) <= at_home or not _ends(edge).isdisjoint(unsure)
    }


def _ends(edge: Edge) -> set[str]:
    return {id_key(edge.source), id_key(edge.target)}


async def _find_at_home(
    client: ThreatEventsClient, dataset_id: str, edges: set[Edge], own: set[str]
) -> set[str] | None:
    """Return those ends of edges that are in the dataset of the events as well; None if that cannot be told."""
    others = sorted({one for edge in edges for one in _ends(edge)} - own)
    if not others:
        return own
    # A list of one would be read by itself.
    listed = await find_listed(client, dataset_id, [*others, *sorted(own)[:1]]) if len(others) <= MAX_OTHERS else None
    return None if listed is None else own | listed.keys()
