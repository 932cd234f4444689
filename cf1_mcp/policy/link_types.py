"""How related events are linked to one event and to each other: the types and directions that the graph tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.event_graph import find_direction, read_event_graph
from cf1_mcp.models import Event
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.uuids import id_key

MAX_DESCRIBED: Final = 99  # events, which with the one that they are related to are two requests
MAX_LINKS: Final = 2  # of one event
SHORT_ID: Final = 8
NO_GRAPH: Final = (
    "The types and directions of relationships are not shown: this account has no graph (GET /events/graph). "
    "relationship_types and direction limit the list to some of them."
)


@dataclass(frozen=True)
class LinkTypes:
    """The links of events by their folded ids, as text; `note` says why there are none."""

    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""


async def describe_link_types(
    client: ThreatEventsClient, policy: ReadPolicy, start: Event, shown: Sequence[Event], related: Sequence[Event]
) -> LinkTypes:
    """Return how each of the shown events is linked to `start`, or else to another of the related events.

    `related` are all events that may be shown. Links to others are left out: they would tell of them.
    """
    if not shown:
        return LinkTypes()
    asked = [start, *shown[:MAX_DESCRIBED]]
    graph = await read_event_graph(client, asked, policy.reach)
    if graph is None:
        return LinkTypes(note=NO_GRAPH)
    forwards = await find_direction(client, graph, asked)
    if forwards is None:
        return LinkTypes()
    home, visible = id_key(start.uuid), {id_key(event.uuid) for event in (start, *related)}
    texts: dict[str, str] = {}
    for event in shown[:MAX_DESCRIBED]:
        links = [
            (id_key(other) != home, other, kind, "child" if above else "parent")
            for kind, other, above in graph.relatives_of(event.uuid, forwards)
            if id_key(other) in visible
        ]
        # Those to the event itself come first, and alone if there are any.
        found = sorted(links)
        nearest = [link for link in found if link[0] == found[0][0]][:MAX_LINKS]
        texts[id_key(event.uuid)] = ", ".join(
            f"{kind} {role}{f' of {other[:SHORT_ID]}' if far else ''}" for far, other, kind, role in nearest
        )
    return LinkTypes(texts)
