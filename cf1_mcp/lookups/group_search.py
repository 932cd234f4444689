"""The search for one group of values, and the assignment of what is found to the values.

The list of indicators is asked first. It says which values are known, and by which events, whichever of its indicators
an event shows. The events with any of the values are searched for in any case: they tell the rest, and their indicators
may not be in the list yet.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Literal

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.reading_report import ReadingReport, merge_reports
from cf1_mcp.errors import ApiError, MissingRoute, NotFound, RateLimited, Refused, Unauthenticated
from cf1_mcp.lookups.event_summary import EventSummary
from cf1_mcp.lookups.indicator_list import IndicatorList, ListedValues
from cf1_mcp.lookups.value_groups import ValueGroups
from cf1_mcp.models import Condition, Event, EventSearch, RelatedEvent, SearchValue
from cf1_mcp.policy.conditions.reading_notes import check_reading
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.judged_events import JudgedEvents, first_judged
from cf1_mcp.policy.visible_events import MAX_VALUES
from cf1_mcp.text.dates import from_second
from cf1_mcp.text.uuids import id_key

# One page usually contains all events of a hundred indicators.
PAGE_SIZE: Final = 1_000
# Events read for a group, ten pages with the one that shows that there are more. Values without an event among them are
# then searched for again without the others.
MAX_EVENTS: Final = 10 * PAGE_SIZE - 1
# Events of a look-up that the list of indicators names and the search did not find, and that are then read by their
# ids. Some of them may be withheld.
MAX_NAMED_EVENTS: Final = 1_000
MAX_PARTS_AT_ONCE: Final = 4
# Events of a look-up that are read one by one where they cannot be searched.
MAX_SINGLE_EVENTS: Final = 40


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
        self.indicators = IndicatorList(client, scope, groups, since)
        self._client = client
        self._scope = scope
        self._groups = groups
        self._dates = [Condition(field="date", op="gte", value=from_second(since))] if since else []
        self._withheld_ids: set[str] = set()
        self._tried: set[str] = set()
        self._reports: list[ReadingReport] = []
        self._listed: dict[int, ListedValues] = {}
        self._named: dict[int, dict[str, set[str]]] = {}

    @property
    def report(self) -> ReadingReport:
        """What happened while the events of all groups were read."""
        return merge_reports(self._reports)

    @property
    def is_listed(self) -> bool:
        """Whether the indicators of all groups were listed, in all datasets."""
        return not self.indicators.failure and all(one.is_whole for one in self._listed.values())

    def find_listed(self, number: int, key: str) -> EventSummary | None:
        """Return a summary without events of a value that is known as an indicator of its own; None for others."""
        listed = self._listed.get(number)
        rows = listed.alone.get(key) if listed else None
        if not rows:
            return None
        summary = EventSummary()
        for row in rows:
            summary.add_indicator(row)
        return summary

    async def search(self, number: int) -> None:
        """Look up the group of a number, without the events that `read_named_events` reads.

        Raises:
            ApiError: the events could not be read. What the list of indicators says is kept.
            UnexpectedAnswer: the API seems to ignore the search.
        """
        values = self._groups.groups[number]
        if listed := await self.indicators.read(values):
            self._listed[number] = listed
        try:
            await self._search_events(values, listed or ListedValues())
        except (RateLimited, Unauthenticated):
            raise
        except Refused:
            # Events may be found by their ids where they are not by their indicators.
            if listed:
                self._named[number] = self._choose_named(listed)
            raise
        except ApiError:
            await self._read_singly(listed or ListedValues())
            raise
        if listed:
            self._named[number] = self._choose_named(listed)

    def has_named_events(self, number: int) -> bool:
        """Whether the list of indicators names events of a group that were not found by its values."""
        return bool(self._named.get(number))

    async def read_named_events(self) -> None:
        """Read the events that the list of indicators names and that no search has found, of all groups so far.

        Raises:
            RateLimited, Unauthenticated: some were not read, and can be with the next call.
        """
        wanted: dict[str, set[str]] = {}
        for named in self._named.values():
            for event_id, keys in named.items():
                wanted.setdefault(event_id, set()).update(keys)
        ids = [*wanted]
        parts = [ids[start : start + MAX_VALUES] for start in range(0, len(ids), MAX_VALUES)]
        await gather([partial(self._read_named, part, wanted) for part in parts], MAX_PARTS_AT_ONCE)
        self._named.clear()

    async def _read_named(self, event_ids: Sequence[str], wanted: Mapping[str, set[str]]) -> None:
        search = self._search_for("uuid", event_ids)
        try:
            found = await first_judged(self._client, search, self._scope.policy, MAX_EVENTS, report=ReadingReport())
        except (RateLimited, Unauthenticated):
            raise
        except ApiError:
            for listed in self._listed.values():
                await self._read_singly(listed)
            return
        for event in (*found.shown, *found.withheld):
            for key in wanted.get(id_key(event.uuid), ()):
                self._add(key, event)

    async def _read_singly(self, listed: ListedValues) -> None:
        """Read the newest event of each value that the list of indicators knows, where events cannot be searched."""
        for key, related in listed.events.items():
            if not related or key in self.summaries or key in self._tried or len(self._tried) == MAX_SINGLE_EVENTS:
                continue
            self._tried.add(key)
            newest = _newest_first([*related.values()])[0]
            try:
                event = await self._client.read_event(newest.dataset_id, newest.event_id)
            except (RateLimited, Unauthenticated):
                raise
            except NotFound:
                continue
            except ApiError:
                # Nothing of events works.
                return
            if self._scope.policy.may_show(event) and self.indicators.is_searched(event.dataset_id, event.date):
                self._add(key, event)
                self.summaries[key].more = True

    async def _search_events(self, values: Sequence[str], listed: ListedValues) -> None:
        """Search for the events of the values and add them to the summaries."""
        while values:
            report = ReadingReport()
            try:
                found = await self._read_events(values, report)
            except MissingRoute:
                # Without `POST /events` a search has to fit into a URL.
                half = len(values) // 2
                if not half:
                    raise
                await self._search_events(values[:half], listed)
                return await self._search_events(values[half:], listed)
            self._reports.append(report)
            events, more = found.shown[:MAX_EVENTS], len(found.shown) + len(found.withheld) > MAX_EVENTS
            self._assign(values, [*events, *found.withheld], listed)
            check_reading(report)
            known = {value for value in values if self._groups.key(value) in self.summaries}
            if not more or not known:
                return
            # The other values may only have events that are older than those that were read.
            for value in known:
                self.summaries[self._groups.key(value)].more = True
            values = [value for value in values if value not in known]

    async def _read_events(self, values: Sequence[str], report: ReadingReport) -> JudgedEvents:
        """Return the events with any of the values, newest first: one more than are used, if there are that many."""
        search = self._search_for("indicator", values)
        return await first_judged(self._client, search, self._scope.policy, MAX_EVENTS + 1, report=report)

    def _search_for(self, field: Literal["indicator", "uuid"], values: Sequence[str]) -> EventSearch:
        return EventSearch(
            dataset_id=[*self._scope.ids],
            search=[Condition(field=field, op="in", value=list[SearchValue](values)), *self._dates],
            order_by="date",
            order="desc",
            page_size=PAGE_SIZE,
        )

    def _assign(self, values: Sequence[str], events: Sequence[Event], listed: ListedValues) -> None:
        """Add events to the summaries of the values that they have. An event can have several of them."""
        keys = {self._groups.key(value) for value in values}
        holders: dict[str, list[str]] = {}
        for key in keys:
            for event_id in listed.events.get(key, ()):
                holders.setdefault(event_id, []).append(key)
        # An API that was found to heed the search, and was asked for one value only, says that an event has it.
        only = [*keys] if len(keys) == 1 else []
        is_any_left = False
        for event in events:
            event_id, shown = id_key(event.uuid), self._groups.key(event.indicator)
            found = {*holders.get(event_id, ()), *([shown] if shown in keys else [])}
            is_told = event_id not in listed.untold
            for key in found or (only if is_told else []):
                self._add(key, event)
            is_any_left |= not found and not only and is_told
        if is_any_left:
            self.undecided |= keys - self.summaries.keys()

    def _add(self, key: str, event: Event) -> None:
        self.summaries.setdefault(key, EventSummary()).add(event, self._rule_against(event))

    def _choose_named(self, listed: ListedValues) -> dict[str, set[str]]:
        """Return the events that the list names and the search did not find, by folded id with the keys of their
        values. If they are too many, the newest of values that have no events yet come first.
        """
        ranked: list[tuple[bool, int, str, str]] = []
        for key, related in listed.events.items():
            summary = self.summaries.get(key)
            if summary and summary.more:
                continue
            left = [one for event_id, one in related.items() if not (summary and summary.has(event_id))]
            ranked += [
                (summary is not None, place, key, id_key(one.event_id)) for place, one in enumerate(_newest_first(left))
            ]
        ranked.sort()
        most = max(1, MAX_NAMED_EVENTS // len(self._groups.groups))
        named: dict[str, set[str]] = {}
        for _, _, key, event_id in ranked:
            if event_id in named or len(named) < most:
                named.setdefault(event_id, set()).add(key)
            elif self._scope.policy.sees_everything and (summary := self.summaries.get(key)):
                summary.more = True
        return named

    def _rule_against(self, event: Event) -> str | None:
        rule = self._scope.policy.rule_against(event)
        if rule and event.uuid not in self._withheld_ids:
            self._withheld_ids.add(event.uuid)
            self.withheld[rule] += 1
        return rule


def _newest_first(events: Sequence[RelatedEvent]) -> list[RelatedEvent]:
    return sorted(events, key=lambda one: (one.event_date, one.event_id), reverse=True)
