"""Events of an actor that may be shown, a limited number per question.

The API counts events by dataset and date, but not by actor, and lists up to 25,000 events per call. So a profile is
based on listed events; counts only say how many there are if the list did not contain all of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import Condition, Event, EventSearch, Order
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.judged_events import first_judged
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import unchecked_pages
from cf1_mcp.policy.visible_links import CHILDREN, show_links
from cf1_mcp.search.conditions import MAX_VALUES, resolve_period
from cf1_mcp.search.counted_groups import CountRequest
from cf1_mcp.search.counting import EventCounts, count_events
from cf1_mcp.text.dates import from_second, iso

# About 750 kB of JSON: a quarter of nearly every actor in one page, well within the time of a call.
SAMPLE_SIZE: Final = 1_000
# Of the first and of the last events of any date, of which the answer also has the highest marking and the countries.
EDGE_SIZE: Final = 50
MAX_CAMPAIGNS: Final = 100
# Campaigns whose children are read to find those with one that may be shown.
MAX_CHECKED_CAMPAIGNS: Final = 30
CHECKED_AT_ONCE: Final = 30
# Seconds after which a part is left out, so that the others arrive within the time of a call.
TIMEOUT: Final = 9.0
CHECK_TIMEOUT: Final = 6.0
COUNT_TIMEOUT: Final = 6.0
DEFAULT_LENGTH: Final = timedelta(days=90)
_MIN_DATE: Final = datetime.min.replace(tzinfo=UTC)

DateRange = tuple[str | None, str | None]


@dataclass(frozen=True)
class ProfilePeriod:
    """A period that starts at midnight, and the period of equally many days before it."""

    start: datetime
    end: datetime

    @property
    def current(self) -> DateRange:
        return iso(self.start), iso(self.end)

    @property
    def previous(self) -> DateRange:
        return iso(self._previous_start), iso(_subtract(self.start, timedelta(seconds=1)))

    @property
    def both(self) -> DateRange:
        return iso(self._previous_start), iso(self.end)

    @property
    def _previous_start(self) -> datetime:
        full_days = (self.end - self.start) // timedelta(days=1)
        return _subtract(self.start, timedelta(days=full_days + 1))


@dataclass(frozen=True)
class EventSample:
    """Events that may be shown, in the requested order.

    `withheld` maps the uuids of other events to the rule against them, if the operator has these counted. `truncated`:
    there are more events that may be shown. `failure` is the reason why there are no events.
    """

    events: Sequence[Event] = ()
    withheld: Mapping[str, str] = field(default_factory=dict[str, str])
    truncated: bool = False
    failure: ApiError | None = None
    report: ReadingReport = field(default_factory=ReadingReport)


@dataclass(frozen=True)
class EventCount:
    """The number of an actor's events, and by month if requested. `is_minimum`: there may be more."""

    events: int
    months: Counter[str]
    is_minimum: bool


def resolve_profile_period(since: str | None, until: str | None, now: datetime) -> ProfilePeriod:
    """Return the requested period: whole days, the last 90 by default, and never beyond now.

    Raises:
        BadArgument: a text is not a date, or the period is empty.
    """
    first, last = resolve_period(since, until, now)
    end = min(datetime.fromisoformat(last), now) if last else now
    start = datetime.fromisoformat(first) if first else _subtract(end, DEFAULT_LENGTH)
    start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if start >= end:
        raise BadArgument("since", f"the period would start at {iso(start)} and end at {iso(end)}", "an earlier date")
    return ProfilePeriod(start, end)


async def read_sample(
    client: ThreatEventsClient,
    scope: DatasetScope,
    attackers: Sequence[str],
    dates: DateRange = (None, None),
    conditions: Sequence[Condition] = (),
    order: Order = "desc",
    limit: int = SAMPLE_SIZE,
    seconds: float | None = None,
) -> EventSample:
    """Return at most `limit` events of an actor under any of its names. API errors are returned, not raised."""
    search = EventSearch(
        dataset_id=[*scope.ids],
        search=[_attacker_condition(attackers), *_date_conditions(dates), *conditions],
        order_by="date",
        order=order,
        # One more than is used shows whether there are more.
        page_size=limit + 1,
    )
    report = ReadingReport()
    seconds = TIMEOUT if seconds is None else seconds
    try:
        with anyio.fail_after(seconds):
            found = await first_judged(client, search, scope.policy, limit + 1, unchecked_pages, report)
    except ApiError as error:
        return EventSample(failure=error)
    except TimeoutError:
        return EventSample(failure=_too_slow(seconds))
    withheld = {event.uuid: rule for event in found.withheld if (rule := scope.policy.rule_against(event))}
    truncated = len(found.shown) > limit
    if truncated:
        # What was read beyond depends on pages, and these on events that may not be shown.
        report.misfits, report.fits = report.list_misfits(limit + 1), limit + 1
    return EventSample(found.shown[:limit], withheld, truncated, report=report)


async def read_campaigns(client: ThreatEventsClient, scope: DatasetScope, attackers: Sequence[str]) -> EventSample:
    """Return the events of an actor that have child events, of any date, those with an insight first. The children may
    all be withheld: see `select_campaigns`.
    """
    has_children = Condition(field="hasChildren", op="equals", value=True)
    sample = await read_sample(client, scope, attackers, conditions=[has_children], limit=MAX_CAMPAIGNS)
    return sort_campaigns(sample)


def sort_campaigns(sample: EventSample) -> EventSample:
    """Return campaigns with those first that an analyst has commented on."""
    return replace(sample, events=sorted(sample.events, key=lambda event: not event.insight.strip()))


async def select_campaigns(
    client: ThreatEventsClient, policy: ReadPolicy, campaigns: EventSample, count: int
) -> EventSample:
    """Return the first `count` events that have a child that may be shown. API errors are returned, not raised.

    An event whose children are all withheld is not a campaign, just like an event without children.
    """
    if policy.sees_everything or campaigns.failure:
        return campaigns
    found: list[Event] = []
    try:
        with anyio.fail_after(CHECK_TIMEOUT):
            for start in range(0, min(len(campaigns.events), MAX_CHECKED_CAMPAIGNS), CHECKED_AT_ONCE):
                some = campaigns.events[start : start + CHECKED_AT_ONCE]
                found += [event for event in await show_links(client, policy, some, [CHILDREN]) if event.has_children]
                if len(found) > count:
                    break
    except ApiError as error:
        return EventSample(failure=error)
    except TimeoutError:
        return EventSample(failure=_too_slow(CHECK_TIMEOUT))
    return replace(campaigns, events=found[:count], truncated=len(found) > count)


def _too_slow(seconds: float) -> ApiError:
    return ApiError(f"The API took longer than {seconds:.0f} seconds.")


async def count_periods(
    client: ThreatEventsClient, scope: DatasetScope, attackers: Sequence[str], periods: Sequence[tuple[DateRange, bool]]
) -> list[EventCount | None]:
    """Count the events of an actor in each period, by month if its flag is set; None if that fails or times out."""
    counts: list[EventCount | None] = [None] * len(periods)

    async def count(index: int, dates: DateRange, by_month: bool) -> None:
        try:
            request = CountRequest(["attacker"], dates, "month" if by_month else None)
            counted = await count_events(client, scope, request)
        except ApiError:
            return
        counts[index] = _sum_groups(counted, scope, attackers)

    with anyio.move_on_after(COUNT_TIMEOUT):
        await gather(partial(count, index, *one) for index, one in enumerate(periods))
    return counts


def raise_if_all_failed(*samples: EventSample) -> None:
    """Raise the first failure if there is no sample without one; a single failure becomes a note of the answer.

    Raises:
        ApiError: all samples failed.
    """
    failures = [sample.failure for sample in samples if sample.failure]
    if len(failures) == len(samples):
        raise failures[0]


def _attacker_condition(attackers: Sequence[str]) -> Condition:
    # The exact names of the account: they may end in blanks, which typed filters lose.
    if len(attackers) == 1:
        return Condition(field="attacker", op="equals", value=attackers[0])
    return Condition(field="attacker", op="in", value=[*attackers[:MAX_VALUES]])


def _date_conditions(dates: DateRange) -> list[Condition]:
    start, end = dates
    conditions = [Condition(field="date", op="gte", value=from_second(start))] if start else []
    return [*conditions, Condition(field="date", op="lte", value=end)] if end else conditions


def _sum_groups(counted: EventCounts, scope: DatasetScope, attackers: Sequence[str]) -> EventCount:
    names = {name.casefold() for name in attackers}
    months: Counter[str] = Counter()
    for group in counted.groups:
        if str(group.get("attacker")).casefold() in names:
            months[str(group.get("date") or "")[:7]] += _to_int(group.get("count"))
    # Counts over `all` exclude analytics datasets, which lists include.
    is_lower_bound = counted.cut or counted.partial or scope.counted != scope.names
    return EventCount(months.total(), months, is_lower_bound)


def _to_int(count: JsonValue) -> int:
    return int(count) if isinstance(count, int | float) else 0


def _subtract(moment: datetime, length: timedelta) -> datetime:
    """Return an earlier time, or the earliest possible one."""
    return moment - min(length, moment - _MIN_DATE)
