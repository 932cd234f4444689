"""Sample events, which have ages instead of dates, and their conversion to records for the loader.

The tenant is therefore the same whenever it is created; only its dates depend on the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import TypeVar

APT = "Cloudforce One Threat Events"
CYBERCRIME = "Cybercrime"
DDOS = "DDoS Attacks"
DEVICES = "Compromised Devices"
ACME = "ACME Incident Response"

HOUR = 3_600
DAY = 24 * HOUR

JsonObject = dict[str, object]
Item = TypeVar("Item")


class SeededRandom:
    """Repeatable random choices. Only `random()` is used, because Python guarantees that sequence for every version."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed).random  # noqa: S311 - the same sample for everyone is the point

    def below(self, end: int) -> int:
        """Return a whole number from 0 to `end` - 1."""
        return int(self.random() * end)

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[int(self.random() * len(items))]

    def some(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return `count` consecutive items from a random start, wrapping around."""
        start = self.below(len(items))
        return [items[(start + step) % len(items)] for step in range(min(count, len(items)))]

    def chance(self, share: float) -> bool:
        """Return True with the probability `share`."""
        return self.random() < share


@dataclass(slots=True)
class SampleEvent:
    """One event.

    `age` is the time since it happened and `lag` the time until it was created, both in seconds. `indicators` are
    (type, value), `parent` is (ref, relationship type).
    """

    ref: str
    dataset: str
    age: int
    category: str
    event: str
    tlp: str
    evidence: JsonObject
    source: str = "sensors.example.net"
    lag: int = 0
    attacker: str = ""
    attacker_country: str = ""
    target_country: str = ""
    target_industry: str = ""
    insight: str = ""
    raw_tlp: str = ""
    tags: Sequence[str] = ()
    indicators: Sequence[tuple[str, str]] = ()
    parent: tuple[str, str] | None = None
    references: Sequence[str] = ()


# Other spellings of the markings, and the next stricter marking.
_OTHER_SPELLINGS = {
    "clear": "white",
    "green": "TLP:GREEN",
    "amber": "AMBER",
    "amber+strict": "amber-strict",
    "red": "RED",
}
_STRICTER = {"clear": "green", "green": "amber", "amber": "amber+strict", "amber+strict": "red", "red": "red"}

OPEN = ("clear",) * 9 + ("green",) * 9 + ("amber",) * 2
MIXED = ("clear",) * 5 + ("green",) * 8 + ("amber",) * 5 + ("amber+strict", "red")
CLOSED = ("green",) * 2 + ("amber",) * 11 + ("amber+strict",) * 5 + ("red",) * 2


def add_filing_details(event: SampleEvent, rng: SeededRandom) -> SampleEvent:
    """Return the event with a lag and, for some events, the irregular markings of real data: another spelling, no
    marking, or stricter evidence."""
    event.lag = 2 * HOUR + int(rng.random() ** 2 * 3 * DAY)
    if event.lag >= event.age:
        event.lag = int(event.age * (0.1 + 0.8 * rng.random()))
    irregularity = rng.random()
    if irregularity < 0.02:
        event.raw_tlp = _STRICTER[event.tlp]
    elif irregularity < 0.05:
        event.raw_tlp, event.tlp = event.tlp, _OTHER_SPELLINGS[event.tlp]
    elif irregularity < 0.055:
        event.tlp = ""
    return event


def pick_age(rng: SeededRandom, first: float, last: float) -> int:
    """Return an age in seconds between `first` and `last` days, more often near `last`."""
    return int((last + (first - last) * rng.random() ** 1.7) * DAY) + 60


def fake_hash(text: str) -> str:
    """Return the SHA-256 of a text; every hash in the sample is made this way."""
    return sha256(text.encode()).hexdigest()


def _format_date(now: datetime, age: int) -> str:
    return f"{(now - timedelta(seconds=age)).isoformat()[:19]}Z"


def to_record(event: SampleEvent, now: datetime) -> JsonObject:
    """Return the loader's record of an event, dated relative to `now`, which needs a time zone."""
    now = now.astimezone(UTC)
    date = _format_date(now, event.age)
    body: JsonObject = {
        "date": date,
        "createdAt": _format_date(now, event.age - event.lag),
        "category": event.category,
        "event": event.event,
        "tlp": event.tlp,
    }
    optional = {
        "attacker": event.attacker,
        "attackerCountry": event.attacker_country,
        "targetCountry": event.target_country,
        "targetIndustry": event.target_industry,
        "insight": event.insight,
        "tags": list(event.tags),
    }
    body.update((name, value) for name, value in optional.items() if value)
    if len(event.indicators) > 1:
        body["indicators"] = [{"value": value, "indicatorType": kind} for kind, value in event.indicators]
    elif event.indicators:
        body["indicatorType"], body["indicator"] = event.indicators[0]
    raw: JsonObject = {"data": {"observedAt": date, **event.evidence}, "source": event.source}
    if event.raw_tlp or event.tlp:
        raw["tlp"] = event.raw_tlp or event.tlp
    body["raw"] = raw
    record: JsonObject = {"ref": event.ref, "dataset": event.dataset, "body": body}
    if event.parent:
        record["parents"] = [{"ref": event.parent[0], "type": event.parent[1]}]
    if event.references:
        record["references"] = list(event.references)
    return record
