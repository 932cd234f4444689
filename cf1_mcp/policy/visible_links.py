"""The links of events to other events, without those to events that may not be shown."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.models import Condition, Direction, Event, EventSearch, RelationshipType, SearchValue
from cf1_mcp.policy.datasets import dataset_uuids
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import first_visible

REFERENCE_COLUMNS: Final = frozenset({"references", "referenced", "num_references", "num_referenced"})
CHILDREN: Final = "has_children"
# Values of one condition, and events that one page may hold: an event may have copies in several datasets.
MAX_VALUES: Final = 100
PAGE_SIZE: Final = 1_000
# The most events that a walk visits one by one.
MAX_VISITED: Final = 200


async def show_links(
    client: ThreatEventsClient, policy: ReadPolicy, events: Sequence[Event], columns: Sequence[str]
) -> list[Event]:
    """Return the events with the links in `columns` as they may be shown: what leads to a withheld event is left out.

    Raises:
        ApiError: the linked events could not be read.
    """
    shown = [*events]
    if policy.sees_everything:
        return shown
    if REFERENCE_COLUMNS.intersection(columns):
        linked = {other.casefold() for event in events for other in (*event.references, *event.referenced)}
        readable = await _find_readable(client, policy, sorted(linked))
        shown = [_keep_references(event, readable) for event in shown]
    if CHILDREN in columns:
        shown = await gather(partial(_check_children, client, policy, event) for event in shown)
    return shown


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
    found = await _list_related(client, event, direction, max_depth, relationship_types)
    admitted, withheld = policy.admit(found)
    if withheld and max_depth > 1:
        reachable = await _find_reachable(client, policy, event, direction, max_depth, relationship_types)
        admitted = [one for one in admitted if one.uuid.casefold() in reachable]
    # The API's order may depend on the events in between.
    return sorted(admitted, key=lambda one: (one.date, one.uuid), reverse=True)


async def _find_readable(client: ThreatEventsClient, policy: ReadPolicy, event_ids: Sequence[str]) -> set[str]:
    """Return the folded ids of those events that may be shown."""
    scope = [*dataset_uuids(policy.datasets)] if policy.restricted else ["all"]
    groups = [event_ids[start : start + MAX_VALUES] for start in range(0, len(event_ids), MAX_VALUES)]

    async def find(group: Sequence[str]) -> list[Event]:
        among = Condition(field="uuid", op="in", value=list[SearchValue](group))
        search = EventSearch(dataset_id=scope, search=[among], page_size=PAGE_SIZE)
        return await first_visible(client, search, policy, PAGE_SIZE)

    pages = await gather(partial(find, group) for group in groups) if scope else []
    return {event.uuid.casefold() for page in pages for event in page}


def _keep_references(event: Event, readable: set[str]) -> Event:
    references = [other for other in event.references if other.casefold() in readable]
    referenced = [other for other in event.referenced if other.casefold() in readable]
    return event.model_copy(
        update={
            "references": references,
            "referenced": referenced,
            "num_references": len(references),
            "num_referenced": len(referenced),
        }
    )


async def _check_children(client: ThreatEventsClient, policy: ReadPolicy, event: Event) -> Event:
    """Return the event, without the flag that it has children if none of them may be shown."""
    if not event.has_children:
        return event
    children = await _list_related(client, event, "descendants", 1, None)
    return event if policy.admit(children)[0] else event.model_copy(update={CHILDREN: False})


async def _list_related(
    client: ThreatEventsClient,
    event: Event,
    direction: Direction,
    max_depth: int,
    relationship_types: Sequence[RelationshipType] | None,
) -> list[Event]:
    """Return all pages of the events that the API relates to an event."""
    found: list[Event] = []
    page = 1
    while True:
        part = await client.list_relationships(
            event.uuid, event.dataset_id, direction, max_depth, relationship_types, False, page, PAGE_SIZE
        )
        found += part
        if len(part) < PAGE_SIZE:
            return found
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
            steps = await gather(partial(_list_related, client, one, way, 1, relationship_types) for one in edge)
            new = {one.uuid.casefold(): one for step in steps for one in policy.admit(step)[0]}
            edge = [one for key, one in new.items() if key not in seen][: MAX_VISITED - len(seen)]
            seen |= new.keys()
            if not edge:
                break
        reached |= seen - {start.uuid.casefold()}
    return reached
