"""The values of duplicates that their merged event does not get, because it has others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Event
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

# Tags and links are carried over, and of markings the highest.
COMPARED: Final = (
    "attacker",
    "attacker_country",
    "insight",
    "target_country",
    "target_industry",
    "indicator",
    "indicator_type",
    "category",
    "kill_chain",
    "mitre_attack",
    "mitre_capec",
    "date",
    "event",
)
MAX_VALUES: Final = 3


def find_dropped(kept: Event, filled: Mapping[str, str], others: Sequence[Event]) -> dict[str, list[str]]:
    """Return the values of the other events that are lost, by field, each once. `filled` are those that `kept` gets."""
    dropped: dict[str, list[str]] = {}
    for name in COMPARED:
        known = [filled[name]] if name in filled else [*_list_values(kept, name)]
        for value in (value for event in others for value in _list_values(event, name)):
            if not any(_is_same(name, value, one) for one in (*known, *dropped.get(name, ()))):
                dropped.setdefault(name, []).append(value)
    return dropped


def warn_of_dropped(dropped: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a sentence on the fields of which values are lost; none if nothing is."""
    return [f"Other values of the duplicates are dropped, of {', '.join(dropped)}."] if dropped else []


def show_dropped(dropped: Mapping[str, Sequence[str]]) -> dict[str, JsonValue]:
    """Return the lost values, clipped for a preview."""
    shown: dict[str, JsonValue] = {name: _clip(values) for name, values in dropped.items()}
    return {"dropped": shown} if shown else {}


def _clip(values: Sequence[str]) -> JsonValue:
    shown: list[JsonValue] = [clean(value, MAX_CELL_LENGTH) for value in values[:MAX_VALUES]]
    more = len(values) - len(shown)
    return [*shown, *([f"and {plural(more, 'other value')}"] if more else [])]


def _list_values(event: Event, name: str) -> Iterator[str]:
    value: str | float | list[str] | None = getattr(event, name)
    if isinstance(value, float | int):
        yield f"{value:g}"
        return
    yield from (one for one in (value if isinstance(value, list) else [value or ""]) if one.strip())


def _is_same(name: str, one: str, other: str) -> bool:
    return is_same_value(name, one, other) or _fold(name, one) == _fold(name, other)


def _fold(name: str, text: str) -> str:
    """Return a text in which duplicates are compared: without regard to case, blanks and forms of an indicator."""
    from cf1_mcp.indicators import classify

    found = classify(text) if name == "indicator" else None
    return found.value if found else " ".join(text.split()).casefold()
