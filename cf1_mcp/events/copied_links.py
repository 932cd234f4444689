"""Relationships of events with copies in other datasets, which have one id for all copies.

The graph merges the edges of all copies that it is asked for. Asked for the dataset of the events alone, it has those
of no other copy. What it adds elsewhere is compared with the edges of the other copies alone: an edge that these do not
have belongs to the event itself, if the other end is not in its dataset. Where both may have it, a list tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.event_graph import Edge, EventGraph, read_event_graph
from cf1_mcp.events.copies import CopyFinder
from cf1_mcp.events.listed_events import UNLISTED
from cf1_mcp.models import Event
from cf1_mcp.text.uuids import id_key

# Other ends of edges, which are looked up in one list.
MAX_OTHERS: Final = 100
MAX_LISTED: Final = 4  # of them, of which the links are listed


@dataclass(frozen=True)
class CopiedEvents:
    """Which events, by their folded ids, have copies in other datasets: `places`, by uuid. Of copies of `hidden` events
    a caller may not know.

    `elsewhere` are all other datasets of the account. The `finder` finds the events around. With `is_unknown` any event
    may have copies.
    """

    ids: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    places: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    finder: CopyFinder | None = None
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
    beyond = {edge for edge in graph.edges - here.edges if not _ends(edge).isdisjoint(copied.ids)}
    found = await _judge(copied.finder, beyond, asked, own, copied) if beyond and copied.finder else {}
    graph.edges -= {edge for edge in beyond if not found.get(edge)}
    for edge in beyond - found.keys():
        unclear |= _ends(edge) & own
        hidden |= set[str]() if _ends(edge).isdisjoint(copied.hidden) else _ends(edge) & own
    return Unclear(frozenset(unclear), frozenset(hidden))


async def _judge(
    finder: CopyFinder, beyond: set[Edge], asked: Sequence[Event], own: set[str], copied: CopiedEvents
) -> dict[Edge, bool]:
    """Return of edges outside a dataset whether they are edges of its events, rather than of copies. Left out are those
    of which that cannot be told.
    """
    among = [event for event in asked if any(id_key(event.uuid) in _ends(edge) for edge in beyond)]
    client = finder.client
    there = await read_event_graph(client, among, copied.elsewhere, copied.places) if copied.elsewhere else None
    if there is None:
        return {}
    others = sorted({one for edge in beyond for one in _ends(edge)} - own)
    try:
        places = await finder.find(others) if len(others) <= MAX_OTHERS else {}
    except UNLISTED:
        return {}
    homes = {id_key(event.uuid): id_key(event.dataset_id) for event in asked}
    unsure, judged, listed = there.unsure - there.missing, dict[Edge, bool](), dict[tuple[str, str], list[Edge]]()
    for edge in beyond:
        outside = sorted(_ends(edge) - own)
        found = places.get(outside[0], []) if len(outside) == 1 else []
        is_apart = bool(found) and all(id_key(one.dataset_id) not in homes.values() for one in found)
        if not is_apart or not _ends(edge).isdisjoint(unsure):
            continue
        if edge not in there.edges:
            judged[edge] = True
        elif len(found) == 1:
            listed.setdefault((outside[0], edge.type), []).append(edge)
    if len(listed) > MAX_LISTED:
        return judged
    for (other, _), edges in listed.items():
        judged |= await _judge_by_list(client, places[other][0], edges, homes)
    return judged


async def _judge_by_list(
    client: ThreatEventsClient, other: Event, edges: Sequence[Edge], homes: Mapping[str, str]
) -> dict[Edge, bool]:
    """Return the same of edges of one type to one event, by the list of what that is linked to."""
    ends = [next(iter(_ends(edge) - {id_key(other.uuid)}), "") for edge in edges]
    if len({*ends}) < len(ends):
        return {}  # in both directions, which the list does not tell
    try:
        rows = await client.list_relationships(other.uuid, other.dataset_id, "both", 1, [edges[0].type], False)
    except UNLISTED:
        return {}
    linked = {(id_key(row.uuid), id_key(row.dataset_id)) for row in rows}
    return {edge: (end, homes.get(end, "")) in linked for edge, end in zip(edges, ends, strict=True)}


def _ends(edge: Edge) -> set[str]:
    return {id_key(edge.source), id_key(edge.target)}
