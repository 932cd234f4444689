"""A fictional tenant: actors, campaigns, floods, devices and its own incidents, on reserved names and addresses.

The tenant is always the same; only its dates depend on the time that is passed in.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from cf1_mcp.sandbox.sample.background import actor_sightings, crime_events, device_events, flood_events
from cf1_mcp.sandbox.sample.campaigns import campaign_events
from cf1_mcp.sandbox.sample.hostile import hostile_events
from cf1_mcp.sandbox.sample.incidents import incident_events
from cf1_mcp.sandbox.sample.sample_event import ACME, APT, CYBERCRIME, DDOS, DEVICES, JsonObject, to_record
from cf1_mcp.sandbox.sample.sample_queries import sample_alerts, sample_queries

__all__ = ["SAMPLE_DATASETS", "sample_alerts", "sample_queries", "sample_records"]

# (name, is public, is analytics); the first is the default dataset.
SAMPLE_DATASETS: tuple[tuple[str, bool, bool], ...] = (
    (APT, True, False),
    (CYBERCRIME, True, False),
    (DDOS, True, False),
    (DEVICES, True, True),
    (ACME, False, False),
)


def sample_records(now: datetime) -> Iterator[JsonObject]:
    """Return every event as a record for the loader, dated relative to `now`, which needs a time zone.

    Parents and references are records that came earlier. Nothing is dated or created after `now`.
    """
    events = chain(
        campaign_events(),
        incident_events(),
        actor_sightings(),
        flood_events(),
        device_events(),
        crime_events(),
        hostile_events(),
    )
    return (to_record(event, now) for event in events)
