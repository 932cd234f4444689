"""ThreatEventsClient: one method per operation, all through the `request()` of its connection."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from pydantic import JsonValue

from cf1_mcp.api import operations as op
from cf1_mcp.api.asked import hold_event, hold_raw, is_same_id, require_count, require_done, require_same
from cf1_mcp.api.connection import Query
from cf1_mcp.api.count_requests import CountRequests
from cf1_mcp.api.graph_client import GraphClient
from cf1_mcp.api.lists.dataset_groups import ask_groups
from cf1_mcp.api.lists.related_events import RelatedEvents
from cf1_mcp.api.live_schema import LiveSchema
from cf1_mcp.api.missing_routes import unlisted_error
from cf1_mcp.api.remarks import collecting, current_remarks
from cf1_mcp.errors import MissingRoute
from cf1_mcp.models import (
    ActorPage,
    Aggregates,
    BulkCreated,
    BulkUpdated,
    BulkWithRelationshipsCreated,
    Condition,
    Deleted,
    Done,
    Event,
    EventChange,
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
)


class ThreatEventsClient(GraphClient, RelatedEvents):
    """The operations of the Threat Events API. Every failure is a `ThreatEventsError`.

    An answer about another object than the one asked about is an `UnexpectedAnswer`; after a change it is an
    `UnknownOutcome`, as is any other answer that does not tell whether the change was made.
    """

    @cached_property
    def counts(self) -> CountRequests:
        """Counting in a form that this API accepts, as far as it is known by now."""
        return CountRequests()

    @cached_property
    def live_schema(self) -> LiveSchema:
        """The GraphQL schema of this API, if it tells it."""
        return LiveSchema(self.query_graphql)

    # -- reading events

    async def read_event(self, dataset_id: str, event_id: str) -> Event:
        try:
            event = await self.request(Event, op.READ_EVENT, dataset_id=dataset_id, event_id=event_id)
        except MissingRoute as error:
            [event, *_] = await self._find_event(event_id, dataset_id, error)
        return hold_event(event, event_id)

    async def read_event_anywhere(self, event_id: str, is_preferred: Callable[[Event], bool] = bool) -> Event:
        """An event whose dataset is unknown.

        The route is deprecated. After its end the event is searched for, and may have copies in several datasets: then
        the first that `is_preferred` is returned, if one is.
        """
        try:
            event = await self.request(Event, op.READ_EVENT_ANYWHERE, event_id=event_id)
        except MissingRoute as error:
            copies = await self._find_event(event_id, "all", error)
            event = next(filter(is_preferred, copies), copies[0])
        return hold_event(event, event_id)

    async def _find_event(self, event_id: str, scope: str, error: MissingRoute) -> list[Event]:
        """Find an event by its id, for an account without the route that reads it. There is at least one copy.

        Raises:
            NotFound: a whole list has none.
            MissingRoute: `error`, because the list does not tell.
        """
        among = Condition(field="uuid", op="in", value=[event_id])
        with collecting() as remarks:
            page = await self.list_events(EventSearch(dataset_id=[scope], search=[among]))
        current_remarks().add(remarks)
        if found := [event for event in page.result if is_same_id(event.uuid, event_id)]:
            return found
        # An API that ignores the search answers with others.
        raise error if page.size or remarks.is_incomplete else unlisted_error(scope)

    async def read_raw(self, event_id: str, raw_id: str) -> Raw:
        return hold_raw(await self.request(Raw, op.READ_RAW, event_id=event_id, raw_id=raw_id), raw_id)

    async def read_dataset_raw(self, dataset_id: str, event_id: str, raw_id: str = "") -> Raw:
        """The raw evidence of an event of one dataset. `raw_id` is that of the event, if it is known."""
        return hold_raw(await self.request(Raw, op.READ_DATASET_RAW, dataset_id=dataset_id, event_id=event_id), raw_id)

    async def list_indicators(
        self, dataset_ids: Sequence[str], values: Sequence[str], page: int = 1, page_size: int = 1_000, cursor: str = ""
    ) -> IndicatorPage:
        """The indicators of the datasets that are among up to 100 values, each with all of its events.

        A cursor is one of an earlier page, and the API refuses everything else beside it.
        """
        if cursor:
            return await self.request(IndicatorPage, op.LIST_INDICATORS, query={"cursor": cursor})
        search = [{"field": "value", "op": "in", "value": [*values]}]

        async def ask(ids: list[str]) -> IndicatorPage:
            query: Query = {
                "datasetIds": ids,
                "search": json.dumps(search, separators=(",", ":"), ensure_ascii=False),
                "relatedEventsLimit": -1,
                "includeTags": False,
                "page": page,
                "pageSize": page_size,
            }
            return await self.request(IndicatorPage, op.LIST_INDICATORS, query=query)

        return IndicatorPage.merged(await ask_groups(dataset_ids, ask))

    async def aggregate_events(
        self,
        columns: Sequence[str],
        dataset_ids: Sequence[str],
        start_date: str | None = None,
        end_date: str | None = None,
        group_by_date: bool | None = None,
        limit: int | None = None,
    ) -> Aggregates:
        """Counts of the events of up to 50 datasets, or one scope word: `counts` asks for more in groups."""
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

    async def update_events(self, event_ids: Sequence[str], change: EventChange) -> BulkUpdated:
        """Change up to 100 events of one dataset in the same way. Their date cannot be changed like this."""
        updates = change.wire()
        body = {"datasetId": updates.pop("datasetId"), "eventIds": event_ids, "updates": updates}
        updated = await self.request(BulkUpdated, op.UPDATE_EVENTS, body=body)
        require_count(updated.updated_count, len(event_ids), "updated events")
        return updated

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

    async def list_actors(self, page: int | None = None, page_size: int | None = None) -> ActorPage:
        """Actors of the catalogue that Cloudflare shares with every account."""
        return await self.request(ActorPage, op.LIST_ACTORS, query={"page": page, "pageSize": page_size})
