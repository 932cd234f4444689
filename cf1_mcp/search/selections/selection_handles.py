"""Selections: sealed handles of searches, for work on many events without listing them.

A selection names a search with its dates as they were resolved, and how many events it found. It carries no authority:
the search is made again when the selection is used, under the current rules. It is valid only under rules for reading
like those under which it was made, because its counts are of what those let be shown.
"""

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field, JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Condition, Dataset, Event, EventSearch, SearchField, SearchOp, SearchValue
from cf1_mcp.policy.dataset_scope import SCOPE_WORDS, DatasetScope, resolve_scope
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import visible_pages
from cf1_mcp.store.sealed_tokens import TokenSealer
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.uuids import id_key, parse_uuid

PURPOSE: Final = "selection"
MAX_LENGTH: Final = 1_500
PAGE_SIZE: Final = 2_500
KEY_LENGTH: Final = 8
VALID: Final = "the selection of a search with select=true, made with the current settings"
# What most selections contain, so that they become shorter. To be changed together with the purpose.
_WORDS: Final = (
    b'{"n":1,"d":["operational"],"c":[["indicatorType","equals","domain"],["targetIndustry","equals","'
    b'["targetCountry","equals","US"],["category","equals","Phishing"],["tags","in",[""]],["tlp","in",["amber","AMBER"]],'
    b'["event","contains","["attacker","equals","["date","gte","2026-01-01T00:00:00.000Z"],["date","lte","2026-'
)


class Selected(BaseModel, frozen=True):
    """What a selection holds. The names are short because every call with a selection costs a model its tokens.

    `d` are scope words or uuids of datasets, `c` conditions, `b` alternatives, `n` the number of events, `s` the
    numbers by the beginnings of the uuids of datasets, and `m` whether the numbers are not complete.
    """

    d: list[str]
    c: list[tuple[SearchField, SearchOp, SearchValue | list[SearchValue]]] = []
    b: list[list[tuple[SearchField, SearchOp, SearchValue | list[SearchValue]]]] = []
    n: int = 0
    m: bool = False
    s: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class SelectedCount:
    """How many events a selection had when it was made: of one dataset, and of others. None where that is not known."""

    here: int | None
    elsewhere: int | None


@dataclass(frozen=True)
class Selection:
    """A search whose events are selected, and what it found when the selection was made."""

    held: Selected

    def search(self) -> EventSearch:
        """Return the search as the API takes it, without its datasets."""
        search = EventSearch(search=[_to_condition(one) for one in self.held.c])
        if self.held.b:
            search.search_branches = [[*map(_to_condition, branch)] for branch in self.held.b]
        return search

    def scope(self, policy: ReadPolicy) -> DatasetScope:
        """Return the datasets of the selection that may be read now.

        Raises:
            Withheld: none of them may be read.
            BadArgument: one of those that it names may not be read.
        """
        try:
            scope = resolve_scope(self.held.d, policy)
        except BadArgument as error:
            raise BadArgument("selection", error.problem, error.valid, words=error.words) from None
        return scope.without_analytics() if self.held.b else scope

    def count_in(self, dataset: Dataset) -> SelectedCount:
        """Return how many events it had in a dataset and in others when it was made."""
        held = self.held
        if held.m:
            return SelectedCount(None, None)
        if held.s:
            here = held.s.get(dataset_mark(dataset.uuid), 0)
            return SelectedCount(here, held.n - here)
        return SelectedCount(held.n, 0)


def open_selection(handle: str, sealer: TokenSealer, policy: ReadPolicy) -> Selection:
    """Return the selection of a handle.

    Raises:
        BadArgument: it is not a selection of this server and account, or was made under other rules.
    """
    content = sealer.open(handle, PURPOSE, describe_rules(policy)) if len(handle) <= MAX_LENGTH else None
    if content is None:
        problem = "this is not a selection of this server, or it was made under other settings or before a restart"
        raise BadArgument("selection", problem, VALID)
    try:
        packed = zlib.decompressobj(-15, zdict=_WORDS)
        text = packed.decompress(urlsafe_b64decode(content + "=" * (-len(content) % 4)))
        return Selection(Selected.model_validate_json(text))
    except (ValueError, zlib.error, binascii.Error):
        # Sealed here, but by another version.
        raise BadArgument("selection", "another version of this server made it", VALID) from None


async def read_selected(
    client: ThreatEventsClient, search: EventSearch, policy: ReadPolicy, most: int
) -> tuple[list[Event], ReadingReport]:
    """Return the events of a search that may be shown, up to one more than `most`, and what was not read as asked."""
    report, found = ReadingReport(), dict[tuple[str, str], Event]()
    async with aclosing(visible_pages(client, search, policy, report=report)) as pages:
        async for page in pages:
            found |= {(id_key(event.uuid), id_key(event.dataset_id)): event for event in page}
            if len(found) > most:
                break
    return [*found.values()][: most + 1], report


async def find_selected(
    client: ThreatEventsClient,
    selection: Selection,
    dataset: Dataset,
    policy: ReadPolicy,
    most: int,
    argument: str = "dataset_id",
) -> list[Event]:
    """Return the events of a selection in one dataset, up to one more than `most`, for a change of them.

    Raises:
        BadArgument: the selection does not cover the dataset, or it cannot be proved that the events are those of the
            search.
        ApiError: the events could not be read.
    """
    if not _covers(selection, dataset, policy):
        problem = "the selection is of other datasets than this one"
        raise BadArgument(argument, problem, "a dataset that the search covered, or a new search")
    search = selection.search().model_copy(update={"dataset_id": [dataset.uuid], "page_size": min(most + 1, PAGE_SIZE)})
    events, report = await read_selected(client, search, policy, most)
    problem = find_doubt(report)
    if any(parse_uuid(event.uuid) is None for event in events):
        # Another text could select another route.
        problem = "the API returned an event without a uuid"
    if problem:
        raise BadArgument("selection", f"{problem}, so nothing was changed", "event_ids of events that were looked at")
    return events


def find_doubt(report: ReadingReport) -> str:
    """Return why it is not proved that a list has the events of its search and no others, empty if it is."""
    if report.misfits:
        return "the API returned events that do not fit the search"
    if report.missed:
        return f"a part of the datasets could not be searched ({plural(len(report.missed), 'failure')})"
    if report.is_repeated:
        return "the API repeated a page, so that the list may be longer"
    return ""


def _covers(selection: Selection, dataset: Dataset, policy: ReadPolicy) -> bool:
    try:
        scope = selection.scope(policy)
    except Withheld:
        return False
    words = {one for one in scope.ids if one in SCOPE_WORDS}
    if words & {"all"} or id_key(dataset.uuid) in map(id_key, scope.ids):
        return True
    return bool(words) and ("analytics" if dataset.is_analytics else "operational") in words


def describe_rules(policy: ReadPolicy) -> JsonValue:
    """Return the rules for reading as far as they do not tell of what is withheld."""
    datasets: list[JsonValue] = [*sorted(id_key(one.uuid) for one in policy.datasets)]
    return {"datasets": datasets if policy.restricted else None, "ceiling": policy.ceiling.value}


def _to_condition(part: tuple[SearchField, SearchOp, SearchValue | list[SearchValue]]) -> Condition:
    name, op, value = part
    return Condition(field=name, op=op, value=value)


def pack(held: Selected) -> str:
    """Return what a selection holds as text of the letters, digits and signs of URLs."""
    text = json.dumps(held.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, separators=(",", ":"))
    packer = zlib.compressobj(9, wbits=-15, zdict=_WORDS)
    packed = packer.compress(text.encode("utf-8", "replace")) + packer.flush()
    return urlsafe_b64encode(packed).decode().rstrip("=")


def dataset_mark(uuid: str) -> str:
    """Return the part of the uuid of a dataset by which a selection holds its number of events."""
    return id_key(uuid)[:KEY_LENGTH]
