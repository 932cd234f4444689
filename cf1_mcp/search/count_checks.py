"""Whether an API counted what it was asked for: within the datasets, the period, and by marking.

A parameter that an API ignores shows in what it counts. Where it does not, the API is asked once for something that can
be compared.
"""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.count_requests import HEALING_SECONDS, MAX_GROUPS, Counted, Dates, Group, NotCounted, read_count
from cf1_mcp.errors import ApiError, RateLimited, Unauthenticated
from cf1_mcp.models import Condition, EventSearch, SearchValue, Tlp
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.visible_events import SPELLINGS, first_visible
from cf1_mcp.search.counted_pages import date_conditions
from cf1_mcp.text.uuids import id_key, parse_uuid

DATASET: Final = "datasetId"
MARKING: Final = "tlp"
# Periods without events, in the form of the one that is asked about.
LONG_AGO: Final = ("1970-01-01T00:00:00Z", "1970-01-02T23:59:59Z")
FAR_AHEAD: Final = "2150-01-01T00:00:00Z"
# By a column that is documented.
COLUMN: Final = "attacker"
IGNORED_DATES: Final = "The API does not count within a period, or does not show that it does."


async def check_period(
    client: ThreatEventsClient, dataset_ids: Sequence[str], dates: Dates, daily: bool, counted: Counted
) -> None:
    """Return if the groups are of events of the period. Days show it; for others the API is asked about a period
    without events, which is remembered.

    Raises:
        NotCounted: they are not, or that cannot be told.
        RateLimited, Unauthenticated: the API cannot be asked.
    """
    start, end = dates
    if not (start or end) or not counted.groups:
        return
    if daily:
        days = {str(group.get("date") or "")[:10] for group in counted.groups}
        if any((start and day < start[:10]) or (end and day > end[:10]) for day in days if day):
            raise NotCounted(IGNORED_DATES)
        return
    form = (start is not None, end is not None)
    heeds, until = client.counts.heeded_dates.get(form, (False, 0.0))
    if anyio.current_time() >= until:
        empty: Dates = LONG_AGO if end and start else (FAR_AHEAD, None) if start else (None, LONG_AGO[1])
        try:
            found = await client.counts.count(client, [COLUMN], dataset_ids, empty, False, 1)
        except (RateLimited, Unauthenticated):
            raise
        except ApiError:
            raise NotCounted(IGNORED_DATES) from None
        heeds = not (found.groups or found.total or found.missed)
        client.counts.heeded_dates[form] = (heeds, anyio.current_time() + HEALING_SECONDS)
    if not heeds:
        raise NotCounted(IGNORED_DATES)


def drop_other_datasets(groups: Sequence[Group], dataset_ids: Sequence[str]) -> list[Group]:
    """Return the groups of the datasets that were asked for, by their column.

    Raises:
        NotCounted: a group does not tell its dataset.
    """
    allowed = {*map(id_key, dataset_ids)}
    uuids = [parse_uuid(str(group.get(DATASET) or "")) for group in groups]
    if not all(uuids):
        raise NotCounted("The API does not tell the dataset of each group.")
    return [group for group, uuid in zip(groups, uuids, strict=True) if uuid and id_key(uuid) in allowed]


def tells_markings(counted: Counted) -> bool:
    """Whether the groups were counted by marking. One that is blank in every group may be a column that is not known,
    and no groups beside a total are as good as no answer.
    """
    if not counted.groups:
        return not counted.total
    has_column = all("tlp" in group for group in counted.groups)
    return has_column and any(str(group["tlp"] or "").strip() for group in counted.groups)


async def check_markings(
    client: ThreatEventsClient,
    scope: DatasetScope,
    dates: Dates,
    columns: Sequence[str],
    groups: Sequence[Group],
) -> None:
    """Return if the groups, of those columns and a day where there is one, were counted by marking too. A server that
    groups by the others alone may add the marking of any event of the group.

    Two markings in one group show that it does not. Otherwise the events of each marking must be as many as where they
    are counted by marking alone, and if all are above the ceiling, or none is, there must be no others.

    Raises:
        NotCounted: they were not, or that cannot be told.
        RateLimited, Unauthenticated: the API cannot be asked.
    """
    others = [name for name in (*columns, "date") if name != MARKING]
    keys = [repr([group.get(name) for name in others]) for group in groups]
    if not groups or len({*keys}) < len(keys) or {*columns} == {MARKING}:
        return
    problem = "The API does not show that it counts by marking."
    try:
        alone = await client.counts.count(client, [MARKING], scope.ids, dates, False, MAX_GROUPS)
        above = [scope.policy.is_above_ceiling(str(group.get(MARKING) or "")) for group in groups]
        # The same marking for everything.
        is_hidden = not any(above) and await _has_events_above(client, scope, dates)
        is_hidden = is_hidden or (all(above) and await _has_events_within(client, scope, dates))
    except (RateLimited, Unauthenticated):
        raise
    except ApiError:
        raise NotCounted(problem) from None
    if is_hidden or alone.missed or alone.full or _sum_by_marking(groups) != _sum_by_marking(alone.groups):
        raise NotCounted(problem)


async def _has_events_above(client: ThreatEventsClient, scope: DatasetScope, dates: Dates) -> bool:
    """Whether there are events above the ceiling. Nothing of this may be told."""
    above = [level for level in Tlp if level.rank > scope.policy.ceiling.rank]
    spellings: list[SearchValue] = [one for level in above for one in SPELLINGS.get(level, (level.value,))]
    marked = Condition(field="tlp", op="in", value=spellings)
    search = EventSearch(dataset_id=[*scope.ids], search=[marked, *date_conditions(dates)], page_size=1)
    async with aclosing(client.event_pages(search)) as pages:
        async for page in pages:
            return any(scope.policy.is_above_ceiling(event.tlp) for event in page.result)
    return False


async def _has_events_within(client: ThreatEventsClient, scope: DatasetScope, dates: Dates) -> bool:
    search = EventSearch(dataset_id=[*scope.ids], search=date_conditions(dates))
    return bool(await first_visible(client, search, scope.policy, 1))


def _sum_by_marking(groups: Sequence[Group]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for group in groups:
        marking = str(group.get(MARKING) or "").strip().casefold()
        sums[marking] = sums.get(marking, 0) + (read_count(group) or 0)
    return {marking: count for marking, count in sums.items() if count}
