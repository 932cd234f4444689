"""Fields that the answers of profiles and comparisons share: periods, numbers of events, samples."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models import CatalogActor, Event, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.profiles.sampling import DateRange, EventCount, EventSample
from cf1_mcp.text.sanitize import clean

MAX_VALUE_LENGTH: Final = 60

AnswerFields = dict[str, JsonValue]


def clean_short(text: str) -> str:
    """Return a value of the account, cleaned and at most 60 characters long."""
    return clean(text.strip(), MAX_VALUE_LENGTH)


def format_days(dates: DateRange) -> str:
    """Return a period as its first and last day."""
    return " to ".join(str(date)[:10] for date in dates)


def number_of_events(sample: EventSample, count: EventCount | None) -> JsonValue:
    """Return how many events there are: an exact number, or `at least N` if neither sample nor count is complete."""
    if sample.failure:
        return "unknown"
    listed = len(sample.events)
    if not sample.truncated:
        return listed
    if count is None or count.is_minimum or count.events < listed:
        return f"at least {max(count.events if count else 0, listed):,}"
    return count.events


def sampled_field(samples: Mapping[str, tuple[EventSample, EventCount | None]]) -> AnswerFields:
    """Return which events the tables are based on, if those are not all events."""
    sentences: list[JsonValue] = [
        f"{name}: the newest {len(sample.events):,} of {_with_separators(number_of_events(sample, count))}"
        for name, (sample, count) in samples.items()
        if sample.truncated
    ]
    return {"sampled": sentences} if sentences else {}


def withheld_field(samples: Iterable[EventSample], policy: ReadPolicy) -> AnswerFields:
    """Return how many distinct events of the samples a rule withholds, if the operator has it told."""
    rules = {uuid: rule for sample in samples for uuid, rule in sample.withheld.items()}
    return policy.counts(Counter(rules.values()))


def highest_tlp_field(events: Iterable[Event], entries: Iterable[CatalogActor] = ()) -> AnswerFields:
    """Return the highest marking of the events and of the entries of the catalogue of actors that are shown."""
    levels = [Tlp.of(one.tlp) for one in (*events, *entries)]
    return {"highest_tlp": max(levels, key=lambda level: level.rank).value} if levels else {}


def failure_notes(samples: Mapping[str, EventSample]) -> list[str]:
    """Return a sentence for each sample that could not be read."""
    return [
        f"{name} could not be read: {sample.failure.sentence}" for name, sample in samples.items() if sample.failure
    ]


def _with_separators(count: JsonValue) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)
