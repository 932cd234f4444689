"""A look-up of many indicators: groups of values are searched for concurrently, as far as the time of a call allows."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, get_args

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import ApiError, Forbidden, RateLimited, Unauthenticated, Unavailable
from cf1_mcp.lookups.event_summary import EventSummary
from cf1_mcp.lookups.group_search import GroupSearch
from cf1_mcp.lookups.targets import LookupTarget, comparison_key
from cf1_mcp.lookups.value_groups import ValueGroups
from cf1_mcp.policy.conditions.reading_notes import IGNORED, UNPROVED
from cf1_mcp.policy.dataset_scope import DatasetScope

MAX_CONCURRENT: Final = 6
# Groups after which the events are read that the list of indicators names beside those found, of all of them together.
WAVE: Final = 3 * MAX_CONCURRENT
# Seconds of a call that are reserved for the answer.
RESERVED_SECONDS: Final = 3.0
UNDECIDED: Final = "an event found with it shows another indicator: look it up alone"
LISTED_ALONE: Final = "an indicator of its own: no event with it was found"
IGNORED_SEARCH: Final = "the API seems to ignore the search"
UNPROVED_SEARCH: Final = "whether the API heeds the search cannot be told"
TOO_SLOW: Final = "The API was too slow to look up everything in one call."

Status = Literal["known", "ambiguous", "withheld", "unknown", "not_looked_up"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
ReportProgress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True)
class LookupResult:
    """The result for one target.

    `matched_as` is the part of a URL or a host with which it was found although it is not known itself. `why` is the
    reason why the target is ambiguous, why it was not looked up, or why it is known without events.
    """

    target: LookupTarget
    status: Status
    summary: EventSummary = field(default_factory=EventSummary)
    matched_as: str = ""
    why: str = ""


class Lookup:
    """The look-up of one list of targets. `report_progress` receives the number of values done and in total.

    `stopped` is the reason why the look-up ended early, empty if it did not.
    """

    def __init__(
        self,
        client: ThreatEventsClient,
        scope: DatasetScope,
        targets: Sequence[LookupTarget],
        since: str | None,
        report_progress: ReportProgress,
    ) -> None:
        self.targets = targets
        self.stopped = ""
        self._report_progress = report_progress
        self._groups = ValueGroups(targets)
        self._search = GroupSearch(client, scope, self._groups, since)
        self._searched: set[int] = set()
        self._completed: set[int] = set()
        self._failed: dict[int, ApiError] = {}

    @property
    def search(self) -> GroupSearch:
        """What was found, and how."""
        return self._search

    @property
    def leaves_out_spellings(self) -> bool:
        """Whether values were looked up in their canonical spelling only."""
        return self._groups.leaves_out_spellings

    @property
    def withheld(self) -> Counter[str]:
        """The number of withheld events by rule."""
        return self._search.withheld

    async def run(self, start: int, stop: int) -> None:
        """Look up the targets from `start` to `stop`, unless the look-up has stopped.

        Raises:
            ApiError: nothing at all could be looked up, or the token lacks the permission.
        """
        needed = {number for target in self.targets[start:stop] for number in self._groups.numbers(target)}
        due = sorted(needed - self._completed - self._failed.keys())
        if self.stopped or not due:
            return
        total, done = sum(len(self._groups.groups[number]) for number in due), 0

        async def search(number: int) -> None:
            nonlocal done
            await self._search_group(number)
            done += len(self._groups.groups[number])
            await self._report_progress(done, total)

        with anyio.CancelScope(deadline=anyio.current_effective_deadline() - RESERVED_SECONDS) as scope:
            try:
                for start_of_wave in range(0, len(due), WAVE):
                    wave = due[start_of_wave : start_of_wave + WAVE]
                    await gather((partial(search, number) for number in wave), MAX_CONCURRENT)
                    await self._read_named_events()
            except RateLimited as error:
                if not self._completed:
                    raise
                self.stopped = error.sentence
        if scope.cancelled_caught:
            self.stopped = TOO_SLOW
        if not self._completed and not self._knows_any(due):
            raise next(iter(self._failed.values()), Unavailable(f"{TOO_SLOW} Try fewer, or try again in a minute."))

    def has_result(self, index: int) -> bool:
        """Whether a target was looked up, successfully or not."""
        return all(
            number in self._completed or number in self._failed for number in self._groups.numbers(self.targets[index])
        )

    def result(self, index: int) -> LookupResult:
        """Return the result for a target that was looked up."""
        target = self.targets[index]
        by: tuple[tuple[str, str], ...] = (("", target.value), *((one.label, one.value) for one in target.fallbacks))
        for label, value in by:
            summary = self._find(value)
            if summary is not None:
                return _result_found(target, f"{label} {value}" if label else "", summary)
        failures = [self._failed[number] for number in self._groups.numbers(target) if number in self._failed]
        if failures or target.obstacle:
            return LookupResult(target, "not_looked_up", why=_reason(failures[0]) if failures else target.obstacle)
        is_undecided = comparison_key(target.value) in self._search.undecided
        doubt = target.doubt or (UNDECIDED if is_undecided else "")
        return LookupResult(target, "ambiguous" if doubt else "unknown", why=doubt)

    def _find(self, value: str) -> EventSummary | None:
        """Return what was found of a value: its events, or that it is an indicator of its own."""
        key = comparison_key(value)
        summary = self._search.summaries.get(key)
        if summary and summary.events:
            return summary
        number = self._groups.number(key)
        listed = None if number is None else self._search.find_listed(number, key)
        return listed or summary

    def _knows_any(self, numbers: Sequence[int]) -> bool:
        """Whether anything is known of the values of groups that failed."""
        return any(self._find(value) for number in numbers for value in self._groups.groups[number])

    async def _search_group(self, number: int) -> None:
        """Search for one group. Its failure is kept for its results; other groups may succeed."""
        try:
            await self._search.search(number)
        except (Unauthenticated, RateLimited):
            # All other groups would fail in the same way.
            raise
        except ApiError as error:
            if isinstance(error, Forbidden) and not self._search.indicators.has_answered:
                raise
            self._failed[number] = error
        else:
            self._searched.add(number)
            if not self._search.has_named_events(number):
                self._completed.add(number)

    async def _read_named_events(self) -> None:
        """Read what the searches left over. Groups are complete only then."""
        await self._search.read_named_events()
        self._completed |= self._searched


def _reason(error: ApiError) -> str:
    return {IGNORED: IGNORED_SEARCH, UNPROVED: UNPROVED_SEARCH}.get(error.sentence) or str(error)


def _result_found(target: LookupTarget, matched_as: str, summary: EventSummary) -> LookupResult:
    if not summary.events and not summary.datasets:
        return LookupResult(target, "withheld")
    why = target.doubt or ("" if summary.events else LISTED_ALONE)
    return LookupResult(target, "ambiguous" if target.doubt else "known", summary, matched_as, why)
