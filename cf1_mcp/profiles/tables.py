"""Tables over events: how often each value occurs, compared with another period or another actor."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.answers.columns import Cell, event_cells
from cf1_mcp.answers.row_datasets import COLUMN, find_row_datasets
from cf1_mcp.answers.rows import Rows
from cf1_mcp.models import Dataset, Event
from cf1_mcp.profiles.answer_fields import clean_short
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_VALUES: Final = 8
# In addition: values that only the previous period has.
MAX_GONE_VALUES: Final = 3
MAX_TYPES: Final = 6
MAX_EXAMPLES: Final = 3
MAX_SHARED_VALUES: Final = 8
MAX_LINKS: Final = 4
# A truncated indicator is useless; longer ones are rare.
MAX_INDICATOR_LENGTH: Final = 120
_TECHNIQUE: Final = re.compile(r"T\d{4}(?:\.\d{3})?", re.IGNORECASE)


@dataclass(frozen=True)
class Attribute:
    """An attribute of events that is counted: the names of its table and its column, and its values in one event."""

    table: str
    column: str
    values: Callable[[Event], Iterable[str]]

    @property
    def label(self) -> tuple[str, str]:
        """Singular and plural, in words."""
        prefix = "target " if self.table.startswith("target_") else ""
        return f"{prefix}{self.column}", self.table.replace("_", " ")

    def count(self, events: Iterable[Event]) -> Counter[str]:
        """Count the events that have each value; empty values are ignored."""
        counts: Counter[str] = Counter()
        for event in events:
            counts.update({value for value in self.values(event) if value.strip()})
        return counts


def _techniques(event: Event) -> list[str]:
    """Return the techniques of the category and, as these are more specific, of the tags. Tactics do not count."""
    return [word.strip().upper() for word in (*event.mitre_attack, *event.tags) if _TECHNIQUE.fullmatch(word.strip())]


def _tags(event: Event) -> list[str]:
    return [tag for tag in event.tags if not _TECHNIQUE.fullmatch(tag.strip())]


ATTRIBUTES: Final = (
    Attribute("categories", "category", lambda event: [event.category]),
    Attribute("techniques", "technique", _techniques),
    Attribute("target_countries", "country", lambda event: [event.target_country]),
    Attribute("target_industries", "industry", lambda event: [event.target_industry]),
    Attribute("tags", "tag", _tags),
)
INDICATORS: Final = Attribute("indicators", "indicator", lambda event: [event.indicator])


def compare_periods(periods: Mapping[str, Sequence[Event]]) -> tuple[dict[str, Rows], list[str]]:
    """Return a table per attribute with a column per period, and how many values of which attributes are left out.

    A table has the most frequent values of the first period, and the most frequent ones that only the other has.
    """
    tables: dict[str, Rows] = {}
    left_out: list[str] = []
    all_events = [event for events in periods.values() for event in events]
    for attribute in ATTRIBUTES if periods else ():
        counts = [attribute.count(events) for events in periods.values()]
        ranked = sorted(attribute.count(all_events), key=lambda value: (*(-count[value] for count in counts), value))
        current = sum(1 for value in ranked if counts[0][value])
        shown = [*ranked[:current][:MAX_VALUES], *ranked[current:][:MAX_GONE_VALUES]]
        if len(shown) < len(ranked):
            left_out.append(plural(len(ranked) - len(shown), *attribute.label))
        rows: list[list[Cell]] = [[clean_short(value), *(count[value] for count in counts)] for value in shown]
        tables[attribute.table] = Rows([attribute.column, *periods], rows)
    if "categories" in tables:
        tables["categories"] = _add_kill_chain(tables["categories"], all_events)
    return tables, left_out


def _add_kill_chain(table: Rows, events: Iterable[Event]) -> Rows:
    phases = {clean_short(event.category): event.kill_chain for event in events if event.kill_chain}
    rows: list[list[Cell]] = [[name, _phase_cell(phases.get(str(name))), *counts] for name, *counts in table.rows]
    name, *columns = table.columns
    return Rows([name, "kill_chain", *columns], rows)


def _phase_cell(number: float | None) -> Cell:
    if number is None:
        return ""
    return int(number) if number.is_integer() else number


def infrastructure_table(events: Sequence[Event]) -> Rows:
    """Return per indicator type the number of events and of distinct indicators, the last day, and the newest ones."""
    by_type: dict[str, list[Event]] = {}
    for event in events:
        if event.indicator.strip():
            by_type.setdefault(event.indicator_type.strip().casefold(), []).append(event)
    rows: list[list[Cell]] = []
    for type_, of_type in sorted(by_type.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_TYPES]:
        distinct = [*dict.fromkeys(event.indicator for event in of_type)]
        newest = [_clean_indicator(indicator) for indicator in distinct[:MAX_EXAMPLES]]
        rows.append([clean_short(type_), len(of_type), len(distinct), clean(of_type[0].date[:10], 10), newest])
    return Rows(["indicator_type", "events", "different", "last", "indicator"], rows)


def event_table(events: Sequence[Event], columns: Sequence[str], known: Sequence[Dataset]) -> Rows:
    """Return the events with these columns, and with their datasets where they are of several."""
    origin, cells = find_row_datasets(events, known), event_cells(events, columns)
    if not origin.are_several:
        return Rows(columns, cells)
    numbered = [[*row, origin.number_of(event)] for event, row in zip(events, cells, strict=True)]
    return Rows((*columns, COLUMN), numbered, origin.fact())


def shared_value_tables(one: Sequence[Event], other: Sequence[Event]) -> dict[str, Rows]:
    """Return how many values of each attribute two actors have and share, and a table of the shared values each.

    Values that are frequent for both actors come first.
    """
    overlap: list[list[Cell]] = []
    tables: dict[str, Rows] = {}
    for attribute in (INDICATORS, *ATTRIBUTES):
        first, second = attribute.count(one), attribute.count(other)
        both = sorted(first & second, key=lambda value: (-min(first[value], second[value]), value))
        overlap.append([attribute.table, len(first), len(second), len(both)])
        clean_value = _clean_indicator if attribute is INDICATORS else clean_short
        rows: list[list[Cell]] = [
            [clean_value(value), first[value], second[value]] for value in both[:MAX_SHARED_VALUES]
        ]
        tables[f"shared_{attribute.table}"] = Rows([attribute.column, "attacker", "compare"], rows)
    return {"overlap": Rows(["different", "attacker", "compare", "shared"], overlap), **tables}


def linked_event_table(one: Sequence[Event], other: Sequence[Event]) -> Rows:
    """Return the events that refer to, or are referred to by, events of the other actor; most links first."""
    sides = {"attacker": one, "compare": other}
    owner = {event.uuid: name for name, events in sides.items() for event in events}
    by_uuid = {event.uuid: event for event in (*one, *other)}
    linked: dict[str, set[str]] = {}
    for event in by_uuid.values():
        for uuid in (*event.references, *event.referenced):
            if uuid in owner and owner[uuid] != owner[event.uuid]:
                linked.setdefault(event.uuid, set()).add(uuid)
                linked.setdefault(uuid, set()).add(event.uuid)
    ranked = sorted(linked, key=lambda uuid: (-len(linked[uuid]), uuid))[:MAX_LINKS]
    cells = event_cells([by_uuid[uuid] for uuid in ranked], ("uuid", "date", "event"))
    rows: list[list[Cell]] = [[owner[uuid], len(linked[uuid]), *row] for uuid, row in zip(ranked, cells, strict=True)]
    return Rows(["of", "links", "uuid", "date", "event"], rows)


def _clean_indicator(indicator: str) -> str:
    return clean(indicator, MAX_INDICATOR_LENGTH, value=True)
