"""Events as tables: how often each value stands in them, beside how often it stands in others."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from cf1_mcp.answers.columns import Cell, event_cells
from cf1_mcp.answers.rows import Rows
from cf1_mcp.models import Event
from cf1_mcp.profiles.facts import short
from cf1_mcp.text.sanitize import clean

MAX_VALUES: Final = 8
# Beside those: values that only the period before has.
MAX_GONE: Final = 3
MAX_TYPES: Final = 6
MAX_EXAMPLES: Final = 3
MAX_SHARED: Final = 8
MAX_LINKS: Final = 4
# A clipped indicator is of no use; longer ones are rare.
MAX_INDICATOR_LENGTH: Final = 120
_TECHNIQUE: Final = re.compile(r"T\d{4}(?:\.\d{3})?", re.IGNORECASE)


def _category(event: Event) -> Iterable[str]:
    return [event.category]


def _techniques(event: Event) -> Iterable[str]:
    """Those of its category and, closer to what happened, those among its tags. Tactics (TA0001) are none."""
    return [word.strip().upper() for word in (*event.mitre_attack, *event.tags) if _TECHNIQUE.fullmatch(word.strip())]


def _tags(event: Event) -> Iterable[str]:
    return [tag for tag in event.tags if not _TECHNIQUE.fullmatch(tag.strip())]


def _target_country(event: Event) -> Iterable[str]:
    return [event.target_country]


def _target_industry(event: Event) -> Iterable[str]:
    return [event.target_industry]


def _indicator(event: Event) -> Iterable[str]:
    return [event.indicator]


Values = Callable[[Event], Iterable[str]]
# What is counted: the name of its table, of its column, and the values that an event has of it.
KINDS: Final[tuple[tuple[str, str, Values], ...]] = (
    ("categories", "category", _category),
    ("techniques", "technique", _techniques),
    ("target_countries", "country", _target_country),
    ("target_industries", "industry", _target_industry),
    ("tags", "tag", _tags),
)
INDICATORS: Final[tuple[str, str, Values]] = ("indicators", "indicator", _indicator)


def counted(events: Iterable[Event], values: Values) -> Counter[str]:
    """In how many events each value stands; an empty one is none."""
    counts: Counter[str] = Counter()
    for event in events:
        counts.update({value for value in values(event) if value.strip()})
    return counts


def generations(periods: Mapping[str, Sequence[Event]]) -> tuple[dict[str, Rows], list[str]]:
    """A table a kind, with a column a period: the largest values of the first period, and the largest that only the
    other has. With how many more there are of a kind.
    """
    tables: dict[str, Rows] = {}
    left: list[str] = []
    everything = [event for events in periods.values() for event in events]
    for name, column, values in KINDS if periods else ():
        counts = [counted(events, values) for events in periods.values()]
        ranked = sorted(counted(everything, values), key=lambda value: (*(-count[value] for count in counts), value))
        present = sum(1 for value in ranked if counts[0][value])
        shown = [*ranked[:present][:MAX_VALUES], *ranked[present:][:MAX_GONE]]
        if len(shown) < len(ranked):
            left.append(f"{len(ranked) - len(shown)} {name.replace('_', ' ')}")
        rows: list[list[Cell]] = [[short(value), *(count[value] for count in counts)] for value in shown]
        tables[name] = Rows([column, *periods], rows)
    if "categories" in tables:
        tables["categories"] = _with_kill_chain(tables["categories"], everything)
    return tables, left


def _with_kill_chain(table: Rows, events: Iterable[Event]) -> Rows:
    phases = {short(event.category): event.kill_chain for event in events if event.kill_chain}
    rows: list[list[Cell]] = [[name, _whole(phases.get(str(name))), *counts] for name, *counts in table.rows]
    name, *columns = table.columns
    return Rows([name, "kill_chain", *columns], rows)


def _whole(number: float | None) -> Cell:
    return "" if number is None else int(number) if number.is_integer() else number


def infrastructure(events: Sequence[Event]) -> Rows:
    """By indicator type: in how many events, how many different ones, the last day of one, and the newest."""
    kinds: dict[str, list[Event]] = {}
    for event in events:
        if event.indicator.strip():
            kinds.setdefault(event.indicator_type.strip().casefold(), []).append(event)
    rows: list[list[Cell]] = []
    for kind, seen in sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0]))[:MAX_TYPES]:
        distinct = [*dict.fromkeys(event.indicator for event in seen)]
        newest = [_shown_indicator(indicator) for indicator in distinct[:MAX_EXAMPLES]]
        rows.append([short(kind), len(seen), len(distinct), clean(seen[0].date[:10], 10), newest])
    return Rows(["indicator_type", "events", "different", "last", "indicator"], rows)


def listed(events: Sequence[Event], columns: Sequence[str]) -> Rows:
    """Events as they are."""
    return Rows(columns, event_cells(events, columns))


def shared(one: Sequence[Event], other: Sequence[Event]) -> dict[str, Rows]:
    """How many different values of each kind two actors have and share, and the shared ones: those first that are
    common on both sides.
    """
    overlap: list[list[Cell]] = []
    tables: dict[str, Rows] = {}
    for name, column, values in (INDICATORS, *KINDS):
        ours, theirs = counted(one, values), counted(other, values)
        both = sorted(ours & theirs, key=lambda value: (-min(ours[value], theirs[value]), value))
        overlap.append([name, len(ours), len(theirs), len(both)])
        told = _shown_indicator if column == "indicator" else short
        rows: list[list[Cell]] = [[told(value), ours[value], theirs[value]] for value in both[:MAX_SHARED]]
        tables[f"shared_{name}"] = Rows([column, "attacker", "compare"], rows)
    return {"overlap": Rows(["different", "attacker", "compare", "shared"], overlap), **tables}


def links(one: Sequence[Event], other: Sequence[Event]) -> Rows:
    """Events that refer to events of the other actor, or are referred to by them: those with the most first."""
    sides = {"attacker": one, "compare": other}
    owner = {event.uuid: name for name, events in sides.items() for event in events}
    found = {event.uuid: event for event in (*one, *other)}
    linked: dict[str, set[str]] = {}
    for event in found.values():
        for uuid in (*event.references, *event.referenced):
            if uuid in owner and owner[uuid] != owner[event.uuid]:
                linked.setdefault(event.uuid, set()).add(uuid)
                linked.setdefault(uuid, set()).add(event.uuid)
    ranked = sorted(linked, key=lambda uuid: (-len(linked[uuid]), uuid))[:MAX_LINKS]
    cells = event_cells([found[uuid] for uuid in ranked], ("uuid", "date", "event"))
    rows: list[list[Cell]] = [[owner[uuid], len(linked[uuid]), *row] for uuid, row in zip(ranked, cells, strict=True)]
    return Rows(["of", "links", "uuid", "date", "event"], rows)


def _shown_indicator(indicator: str) -> str:
    return clean(indicator, MAX_INDICATOR_LENGTH, value=True)
