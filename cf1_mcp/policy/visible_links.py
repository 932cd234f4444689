"""The references of events to other events, without those to events that may not be shown."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.models import Condition, Event, EventSearch, SearchValue
from cf1_mcp.policy.datasets import dataset_uuids
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import first_visible
from cf1_mcp.policy.visible_relationships import Walk, check_children

REFERENCE_COLUMNS: Final = frozenset({"references", "referenced", "num_references", "num_referenced"})
CHILDREN: Final = "has_children"
# Values of one condition, and events that one page may hold: an event may have copies in several datasets.
MAX_VALUES: Final = 100
PAGE_SIZE: Final = 1_000


async def show_links(
    client: ThreatEventsClient,
    policy: ReadPolicy,
    events: Sequence[Event],
    columns: Sequence[str],
    walk: Walk | None = None,
) -> list[Event]:
    """Return the events with the links in `columns` as they may be shown: what leads to a withheld event is left out.

    `walk` has the events around a single one, if they were read already.

    Raises:
        ApiError: the linked events could not be read.
    """
    shown = [*events]
    if policy.sees_everything:
        return shown
    if REFERENCE_COLUMNS.intersection(columns):
        linked = {other.casefold() for event in events for other in (*event.references, *event.referenced)}
        around = {event.uuid.casefold() for event in walk.related} if walk else set[str]()
        readable = around | await _find_readable(client, policy, sorted(linked - around))
        shown = [_keep_references(event, readable) for event in shown]
    # Where nothing around an event is withheld, none of its children are.
    if CHILDREN in columns and not (walk and walk.is_whole):
        shown = await gather(partial(check_children, client, policy, event) for event in shown)
    return shown


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
