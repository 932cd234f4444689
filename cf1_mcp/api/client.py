"""ThreatEventsClient: one method per operation, all through the `request()` of its connection."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from pydantic import JsonValue

from cf1_mcp.api import operations as op
from cf1_mcp.api.asked import drop_other_datasets, hold_event, hold_raw, require_count, require_done, require_same
from cf1_mcp.api.connection import Query
from cf1_mcp.api.paging import Attempt, once, search_after
from cf1_mcp.api.saved_query_client import SavedQueryClient
from cf1_mcp.models import (
    Aggregates,
    BulkCreated,
    BulkWithRelationshipsCreated,
    Category,
    Country,
    Dataset,
    Deleted,
    Direction,
    Done,
    Event,
    EventChange,
    EventPage,
    EventSearch,
    GraphqlAnswer,
    IndicatorPage,
    Moved,
    NewEvent,
    Raw,
    RawChange,
    RelationshipsCreated,
    RelationshipType,
    Reverted,
    TagPage,
)

# Longer query strings are sent as a body: proxies and servers begin to refuse URLs near 8 kB.
MAX_QUERY_LENGTH = 4000
# What a search may name instead of datasets.
SCOPE_WORDS = frozenset({"all", "operational", "analytics"})


def _query_params(search: EventSearch) -> dict[str, str | float | bool | Sequence[str] | None]:
    """Return a search as query parameters. The conditions are one JSON text, which keeps their parts together."""
    query = search.wire()
    if "search" in query:
        query["search"] = json.dumps(query["search"], separators=(",", ":"), ensure_ascii=False)
    return query


class ThreatEventsClient(SavedQueryClient):
    """The operations of the Threat Events API. Every failure is a `ThreatEventsError`.

    An answer about another object than the one asked about is an `UnexpectedAnswer`; after a change it is an
    `UnknownOutcome`, as is any other answer that does not tell whether the change was made.
    """

    # -- reading events

    async def list_events(self, search: EventSearch) -> EventPage:
        """A page of events. Short searches are sent in the URL; long ones, and any with branches, in a body."""
        query = _query_params(search)
        if search.search_branches or len(str(query)) > MAX_QUERY_LENGTH:
            page = await self.request(EventPage, op.SEARCH_EVENTS, body=search.wire(), paged=True)
        else:
            page = await self.request(EventPage, op.LIST_EVENTS, query=query, paged=True)
        if search.dataset_id and not SCOPE_WORDS & {*search.dataset_id}:
            page.result = drop_other_datasets(page.result, search.dataset_id)
        return page

    async def event_pages(self, search: EventSearch, attempt: Attempt = once) -> AsyncGenerator[EventPage]:
        """Pages of a search, from the page that `search` names to the last, one request each."""
        following: EventSearch | None = search
        while following:
            page = await attempt(partial(self.list_events, following))
            yield page
            following = search_after(following, page)

    async def read_event(self, dataset_id: str, event_id: str) -> Event:
        return hold_event(await self.request(Event, op.READ_EVENT, dataset_id=dataset_id, event_id=event_id), event_id)

    async def read_event_anywhere(self, event_id: str) -> Event:
        """An event whose dataset is unknown. The route is deprecated."""
        return hold_event(await self.request(Event, op.READ_EVENT_ANYWHERE, event_id=event_id), event_id)

    async def read_raw(self, event_id: str, raw_id: str) -> Raw:
        return hold_raw(await self.request(Raw, op.READ_RAW, event_id=event_id, raw_id=raw_id), raw_id)

    async def read_dataset_raw(self, dataset_id: str, event_id: str, raw_id: str = "") -> Raw:
        """The raw evidence of an event of one dataset. `raw_id` is that of the event, if it is known."""
        return hold_raw(await self.request(Raw, op.READ_DATASET_RAW, dataset_id=dataset_id, event_id=event_id), raw_id)

    async def list_relationships(
        self,
        event_id: str,
        dataset_id: str,
        direction: Direction = "both",
        max_depth: int | None = None,
        relationship_types: Sequence[RelationshipType] | None = None,
        include_parent: bool = True,
        page: int | None = None,
        page_size: int | None = None,
    ) -> list[Event]:
        """Events related to one event. The API does not report the relationships between them."""
        query: Query = {
            "datasetId": dataset_id,
            "direction": direction,
            "maxDepth": max_depth,
            "relationshipTypes": relationship_types,
            "includeParent": include_parent,
            "page": page,
            "pageSize": page_size,
        }
        return await self.request(list[Event], op.LIST_RELATIONSHIPS, query=query, event_id=event_id)

    async def children_pages(
        self,
        event_id: str,
        dataset_id: str,
        relationship_type: RelationshipType,
        page_size: int = 1_000,
        attempt: Attempt = once,
    ) -> AsyncGenerator[list[Event]]:
        """Pages of the direct children of an event by one type of relationship, one request each."""
        number, is_full = 1, True
        while is_full:
            page = await attempt(
                partial(
                    self.list_relationships,
                    event_id,
                    dataset_id,
                    "descendants",
                    1,
                    [relationship_type],
                    False,
                    number,
                    page_size,
                )
            )
            yield page
            number, is_full = number + 1, len(page) >= page_size

    async def list_indicators(
        self, dataset_ids: Sequence[str], values: Sequence[str], page: int = 1, page_size: int = 1_000
    ) -> IndicatorPage:
        """The indicators of the datasets that are among up to 100 values, each with all of its events."""
        search = [{"field": "value", "op": "in", "value": [*values]}]
        query: Query = {
            "datasetIds": dataset_ids,
            "search": json.dumps(search, separators=(",", ":"), ensure_ascii=False),
            "relatedEventsLimit": -1,
            "includeTags": False,
            "page": page,
            "pageSize": page_size,
        }
        return await self.request(IndicatorPage, op.LIST_INDICATORS, query=query)

    async def aggregate_events(
        self,
        columns: Sequence[str],
        dataset_ids: Sequence[str],
        start_date: str | None = None,
        end_date: str | None = None,
        group_by_date: bool | None = None,
        limit: int | None = None,
    ) -> Aggregates:
        query: Query = {
            "aggregateBy": ",".join(columns),
            "datasetId": dataset_ids,
            "startDate": start_date,
            "endDate": end_date,
            "groupByDate": group_by_date,
            "limit": limit,
        }
        return await self.request(Aggregates, op.AGGREGATE_EVENTS, query=query)

    async def query_graphql(self, query: str, variables: Mapping[str, JsonValue] | None = None) -> GraphqlAnswer:
        body = {"query": query} | ({"variables": variables} if variables else {})
        return await self.request(GraphqlAnswer, op.QUERY_GRAPHQL, body=body)

    # -- changing events

    async def create_event(self, event: NewEvent) -> Event:
        """Create an event. An answer with other values than those sent, its dataset included, is for the caller."""
        return await self.request(Event, op.CREATE_EVENT, body=event.wire())

    async def create_events(self, dataset_id: str, events: Sequence[NewEvent]) -> BulkCreated:
        """Create many events at once. Their indicators appear a little later."""
        body = {"datasetId": dataset_id, "data": [event.wire() for event in events], "includeCreatedEvents": True}
        created = await self.request(BulkCreated, op.CREATE_EVENTS, body=body)
        require_count(created.created_events_count, len(events), "created events")
        return created

    async def create_events_with_relationships(
        self, dataset_id: str, events: Sequence[NewEvent]
    ) -> BulkWithRelationshipsCreated:
        body = {"datasetId": dataset_id, "data": [event.wire() for event in events]}
        created = await self.request(BulkWithRelationshipsCreated, op.CREATE_EVENTS_WITH_RELATIONSHIPS, body=body)
        require_count(created.created_events_count, len(events), "created events")
        return created

    async def update_event(self, event_id: str, change: EventChange) -> Event:
        event = await self.request(Event, op.UPDATE_EVENT, body=change.wire(), event_id=event_id)
        return hold_event(event, event_id, change.dataset_id, changed=True)

    async def update_raw(self, event_id: str, raw_id: str, change: RawChange) -> Raw:
        raw = await self.request(Raw, op.UPDATE_RAW, body=change.wire(), event_id=event_id, raw_id=raw_id)
        return hold_raw(raw, raw_id, changed=True)

    async def tag_event(self, event_id: str, tags: Sequence[str]) -> Done:
        done = await self.request(Done, op.TAG_EVENT, body={"tags": tags}, event_id=event_id)
        return require_done(done, "event")

    async def untag_event(self, event_id: str, tags: Sequence[str]) -> Done:
        done = await self.request(Done, op.UNTAG_EVENT, body={"tags": tags}, event_id=event_id)
        return require_done(done, "event")

    async def relate_event(self, event_id: str, references: Sequence[str]) -> Done:
        done = await self.request(Done, op.RELATE_EVENT, body={"events": references}, event_id=event_id)
        return require_done(done, "event")

    async def unrelate_event(self, event_id: str, references: Sequence[str]) -> Done:
        done = await self.request(Done, op.UNRELATE_EVENT, body={"events": references}, event_id=event_id)
        return require_done(done, "event")

    async def create_relationships(
        self, dataset_id: str, parent_id: str, child_ids: Sequence[str], relationship_type: RelationshipType
    ) -> RelationshipsCreated:
        body = {
            "datasetId": dataset_id,
            "parentId": parent_id,
            "childIds": child_ids,
            "relationshipType": relationship_type,
        }
        created = await self.request(RelationshipsCreated, op.CREATE_RELATIONSHIPS, body=body)
        asked = {child.casefold(): child for child in child_ids}
        for one in created.relationships:
            require_same(one.parent_id, parent_id, "event", changed=True)
        for one in (*created.relationships, *created.errors):
            one.child_id = asked.get(one.child_id.casefold(), one.child_id)
        return created

    async def move_events(
        self, dataset_id: str, dest_dataset_id: str, event_ids: Sequence[str], keep_raw_data: bool = True
    ) -> Moved:
        """Move events. Raw data is removed from the source, and lost unless `keep_raw_data` is set."""
        body = {"destDatasetId": dest_dataset_id, "eventIds": event_ids}
        query: Query = {"keepRawData": keep_raw_data}
        moved = await self.request(Moved, op.MOVE_EVENTS, query=query, body=body, dataset_id=dataset_id)
        require_count(moved.moved, len(event_ids), "moved events")
        return moved

    async def delete_events(self, dataset_id: str, event_ids: Sequence[str]) -> int:
        answer = await self.request(Deleted, op.DELETE_EVENTS, query={"eventIds": event_ids}, dataset_id=dataset_id)
        return require_count(answer.deleted, len(event_ids), "deleted events")

    async def revert_dataset(self, dataset_id: str, minutes_ago: float) -> Reverted:
        body = {"minutesAgo": minutes_ago}
        reverted = await self.request(Reverted, op.REVERT_DATASET, body=body, dataset_id=dataset_id)
        require_same(reverted.dataset_id, dataset_id, "dataset", changed=True)
        return reverted

    # -- vocabularies

    async def list_datasets(self) -> list[Dataset]:
        return await self.request(list[Dataset], op.LIST_DATASETS)

    async def list_attackers(self, dataset_ids: Sequence[str]) -> list[str]:
        return await self.request(list[str], op.LIST_ATTACKERS, query={"datasetIds": dataset_ids})

    async def list_categories(self) -> list[Category]:
        return await self.request(list[Category], op.LIST_CATEGORIES)

    async def list_countries(self) -> list[Country]:
        return await self.request(list[Country], op.LIST_COUNTRIES)

    async def list_industries(self) -> list[str]:
        return await self.request(list[str], op.LIST_INDUSTRIES)

    async def list_indicator_types(self, dataset_ids: Sequence[str]) -> list[str]:
        return await self.request(list[str], op.LIST_INDICATOR_TYPES, query={"datasetIds": dataset_ids})

    async def list_tags(self, search: str | None = None, page: int = 1, page_size: int = 100) -> TagPage:
        query: Query = {"search": search, "page": page, "pageSize": page_size}
        return await self.request(TagPage, op.LIST_TAGS, query=query)
