"""What an answer says of values that were read differently than typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from cf1_mcp.events.validation import is_same_value
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean


def describe_read_as(given: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return the fact `read_as`, with each value that was read differently than typed; empty if there is none."""
    changes: list[JsonValue] = [
        f"{name}: {clean(text, MAX_NAME_LENGTH, value=True)} as {clean(fields[name], MAX_NAME_LENGTH, value=True)}"
        for name, text in given.items()
        if _is_changed(name, text, fields[name])
    ]
    changes += [
        f"{name}: not given, so {clean(value, MAX_NAME_LENGTH)}" for name, value in fields.items() if name not in given
    ]
    return {"read_as": changes} if changes else {}


@dataclass
class ReadAsSummary:
    """Counts the values of many events that were read differently than typed, by field, with the first as example."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    examples: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, name: str, text: str, value: str) -> None:
        # A date that only gains its time of day needs no mention.
        if _is_changed(name, text, value) and not value.startswith(text.strip()):
            self.counts[name] = self.counts.get(name, 0) + 1
            pair = [clean(one, MAX_NAME_LENGTH, value=True) for one in (text, value)]
            self.examples.setdefault(name, " as ".join(pair))

    def facts(self) -> dict[str, JsonValue]:
        """Return the fact `read_as`; empty if no value was changed."""
        return (
            {"read_as": [f"{name}: {count}, such as {self.examples[name]}" for name, count in self.counts.items()]}
            if self.counts
            else {}
        )


def _is_changed(name: str, text: str, value: str) -> bool:
    return value != text.strip() and not is_same_value(name, value, text)
