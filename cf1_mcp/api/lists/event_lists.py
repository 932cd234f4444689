"""The lists of events, and what was found out about how an API searches."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import cached_property, partial

from cf1_mcp.api.asked import drop_other_datasets
from cf1_mcp.api.clients.dataset_client import DatasetClient
from cf1_mcp.api.connection import encoded_length
from cf1_mcp.api.lists.dataset_groups import SCOPE_WORDS, list_pages, merge_groups
from cf1_mcp.api.lists.paging import Attempt, once
from cf1_mcp.api.lists.reading_report import ReadingReport, SearchTrust
from cf1_mcp.api.lists.vocabulary_client import VocabularyClient
from cf1_mcp.api.missing_routes import body_needed_error
from cf1_mcp.api.operations import LIST_BY_BODY, LIST_BY_QUERY, LIST_EVENTS, Route
from cf1_mcp.api.routes import MAX_LONG_QUERY_LENGTH, routes_for
from cf1_mcp.errors import MissingRoute
from cf1_mcp.models import Event, EventPage, EventSearch


class EventLists(DatasetClient, VocabularyClient):
    """The lists of events."""

    @cached_property
    def search_trust(self) -> SearchTrust:
        """What was found out about how this API searches."""
        return SearchTrust()

    async def list_events(self, search: EventSearch) -> EventPage:
        """A page of the events of up to 50 datasets, or one scope word, without those of other datasets.

        Raises:
            MissingRoute: the account lacks the way that this search needs. One with fewer values may pass.
        """
        page = await self.read_event_page(search)
        if search.dataset_id and not SCOPE_WORDS & {*search.dataset_id}:
            page.result = drop_other_datasets(page.result, search.dataset_id)
        return page

    async def read_event_page(self, search: EventSearch) -> EventPage:
        """A page of events as the API answers it. Raises the same as `list_events`.

        Short searches are sent in the URL; long ones, any with branches, and all of an API that ignores a search in the
        URL, in a body. An account may have one of the two ways only: then searches without branches go that way.
        """
        query, routes = _query_params(search), self._routes_of(search)
        try:
            return await self.request(
                EventPage, LIST_EVENTS, query=query, body=search.wire(), paged=True, routes=routes
            )
        except MissingRoute as error:
            raise error if LIST_BY_QUERY in routes else body_needed_error(error, MAX_LONG_QUERY_LENGTH) from None

    def sends_in_url(self, search: EventSearch) -> bool:
        """Whether a search goes into the URL."""
        return self._routes.order(LIST_EVENTS, self._routes_of(search))[0] == LIST_BY_QUERY

    async def event_pages(
        self, search: EventSearch, attempt: Attempt = once, report: ReadingReport | None = None
    ) -> AsyncGenerator[EventPage]:
        """Pages of a search, from the page that `search` names to the last. Datasets beyond 50, or beyond one scope
        word, are asked in groups, and their events merged. Rows are as the API answers them, of whatever dataset.

        Raises:
            ApiError: a page could not be read, and `report` is None or no group of datasets could be.
        """
        read_list = partial(list_pages, self.read_event_page, self.search_trust.paging)
        async with aclosing(merge_groups(search, read_list, attempt, report)) as pages:
            async for page in pages:
                yield page

    async def list_all_events(self, search: EventSearch) -> list[Event]:
        """All events of a search, in groups of datasets. Raises the same as `event_pages`."""
        return [event async for page in self.event_pages(search) for event in page.result]

    def _routes_of(self, search: EventSearch) -> tuple[Route, ...]:
        if self.search_trust.needs_body:
            return (LIST_BY_BODY,)
        return routes_for(search, encoded_length(_query_params(search)))


def _query_params(search: EventSearch) -> dict[str, str | float | bool | Sequence[str] | None]:
    """Return a search as query parameters. The conditions are one JSON text, which keeps their parts together."""
    query = search.wire()
    if "search" in query:
        query["search"] = json.dumps(query["search"], separators=(",", ":"), ensure_ascii=False)
    return query
