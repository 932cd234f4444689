"""A sample event before it has a date, and how it becomes a record of the loader.

Sketches know only ages, so that the tenant is the same whenever it is made and nothing but dates follows the clock.
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

Record = dict[str, object]
Item = TypeVar("Item")


class SeededRandom:
    """Repeatable choices. Only `random()` is used: it is the one sequence that Python promises never to change."""

    def __init__(self, seed: str) -> None:
        self.roll = Random(seed).random  # noqa: S311 - the same sample for everyone is the point

    def below(self, end: int) -> int:
        """A whole number from 0 to `end` - 1."""
        return int(self.roll() * end)

    def pick(self, items: Sequence[Item]) -> Item:
        return items[int(self.roll() * len(items))]

    def some(self, items: Sequence[Item], count: int) -> list[Item]:
        """`count` different neighbours from a random place on, wrapping around."""
        start = self.below(len(items))
        return [items[(start + step) % len(items)] for step in range(min(count, len(items)))]

    def chance(self, share: float) -> bool:
        return self.roll() < share


@dataclass(slots=True)
class SampleEvent:
    """One event: `age` and `lag` in seconds, `indicators` as (type, value), `parent` as (ref, relationship)."""

    ref: str
    dataset: str
    age: int
    category: str
    event: str
    tlp: str
    evidence: Record
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


# What a marking turns into when someone else spelt it, and the next stricter one.
_SPELT = {"clear": "white", "green": "TLP:GREEN", "amber": "AMBER", "amber+strict": "amber-strict", "red": "RED"}
_STRICTER = {"clear": "green", "green": "amber", "amber": "amber+strict", "amber+strict": "red", "red": "red"}

OPEN = ("clear",) * 9 + ("green",) * 9 + ("amber",) * 2
MIXED = ("clear",) * 5 + ("green",) * 8 + ("amber",) * 5 + ("amber+strict", "red")
CLOSED = ("green",) * 2 + ("amber",) * 11 + ("amber+strict",) * 5 + ("red",) * 2


def marked(sketch: SampleEvent, dice: SeededRandom) -> SampleEvent:
    """The sketch with a time until it was filed and the wear of real markings: odd, missing, or stricter evidence."""
    sketch.lag = 2 * HOUR + int(dice.roll() ** 2 * 3 * DAY)
    if sketch.lag >= sketch.age:
        sketch.lag = int(sketch.age * (0.1 + 0.8 * dice.roll()))
    wear = dice.roll()
    if wear < 0.02:
        sketch.raw_tlp = _STRICTER[sketch.tlp]
    elif wear < 0.05:
        sketch.raw_tlp, sketch.tlp = sketch.tlp, _SPELT[sketch.tlp]
    elif wear < 0.055:
        sketch.tlp = ""
    return sketch


def recent(dice: SeededRandom, first: float, last: float) -> int:
    """An age in seconds between `first` and `last` days ago, more often near `last`."""
    return int((last + (first - last) * dice.roll() ** 1.7) * DAY) + 60


def fingerprint(text: str) -> str:
    """The SHA-256 of one of our own strings, which is what every hash in the sample is."""
    return sha256(text.encode()).hexdigest()


def _moment(now: datetime, age: int) -> str:
    return f"{(now - timedelta(seconds=age)).isoformat()[:19]}Z"


def to_record(sketch: SampleEvent, now: datetime) -> Record:
    """The loader's form of a sketch, dated back from `now` (which must know its zone)."""
    now = now.astimezone(UTC)
    date = _moment(now, sketch.age)
    body: Record = {
        "date": date,
        "createdAt": _moment(now, sketch.age - sketch.lag),
        "category": sketch.category,
        "event": sketch.event,
        "tlp": sketch.tlp,
    }
    optional = {
        "attacker": sketch.attacker,
        "attackerCountry": sketch.attacker_country,
        "targetCountry": sketch.target_country,
        "targetIndustry": sketch.target_industry,
        "insight": sketch.insight,
        "tags": list(sketch.tags),
    }
    body.update((name, value) for name, value in optional.items() if value)
    if len(sketch.indicators) > 1:
        body["indicators"] = [{"value": value, "indicatorType": kind} for kind, value in sketch.indicators]
    elif sketch.indicators:
        body["indicatorType"], body["indicator"] = sketch.indicators[0]
    raw: Record = {"data": {"observedAt": date, **sketch.evidence}, "source": sketch.source}
    if sketch.raw_tlp or sketch.tlp:
        raw["tlp"] = sketch.raw_tlp or sketch.tlp
    body["raw"] = raw
    record: Record = {"ref": sketch.ref, "dataset": sketch.dataset, "body": body}
    if sketch.parent:
        record["parents"] = [{"ref": sketch.parent[0], "type": sketch.parent[1]}]
    if sketch.references:
        record["references"] = list(sketch.references)
    return record
