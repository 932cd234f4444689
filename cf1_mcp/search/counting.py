"""Counts of events that may be read.

The API counts every event, so events are counted by marking too under a ceiling, by dataset too where some are
withheld, and groups of what is withheld are left out. Where the API cannot tell these apart, or returns so few groups
that withheld ones could displace others, events are read and counted here. An exact count has no trace of how it was
made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.count_requests import (
    MAX_GROUPS,
    Counted,
    Dates,
    Group,
    NotCounted,
    group_key,
    merge_groups,
    read_count,
)
from cf1_mcp.api.lists.reading_report import ReadingReport, merge_reports
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import EventSearch, Tlp
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.search.count_checks import (
    DATASET,
    MARKING,
    check_markings,
    check_period,
    drop_other_datasets,
    tells_markings,
)
from cf1_mcp.search.count_windows import count_in_windows
from cf1_mcp.search.counted_groups import DOCUMENTED, CountRequest, find_periods, narrow_groups
from cf1_mcp.search.counted_pages import FIELD_NAMES, count_pages

WHOLE_DAYS: Final = "The API counts whole days (UTC) only: the first and the last day are counted in full."
ONE_BY_ONE: Final = "The API counts by one column at a time: these groups are of each column, not of combinations."
UNKNOWN: Final = "A count is unknown where the API gave none."
UNSORTED: Final = "The API returned a part of the groups, not in the order of their size: larger ones may be missing."
FURTHER: Final = "Of the smaller groups, some may be missing, or have more events than shown."


@dataclass(frozen=True)
class EventCounts:
    """Groups, largest first, and the total of events.

    `withheld` is the number of events above the ceiling. `cut`: there are further, smaller groups. `partial`: the total
    is a lower bound. `columns` are those of the groups, others than requested where each was counted on its own. The
    report names the datasets that were not counted.
    """

    groups: list[Group]
    total: int
    withheld: int
    cut: bool
    partial: bool = False
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None
    report: ReadingReport = field(default_factory=ReadingReport)


async def count_events(
    client: ThreatEventsClient, scope: DatasetScope, request: CountRequest, now: datetime | None = None
) -> EventCounts:
    """Count events by columns. Events above the ceiling are not counted; unmarked events count as amber.

    Without `now` it is a count in passing: one request in each form, no reading of events.

    Raises:
        ApiError: the API does not count by these columns, or failed.
        BadArgument: the events had to be read, and that took too long.
    """
    try:
        if not request.can_be_grouped:
            raise NotCounted("The API does not count under these conditions.")
        if scope.policy.sees_everything:
            return await _count_all(client, scope, request, now)
        return await _count_within_rules(client, scope, request)
    except NotCounted as refusal:
        if now is None:
            raise
        if request.can_be_grouped:
            await _find_cause(client, scope, request, refusal)
        if not FIELD_NAMES.keys() >= {*request.columns}:
            raise
        try:
            return await _count_here(client, scope, request)
        except (ApiError, BadArgument):
            alone = await _count_one_by_one(client, scope, request)
            if alone is None:
                raise
            return alone


async def _count_all(
    client: ThreatEventsClient, scope: DatasetScope, request: CountRequest, now: datetime | None
) -> EventCounts:
    """Count where every marking may be seen."""
    # One more than is shown tells whether there are others. In a daily count the limit may be one of rows.
    most = min(request.limit + 1, MAX_GROUPS) if request.is_plain else MAX_GROUPS

    async def count(dates: Dates) -> Counted:
        return await client.counts.count(client, request.asked, scope.ids, dates, request.daily, most)

    counted = await count(request.dates)
    await check_period(client, scope.ids, request.dates, request.daily, counted)
    notes = [WHOLE_DAYS] if counted.widened else []
    unsorted = counted.full and request.is_plain and not _is_sorted(counted.groups)
    too_few = counted.full and (not request.is_plain or len(_order(counted.groups, request)[1]) <= request.limit)
    if too_few and now and (period := await _find_period(client, scope, request.dates, now)):
        keys = [*(["date"] if request.daily else []), *request.asked]
        counted = await count_in_windows(count, counted, request.dates, period, keys)
        notes += [FURTHER] if counted.full else []
    elif unsorted:
        notes.append(UNSORTED)
    if counted.full and now and not request.is_plain:
        # Nobody knows which groups or days are missing: the newest may be among them.
        raise NotCounted("The API returns a part of the groups.")
    counted = replace(
        counted,
        groups=narrow_groups(counted.groups, request),
        total=None if request.conditions else counted.total,
    )
    numbers = [number for group in counted.groups if (number := read_count(group)) is not None]
    unknown = len(numbers) < len(counted.groups)
    notes += [UNKNOWN] if unknown else []
    summed = sum(numbers)
    beyond = counted.total is not None and counted.total > summed
    if beyond and not counted.full and not unknown:
        notes.append(f"The API says that there are {counted.total:,} events, and its groups have {summed:,}.")
    groups, kept = _order(counted.groups, request)
    return EventCounts(
        _take(groups, request, kept),
        counted.total if beyond and counted.total is not None else summed,
        withheld=0,
        cut=counted.full or (beyond and unknown) or len(kept) > request.limit,
        partial=bool(counted.missed) or (not beyond and (counted.full or unknown)),
        notes=tuple(notes),
        report=ReadingReport({**counted.missed}),
    )


async def _count_within_rules(client: ThreatEventsClient, scope: DatasetScope, request: CountRequest) -> EventCounts:
    """Count by marking or dataset too, and leave out what is withheld.

    Raises:
        NotCounted: the API cannot tell markings or datasets apart, or not for all groups.
    """
    by = _columns_within_rules(request, scope)
    # As many as the API returns: how many groups are withheld must not decide which others arrive.
    counted = await client.counts.count(client, by, scope.ids, request.dates, request.daily, MAX_GROUPS)
    has_ceiling = scope.policy.ceiling is not Tlp.RED
    if counted.most < MAX_GROUPS or counted.full or (has_ceiling and not tells_markings(counted)):
        raise NotCounted("The API returns too few groups, or not the marking of each.")
    await check_period(client, scope.ids, request.dates, request.daily, counted)
    if has_ceiling:
        await check_markings(client, scope, request.dates, by, counted.groups)
    if scope.policy.restricted:
        counted = replace(counted, groups=drop_other_datasets(counted.groups, scope.ids))
    is_above = [scope.policy.is_above_ceiling(str(row.get("tlp") or "")) for row in counted.groups]
    allowed = [row for row, above in zip(counted.groups, is_above, strict=True) if not above]
    above = [row for row, above in zip(counted.groups, is_above, strict=True) if above]
    groups, kept = _order(merge_groups(narrow_groups(allowed, request), request.keys), request)
    known = [number for group in groups if (number := read_count(group)) is not None]
    partial = len(known) < len(groups)
    withheld = sum(read_count(row) or 0 for row in narrow_groups(above, request))
    notes = [*([WHOLE_DAYS] if counted.widened else []), *([UNKNOWN] if partial else [])]
    return EventCounts(
        _take(groups, request, kept),
        sum(known),
        withheld,
        len(kept) > request.limit,
        partial or bool(counted.missed),
        tuple(notes),
        report=ReadingReport({**counted.missed}),
    )


def _columns_within_rules(request: CountRequest, scope: DatasetScope) -> list[str]:
    # An event has one marking and one dataset, so that no other column is needed where none is asked for.
    asked = request.asked if request.columns or request.conditions or scope.policy.sees_everything else []
    policy = scope.policy
    needed = [*([MARKING] if policy.ceiling is not Tlp.RED else []), *([DATASET] if policy.restricted else [])]
    return [*asked, *(name for name in needed if name not in asked)]


async def _find_cause(
    client: ThreatEventsClient, scope: DatasetScope, request: CountRequest, refusal: NotCounted
) -> None:
    """Remember a refusal as one of the columns, if the same count by the documented column alone is accepted."""
    by = _columns_within_rules(request, scope)
    if by == [DOCUMENTED] or refusal.status is None or client.counts.known_refusal(by, request.daily):
        return
    try:
        await client.counts.count(client, [DOCUMENTED], scope.ids, request.dates, request.daily, 1)
    except ApiError:
        return
    client.counts.remember_refusal(by, request.daily, refusal)


async def _count_here(client: ThreatEventsClient, scope: DatasetScope, request: CountRequest) -> EventCounts:
    """Count events that are read."""
    found = await count_pages(client, scope, request)
    groups, kept = _order(found.groups, request)
    notes: list[str] = []
    if found.more:
        notes.append(
            f"Counted here: {found.counted:,} events, the newest, because the API does not count as needed. There are "
            "more: use a shorter period for exact counts."
        )
        if request.by and (periods := find_periods(groups)):
            notes.append(f"Of {periods[0]} only a part is counted, and nothing before it.")
        if len(request.columns) > 1 and scope.policy.sees_everything:
            notes.append("Each column on its own may be counted in full.")
    cut = len(kept) > request.limit
    total = sum(read_count(one) or 0 for one in groups)
    return EventCounts(
        _take(groups, request, kept),
        total,
        found.withheld,
        cut,
        found.more or bool(found.missed),
        tuple(notes),
        report=ReadingReport({**found.missed}),
    )


async def _count_one_by_one(
    client: ThreatEventsClient, scope: DatasetScope, request: CountRequest
) -> EventCounts | None:
    """Count by one column after another, where every marking may be seen; None if that tells nothing."""
    if not scope.policy.sees_everything or len(request.columns) < 2 or not request.is_plain:
        return None
    groups: list[Group] = []
    total, cut, left_out, reports = 0, False, list[str](), list[ReadingReport]()
    for column in request.columns:
        try:
            alone = await _count_all(client, scope, replace(request, columns=[column]), None)
        except ApiError:
            left_out.append(column)
            continue
        groups += [{"column": column, "value": one.get(column), "count": one.get("count")} for one in alone.groups]
        total, cut, reports = max(total, alone.total), cut or alone.cut, [*reports, alone.report]
    if not groups:
        return None
    missing = [f"It refuses {', '.join(left_out)}."] if left_out else []
    notes = (" ".join([ONE_BY_ONE, *missing]),)
    return EventCounts(groups, total, 0, cut, True, notes, ("column", "value"), merge_reports(reports))


def _take(groups: Sequence[Group], request: CountRequest, ranked: Sequence[tuple[str, ...]]) -> list[Group]:
    """Return the groups of the first `limit` keys; a key keeps all its periods."""
    kept = {*ranked[: request.limit]}
    return [group for group in groups if group_key(group, request.columns) in kept]


def _is_sorted(groups: Sequence[Group]) -> bool:
    numbers = [read_count(group) or 0 for group in groups]
    return numbers == sorted(numbers, reverse=True)


def _order(groups: Sequence[Group], request: CountRequest) -> tuple[list[Group], list[tuple[str, ...]]]:
    """Return groups in the order of their size, or of their periods, and their keys, the largest first."""
    sizes: dict[tuple[str, ...], int] = {}
    for group in groups:
        key = group_key(group, request.columns)
        sizes[key] = sizes.get(key, 0) + (read_count(group) or 0)
    ranked = sorted(sizes, key=lambda key: (-sizes[key], key))
    ranks = {key: rank for rank, key in enumerate(ranked)}
    ordered = sorted(groups, key=lambda one: (str(one.get("date") or ""), ranks[group_key(one, request.columns)]))
    return ordered, ranked


async def _find_period(
    client: ThreatEventsClient, scope: DatasetScope, dates: Dates, now: datetime
) -> tuple[datetime, datetime] | None:
    """Return the midnights around a period that may lack its dates: from the oldest event until now."""
    start, end = dates
    try:
        if start is None:
            oldest = EventSearch(dataset_id=[*scope.ids], order_by="date", order="asc", page_size=1)
            start = next((event.date for event in (await client.list_events(oldest)).result), "")
        first, last = _midnight(datetime.fromisoformat(start)), _midnight(datetime.fromisoformat(end) if end else now)
        return (first, last + timedelta(days=1)) if first <= last else None
    except (ApiError, ValueError, OverflowError):
        return None


def _midnight(moment: datetime) -> datetime:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
