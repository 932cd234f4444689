"""A fictional tenant: actors, campaigns, floods, devices and the tenant's own cases, on reserved names and addresses.

The same for everyone and every day; only dates follow the clock that is passed in.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from cf1_mcp.sandbox.sample.background import actor_sightings, crime, devices, floods
from cf1_mcp.sandbox.sample.campaigns import campaign_sketches
from cf1_mcp.sandbox.sample.hostile import hostile_sketches
from cf1_mcp.sandbox.sample.incidents import incident_sketches
from cf1_mcp.sandbox.sample.sample_event import ACME, APT, CYBERCRIME, DDOS, DEVICES, Record, to_record
from cf1_mcp.sandbox.sample.sample_queries import sample_alerts, sample_queries

__all__ = ["SAMPLE_DATASETS", "sample_alerts", "sample_queries", "sample_records"]

# name, is public, is analytics; the first is the one the API takes when none is named.
SAMPLE_DATASETS: tuple[tuple[str, bool, bool], ...] = (
    (APT, True, False),
    (CYBERCRIME, True, False),
    (DDOS, True, False),
    (DEVICES, True, True),
    (ACME, False, False),
)


def sample_records(now: datetime) -> Iterator[Record]:
    """Every event of the tenant in the loader's form, dated back from `now` (which must know its zone).

    Parents and references name events that came before. Nothing is dated or created after `now`.
    """
    sketches = chain(
        campaign_sketches(),
        incident_sketches(),
        actor_sightings(),
        floods(),
        devices(),
        crime(),
        hostile_sketches(),
    )
    return (to_record(sketch, now) for sketch in sketches)
