"""Creating events with the official client, and reading its answers where its types are wrong."""

from cloudflare import BaseModel
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource
from cloudflare.types.cloudforce_one import ThreatEventCreateResponse

from tests.ports import ACCOUNT
from tests.sandbox.api_client import Json

EVENTS = f"/accounts/{ACCOUNT}/cloudforce-one/events"

IGNORE_SUNSET_WARNINGS = "ignore:Use .* before 2026-11-28:DeprecationWarning"
"""A filter for the client's warnings about routes that end."""


def create_event(
    threats: ThreatEventsResource,
    dataset: str,
    event: str = "An event",
    *,
    attacker: str = "EXAMPLE ACTOR",
    date: str = "2026-11-20T08:00:00Z",
    indicator: str = "a.example",
    tlp: str = "amber",
) -> ThreatEventCreateResponse:
    """Create an event with default values for the fields that are not given."""
    return threats.create(
        path_account_id=ACCOUNT,
        dataset_id=dataset,
        attacker=attacker,
        category="Phishing",
        date=date,
        event=event,
        indicator=indicator,
        indicator_type="domain",
        raw={"data": {"seen": 1}, "source": "sensor.example.net", "tlp": "red"},
        tags=["malware"],
        target_industry="Mining",
        tlp=tlp,
    )


def as_json(answer: object) -> Json:
    """Return an answer whose type is wrong in the client as JSON: some published schemas are JSON Schemas by mistake."""
    return answer.to_dict() if isinstance(answer, BaseModel) else answer
