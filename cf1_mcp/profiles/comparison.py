"""What the events of two actors have in common."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.card import Card
from cf1_mcp.answers.fitting import DEFAULT_SIZE, fit
from cf1_mcp.answers.pages import ABSENCE, dataset_names
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.models import Event
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.profiles.actor import Actor, did_you_mean, read_as
from cf1_mcp.profiles.facts import Facts, days, highest, number, sampled_fact, unread, withheld
from cf1_mcp.profiles.sampling import Sample, Span, Total, campaigns_of, raise_if_all_failed, sampled, totals
from cf1_mcp.profiles.tables import MAX_SHARED, links, shared

ONE_HAND: Final = "Shared techniques, tools and rented hosts do not show that two actors are one."
QUIET: Final = "There is no event of {} to show in this period: a longer one (since) may tell more."
TABLES_NOTE: Final = (
    f"At most {MAX_SHARED} of a kind are shown, with the number of each actor's events. An event tells one indicator; "
    "its others are found by searching for them. linked: events of the period, and campaigns of any time, that refer "
    "to the other actor's."
)


@dataclass(frozen=True)
class Side:
    """What was read of one of the two: its events of the period, and its campaigns of any time."""

    actor: Actor
    sample: Sample
    campaigns: Sample
    total: Total | None

    @property
    def parts(self) -> dict[str, Sample]:
        return {f"events_{self.actor.argument}": self.sample, f"campaigns of {self.actor.argument}": self.campaigns}

    @property
    def events(self) -> list[Event]:
        return [*self.sample.events, *self.campaigns.events]


async def read_side(client: ThreatEventsClient, scope: DatasetScope, span: Span, actor: Actor) -> Side:
    """The events and campaigns of one actor.

    Raises:
        ApiError: neither could be read.
    """
    sample, campaigns = await gather(
        [partial(sampled, client, scope, actor.names, span.now), partial(campaigns_of, client, scope, actor.names)]
    )
    raise_if_all_failed(sample, campaigns)
    counts = await totals(client, scope, actor.names, [(span.now, False)]) if sample.cut else [None]
    return Side(actor, sample, campaigns, counts[0])


def comparison_answer(one: Side, other: Side, span: Span, scope: DatasetScope) -> Answer:
    """What two actors share within a period, and which of their events and campaigns refer to each other."""
    parts = one.parts | other.parts
    fields: Facts = {"period": days(span.now)}
    fields |= {f"events_{side.actor.argument}": number(side.sample, side.total) for side in (one, other)}
    fields |= sampled_fact({f"events_{side.actor.argument}": (side.sample, side.total) for side in (one, other)})
    fields |= highest([*one.events, *other.events]) | {"datasets": dataset_names(scope.names)}
    fields |= withheld(parts.values())
    strangers = [side.actor for side in (one, other) if not side.events]
    quiet = [side.actor.argument for side in (one, other) if not (side.sample.events or side.sample.failure)]
    actors = (one.actor, other.actor)
    untrusted = one.actor.told() | other.actor.told() | read_as(*actors) | did_you_mean(*strangers)
    notes = [*unread(parts), *one.actor.unread(), *other.actor.unread(), *(QUIET.format(name) for name in quiet)]
    tables = {"linked": links(one.events, other.events)}
    if one.sample.events and other.sample.events:
        tables = shared(one.sample.events, other.sample.events) | tables
    filled = {name: table for name, table in tables.items() if table.rows}
    notes += [TABLES_NOTE, ONE_HAND] if filled else [ABSENCE]
    return fit(Card(fields, untrusted, filled, notes), DEFAULT_SIZE)
