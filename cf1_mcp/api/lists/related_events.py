"""The events that are related to an event."""

from collections.abc import AsyncGenerator, Sequence
from functools import cached_property, partial

from cf1_mcp.api.connection import ApiConnection, Query
from cf1_mcp.api.lists.paging import Attempt, KnownRows, once, says_more
from cf1_mcp.api.lists.reading_report import PagingTrust
from cf1_mcp.api.operations import LIST_RELATIONSHIPS
from cf1_mcp.api.remarks import remark_unread_rows, watching
from cf1_mcp.api.unwrapping import unreadable_rows_error
from cf1_mcp.errors import NotFound, Refused
from cf1_mcp.models import Direction, Event, EventPage, RelationshipType
from cf1_mcp.text.plurals import plural


class RelatedEvents(ApiConnection):
    """The operation that lists related events."""

    @cached_property
    def children_paging(self) -> PagingTrust:
        """What pages of children have shown."""
        return PagingTrust()

    async def read_related_page(
        self,
        event_id: str,
        dataset_id: str,
        direction: Direction = "both",
        max_depth: int | None = None,
        relationship_types: Sequence[RelationshipType] | None = None,
        include_parent: bool = True,
        page: int | None = None,
        page_size: int | None = None,
    ) -> EventPage:
        """A page of the events related to one event. The API does not report the relationships between them.

        Raises:
            UnexpectedAnswer: there are rows, and none of them can be read.
        """
        query: Query = {
            "datasetId": dataset_id,
            "direction": direction,
            "maxDepth": max_depth,
            "relationshipTypes": relationship_types,
            "includeParent": include_parent,
            "page": page,
            "pageSize": page_size,
        }
        found = await self.request(EventPage, LIST_RELATIONSHIPS, query=query, paged=True, event_id=event_id)
        if found.dropped and not found.result:
            raise unreadable_rows_error(LIST_RELATIONSHIPS.name, "none of its rows can be read")
        return found

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
        """The events related to one event, for callers that must know all of them, unless they ask for a page.

        Raises:
            UnexpectedAnswer: a row cannot be read, or the API says that something is missing.
        """
        with watching() as remarks:
            found = await self.read_related_page(
                event_id, dataset_id, direction, max_depth, relationship_types, include_parent, page, page_size
            )
        if found.dropped:
            problem = f"{plural(found.dropped, 'row')} cannot be read, so that nobody knows all related events"
            raise unreadable_rows_error(LIST_RELATIONSHIPS.name, problem)
        # The total may count the event itself.
        if remarks.tells_loss or (page_size is None and says_more(found.result_info, 1, found.size + 1)):
            problem = "it does not have all of its rows, so that nobody knows all related events"
            raise unreadable_rows_error(LIST_RELATIONSHIPS.name, problem)
        return found.result

    async def children_pages(
        self,
        event_id: str,
        dataset_id: str,
        relationship_type: RelationshipType,
        page_size: int = 1_000,
        attempt: Attempt = once,
    ) -> AsyncGenerator[list[Event]]:
        """Pages of the direct children of an event by one type of relationship, one request each.

        What follows a first page that may be as large as the API makes any is asked for too.
        """
        number, known = 1, KnownRows()
        is_full, is_beyond = True, False
        while is_full:
            read = partial(self.read_related_page, event_id, dataset_id, "descendants", 1, [relationship_type], False)
            try:
                page = await attempt(partial(read, number, page_size))
            except (Refused, NotFound):
                if is_beyond:
                    self.children_paging.note_end(page_size)
                    return
                raise
            if is_beyond and not page.size:
                self.children_paging.note_end(page_size)
            if page.dropped:
                remark_unread_rows(LIST_RELATIONSHIPS.name, page.dropped, judged=True)
            new = known.add(page.result, lambda event: (event.uuid, event.dataset_id))
            yield new
            is_full = page.size >= page_size and (number == 1 or bool(new or page.dropped))
            is_beyond = number == 1 and self.children_paging.may_be_cut(page.size, page_size)
            if is_beyond:
                page_size, is_full = page.size, True
            self.children_paging.note_page(page.size, False)
            number += 1
