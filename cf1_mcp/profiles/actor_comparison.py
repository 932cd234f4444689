"""What the events of two actors have in common."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.fitting import DEFAULT_SIZE, fit
from cf1_mcp.answers.pages import ABSENCE, dataset_facts, reading_notes
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.reading_report import merge_reports
from cf1_mcp.models import Event
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.profiles.actor import ResolvedActor, catalog_problems, did_you_mean_field, read_as_field
from cf1_mcp.profiles.answer_fields import (
    AnswerFields,
    failure_notes,
    format_days,
    highest_tlp_field,
    number_of_events,
    sampled_field,
    withheld_field,
)
from cf1_mcp.profiles.sampling import (
    MAX_CHECKED_CAMPAIGNS,
    EventCount,
    EventSample,
    ProfilePeriod,
    count_periods,
    raise_if_all_failed,
    read_campaigns,
    read_sample,
    select_campaigns,
)
from cf1_mcp.profiles.tables import MAX_SHARED_VALUES, linked_event_table, shared_value_tables

NO_PROOF_NOTE: Final = "Shared techniques, tools and rented hosts do not prove that two actors are the same."
NO_EVENTS_NOTE: Final = "There is no event of {} to show in this period: try an earlier date as since."
TABLES_NOTE: Final = (
    f"At most {MAX_SHARED_VALUES} values per table are shown, with the number of events of each actor. An event shows "
    "one of its indicators; search for the others. linked: events of the period, and campaigns of any date, that refer "
    "to events of the other actor."
)


@dataclass(frozen=True)
class ComparedActor:
    """One of two compared actors: its events of the period, and its campaigns of any date.

    Only campaigns that refer to the other actor's events are shown: see `select_linked_campaigns`.
    """

    actor: ResolvedActor
    sample: EventSample
    campaigns: EventSample
    count: EventCount | None

    @property
    def events_name(self) -> str:
        return f"events_{self.actor.argument}"

    @property
    def samples(self) -> dict[str, EventSample]:
        return {self.events_name: self.sample, f"campaigns of {self.actor.argument}": self.campaigns}

    @property
    def events(self) -> list[Event]:
        return [*self.sample.events, *self.campaigns.events]


async def read_compared_actor(
    client: ThreatEventsClient, scope: DatasetScope, period: ProfilePeriod, actor: ResolvedActor
) -> ComparedActor:
    """Read the events and campaigns of one actor.

    Raises:
        ApiError: neither could be read.
    """
    sample, campaigns = await gather(
        [
            partial(read_sample, client, scope, actor.names, period.current),
            partial(read_campaigns, client, scope, actor.names),
        ]
    )
    raise_if_all_failed(sample, campaigns)
    if not sample.truncated:
        return ComparedActor(actor, sample, campaigns, None)
    counts = await count_periods(client, scope, actor.names, [(period.current, False)])
    return ComparedActor(actor, sample, campaigns, counts[0])


async def select_linked_campaigns(
    client: ThreatEventsClient, scope: DatasetScope, one: ComparedActor, other: ComparedActor
) -> tuple[ComparedActor, ComparedActor]:
    """Return the actors with only those campaigns that are linked to the other one and have children to show."""
    left, right = await gather(
        partial(select_campaigns, client, scope.policy, _linked_campaigns(side, far), MAX_CHECKED_CAMPAIGNS)
        for side, far in ((one, other), (other, one))
    )
    return replace(one, campaigns=left), replace(other, campaigns=right)


def _linked_campaigns(side: ComparedActor, far: ComparedActor) -> EventSample:
    """Return the campaigns that refer to events of the other actor, without the events of the period."""
    of_period = {event.uuid for event in side.sample.events}
    far_ids = {event.uuid for event in far.events}
    named_by_far = {uuid for event in far.events for uuid in (*event.references, *event.referenced)}
    linked = [
        event
        for event in side.campaigns.events
        if event.uuid not in of_period
        and (event.uuid in named_by_far or not far_ids.isdisjoint((*event.references, *event.referenced)))
    ]
    return replace(side.campaigns, events=linked)


def render_comparison(one: ComparedActor, other: ComparedActor, period: ProfilePeriod, scope: DatasetScope) -> Answer:
    """Return what two actors share within a period, and which of their events and campaigns refer to each other."""
    sides = (one, other)
    actors = [side.actor if side.events else side.actor.without_aliases() for side in sides]
    without_events = [side.actor for side in sides if not side.sample.events]
    untrusted = actors[0].name_fields() | actors[1].name_fields()
    untrusted |= read_as_field(*actors) | did_you_mean_field(*without_events)
    tables = {"linked": linked_event_table(one.events, other.events)}
    if one.sample.events and other.sample.events:
        tables = shared_value_tables(one.sample.events, other.sample.events) | tables
    filled = {name: table for name, table in tables.items() if table.rows}
    report = merge_reports(sample.report for side in sides for sample in side.samples.values())
    notes = [*reading_notes(scope, report), *failure_notes(one.samples | other.samples)]
    notes += [*one.actor.problems(), *other.actor.problems()]
    notes += catalog_problems(one.actor, other.actor)
    notes += [
        NO_EVENTS_NOTE.format(side.actor.argument)
        for side in sides
        if not side.sample.events and not side.sample.failure
    ]
    notes += [TABLES_NOTE, NO_PROOF_NOTE] if filled else [*scope.policy.notes, ABSENCE]
    return fit(Card(_facts(sides, period, scope), untrusted, filled, notes), DEFAULT_SIZE)


def _facts(sides: tuple[ComparedActor, ComparedActor], period: ProfilePeriod, scope: DatasetScope) -> AnswerFields:
    facts: AnswerFields = {"period": format_days(period.current)}
    facts |= {side.events_name: number_of_events(side.sample, side.count) for side in sides}
    facts |= sampled_field({side.events_name: (side.sample, side.count) for side in sides})
    entries = [entry for side in sides for entry in side.actor.entries or ()]
    facts |= highest_tlp_field((event for side in sides for event in side.events), entries)
    facts |= dataset_facts(scope, merge_reports(sample.report for side in sides for sample in side.samples.values()))
    samples = (sample for side in sides for sample in side.samples.values())
    return facts | withheld_field(samples, scope.policy)
