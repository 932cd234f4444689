"""Making selections: what a search answers to `select`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import EventSearch
from cf1_mcp.policy.dataset_scope import SCOPE_WORDS, DatasetScope, resolve_scope
from cf1_mcp.search.selections.selection_handles import (
    MAX_LENGTH,
    PAGE_SIZE,
    PURPOSE,
    Selected,
    dataset_mark,
    describe_rules,
    find_doubt,
    pack,
    read_selected,
)
from cf1_mcp.store.sealed_tokens import TokenSealer
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key, parse_uuid

# Events that are counted when a selection is made: a change may touch at most as many.
MAX_COUNTED: Final = 10_000
CHILDREN: Final = "whether events have children that may be seen is looked up event by event, and these may be many"
# Datasets whose counts a selection holds.
MAX_DATASETS: Final = 12


@dataclass(frozen=True)
class NewSelection:
    """A selection that was just made: its handle, empty if none was, and how many events it has by dataset."""

    handle: str = ""
    count: int = 0
    more: bool = False
    by_dataset: Mapping[str, int] = field(default_factory=dict[str, int])
    problem: str = ""


async def create_selection(
    client: ThreatEventsClient, search: EventSearch, scope: DatasetScope, sealer: TokenSealer
) -> NewSelection:
    """Return a selection of all events that a search finds and that may be shown. Its problem says why there is none.

    Raises:
        ApiError: the events could not be read.
        BadArgument: the search is too long for a handle.
    """
    held = Selected(
        d=_name_datasets(scope),
        c=[(one.field, one.op, one.value) for one in search.search],
        b=[[(one.field, one.op, one.value) for one in branch] for branch in search.search_branches],
    )
    _require_short(pack(held))
    if not scope.policy.sees_everything and any(one.field == "hasChildren" for one in search.search):
        return NewSelection(problem=CHILDREN)
    asked = search.model_copy(update={"dataset_id": [*scope.ids], "page_size": PAGE_SIZE, "order": None})
    events, report = await read_selected(client, asked, scope.policy, MAX_COUNTED)
    if problem := find_doubt(report):
        return NewSelection(problem=problem)
    count, more = min(len(events), MAX_COUNTED), len(events) > MAX_COUNTED
    numbers = Counter(event.dataset_id for event in events[:MAX_COUNTED])
    is_one = len(scope.ids) == 1 and parse_uuid(scope.ids[0]) is not None
    is_told = len(numbers) <= MAX_DATASETS and not more
    by_key = {dataset_mark(uuid): number for uuid, number in numbers.most_common()} if is_told and not is_one else {}
    held = held.model_copy(update={"n": count, "m": not is_told, "s": by_key})
    handle = sealer.seal(pack(held), PURPOSE, describe_rules(scope.policy))
    return NewSelection(_require_short(handle), count, more, dict(numbers.most_common()))


def add_selection(page: Rows, made: NewSelection, scope: DatasetScope) -> Rows:
    """Return the page of a search with the selection of all events that it finds, or with why there is none."""
    if made.problem:
        return replace(page, notes=[*page.notes, f"There is no selection: {made.problem}."])
    if not made.count:
        return replace(page, notes=[*page.notes, "There is no selection, because there is no event."])
    facts: dict[str, JsonValue] = {"selection": made.handle}
    events = f"at least {plural(made.count, 'event')}" if made.more else plural(made.count, "event")
    note = f"The selection has {events}. Pass it instead of event_ids, with dataset_id."
    untrusted: dict[str, JsonValue] = {}
    if len(made.by_dataset) > 1:
        note = f"{note} A change takes those of one dataset."
        names = {id_key(one.uuid): clean(one.name, MAX_NAME_LENGTH) for one in scope.policy.datasets}
        shown = [*made.by_dataset.items()][:MAX_DATASETS]
        counts: list[JsonValue] = [f"{names.get(id_key(uuid), uuid)}: {count}" for uuid, count in shown]
        untrusted["selected"] = counts
    return replace(
        page, facts={**page.facts, **facts}, untrusted={**page.untrusted, **untrusted}, notes=[*page.notes, note]
    )


def _name_datasets(scope: DatasetScope) -> list[str]:
    """Return the scope word that has exactly these datasets under the current rules, or else their uuids."""
    for word in SCOPE_WORDS:
        try:
            named = resolve_scope([word], scope.policy)
        except Withheld:
            continue
        if {*named.ids} == {*scope.ids}:
            return [word]
    return [*scope.ids]


def _require_short(handle: str) -> str:
    if len(handle) > MAX_LENGTH:
        problem = f"the selection of this search would have {len(handle):,} characters"
        raise BadArgument("select", problem, "fewer values, conditions or datasets in the search")
    return handle
