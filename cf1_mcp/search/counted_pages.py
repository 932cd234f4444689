"""Counts of events that were read and counted here, for an API that does not count them as needed.

Up to MAX_COUNTED events that may be shown are counted, the newest first. The bound is one of visible events and not of
requests or time: those depend on what is withheld.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import anyio
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.count_requests import Dates, Group
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import Condition, Event, EventSearch
from cf1_mcp.policy.conditions.reading_notes import check_reading
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.visible_events import visible_pages
from cf1_mcp.search.counted_groups import CountRequest, name_period

# At 300 ms a page, eight pages and the 25 s of a call go well together.
MAX_COUNTED: Final = 20_000
PAGE_SIZE: Final = 2_500
TIMEOUT: Final = 20.0
# The columns that can be counted here. Fields such as hasChildren are none: they may depend on withheld events.
FIELD_NAMES: Final = {
    "attacker": "attacker",
    "attackerCountry": "attacker_country",
    "category": "category",
    "datasetId": "dataset_id",
    "indicator": "indicator",
    "indicatorType": "indicator_type",
    "killChain": "kill_chain",
    "mitreAttack": "mitre_attack",
    "mitreCapec": "mitre_capec",
    "tags": "tags",
    "targetCountry": "target_country",
    "targetIndustry": "target_industry",
    "tlp": "tlp",
}


@dataclass(frozen=True)
class PageCounts:
    """Groups of the events that were counted. `counted` is their number; `more` says that there are others. `missed`
    are datasets that could not be searched.
    """

    groups: list[Group]
    counted: int
    more: bool
    withheld: int
    missed: Mapping[str, ApiError]


async def count_pages(client: ThreatEventsClient, scope: DatasetScope, request: CountRequest) -> PageCounts:
    """Read the events of a request that may be shown, the newest first, and count them by columns in FIELD_NAMES.

    Raises:
        ApiError: the events could not be read.
        BadArgument: reading took too long.
    """
    groups: Counter[tuple[JsonValue, ...]] = Counter()
    withheld, report = Counter[str](), ReadingReport()
    # Counts leave analytics datasets out of all; a list might not.
    ids = ("operational",) if scope.ids == ("all",) else scope.ids
    search = EventSearch(
        dataset_id=[*ids],
        search=[*date_conditions(request.dates), *request.conditions],
        order_by="date",
        order="desc",
        page_size=PAGE_SIZE,
    )
    try:
        with anyio.fail_after(TIMEOUT):
            events, more = await _read(client, search, scope, withheld, report)
    except TimeoutError:
        raise BadArgument(
            "since", "the API does not count these events, and reading them took too long", "a shorter period"
        ) from None
    check_reading(report)
    for event in events:
        groups.update(_keys(event, request))
    found: list[Group] = [
        {**dict(zip(request.keys, key, strict=True)), "count": count} for key, count in groups.items()
    ]
    return PageCounts(found, len(events), more, withheld.total(), report.missed)


async def _read(
    client: ThreatEventsClient, search: EventSearch, scope: DatasetScope, withheld: Counter[str], report: ReadingReport
) -> tuple[list[Event], bool]:
    """Return the first MAX_COUNTED events of a search, and whether there are others."""
    found: dict[tuple[str, str], Event] = {}
    counting = withheld if scope.policy.tell_withheld else None
    async for page in visible_pages(client, search, scope.policy, withheld=counting, report=report):
        known = len(found)
        found |= {(event.uuid, event.dataset_id): event for event in page}
        if len(found) > MAX_COUNTED:
            return [*found.values()][:MAX_COUNTED], True
        # A server that does not know pages repeats the first one for ever.
        if page and len(found) == known:
            break
    return [*found.values()], False


def _keys(event: Event, request: CountRequest) -> list[tuple[JsonValue, ...]]:
    """Return the groups that an event belongs to: one for each combination of the values of its columns."""
    keys: list[tuple[JsonValue, ...]] = [(name_period(event.date, request.by),)] if request.by else [()]
    for column in request.columns:
        value: object = getattr(event, FIELD_NAMES[column])
        values = cast("list[object]", value or [None]) if isinstance(value, list) else [value]
        keys = [(*key, _text(one)) for key in keys for one in values]
    return keys


def _text(value: object) -> str | None:
    """Return a value as counts have it: text, or null for a value that the event does not have."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if value is not None and str(value).strip() else None


def date_conditions(dates: Dates) -> list[Condition]:
    """Return the conditions of a period."""
    start, end = dates
    # Right whether dates are stored as instants or as text with milliseconds.
    first = re.sub(r"(:\d\d)Z$", r"\1.000Z", start) if start else None
    found = [Condition(field="date", op="gte", value=first)] if first else []
    return [*found, Condition(field="date", op="lte", value=end)] if end else found
