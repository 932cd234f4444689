"""Events of an actor, read a page at a time and held to the operator's rules.

The API counts by dataset and date alone, not by actor, and lists up to 25,000 events in one call. So what is told of
an actor is taken from its listed events; counts only say how many there are where a page did not hold all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.paging import has_more
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import Condition, Event, EventSearch, Order
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.search.conditions import MAX_VALUES, resolve_period
from cf1_mcp.search.counting import MAX_GROUPS, EventCounts, count_events
from cf1_mcp.text.dates import iso

# About 750 kB of JSON: nearly every actor's quarter in one page, well within the time of a call.
SAMPLE: Final = 1_000
# The first and the last event that may be shown: enough that many before it may be withheld.
EDGE: Final = 50
MAX_CAMPAIGNS: Final = 100
# A part that takes longer is left out, so that the others are told within the time of a call.
TIMEOUT: Final = 9.0
COUNT_TIMEOUT: Final = 6.0
DEFAULT_LENGTH: Final = timedelta(days=90)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)

Dates = tuple[str | None, str | None]


@dataclass(frozen=True)
class Span:
    """A period from the first second of a day, and the days before it, as many as it has."""

    start: datetime
    end: datetime

    @property
    def now(self) -> Dates:
        return iso(self.start), iso(self.end)

    @property
    def before(self) -> Dates:
        return iso(self._earlier), iso(_back(self.start, timedelta(seconds=1)))

    @property
    def whole(self) -> Dates:
        return iso(self._earlier), iso(self.end)

    @property
    def _earlier(self) -> datetime:
        full_days = (self.end - self.start) // timedelta(days=1)
        return _back(self.start, timedelta(days=full_days + 1))


@dataclass(frozen=True)
class Sample:
    """Events that may be shown, in the order asked for. `withheld`: the rules against others, by uuid. `cut`: there
    are more than one page holds. `failure`: why there are none.
    """

    events: Sequence[Event] = ()
    withheld: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: bool = False
    failure: ApiError | None = None


@dataclass(frozen=True)
class Total:
    """How many events an actor has, by month where that was asked. `at_least`: there may be more."""

    events: int
    months: Counter[str]
    at_least: bool


def span_of(since: str | None, until: str | None, now: datetime) -> Span:
    """The period that is asked about: whole days, the last 90 unless told otherwise, and never beyond now.

    Raises:
        BadArgument: a text is no date, or the period has no length.
    """
    first, last = resolve_period(since, until, now)
    end = min(datetime.fromisoformat(last), now) if last else now
    start = datetime.fromisoformat(first) if first else _back(end, DEFAULT_LENGTH)
    start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if start >= end:
        raise BadArgument("since", f"the period would begin at {iso(start)} and end at {iso(end)}", "an earlier date")
    return Span(start, end)


async def sampled(
    client: ThreatEventsClient,
    scope: DatasetScope,
    attackers: Sequence[str],
    dates: Dates = (None, None),
    more: Sequence[Condition] = (),
    order: Order = "desc",
    most: int = SAMPLE,
) -> Sample:
    """At most one page of the events of an actor, under any of its names. It does not raise what the API fails with."""
    # As the account spells them: a name may end in blanks, which filters that people type lose.
    who = Condition(field="attacker", op="in", value=[*attackers[:MAX_VALUES]])
    if len(attackers) == 1:
        who = Condition(field="attacker", op="equals", value=attackers[0])
    start, end = dates
    when = [Condition(field="date", op="gte", value=start)] if start else []
    when += [Condition(field="date", op="lte", value=end)] if end else []
    search = EventSearch(
        dataset_id=[*scope.ids],
        search=[who, *when, *more],
        order_by="date",
        order=order,
        page_size=most,
    )
    try:
        with anyio.fail_after(TIMEOUT):
            page = await client.list_events(search)
    except ApiError as error:
        return Sample(failure=error)
    except TimeoutError:
        return Sample(failure=ApiError(f"It took longer than {TIMEOUT:.0f} s."))
    rules = {event.uuid: scope.policy.rule_against(event) for event in page.result}
    withheld = {uuid: rule for uuid, rule in rules.items() if rule}
    return Sample([event for event in page.result if event.uuid not in withheld], withheld, has_more(page, most))


async def campaigns_of(client: ThreatEventsClient, scope: DatasetScope, attackers: Sequence[str]) -> Sample:
    """The events of an actor that have others below them, whenever they were."""
    parents = Condition(field="hasChildren", op="equals", value=True)
    return await sampled(client, scope, attackers, more=[parents], most=MAX_CAMPAIGNS)


async def totals(
    client: ThreatEventsClient, scope: DatasetScope, attackers: Sequence[str], asked: Sequence[tuple[Dates, bool]]
) -> list[Total | None]:
    """How many events an actor has in each period, by month where the second half says so; None where that cannot be
    counted in time.
    """
    found: list[Total | None] = [None] * len(asked)

    async def count(place: int, dates: Dates, daily: bool) -> None:
        try:
            counted = await count_events(client, scope, ["attacker"], dates, daily, MAX_GROUPS)
        except ApiError:
            return
        found[place] = _total(counted, scope, attackers)

    with anyio.move_on_after(COUNT_TIMEOUT):
        await gather(partial(count, place, *one) for place, one in enumerate(asked))
    return found


def raise_if_all_failed(*samples: Sample) -> None:
    """What fails alone is told in the answer; where everything does, there is none."""
    failures = [sample.failure for sample in samples if sample.failure]
    if len(failures) == len(samples):
        raise failures[0]


def _total(counted: EventCounts, scope: DatasetScope, attackers: Sequence[str]) -> Total:
    wanted = {name.casefold() for name in attackers}
    months: Counter[str] = Counter()
    for group in counted.groups:
        if str(group.get("attacker")).casefold() in wanted:
            months[str(group.get("date") or "")[:7]] += _whole(group.get("count"))
    # Counts under `all` leave analytics datasets out, which lists hold.
    return Total(months.total(), months, counted.cut or scope.counted != scope.names)


def _whole(count: JsonValue) -> int:
    return int(count) if isinstance(count, int | float) else 0


def _back(moment: datetime, length: timedelta) -> datetime:
    """So much earlier, or as early as there are dates."""
    return moment - min(length, moment - _FIRST)
