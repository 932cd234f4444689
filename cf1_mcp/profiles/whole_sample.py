"""All samples of a profile from one list: the newest events of an actor, which for most actors are all that there are.

What the list does not reach is left to requests of its own, as is everything if the list cannot be relied on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.models import Event
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.profiles.sampling import (
    EDGE_SIZE,
    MAX_CAMPAIGNS,
    SAMPLE_SIZE,
    DateRange,
    EventSample,
    ProfilePeriod,
    read_sample,
    sort_campaigns,
)
from cf1_mcp.text.dates import date_key

# Seconds for the list, after which its parts are read one by one, all at once.
TIMEOUT: Final = 4.0
SIZE: Final = SAMPLE_SIZE
# Dates in this form sort as texts.
ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True)
class KnownSamples:
    """The samples of a profile that need no request of their own; the others are None."""

    current: EventSample | None = None
    previous: EventSample | None = None
    oldest: EventSample | None = None
    newest: EventSample | None = None
    campaigns: EventSample | None = None


async def read_known_samples(
    client: ThreatEventsClient, scope: DatasetScope, attackers: Sequence[str], period: ProfilePeriod
) -> KnownSamples:
    """Read the newest events of an actor, and return the samples that they contain. API errors are not raised."""
    newest = await read_sample(client, scope, attackers, limit=SIZE, seconds=TIMEOUT)
    report, events = newest.report, newest.events
    is_odd = report.missed or report.misfits or report.is_repeated or report.is_unordered or report.is_stopped
    if newest.failure or is_odd or newest.withheld or not all(ISO_DATE.fullmatch(event.date) for event in events):
        return KnownSamples()
    # Events of this date and older ones may be missing.
    reached = date_key(events[-1].date) if newest.truncated else ""
    edge = replace(newest, events=events[:EDGE_SIZE], truncated=len(events) > EDGE_SIZE)
    current, previous = (_pick(events, dates, reached) for dates in (period.current, period.previous))
    if newest.truncated:
        return KnownSamples(current, previous, newest=edge)
    oldest = replace(edge, events=[*reversed(events)][:EDGE_SIZE], report=ReadingReport())
    campaigns = [event for event in events if event.has_children]
    shown = EventSample(campaigns[:MAX_CAMPAIGNS], truncated=len(campaigns) > MAX_CAMPAIGNS)
    return KnownSamples(current, previous, oldest, edge, sort_campaigns(shown))


def _pick(events: Sequence[Event], dates: DateRange, reached: str) -> EventSample | None:
    """Return the events of a period, None if the list does not reach its beginning."""
    start, end = (date_key(date or "") for date in dates)
    if reached and reached >= start:
        return None
    return EventSample([event for event in events if start <= date_key(event.date) and event.date[:19] <= end[:19]])
