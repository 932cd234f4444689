"""Many indicators looked up in few requests: in groups of a hundred, several at once, as far as the time reaches.

An event may belong to several indicators and shows only one of them. What a group finds beyond what its events show is
told apart by the API's list of indicators, where that is needed.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, get_args
from urllib.parse import quote

import anyio

from cf1_mcp.api.client import MAX_QUERY_LENGTH, ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.paging import has_more
from cf1_mcp.errors import ApiError, Forbidden, RateLimited, Unauthenticated, Unavailable
from cf1_mcp.lookups.input import Wanted, comparable
from cf1_mcp.lookups.sightings import Sightings
from cf1_mcp.models import Condition, Event, EventSearch, SearchValue
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.search.conditions import MAX_VALUES

MAX_CONCURRENT: Final = 4
# One page holds all that a hundred indicators usually have.
PAGE_SIZE: Final = 1_000
# So many pages a group are read; whoever has no event in them is asked for again without those who have.
MAX_PAGES: Final = 10
# Seconds kept of a call to tell what was found.
RESERVED_SECONDS: Final = 3.0
HIDDEN: Final = "events of its group show another indicator than they were found by: look it up alone"
SLOW: Final = "The API was too slow for all of it in one call."

Status = Literal["known", "ambiguous", "withheld", "unknown", "not_looked_up"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
Report = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True)
class Finding:
    """What became of one indicator. `matched_as` says by what a URL was found that is not known itself; `why` what is
    doubtful, or why it was not looked up.
    """

    wanted: Wanted
    status: Status
    sightings: Sightings
    matched_as: str = ""
    why: str = ""


class Lookup:
    """The look-up of one list of indicators. `report` is told how many values are done, of how many.

    `close`: so few that one group holds them. Then other spellings are asked for too, and whatever shows no event is
    looked for behind the events that others show. `withheld` counts events by rule; `stopped` says what ended it early.
    """

    def __init__(
        self,
        client: ThreatEventsClient,
        scope: DatasetScope,
        wanted: Sequence[Wanted],
        since: str | None,
        report: Report,
    ) -> None:
        self.wanted = wanted
        self.withheld: Counter[str] = Counter()
        self.stopped = ""
        self._client = client
        self._scope = scope
        self._dates = [Condition(field="date", op="gte", value=since)] if since else []
        self._report = report
        # The same groups whichever places are asked for: what a page tells does not hang on where it begins.
        values = list({comparable(value): value for one in wanted for value in _values(one)}.values())
        self._groups = [values[start : start + MAX_VALUES] for start in range(0, len(values), MAX_VALUES)]
        self._group_of = {comparable(value): number for number, group in enumerate(self._groups) for value in group}
        self.close = len(self._groups) == 1
        self._main: dict[str, str] = {}
        if self.close:
            self._add_forms(self._groups[0])
        self._sightings: dict[str, Sightings] = {}
        self._answered: set[int] = set()
        self._failed: dict[int, ApiError] = {}
        self._doubted: set[str] = set()
        self._met: set[str] = set()

    async def ask(self, start: int, stop: int) -> None:
        """Look up the indicators in these places, unless the asking has stopped.

        Raises:
            ApiError: nothing at all could be looked up, or the token may not.
        """
        numbers = {number for one in self.wanted[start:stop] for number in self._numbers(one)}
        due = sorted(numbers - self._answered - self._failed.keys())
        if self.stopped or not due:
            return
        total, done = sum(len(self._groups[number]) for number in due), 0

        async def run(number: int) -> None:
            nonlocal done
            await self._look_up(number)
            done += len(self._groups[number])
            await self._report(done, total)

        with anyio.CancelScope(deadline=anyio.current_effective_deadline() - RESERVED_SECONDS) as scope:
            try:
                await gather((partial(run, number) for number in due), MAX_CONCURRENT)
            except RateLimited as error:
                if not self._answered:
                    raise
                self.stopped = str(error)
        if scope.cancelled_caught:
            self.stopped = SLOW
        if not self._answered:
            raise next(iter(self._failed.values()), Unavailable(f"{SLOW} Ask for fewer, or again in a minute."))

    def asked(self, place: int) -> bool:
        """Whether it is known what became of an indicator, be it a failure."""
        return all(number in self._answered or number in self._failed for number in self._numbers(self.wanted[place]))

    def finding(self, place: int) -> Finding:
        """What became of an indicator that was asked for."""
        one = self.wanted[place]
        for value in (one.value, *one.wider):
            found = self._sightings.get(comparable(value))
            if found is None:
                continue
            if not found.events:
                return Finding(one, "withheld", Sightings())
            matched = "" if value == one.value else f"{'host' if value == one.wider[0] else 'domain'} {value}"
            return Finding(one, "ambiguous" if one.doubt else "known", found, matched, one.doubt)
        failures = [str(self._failed[number]) for number in self._numbers(one) if number in self._failed]
        if failures or one.obstacle:
            return Finding(one, "not_looked_up", Sightings(), why=next(iter(failures), one.obstacle))
        doubt = one.doubt or (HIDDEN if comparable(one.value) in self._doubted else "")
        return Finding(one, "ambiguous" if doubt else "unknown", Sightings(), why=doubt)

    def _add_forms(self, group: list[str]) -> None:
        """Other spellings, where they cost no request."""
        taken = {*group}
        for one in self.wanted:
            for form in one.forms:
                if form not in taken and len(group) < MAX_VALUES:
                    taken.add(form)
                    group.append(form)
                    if comparable(form) not in self._group_of:
                        self._main[comparable(form)] = comparable(one.value)

    def _numbers(self, one: Wanted) -> list[int]:
        return [self._group_of[comparable(value)] for value in _values(one)]

    def _key(self, value: str) -> str:
        found = comparable(value)
        return self._main.get(found, found)

    async def _look_up(self, number: int) -> None:
        """Ask for one group. A failure is kept for the account of it: the other groups may do without."""
        try:
            await self._sight(self._groups[number])
        except (Unauthenticated, Forbidden, RateLimited):
            # The others would fare no better.
            raise
        except ApiError as error:
            self._failed[number] = error
        else:
            self._answered.add(number)

    async def _sight(self, values: Sequence[str]) -> None:
        while values:
            events, more = await self._events(values)
            for key, event in await self._owned(values, events):
                self._sightings.setdefault(key, Sightings()).add(event, self._rule(event))
            seen = {value for value in values if self._key(value) in self._sightings}
            if not more or not seen:
                return
            # The rest of the group may only have older events than those that filled the pages.
            for value in seen:
                self._sightings[self._key(value)].more = True
            values = [value for value in values if value not in seen]

    async def _events(self, values: Sequence[str]) -> tuple[list[Event], bool]:
        """The events of any of the values, newest first, and whether there are more than are read."""
        search = EventSearch(
            dataset_id=[*self._scope.ids],
            search=[Condition(field="indicator", op="in", value=list[SearchValue](values)), *self._dates],
            order_by="date",
            order="desc",
            page_size=PAGE_SIZE,
        )
        events: list[Event] = []
        number = 0
        async for page in self._client.event_pages(search):
            events += page.result
            number += 1
            if number == MAX_PAGES:
                return events, has_more(page, PAGE_SIZE)
        return events, False

    async def _owned(self, values: Sequence[str], events: Sequence[Event]) -> list[tuple[str, Event]]:
        """Each event with the value that it belongs to, once for each such value."""
        keys = {self._key(value) for value in values}
        if len(keys) == 1:
            return [(key, event) for key in keys for event in events]
        shown = [(key, event) for event in events if (key := self._key(event.indicator)) in keys]
        bare = keys - {key for key, _ in shown}
        if not events or (len(shown) == len(events) and not (self.close and bare)):
            return shown
        by_id = {event.uuid: event for event in events}
        try:
            related = await self._related(values)
        except RateLimited:
            raise
        except ApiError:
            # Not every account has that list.
            related: list[tuple[str, str]] = []
        behind = [(key, by_id[uuid]) for key, uuid in related if key in keys and uuid in by_id]
        if {event.uuid for _, event in (*shown, *behind)} != by_id.keys():
            self._doubted |= bare - {key for key, _ in behind}
        return [*shown, *behind]

    async def _related(self, values: Sequence[str]) -> list[tuple[str, str]]:
        """Values, each with the id of an event that holds it, whatever the event shows."""
        found: list[tuple[str, str]] = []
        for part in _addressable(values):
            page, more = 1, True
            while more:
                listed = await self._client.list_indicators(self._scope.ids, part, page)
                for indicator in listed.indicators:
                    found += [(self._key(indicator.value), event.event_id) for event in indicator.related_events]
                page, more = page + 1, listed.pagination.has_more and bool(listed.indicators)
        return found

    def _rule(self, event: Event) -> str | None:
        rule = self._scope.policy.rule_against(event)
        if rule and event.uuid not in self._met:
            self._met.add(event.uuid)
            self.withheld[rule] += 1
        return rule


def _values(one: Wanted) -> list[str]:
    """What is asked for an indicator: itself, and for a URL its host and registered domain."""
    return [*([] if one.obstacle else [one.value]), *one.wider]


def _addressable(values: Sequence[str]) -> Iterator[list[str]]:
    """The values in parts that fit into an address: that list takes no body."""
    part: list[str] = []
    room = MAX_QUERY_LENGTH
    for value in values:
        size = len(quote(value)) + len("%22%22%2C")
        if part and size > room:
            yield part
            part, room = [], MAX_QUERY_LENGTH
        part.append(value)
        room -= size
    if part:
        yield part
