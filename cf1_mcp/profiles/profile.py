"""The profile of one actor, computed from its events."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import Cell
from cf1_mcp.answers.fitting import DEFAULT_SIZE, fit
from cf1_mcp.answers.pages import ABSENCE, dataset_facts, reading_notes
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.reading_report import merge_reports
from cf1_mcp.models import Dataset, Event, Order
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.profiles.actor import ResolvedActor, catalog_problems, catalog_table, did_you_mean_field, read_as_field
from cf1_mcp.profiles.answer_fields import (
    AnswerFields,
    clean_short,
    failure_notes,
    format_days,
    highest_tlp_field,
    number_of_events,
    sampled_field,
    withheld_field,
)
from cf1_mcp.profiles.sampling import (
    EDGE_SIZE,
    SAMPLE_SIZE,
    DateRange,
    EventCount,
    EventSample,
    ProfilePeriod,
    count_periods,
    raise_if_all_failed,
    read_campaigns,
    read_sample,
    select_campaigns,
)
from cf1_mcp.profiles.tables import compare_periods, event_table, infrastructure_table
from cf1_mcp.profiles.whole_sample import read_known_samples
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_CAMPAIGNS: Final = 5
MAX_NEWEST: Final = 5
MAX_MONTHS: Final = 24
MAX_COUNTRIES: Final = 3

PERIODS_NOTE: Final = "before = 0: new in this period. now = 0: gone."
COUNTS_NOTE: Final = "Counts are numbers of reported events, not of attacks."
SAMPLES_NOTE: Final = "A sample may miss rare values: a 0 may be too low."
NO_EVENTS_NOTE: Final = "There is no event to show in this period: use a date before last_seen as since."
UNKNOWN_ACTOR_NOTE: Final = "No event of any date that may be shown names this actor."


@dataclass(frozen=True)
class ActorProfile:
    """The events of one actor, with counts for samples that do not contain all events."""

    current: EventSample
    previous: EventSample
    oldest: EventSample
    newest: EventSample
    campaigns: EventSample
    current_count: EventCount | None = None
    previous_count: EventCount | None = None
    monthly_count: EventCount | None = None

    @property
    def samples(self) -> Mapping[str, EventSample]:
        """The samples by their names in answers."""
        return {
            "events": self.current,
            "events_before": self.previous,
            "first_seen": self.oldest,
            "last_seen": self.newest,
            "campaigns": self.campaigns,
        }

    @property
    def events(self) -> list[Event]:
        return [event for sample in self.samples.values() for event in sample.events]


async def read_profile(
    client: ThreatEventsClient, scope: DatasetScope, actor: ResolvedActor, period: ProfilePeriod
) -> ActorProfile:
    """Read all events of the actor, or all samples at once, then count the events of those that do not contain all.

    Raises:
        ApiError: nothing could be read.
    """
    known = await read_known_samples(client, scope, actor.names, period)

    async def read(
        found: EventSample | None, dates: DateRange = (None, None), order: Order = "desc", limit: int = SAMPLE_SIZE
    ) -> EventSample:
        return found or await read_sample(client, scope, actor.names, dates, order=order, limit=limit)

    async def read_shown_campaigns() -> EventSample:
        campaigns = known.campaigns or await read_campaigns(client, scope, actor.names)
        return await select_campaigns(client, scope.policy, campaigns, MAX_CAMPAIGNS)

    current, previous, oldest, newest, campaigns = await gather(
        [
            partial(read, known.current, period.current),
            partial(read, known.previous, period.previous),
            partial(read, known.oldest, order="asc", limit=EDGE_SIZE),
            partial(read, known.newest, limit=EDGE_SIZE),
            read_shown_campaigns,
        ]
    )
    raise_if_all_failed(current, previous, oldest, newest, campaigns)
    needed = {
        "current_count": (current.truncated, period.current, False),
        "previous_count": (previous.truncated, period.previous, False),
        "monthly_count": (current.truncated or previous.truncated, period.both, True),
    }
    periods = {name: (dates, by_month) for name, (is_needed, dates, by_month) in needed.items() if is_needed}
    counts = await count_periods(client, scope, actor.names, [*periods.values()])
    return ActorProfile(current, previous, oldest, newest, campaigns, **dict(zip(periods, counts, strict=True)))


def render_profile(actor: ResolvedActor, profile: ActorProfile, period: ProfilePeriod, scope: DatasetScope) -> Answer:
    """Return one actor as its events of a period show it, compared with the period before."""
    report = merge_reports(sample.report for sample in profile.samples.values())
    common: AnswerFields = {
        **dataset_facts(scope, report),
        **withheld_field(profile.samples.values(), scope.policy),
    }
    problems = [*reading_notes(scope, report), *failure_notes(profile.samples)]
    problems += [*actor.problems(), *catalog_problems(actor)]
    entries = {"catalog": catalog_table(actor.entries)} if actor.entries else {}
    marking = highest_tlp_field(profile.events, actor.entries or ())
    if not profile.events:
        is_unknown = "withheld" not in common and not failure_notes(profile.samples)
        notes = [*problems, *([UNKNOWN_ACTOR_NOTE] if is_unknown else []), *scope.policy.notes, ABSENCE]
        facts = {"events": number_of_events(profile.current, None)} | marking | common
        return Card(facts, actor.without_aliases().name_fields() | did_you_mean_field(actor), entries, notes)
    facts = _period_facts(profile, period) | marking | common
    untrusted = actor.name_fields() | read_as_field(actor) | _seen_fields(profile) | _country_field(profile.events)
    tables, left_out = _tables(profile, scope.policy.datasets)
    notes = [*problems, *_withheld_edge_notes(profile), *_reading_notes(profile)]
    notes += [f"Not shown: {', '.join(left_out)}."] if left_out else []
    return fit(Card(facts, untrusted, entries | tables, notes), DEFAULT_SIZE)


def _period_facts(profile: ActorProfile, period: ProfilePeriod) -> AnswerFields:
    counted = {
        "events": (profile.current, profile.current_count),
        "events_before": (profile.previous, profile.previous_count),
    }
    return {
        "period": format_days(period.current),
        "events": number_of_events(*counted["events"]),
        "period_before": format_days(period.previous),
        "events_before": number_of_events(*counted["events_before"]),
        **sampled_field(counted),
    }


def _seen_fields(profile: ActorProfile) -> AnswerFields:
    """Return the first and the last day with an event that may be shown, of any date."""
    edges = {"first_seen": profile.oldest.events, "last_seen": profile.newest.events}
    return {name: clean(events[0].date[:10], 10) for name, events in edges.items() if events}


def _country_field(events: Sequence[Event]) -> AnswerFields:
    """Return the countries that events attribute the actor to, the most frequent first."""
    counts = Counter(event.attacker_country for event in events if event.attacker_country.strip())
    ranked = sorted(counts, key=lambda country: (-counts[country], country))
    countries: list[JsonValue] = [clean_short(country) for country in ranked[:MAX_COUNTRIES]]
    return {"attacker_country": countries} if countries else {}


def _tables(profile: ActorProfile, known: Sequence[Dataset]) -> tuple[dict[str, Rows], list[str]]:
    """Return the tables that have rows, and what was left out of them."""
    samples = _readable_periods(profile)
    tables, left_out = compare_periods({name: sample.events for name, sample in samples.items()})
    campaigns = profile.campaigns.events
    if (more := len(campaigns) - MAX_CAMPAIGNS) > 0:
        left_out.append(f"{more} or more campaigns" if profile.campaigns.truncated else plural(more, "campaign"))
    elif profile.campaigns.truncated:
        left_out.append("further campaigns")
    months = _monthly_rows(profile)
    if (earlier := len(months) - MAX_MONTHS) > 0:
        left_out.append(plural(earlier, "earlier month"))
    newest = profile.current.events or profile.newest.events
    every = {
        "activity": Rows(["month", "events"], months[-MAX_MONTHS:]),
        **tables,
        "infrastructure": infrastructure_table(profile.current.events),
        "campaigns": event_table(campaigns[:MAX_CAMPAIGNS], ("uuid", "date", "event"), known),
        "newest": event_table(newest[:MAX_NEWEST], ("uuid", "date", "category", "indicator", "event"), known),
    }
    return {name: table for name, table in every.items() if table.rows}, left_out


def _readable_periods(profile: ActorProfile) -> dict[str, EventSample]:
    periods = {"now": profile.current, "before": profile.previous}
    return {name: sample for name, sample in periods.items() if not sample.failure}


def _monthly_rows(profile: ActorProfile) -> list[list[Cell]]:
    """Return the events by month over both periods: the larger of the number counted and the number read."""
    months = Counter(event.date[:7] for sample in (profile.previous, profile.current) for event in sample.events)
    if profile.monthly_count:
        months |= profile.monthly_count.months
    return [[clean(month, 7), count] for month, count in sorted(months.items())]


def _withheld_edge_notes(profile: ActorProfile) -> list[str]:
    """Return a sentence if all events that were read for first_seen or last_seen are withheld."""
    edges = {"first_seen": profile.oldest, "last_seen": profile.newest}
    return [
        f"{name} is withheld by {' and '.join(sorted({*edge.withheld.values()}))}."
        for name, edge in edges.items()
        if edge.withheld and not edge.events
    ]


def _reading_notes(profile: ActorProfile) -> list[str]:
    """Return what a reader must know to understand the numbers."""
    notes: list[str] = []
    if not profile.current.events and not profile.current.failure:
        notes.append(NO_EVENTS_NOTE)
    if len(_readable_periods(profile)) > 1:
        notes.append(PERIODS_NOTE)
    if profile.current.truncated or profile.previous.truncated:
        notes.append(SAMPLES_NOTE)
    if count := profile.monthly_count:
        notes.append(f"activity is counted, not sampled{', and may be too low' if count.is_minimum else ''}.")
    return [*notes, COUNTS_NOTE]
