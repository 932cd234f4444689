"""A page of a look-up as an answer: a row for each indicator, the counts, and notes that prevent wrong conclusions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH, Cell, shorten
from cf1_mcp.answers.pages import ABSENCE, dataset_facts, reading_notes
from cf1_mcp.answers.rows import Rows
from cf1_mcp.lookups.event_summary import MAX_IDS
from cf1_mcp.lookups.lookup import STATUSES, Lookup, LookupResult
from cf1_mcp.lookups.lookup_pages import LookupPage
from cf1_mcp.lookups.targets import LookupInput
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.search.conditions import MAX_VALUE_LENGTH
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

COLUMNS: Final = (
    "indicator",
    "kind",
    "status",
    "events",
    "first_seen",
    "last_seen",
    "attackers",
    "categories",
    "tlp",
    "matched_as",
    "why",
    "event_ids",
    "datasets",
)
DEFAULT_COLUMNS: Final = COLUMNS[:-1]
# How many names a cell shows, and how many links of a report an answer shows.
MAX_CELL_NAMES: Final = 4
MAX_REFERENCES: Final = 5
# How many values that were read otherwise than typed an answer shows.
MAX_READINGS: Final = 6

NO_INDICATORS: Final = "Nothing in it has the form of an indicator."
HOST_MATCH: Final = (
    "matched_as: only this part is known, not the indicator itself, and a shared host serves many unrelated sites."
)
ONE_SPELLING: Final = (
    "The list is long, so each value was looked up in one spelling only. Look unknown ones up again, a hundred a call, "
    "to find other stored forms: wildcards, a trailing dot, /32."
)
UNCOUNTED: Final = "events with + were not all counted, and first_seen may be earlier."
NEWEST_IDS: Final = (
    f"event_ids has the newest {MAX_IDS} of an indicator's events: search_threat_events lists all, with their datasets."
)
EVENTS_ALONE: Final = (
    "The API's list of indicators could not be read, or not whole, so the rest is from events alone: indicators "
    "without events, and those that events do not show, may appear as unknown here."
)
IN_PART: Final = "unknown: not in what was searched, which is not everything."


def render_answer(
    lookup_input: LookupInput,
    lookup: Lookup,
    page: LookupPage,
    scope: DatasetScope,
    next_cursor: str | None,
    columns: Sequence[str] | None,
) -> Rows:
    """Return the page as an answer. `columns` are those that were requested, None for the default ones."""
    rows = page.rows
    if columns is None:
        # Default columns without a value in any row are left out.
        kept = [place for place in range(len(DEFAULT_COLUMNS)) if any(row[place] != "" for row in rows)]
        columns, rows = [DEFAULT_COLUMNS[place] for place in kept], [[row[place] for place in kept] for row in rows]
    facts = (
        _facts(lookup_input, page) | dataset_facts(scope, lookup.search.report) | scope.policy.counts(lookup.withheld)
    )
    if next_cursor:
        facts["next_cursor"] = next_cursor
    untrusted: dict[str, JsonValue] = {}
    if lookup_input.references:
        links = [clean(value, MAX_CELL_LENGTH) for value in lookup_input.references]
        untrusted["references"] = shorten([*links], MAX_CELL_LENGTH, MAX_REFERENCES)
    return Rows(columns, rows, facts, _notes(page, lookup, scope), untrusted)


def render_row(result: LookupResult, datasets: Mapping[str, str], columns: Sequence[str]) -> list[Cell]:
    """Return the cells of one indicator. `datasets` maps uuids to names."""
    summary = result.summary
    count = f"{summary.events}+" if summary.more else summary.events
    names = Counter({datasets.get(uuid, uuid): number for uuid, number in summary.datasets.items()})
    max_length = MAX_CELL_LENGTH if result.target.obstacle else MAX_VALUE_LENGTH
    cells: dict[str, Cell] = {
        "indicator": clean(result.target.value, max_length, value=True),
        "kind": result.target.kind,
        "status": result.status,
        "events": count if summary.events else "",
        "first_seen": _to_minute(summary.first),
        "last_seen": _to_minute(summary.last),
        "attackers": _most_common(summary.attackers),
        "categories": _most_common(summary.categories),
        "tlp": summary.tlp.value if summary.datasets else "",
        "matched_as": clean(result.matched_as, MAX_NAME_LENGTH),
        "why": clean(result.why, MAX_CELL_LENGTH),
        "event_ids": [clean(uuid, MAX_NAME_LENGTH) for uuid in summary.newest] or "",
        "datasets": _most_common(names),
    }
    return [cells[column] for column in columns]


def _facts(lookup_input: LookupInput, page: LookupPage) -> dict[str, JsonValue]:
    total = len(lookup_input.targets)
    counts = dict(zip(STATUSES, page.counts, strict=True))
    counts["not_looked_up"] += total - sum(page.counts)
    facts: dict[str, JsonValue] = {"indicators": total, "shown": len(page.rows)}
    facts["counts"] = {status: count for status, count in counts.items() if count or status in ("known", "unknown")}
    read = {"refanged": lookup_input.refanged, "repeated": lookup_input.duplicates}
    shown = [*lookup_input.readings[:MAX_READINGS]]
    if more := len(lookup_input.readings) - len(shown):
        shown.append(f"{more:,} others read otherwise than typed")
    counted = ", ".join(f"{count} {what}" for what, count in read.items() if count)
    if parts := [*([counted] if counted else []), *shown]:
        facts["read_as"] = "; ".join(parts)
    if lookup_input.rejected:
        facts["rejected"] = [f"{reason} ({count:,})" for reason, count in lookup_input.rejected.items()]
    return facts


def _notes(page: LookupPage, lookup: Lookup, scope: DatasetScope) -> list[str]:
    has_unknown = bool(page.counts[STATUSES.index("unknown")])
    notes = [
        (NO_INDICATORS, not lookup.targets),
        (f"{lookup.stopped} next_cursor continues with the rest.", bool(lookup.stopped)),
        (HOST_MATCH, any(result.matched_as for result in page.results)),
        (ONE_SPELLING, has_unknown and lookup.leaves_out_spellings),
        (UNCOUNTED, any(result.summary.more for result in page.results)),
        (NEWEST_IDS, any(result.summary.events > len(result.summary.newest) for result in page.results)),
        *((note, True) for note in reading_notes(scope, lookup.search.report)),
        (EVENTS_ALONE, bool(lookup.targets) and not lookup.search.is_listed),
        (IN_PART, has_unknown and bool(lookup.search.report.missed)),
        *((rule, has_unknown) for rule in scope.policy.notes),
        (ABSENCE, has_unknown),
    ]
    return [note for note, applies in notes if applies]


def _most_common(names: Counter[str]) -> Cell:
    """Return the most frequent names, and the number of the others."""
    # By name where the counts are equal: the order in which events are found means nothing.
    ranked = sorted(names, key=lambda name: (-names[name], name))
    shown = [clean(name, MAX_CELL_LENGTH) for name in ranked[:MAX_CELL_NAMES]]
    more = [f"… (+{len(names) - MAX_CELL_NAMES} more)"] if len(names) > MAX_CELL_NAMES else []
    return [*shown, *more] or ""


def _to_minute(date: str) -> str:
    """Return an API date up to the minute."""
    return clean(date, MAX_CELL_LENGTH)[:16].replace("T", " ")
