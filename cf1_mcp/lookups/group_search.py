"""The search for one group of values, and the assignment of the events found to the values.

An event can have several indicators, but shows only one of them. If a group finds events that show none of its values,
the API's list of indicators says which values these events belong to.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.routes import MAX_QUERY_LENGTH
from cf1_mcp.errors import ApiError, MissingRoute, RateLimited
from cf1_mcp.lookups.event_summary import EventSummary
from cf1_mcp.lookups.value_groups import ValueGroups
from cf1_mcp.models import Condition, Event, EventSearch, SearchValue
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.judged_events import JudgedEvents, first_judged

# One page usually contains all events of a hundred indicators.
PAGE_SIZE: Final = 1_000
# Events read for a group, ten pages with the one that shows that there are more. Values without an event among them are
# then searched for again without the others.
MAX_EVENTS: Final = 10 * PAGE_SIZE - 1


class GroupSearch:
    """Searches for groups of values and collects a summary per value, of the events that may be shown.

    `summaries` and `undecided` contain keys of values (`ValueGroups.key`). A value is `undecided` if some events of its
    group could not be assigned to any value. `withheld` counts distinct events by rule, if the operator has them told;
    otherwise a value that only withheld events have is as unknown as one that no event has.
    """

    def __init__(self, client: ThreatEventsClient, scope: DatasetScope, groups: ValueGroups, since: str | None) -> None:
        self.summaries: dict[str, EventSummary] = {}
        self.undecided: set[str] = set()
        self.withheld: Counter[str] = Counter()
        self._client = client
        self._scope = scope
        self._groups = groups
        self._dates = [Condition(field="date", op="gte", value=since)] if since else []
        self._withheld_ids: set[str] = set()

    async def search(self, values: Sequence[str]) -> None:
        """Search for the events of the values and add them to the summaries.

        Raises:
            ApiError: the events could not be read.
        """
        while values:
            try:
                found = await self._read_events(values)
            except MissingRoute:
                # Without `POST /events` a search has to fit into a URL.
                half = len(values) // 2
                if not half:
                    raise
                await self.search(values[:half])
                return await self.search(values[half:])
            events, more = found.shown[:MAX_EVENTS], len(found.shown) + len(found.withheld) > MAX_EVENTS
            for key, event in await self._assign(values, [*events, *found.withheld]):
                self.summaries.setdefault(key, EventSummary()).add(event, self._rule_against(event))
            known = {value for value in values if self._groups.key(value) in self.summaries}
            if not more or not known:
                return
            # The other values may only have events that are older than those that were read.
            for value in known:
                self.summaries[self._groups.key(value)].more = True
            values = [value for value in values if value not in known]

    async def _read_events(self, values: Sequence[str]) -> JudgedEvents:
        """Return the events with any of the values, newest first: one more than are used, if there are that many."""
        search = EventSearch(
            dataset_id=[*self._scope.ids],
            search=[Condition(field="indicator", op="in", value=list[SearchValue](values)), *self._dates],
            order_by="date",
            order="desc",
            page_size=PAGE_SIZE,
        )
        return await first_judged(self._client, search, self._scope.policy, MAX_EVENTS + 1)

    async def _assign(self, values: Sequence[str], events: Sequence[Event]) -> list[tuple[str, Event]]:
        """Return pairs of a value's key and an event that belongs to it. An event can belong to several values."""
        keys = {self._groups.key(value) for value in values}
        if len(keys) == 1:
            return [(key, event) for key in keys for event in events]
        by_shown = [(key, event) for event in events if (key := self._groups.key(event.indicator)) in keys]
        missing = keys - {key for key, _ in by_shown}
        all_assigned = len(by_shown) == len(events)
        # A small look-up is thorough: it also checks values that no event shows, although all events are assigned.
        if not events or (all_assigned and not (self._groups.is_single and missing)):
            return by_shown
        by_id = {event.uuid: event for event in events}
        listed = [(key, by_id[uuid]) for key, uuid in await self._list_pairs(values) if key in keys and uuid in by_id]
        if {event.uuid for _, event in (*by_shown, *listed)} != by_id.keys():
            self.undecided |= missing - {key for key, _ in listed}
        return [*by_shown, *listed]

    async def _list_pairs(self, values: Sequence[str]) -> list[tuple[str, str]]:
        """Return pairs of a value's key and the id of an event with it; empty if the account lacks that list."""
        try:
            return await self._read_pairs(values)
        except RateLimited:
            raise
        except ApiError:
            return []

    async def _read_pairs(self, values: Sequence[str]) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        for part in _split_by_length(values):
            page, more = 1, True
            while more:
                listed = await self._client.list_indicators(self._scope.ids, part, page)
                for indicator in listed.indicators:
                    key = self._groups.key(indicator.value)
                    pairs += [(key, event.event_id) for event in indicator.related_events]
                page, more = page + 1, listed.pagination.has_more and bool(listed.indicators)
        return pairs

    def _rule_against(self, event: Event) -> str | None:
        rule = self._scope.policy.rule_against(event)
        if rule and event.uuid not in self._withheld_ids:
            self._withheld_ids.add(event.uuid)
            self.withheld[rule] += 1
        return rule


def _split_by_length(values: Sequence[str]) -> Iterator[list[str]]:
    """Yield the values in parts that fit into a URL: the list of indicators accepts no request body."""
    part: list[str] = []
    remaining = MAX_QUERY_LENGTH
    for value in values:
        size = len(quote(value)) + len("%22%22%2C")
        if part and size > remaining:
            yield part
            part, remaining = [], MAX_QUERY_LENGTH
        part.append(value)
        remaining -= size
    if part:
        yield part
