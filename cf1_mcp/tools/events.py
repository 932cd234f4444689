"""Tools that read threat events: search, get, list related."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_FIELD_LENGTH, clean_value, event_cells, event_fields, resolve_columns
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import ExtraColumn, fit_events, list_event_page
from cf1_mcp.answers.row_datasets import COLUMN, find_row_datasets
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather, run_in_thread
from cf1_mcp.api.remarks import remark
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.context import AccountVocabulary, Client
from cf1_mcp.contracts.arguments import (
    Conditions,
    CreatedSince,
    Cursor,
    DatasetId,
    DatasetIds,
    EventId,
    Fields,
    Limit,
    QueryId,
    Select,
    Since,
    Text,
    Until,
)
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import EVENTS
from cf1_mcp.errors import ApiError, Forbidden, NotFound, Refused, Unavailable, UnexpectedAnswer, Withheld
from cf1_mcp.models import (
    Condition,
    Dataset,
    Direction,
    Event,
    EventSearch,
    Order,
    Raw,
    RelationshipType,
    SearchValue,
)
from cf1_mcp.models.fields import COLUMNS
from cf1_mcp.policy.dataset_scope import KnownDataset
from cf1_mcp.policy.link_types import describe_link_types
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.policy.visible_events import first_visible
from cf1_mcp.policy.visible_links import show_links
from cf1_mcp.policy.visible_relationships import Walk, walk_from, walk_links
from cf1_mcp.policy.visible_remarks import remark_on_events
from cf1_mcp.search.argument_groups import expand_argument_groups
from cf1_mcp.search.filters import SearchFilters
from cf1_mcp.search.no_results import explain_page
from cf1_mcp.search.request import RequestedSearch
from cf1_mcp.search.scopes import SearchScope
from cf1_mcp.search.selections.selection_making import add_selection, create_selection
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

# How many related events the answer of one event includes; list_related_threat_events lists more.
MAX_RELATED = 20
MAX_RAW_LENGTH = 8_000
DEFAULT_DEPTH = 5
# Events that one page may hold: an event may have copies in several datasets.
MAX_COPIES = 1_000


@EVENTS.tool("Search threat events", ToolEffect.READ)
@expand_argument_groups
async def search_threat_events(
    client: Client,
    scope: SearchScope,
    request: RequestedSearch,
    filters: SearchFilters,
    paging: CurrentPaging,
    text: Text = None,
    since: Since = None,
    until: Until = None,
    created_since: CreatedSince = None,
    conditions: Conditions = None,
    query_id: QueryId = None,
    order: Annotated[Order, Field(description="By date")] = "desc",
    dataset_ids: DatasetIds = None,
    fields: Fields = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    select: Select = False,
) -> Rows:
    """Find threat events by who attacked whom, with what, where and when: look up an IP, domain, URL or hash (seen?
    malicious?), an actor's attacks, malware, ransomware or phishing against a country or industry, what attackers did
    (steal, wipe, delete), a technique. All filters must match, each with any of its values. For counts and trends use
    aggregate_threat_events.
    """
    search = request.search().model_copy(update={"dataset_id": list(scope.ids), "order_by": "date", "order": order})
    identity = {**request.identity, "query_id": query_id, "order": order, "scope": scope.ids}
    page = await list_event_page(client, search, scope, resolve_columns(fields), limit, paging, identity)
    page = await explain_page(client, page, request, scope, is_first=paging.is_first)
    return add_selection(page, await create_selection(client, search, scope, paging.sealer), scope) if select else page


@EVENTS.tool("Get a threat event", ToolEffect.READ)
async def get_threat_event(
    client: Client,
    read_policy: CurrentReadPolicy,
    dataset: KnownDataset,
    event_id: EventId,
    dataset_id: DatasetId = None,
    include: Annotated[list[Literal["raw", "relationships"]] | None, Field(description="What to add")] = None,
) -> Card:
    """Read one event in full, with every detail, and on request with its raw evidence (the log behind it) and the
    events around it. Use it when search has shown which event matters; to find one use search_threat_events. Pass
    dataset_id to avoid a deprecated route.
    """
    names, walk = include or [], None
    if dataset is None:
        event = read_policy.require_readable(await _find_event(client, read_policy, event_id))
        dataset = Dataset(uuid=event.dataset_id, name=event.dataset_id)
        # One list of what is around the event tells its children and most of its references as well.
        walk = await _walk_around(client, read_policy, event.uuid, dataset) if "relationships" in names else None
    else:
        # The list of what is around the event has the event as well.
        walk = await _walk_around(client, read_policy, event_id, dataset) if "relationships" in names else None
        event = walk.start if walk and walk.start else await client.read_event(dataset.uuid, event_id)
    shown = read_policy.visible(read_policy.require_readable(event))
    remark_on_events([shown])
    parts = {
        "raw": partial(_read_raw, client, read_policy, shown, dataset.uuid),
        "relationships": partial(_read_related, client, read_policy, shown, dataset.uuid, walk),
    }
    tables = await gather(partial(_read_part, name, parts[name]) for name in names)
    shown = await _show_links(client, read_policy, shown, walk)
    return Card(untrusted=event_fields(shown), parts=dict(zip(names, tables, strict=True)))


@EVENTS.tool("List related threat events", ToolEffect.READ)
async def list_related_threat_events(
    client: Client,
    words: AccountVocabulary,
    read_policy: CurrentReadPolicy,
    dataset: KnownDataset,
    paging: CurrentPaging,
    event_id: EventId,
    dataset_id: DatasetId = None,
    direction: Annotated[Direction, Field(description="ancestors: towards the campaign")] = "both",
    max_depth: Annotated[int, Field(description="Links to follow", ge=1, le=20)] = DEFAULT_DEPTH,
    relationship_types: Annotated[
        list[RelationshipType] | None, Field(description="Links to follow, default all")
    ] = None,
    fields: Fields = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Rows:
    """List the events linked to one event: the campaign it belongs to, the steps before and after it, the malware and
    infrastructure below it. Use it to follow a campaign or attack chain, or to pivot from one indicator to the next.
    For events that merely share a value use search_threat_events.
    """
    if dataset is None:
        event = await _find_event(client, read_policy, event_id)
        dataset = await _find_dataset(words, event)
    else:
        event = await client.read_event(dataset.uuid, event_id)
    # A walk from an event that may not be shown would tell its links.
    read_policy.require_readable(event)
    related = await walk_links(client, read_policy, event, direction, max_depth, relationship_types)
    columns = resolve_columns(fields)
    related = await show_links(client, read_policy, related, columns)
    identity = {"event": event_id, "home": dataset.uuid, "to": direction, "depth": max_depth, "by": relationship_types}
    first = paging.open_offset(identity)
    links = await describe_link_types(client, read_policy, event, related[first : first + limit], related)
    extra = ExtraColumn("relationship", links.texts) if any(links.texts.values()) else None
    known = [dataset, *read_policy.datasets]
    covered = find_row_datasets([Event(uuid=event_id, dataset_id=dataset.uuid), *related], known)
    rows = fit_events(related, [*covered.names.values()], columns, limit, paging, identity, extra, known)
    return replace(rows, notes=[*rows.notes, links.note]) if links.note else rows


async def _show_links(client: ThreatEventsClient, read_policy: ReadPolicy, event: Event, walk: Walk | None) -> Event:
    """Return the event with its links as they may be shown, or without them if that cannot be found out."""
    try:
        [shown] = await show_links(client, read_policy, [event], COLUMNS, walk)
    except ApiError as error:
        remark(f"The events that this one refers to could not be looked at, and are left out: {error.sentence}")
        hidden: dict[str, JsonValue] = {"references": [], "referenced": [], "has_children": None}
        return event.model_copy(update={**hidden, "num_references": None, "num_referenced": None})
    return shown


async def _read_part(name: str, read: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return a part of the answer, or why it is missing: the event is worth showing without it."""
    try:
        return await read()
    except ApiError as error:
        remark(f"The part {name!r} could not be read. The event itself is complete.")
        said: dict[str, JsonValue] = {"api_said": error.said} if error.said else {}
        return Card({"failed": error.sentence}, untrusted=said)


async def _find_event(client: ThreatEventsClient, read_policy: ReadPolicy, event_id: str) -> Event:
    """Return an event of any dataset. The route for that is deprecated, and may know the default dataset alone, or
    refuse or fail; then the event is searched for among those that may be shown.
    """
    try:
        return await client.read_event_anywhere(event_id, read_policy.may_show)
    except (NotFound, Forbidden, Refused, Unavailable, UnexpectedAnswer) as error:
        if error.status is None:
            raise  # no answer in time, or none at all: another question would not get one either
        spellings = list[SearchValue](dict.fromkeys([event_id, event_id.lower()]))
        among = Condition(field="uuid", op="in", value=spellings)
        search = EventSearch(dataset_id=[*read_policy.reach], search=[among], page_size=MAX_COPIES)
        found = await first_visible(client, search, read_policy, 1) if read_policy.reach else []
        if not found:
            raise error from None
        return found[0]


async def _find_dataset(words: Vocabulary, event: Event) -> Dataset:
    """Return the dataset of an event, for a call that does not name one."""
    known = {dataset.uuid: dataset for dataset in await words.datasets()}
    return known.get(event.dataset_id) or Dataset(uuid=event.dataset_id, name=event.dataset_id)


async def _read_raw(client: ThreatEventsClient, read_policy: ReadPolicy, event: Event, dataset_id: str) -> Answer:
    raw = await _find_raw(client, event, dataset_id)
    try:
        read_policy.require_raw_readable(event, raw)
    except Withheld as withheld:
        return Card({"withheld": f"by {withheld.rule}"})
    if raw.unreadable:
        lost = ", ".join(sorted(raw.unreadable))
        remark(f"The raw evidence has values that cannot be read, which were left out: {lost}.")
    data = await run_in_thread(partial(clean_value, raw.data, MAX_FIELD_LENGTH, event.indicator))
    text = json.dumps(data, ensure_ascii=False)
    fields = {"source": raw.source, "tlp": raw.tlp, "created": raw.created}
    shown: dict[str, JsonValue] = {name: clean(value, MAX_FIELD_LENGTH) for name, value in fields.items() if value}
    return Card(untrusted={**shown, "data": data if len(text) <= MAX_RAW_LENGTH else clean(text, MAX_RAW_LENGTH)})


async def _find_raw(client: ThreatEventsClient, event: Event, dataset_id: str) -> Raw:
    """Return the raw evidence of an event, by its own id or else by that of its event."""
    if not event.raw_id:
        return await client.read_dataset_raw(dataset_id, event.uuid)
    try:
        return await client.read_raw(event.uuid, event.raw_id)
    except (NotFound, Forbidden, Refused, Unavailable, UnexpectedAnswer) as error:
        if not dataset_id:
            raise
        try:
            return await client.read_dataset_raw(dataset_id, event.uuid, event.raw_id)
        except ApiError:
            raise error from None


async def _walk_around(
    client: ThreatEventsClient, read_policy: ReadPolicy, event_id: str, dataset: Dataset
) -> Walk | None:
    """Return what is around an event, and the event; None if the API does not list that."""
    try:
        walk = await walk_from(client, read_policy, Event(uuid=event_id, dataset_id=dataset.uuid), DEFAULT_DEPTH)
    except ApiError:
        return None
    in_dataset = walk.start and id_key(walk.start.dataset_id) == id_key(dataset.uuid)
    return walk if in_dataset else None


async def _read_related(
    client: ThreatEventsClient, read_policy: ReadPolicy, event: Event, dataset_id: str, walk: Walk | None
) -> Answer:
    home = event.model_copy(update={"dataset_id": dataset_id})
    related = walk.related if walk else await walk_links(client, read_policy, home, "both", DEFAULT_DEPTH)
    more = ["There are more: list_related_threat_events lists all of them."] if len(related) > MAX_RELATED else []
    columns = ("uuid", "date", "category", "indicator", "event")
    shown = related[:MAX_RELATED]
    counts: dict[str, JsonValue] = {"events": len(shown), **({"of": len(related)} if more else {})}
    cells, origin = event_cells(shown, columns), find_row_datasets([home, *shown], read_policy.datasets)
    if not origin.are_several:
        return Rows(columns, cells, counts, more)
    numbered = [[*row, origin.number_of(one)] for one, row in zip(shown, cells, strict=True)]
    return Rows((*columns, COLUMN), numbered, {**counts, **origin.fact()}, more)
