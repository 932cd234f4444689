"""Finds events of a dataset that are probably stored more than once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH, Cell
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.indicators.classification import classify
from cf1_mcp.models import Condition, Event, EventSearch
from cf1_mcp.models.fields import SETTABLE
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.search.selections.selection_handles import read_selected
from cf1_mcp.text.dates import from_second
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

Sameness: TypeAlias = Literal["indicator", "title"]
Key: TypeAlias = tuple[str, ...]

# At 2,500 a page, four requests.
MAX_COMPARED: Final = 10_000
PAGE_SIZE: Final = 2_500
MAX_LISTED: Final = 20
COLUMNS: Final[Mapping[Sameness, Sequence[str]]] = {
    "indicator": ("events", "date", "indicator", "indicator_type", "keep", "event_ids"),
    "title": ("events", "date", "event", "source", "indicators", "keep", "event_ids"),
}


@dataclass(frozen=True)
class DuplicateGroup:
    """Events that are probably the same, the one to keep first: that with the most fields, then the earliest."""

    events: Sequence[Event]

    @property
    def latest(self) -> str:
        return max(event.date for event in self.events)


@dataclass(frozen=True)
class Duplicates:
    """Groups of duplicates, the largest first. `more`: the dataset has older events, which were not compared."""

    groups: Sequence[DuplicateGroup]
    compared: int
    more: bool
    report: ReadingReport


async def find_duplicates(
    client: ThreatEventsClient, scope: DatasetScope, by: Sameness, since: str | None, until: str | None
) -> Duplicates:
    """Compare the newest events of a scope that may be shown, up to MAX_COMPARED.

    Raises:
        ApiError: they could not be read.
    """
    period = [Condition(field="date", op="gte", value=from_second(since))] if since else []
    period += [Condition(field="date", op="lte", value=until)] if until else []
    search = EventSearch(dataset_id=[*scope.ids], search=period, order_by="date", order="desc", page_size=PAGE_SIZE)
    events, report = await read_selected(client, search, scope.policy, MAX_COMPARED)
    groups = await run_in_thread(partial(_group, events[:MAX_COMPARED], by))
    return Duplicates(groups, min(len(events), MAX_COMPARED), len(events) > MAX_COMPARED, report)


def _group(events: Sequence[Event], by: Sameness) -> list[DuplicateGroup]:
    found: dict[Key, list[Event]] = {}
    for event in events:
        if key := (_indicator_key(event) if by == "indicator" else _title_key(event)):
            found.setdefault(key, []).append(event)
    groups = [DuplicateGroup(sorted(some, key=_rank)) for some in found.values() if len(some) > 1]
    # By what is stored, so that the pages of the list stay the same.
    groups.sort(key=lambda group: id_key(group.events[0].uuid))
    return sorted(groups, key=lambda group: (len(group.events), group.latest), reverse=True)


def list_cells(groups: Sequence[DuplicateGroup], by: Sameness) -> list[list[Cell]]:
    """Return a row for each group, with the columns of COLUMNS. A list of ids that is cut says how many are missing."""
    rows: list[list[Cell]] = []
    for group in groups:
        kept, *others = group.events
        ids = [event.uuid for event in others[:MAX_LISTED]]
        ids += [f"and {len(others) - MAX_LISTED} more"] if len(others) > MAX_LISTED else []
        shared = (
            (kept.indicator, kept.indicator_type)
            if by == "indicator"
            else (clean(kept.event, MAX_CELL_LENGTH), clean(kept.provenance, MAX_CELL_LENGTH))
        )
        kinds: list[Cell] = [] if by == "indicator" else [len({*map(_canonical, group.events)} - {""})]
        texts: list[Cell] = [clean(text, MAX_CELL_LENGTH) for text in shared]
        rows.append([len(group.events), group.latest[:10], *texts, *kinds, kept.uuid, ids])
    return rows


def describe_groups(found: Duplicates) -> dict[str, JsonValue]:
    """Return how many events were compared, and how many of them could be deleted."""
    return {"compared": found.compared, "extra_events": sum(len(group.events) - 1 for group in found.groups)}


def same_by_any(one: Event, other: Event) -> bool:
    """Whether two events are duplicates by their indicators or by their titles."""
    keys = ((_indicator_key(one), _indicator_key(other)), (_title_key(one), _title_key(other)))
    return any(first is not None and first == second for first, second in keys)


def _indicator_key(event: Event) -> Key | None:
    value = _canonical(event)
    return (value, event.indicator_type.strip().casefold(), event.date[:10]) if value else None


def _title_key(event: Event) -> Key | None:
    title = " ".join(event.event.split()).casefold()
    return (title, " ".join(event.provenance.split()).casefold()) if title else None


def _canonical(event: Event) -> str:
    """Return the indicator of an event as indicators are compared, empty if it has none."""
    text = event.indicator.strip()
    found = classify(text) if text else None
    return found.value if found else text.casefold()


def _rank(event: Event) -> tuple[int, str, str]:
    filled = sum(bool(getattr(event, field.name, "")) for field in SETTABLE)
    return -filled - len(event.tags), event.date, id_key(event.uuid)
