"""What profiles and comparisons tell alike: periods, numbers, samples."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.pages import withheld_facts
from cf1_mcp.models import Event, Tlp
from cf1_mcp.profiles.sampling import Dates, Sample, Total
from cf1_mcp.text.sanitize import clean

MAX_VALUE_LENGTH: Final = 60

Facts = dict[str, JsonValue]


def short(text: str) -> str:
    """A word of the account, cleaned."""
    return clean(text.strip(), MAX_VALUE_LENGTH)


def days(dates: Dates) -> str:
    """A period by its first and last day."""
    return " to ".join(str(date)[:10] for date in dates)


def number(sample: Sample, total: Total | None) -> JsonValue:
    """How many events there are: exactly where the page held all or a count is sure, else at least so many."""
    if sample.failure:
        return "unknown"
    listed = len(sample.events)
    if not sample.cut:
        return listed
    if total is None or total.at_least or total.events < listed:
        return f"at least {max(total.events if total else 0, listed):,}"
    return total.events


def sampled_fact(samples: Mapping[str, tuple[Sample, Total | None]]) -> Facts:
    """Which events the tables are of, where those are not all."""
    told: list[JsonValue] = [
        f"{name}: the newest {len(sample.events):,} of {_spelt(number(sample, total))}"
        for name, (sample, total) in samples.items()
        if sample.cut
    ]
    return {"sampled": told} if told else {}


def withheld(samples: Iterable[Sample]) -> Facts:
    """How many different events of all that were read a rule keeps back."""
    rules = {uuid: rule for sample in samples for uuid, rule in sample.withheld.items()}
    return withheld_facts(Counter(rules.values()))


def highest(events: Iterable[Event]) -> Facts:
    """The highest marking among the events."""
    levels = [Tlp.of(event.tlp) for event in events]
    return {"highest_tlp": max(levels, key=lambda level: level.rank).value} if levels else {}


def unread(samples: Mapping[str, Sample]) -> list[str]:
    """A sentence for each part that could not be read."""
    return [f"{name} could not be read: {sample.failure}" for name, sample in samples.items() if sample.failure]


def _spelt(count: JsonValue) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)
