"""What the events of an actor say of it."""

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
from cf1_mcp.answers.pages import ABSENCE, dataset_names
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.models import Event
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.profiles.actor import Actor, did_you_mean, read_as
from cf1_mcp.profiles.facts import Facts, days, highest, number, sampled_fact, short, unread, withheld
from cf1_mcp.profiles.sampling import EDGE, Sample, Span, Total, campaigns_of, raise_if_all_failed, sampled, totals
from cf1_mcp.profiles.tables import generations, infrastructure, listed
from cf1_mcp.text.sanitize import clean

MAX_CAMPAIGNS: Final = 5
MAX_NEWEST: Final = 5
MAX_MONTHS: Final = 24
MAX_ORIGINS: Final = 3

GENERATIONS: Final = "before = 0: new in this period. now = 0: gone."
SIGHTINGS: Final = "Counts are of events seen, not of attacks."
SAMPLED: Final = "What was sampled may lack the rare: a 0 may lie beyond the sample."
QUIET: Final = "There is no event to show in this period: one that reaches back to last_seen (since) tells more."
UNKNOWN: Final = "No event here names this actor, at any time."


@dataclass(frozen=True)
class Profile:
    """What was read of one actor. The totals stand for what a page did not hold all of."""

    now: Sample
    before: Sample
    first: Sample
    last: Sample
    campaigns: Sample
    total: Total | None = None
    total_before: Total | None = None
    total_by_month: Total | None = None

    @property
    def parts(self) -> Mapping[str, Sample]:
        return {
            "events": self.now,
            "events_before": self.before,
            "first_seen": self.first,
            "last_seen": self.last,
            "campaigns": self.campaigns,
        }

    @property
    def events(self) -> list[Event]:
        return [event for sample in self.parts.values() for event in sample.events]


async def read_profile(client: ThreatEventsClient, scope: DatasetScope, actor: Actor, span: Span) -> Profile:
    """Everything at once, then the counts of what a page did not hold.

    Raises:
        ApiError: nothing could be read.
    """
    events = partial(sampled, client, scope, actor.names)
    now, before, first, last, campaigns = await gather(
        [
            partial(events, span.now),
            partial(events, span.before),
            partial(events, order="asc", most=EDGE),
            partial(events, most=EDGE),
            partial(campaigns_of, client, scope, actor.names),
        ]
    )
    raise_if_all_failed(now, before, first, last, campaigns)
    asked = {
        "total": (now.cut, span.now, False),
        "total_before": (before.cut, span.before, False),
        "total_by_month": (now.cut or before.cut, span.whole, True),
    }
    wanted = {name: (dates, daily) for name, (cut, dates, daily) in asked.items() if cut}
    counts = dict(zip(wanted, await totals(client, scope, actor.names, [*wanted.values()]), strict=True))
    return Profile(now, before, first, last, campaigns, **counts)


def profile_answer(actor: Actor, profile: Profile, span: Span, scope: DatasetScope) -> Answer:
    """One actor as the events of a period show it, beside the period before."""
    common: Facts = {"datasets": dataset_names(scope.names), **withheld(profile.parts.values())}
    problems = [*unread(profile.parts), *actor.unread()]
    if not profile.events:
        nobody = "withheld" not in common and not unread(profile.parts)
        notes = [*problems, *([UNKNOWN] if nobody else []), ABSENCE]
        return Card({"events": number(profile.now, None)} | common, actor.told() | did_you_mean(actor), notes=notes)
    fields: Facts = {
        "period": days(span.now),
        "events": number(profile.now, profile.total),
        "period_before": days(span.before),
        "events_before": number(profile.before, profile.total_before),
    }
    fields |= sampled_fact(
        {"events": (profile.now, profile.total), "events_before": (profile.before, profile.total_before)}
    )
    untrusted = actor.told() | read_as(actor) | _seen(profile) | _origin(profile.events)
    periods = {name: one for name, one in (("now", profile.now), ("before", profile.before)) if not one.failure}
    tables, left = generations({name: sample.events for name, sample in periods.items()})
    campaigns = sorted(profile.campaigns.events, key=lambda event: not event.insight.strip())
    if (more := len(campaigns) - MAX_CAMPAIGNS) > 0:
        left.append(f"{more}{' or more' if profile.campaigns.cut else ''} campaigns")
    newest = profile.now.events or profile.last.events
    activity = _activity(profile)
    if (earlier := len(activity) - MAX_MONTHS) > 0:
        left.append(f"{earlier} earlier months")
    parts = {
        "activity": Rows(["month", "events"], activity[-MAX_MONTHS:]),
        **tables,
        "infrastructure": infrastructure(profile.now.events),
        "campaigns": listed(campaigns[:MAX_CAMPAIGNS], ("uuid", "date", "event")),
        "newest": listed(newest[:MAX_NEWEST], ("uuid", "date", "category", "indicator", "event")),
    }
    notes = [*problems, *_hidden(profile)]
    notes += [QUIET] if not (profile.now.events or profile.now.failure) else []
    notes += [GENERATIONS] if len(periods) > 1 else []
    notes += [SAMPLED] if profile.now.cut or profile.before.cut else []
    if total := profile.total_by_month:
        notes.append(f"activity is counted{', and may be more' if total.at_least else ''}, not sampled.")
    notes += [SIGHTINGS, *([f"Not shown: {', '.join(left)}."] if left else [])]
    filled = {name: part for name, part in parts.items() if part.rows}
    return fit(Card(fields | highest(profile.events) | common, untrusted, filled, notes), DEFAULT_SIZE)


def _seen(profile: Profile) -> Facts:
    """The first and the last day of which there is an event to show, whenever that was."""
    edges = {"first_seen": profile.first.events, "last_seen": profile.last.events}
    return {name: clean(events[0].date[:10], 10) for name, events in edges.items() if events}


def _hidden(profile: Profile) -> list[str]:
    """A sentence for an edge at which everything that was read is withheld."""
    edges = {"first_seen": profile.first, "last_seen": profile.last}
    return [
        f"{name} is withheld by {' and '.join(sorted({*edge.withheld.values()}))}."
        for name, edge in edges.items()
        if edge.withheld and not edge.events
    ]


def _origin(events: Sequence[Event]) -> Facts:
    """The countries that events attribute the actor to, the most frequent first."""
    counts = Counter(event.attacker_country for event in events if event.attacker_country.strip())
    told: list[JsonValue] = [short(country) for country, _ in counts.most_common(MAX_ORIGINS)]
    return {"attacker_country": told} if told else {}


def _activity(profile: Profile) -> list[list[Cell]]:
    """Events by month over both periods: counted where a page did not hold them all, and never less than were read."""
    months = Counter(event.date[:7] for sample in (profile.before, profile.now) for event in sample.events)
    if profile.total_by_month:
        months |= profile.total_by_month.months
    return [[clean(month, 7), count] for month, count in sorted(months.items())]
