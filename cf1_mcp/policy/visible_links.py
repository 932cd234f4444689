"""The references of events to other events, without those to events that may not be shown."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.event_graph import find_direction, read_event_graph
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.errors import Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.models import Condition, Event, EventSearch, SearchValue
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import first_visible
from cf1_mcp.policy.visible_relationships import Walk, check_children

REFERENCE_COLUMNS: Final = frozenset({"references", "referenced", "num_references", "num_referenced"})
CHILDREN: Final = "has_children"
# Values of one condition, and events that one page may hold: an event may have copies in several datasets.
MAX_VALUES: Final = 100
PAGE_SIZE: Final = 1_000
MAX_CHECKED_SINGLY: Final = 2  # events whose children are listed rather than looked up in the graph


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
        shown = await _check_all_children(client, policy, shown)
    return shown


async def _check_all_children(client: ThreatEventsClient, policy: ReadPolicy, events: Sequence[Event]) -> list[Event]:
    """Return the events, without the flag that they have children where none of them may be shown.

    The children of several events come from the graph where the account has it, and those of others are listed.
    """
    asked = [event for event in events if event.has_children]
    judged = await _judge_by_graph(client, policy, asked) if len(asked) > MAX_CHECKED_SINGLY else {}

    async def check(event: Event) -> Event:
        may_show = judged.get(event.uuid.casefold()) if event.has_children else True
        if may_show is None:
            return await check_children(client, policy, event)
        return event if may_show else event.model_copy(update={"has_children": False})

    return await gather(partial(check, event) for event in events)


async def _judge_by_graph(client: ThreatEventsClient, policy: ReadPolicy, events: Sequence[Event]) -> dict[str, bool]:
    """Return for events by their folded ids whether they have a child that may be shown. Left out are those of which
    that is unclear: the graph knows no child, or more than are looked up, or the event has copies, whose children it
    does not tell apart.
    """
    if policy.restricted:
        return {}  # copies in datasets that may not be read are not searched
    graph = await read_event_graph(client, events, policy.account_reach)
    forwards = await find_direction(client, graph, events) if graph else None
    if graph is None or forwards is None:
        return {}
    relatives = {event.uuid.casefold(): graph.relatives_of(event.uuid, forwards) for event in events}
    children = {key: [other for _, other, above in found if not above] for key, found in relatives.items()}
    # As many as one request takes: the first child that may be shown is enough.
    most = max(1, MAX_VALUES // max(1, len(children)) - 1)
    asked = {key: [other.casefold() for other in some[:most]] for key, some in children.items()}
    ids = sorted({*asked, *(other for some in asked.values() for other in some)})
    try:
        copies = await _find_copies(client, policy, ids)
    except (Refused, NotFound, Forbidden, UnexpectedAnswer):
        return {}
    readable = {key for key, found in copies.items() if any(policy.rule_against(one) is None for one in found)}
    return {
        key: not readable.isdisjoint(some)
        for key, some in asked.items()
        if some and len(copies.get(key, ())) == 1 and key not in graph.unsure
        if len(some) == len(children[key]) or not readable.isdisjoint(some)
    }


async def _find_copies(
    client: ThreatEventsClient, policy: ReadPolicy, event_ids: Sequence[str]
) -> dict[str, list[Event]]:
    """Return events by their folded ids, in every dataset. Only where nothing restricts them."""
    asked, copies = {*event_ids}, dict[str, list[Event]]()
    for start in range(0, len(event_ids), MAX_VALUES):
        among = Condition(field="uuid", op="in", value=list[SearchValue](event_ids[start : start + MAX_VALUES]))
        search = EventSearch(dataset_id=[*policy.reach], search=[among], page_size=PAGE_SIZE)
        for event in await client.list_all_events(search):
            if (key := event.uuid.casefold()) in asked:
                copies.setdefault(key, []).append(event)
    return copies


async def _find_readable(client: ThreatEventsClient, policy: ReadPolicy, event_ids: Sequence[str]) -> set[str]:
    """Return the folded ids of those events that may be shown."""
    scope = [*policy.reach]
    groups = [event_ids[start : start + MAX_VALUES] for start in range(0, len(event_ids), MAX_VALUES)]

    async def find(group: Sequence[str]) -> list[Event]:
        among = Condition(field="uuid", op="in", value=list[SearchValue](group))
        search = EventSearch(dataset_id=scope, search=[among], page_size=PAGE_SIZE)
        # A link to an event that is not found is not shown, also where the API ignores the search.
        return await first_visible(client, search, policy, PAGE_SIZE, report=ReadingReport())

    pages = await gather(partial(find, group) for group in groups) if scope else []
    return {event.uuid.casefold() for page in pages for event in page}


def _keep_references(event: Event, readable: set[str]) -> Event:
    # An event with copies may be named once for each.
    references = [other for other in dict.fromkeys(event.references) if other.casefold() in readable]
    referenced = [other for other in dict.fromkeys(event.referenced) if other.casefold() in readable]
    return event.model_copy(
        update={
            "references": references,
            "referenced": referenced,
            "num_references": None if event.num_references is None else len(references),
            "num_referenced": None if event.num_referenced is None else len(referenced),
        }
    )
