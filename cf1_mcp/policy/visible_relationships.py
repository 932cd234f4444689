"""The relationships between events that may be shown: walks along them, and whether an event has children."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.models import Direction, Event, RelationshipType
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_remarks import remark_on_dropped_rows, remark_on_events
from cf1_mcp.text.uuids import id_key

PAGE_SIZE: Final = 1_000
# The most events that a walk visits one by one; the time of a call allows fewer.
MAX_VISITED: Final = 5_000


@dataclass(frozen=True)
class Walk:
    """The events related to one event that may be shown. `start` is that event if the list has it, unchecked, and
    `is_whole` says that none of the related events is withheld.
    """

    related: list[Event]
    start: Event | None
    is_whole: bool


async def walk_links(
    client: ThreatEventsClient,
    policy: ReadPolicy,
    event: Event,
    direction: Direction,
    max_depth: int,
    relationship_types: Sequence[RelationshipType] | None = None,
) -> list[Event]:
    """Return the events related to an event that may be shown, newest first. A walk does not pass through others.

    Raises:
        ApiError: the related events could not be read.
    """
    found = await _list_related(client, policy, event, direction, max_depth, relationship_types)
    return await _walk_through(client, policy, event, found, direction, max_depth, relationship_types)


async def walk_from(client: ThreatEventsClient, policy: ReadPolicy, event: Event, max_depth: int) -> Walk:
    """Walk from an event of which only the id and the dataset are known, in both directions. Raises the same."""
    found = await _list_related(client, policy, event, "both", max_depth, None, with_start=True)
    start = next((one for one in found if id_key(one.uuid) == id_key(event.uuid)), None)
    found = [one for one in found if id_key(one.uuid) != id_key(event.uuid)]
    related = await _walk_through(client, policy, event, found, "both", max_depth, None)
    return Walk(related, start, not policy.admit(found)[1])


async def _walk_through(
    client: ThreatEventsClient,
    policy: ReadPolicy,
    event: Event,
    found: Sequence[Event],
    direction: Direction,
    max_depth: int,
    relationship_types: Sequence[RelationshipType] | None,
) -> list[Event]:
    """Return those of the found events that may be shown, and that are reached through such events."""
    admitted, withheld = policy.admit(found)
    remark_on_events(admitted)
    if withheld and max_depth > 1:
        reachable = await _find_reachable(client, policy, event, direction, max_depth, relationship_types)
        admitted = [one for one in admitted if one.uuid.casefold() in reachable]
    # An event may have copies, of which some may not be read.
    admitted = [*{one.uuid.casefold(): one for one in admitted}.values()]
    # The API's order may depend on the events in between.
    return sorted(admitted, key=lambda one: (one.date, one.uuid), reverse=True)


async def check_children(client: ThreatEventsClient, policy: ReadPolicy, event: Event) -> Event:
    """Return the event, without the flag that it has children if none of them may be shown."""
    if not event.has_children:
        return event
    children = await _list_related(client, policy, event, "descendants", 1, None)
    return event if policy.admit(children)[0] else event.model_copy(update={"has_children": False})


async def _list_related(
    client: ThreatEventsClient,
    policy: ReadPolicy,
    event: Event,
    direction: Direction,
    max_depth: int,
    relationship_types: Sequence[RelationshipType] | None,
    *,
    with_start: bool = False,
) -> list[Event]:
    """Return all pages of the events that the API relates to an event, each copy once; `with_start` adds that event."""
    found: dict[tuple[str, str], Event] = {}
    page = 1
    while True:
        read = await client.read_related_page(
            event.uuid, event.dataset_id, direction, max_depth, relationship_types, with_start, page, PAGE_SIZE
        )
        remark_on_dropped_rows(read, policy)
        new = {(one.uuid, one.dataset_id): one for one in read.result if (one.uuid, one.dataset_id) not in found}
        found |= new
        # An API that ignores the number of the page answers with the same events for ever.
        if read.size < PAGE_SIZE or not new:
            return [*found.values()]
        page += 1


async def _find_reachable(
    client: ThreatEventsClient,
    policy: ReadPolicy,
    start: Event,
    direction: Direction,
    max_depth: int,
    relationship_types: Sequence[RelationshipType] | None,
) -> set[str]:
    """Return the folded ids of the events that are reached through events that may be shown, one step at a time."""
    reached: set[str] = set()
    ways: Sequence[Direction] = ("ancestors", "descendants") if direction == "both" else (direction,)
    for way in ways:
        seen = {start.uuid.casefold()}
        edge = [start]
        for _ in range(max_depth):
            steps = await gather(
                partial(_list_related, client, policy, one, way, 1, relationship_types) for one in edge
            )
            new = {one.uuid.casefold(): one for step in steps for one in policy.admit(step)[0]}
            edge = [one for key, one in new.items() if key not in seen][: MAX_VISITED - len(seen)]
            seen |= new.keys()
            if not edge:
                break
        reached |= seen - {start.uuid.casefold()}
    return reached
