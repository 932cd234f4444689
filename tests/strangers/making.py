"""Events made through the official client, and its answers where its types are wrong."""

from cloudflare import BaseModel
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource
from cloudflare.types.cloudforce_one import ThreatEventCreateResponse

from tests.ports import ACCOUNT
from tests.sandbox.talk import Json

EVENTS = f"/accounts/{ACCOUNT}/cloudforce-one/events"

ENDING = "ignore:Use .* before 2026-11-28:DeprecationWarning"
"""What the client says of routes that end, as a filter of warnings."""


def new_event(
    threats: ThreatEventsResource,
    dataset: str,
    event: str = "An event",
    *,
    attacker: str = "EXAMPLE ACTOR",
    date: str = "2026-11-20T08:00:00Z",
    indicator: str = "a.example",
    tlp: str = "amber",
) -> ThreatEventCreateResponse:
    """An event, of which only what matters to the test needs saying."""
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


def as_sent(answer: object) -> Json:
    """An answer that the client's types get wrong, as JSON: some published schemas are a JSON Schema by mistake."""
    return answer.to_dict() if isinstance(answer, BaseModel) else answer
