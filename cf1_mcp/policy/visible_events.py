"""Lists of events that may be shown, read so that they do not depend on the events that may not.

The ceiling is part of the question, which keeps withheld events from filling the pages. The API knows markings as text
in any spelling, so every page is filtered again, and the pages are read on until enough events are found.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from itertools import chain
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.paging import Attempt, once
from cf1_mcp.api.lists.reading_report import Misfit, ReadingReport
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import Condition, Event, EventSearch, SearchOp, SearchValue, Tlp
from cf1_mcp.policy.conditions.condition_values import matches_pattern
from cf1_mcp.policy.conditions.misfits import MAX_MISFITS, JudgedPage, Question, judged_event_pages
from cf1_mcp.policy.conditions.reading_notes import check_reading
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_relationships import check_children
from cf1_mcp.policy.visible_remarks import remark_on_dropped_rows, remark_on_events

# Of the API, for one search.
MAX_CONDITIONS: Final = 10
MAX_VALUES: Final = 100
PAGE_SIZE: Final = 1_000
WORDS: Final = ("all", "analytics")
SPELLINGS: Final = {Tlp.AMBER_STRICT: ("amber+strict", "amber-strict")}


async def visible_pages(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    attempt: Attempt = once,
    withheld: Counter[str] | None = None,
    report: ReadingReport | None = None,
) -> AsyncGenerator[list[Event]]:
    """Yield the pages of a search without the events that may not be shown or do not fit. A page may be empty.

    `withheld` counts those that may not be shown by rule, for operators who have them told. `report` is told what does
    not fit and which datasets could not be searched; where most events do not fit, the pages end early.

    Raises:
        ApiError: a page could not be read; without a report also if a dataset could not be searched.
        UnexpectedAnswer: there is no report, and the API seems to ignore the search.
        BadArgument: a group asks for children, which are not known without reading them.
    """
    async for matching in unchecked_pages(client, search, policy, attempt, withheld, report):
        for condition in () if policy.sees_everything else _children_conditions(search):
            matching = await gather(partial(check_children, client, policy, event) for event in matching)
            matching = [event for event in matching if _matches_children(condition, event)]
        yield matching


async def unchecked_pages(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    attempt: Attempt = once,
    withheld: Counter[str] | None = None,
    report: ReadingReport | None = None,
) -> AsyncGenerator[list[Event]]:
    """Yield the same as `visible_pages`, without a look at the children of events: they may all be withheld, although
    an event has the flag that it has some. Raises the same.
    """
    if not policy.sees_everything and any(one.field == "hasChildren" for one in chain(*search.search_branches)):
        raise BadArgument("conditions", "hasChildren cannot be in a group, as events are withheld", "it without group")
    told = ReadingReport() if report is None else report
    kept = _drop_withheld_conditions(search, policy)
    asked = _ask_within_rules(kept, policy)
    question = Question(kept, policy.account)
    counted = _CountedEvents(told)
    pages = judged_event_pages(
        client,
        asked,
        question,
        lambda event: not policy.rule_against(event),
        report,
        attempt,
        # Whether datasets of both kinds can be named together is documented for uuids, without a word on kinds.
        WORDS if {*asked.dataset_id} == {*policy.reach} and len(asked.dataset_id) > 1 and not policy.restricted else (),
    )
    async with aclosing(pages):
        async for page in pages:
            rules = [policy.rule_against(event) for event in page.events]
            if withheld is not None:
                withheld.update(rule for rule in rules if rule)
            # Where a tag was left out, the API may have found the event by it.
            shown = [None if rule else policy.visible(event) for event, rule in zip(page.events, rules, strict=True)]
            pairs = [*zip(page.events, shown, strict=True)]
            changed = [one for event, one in pairs if one is not None and one is not event]
            matching = await _find_matching(client, search, changed) if changed else set[str]()
            taken = counted.take(
                page, [one if one is event or (one and one.uuid in matching) else None for event, one in pairs]
            )
            remark_on_events(taken)
            remark_on_dropped_rows(page.page, policy)
            if asked.search == kept.search and policy.ceiling is not Tlp.RED:
                # The events of which the API speaks may be withheld.
                told.lacks_rows = False
            yield taken
            if told.is_stopped:
                break
    if report is None:
        check_reading(told)


async def first_visible(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    count: int,
    attempt: Attempt = once,
    report: ReadingReport | None = None,
) -> list[Event]:
    """Return the first `count` events of a search that may be shown, or all if there are fewer. Raises the same as
    `visible_pages`.
    """
    if search.page_size is None:
        search = search.model_copy(update={"page_size": min(count, PAGE_SIZE)})
    found: list[Event] = []
    async with aclosing(visible_pages(client, search, policy, attempt, report=report)) as pages:
        async for page in pages:
            found += page
            if len(found) >= count:
                break
    return found[:count]


class _CountedEvents:
    """Counts what fits and what does not, event after event, so that nothing depends on where pages end."""

    def __init__(self, report: ReadingReport) -> None:
        self._report = report
        self._number = 0
        self._returned: set[tuple[str, str]] = set()
        self._returned_before: frozenset[tuple[str, str]] = frozenset()

    def take(self, page: JudgedPage, shown: Sequence[Event | None]) -> list[Event]:
        """Return the events of a page that fit. `shown` has None for those that may not be shown. Where the list has
        begun again, events that were returned before are left out.
        """
        report, found = self._report, list[Event]()
        if page.is_first:
            self._number, self._returned_before = 0, frozenset(self._returned)
            report.misfits.clear()
            report.unproved.clear()
        report.unproved |= page.unproved
        for event, one, failed in zip(page.events, shown, page.failed, strict=True):
            if failed:
                report.misfits.append(Misfit(self._number, failed))
                if len(report.misfits) >= MAX_MISFITS and len(report.misfits) > self._number:
                    report.is_stopped = True
                    break
            elif one is not None:
                self._number += 1
                key = (event.uuid, event.dataset_id)
                if key not in self._returned_before:
                    self._returned.add(key)
                    found.append(one)
        report.fits = self._number
        return found


def _drop_withheld_conditions(search: EventSearch, policy: ReadPolicy) -> EventSearch:
    """Return the search without conditions that would depend on withheld tags or children."""
    kept = [one for one in search.search if not _excludes_withheld_tag(one, policy)]
    if not policy.sees_everything:
        # For the API an event with a withheld child has children: only those can have one that may be shown.
        kept = [one for one in kept if one.field != "hasChildren" or _is_positive(one)]
    branches = [[one for one in branch if not _excludes_withheld_tag(one, policy)] for branch in search.search_branches]
    # A branch without conditions matches everything, and so does the search then.
    return search.model_copy(update={"search": kept, "search_branches": branches if all(branches) else []})


def _ask_within_rules(search: EventSearch, policy: ReadPolicy) -> EventSearch:
    """Return the search with the ceiling in it."""
    above = [level for level in Tlp if level.rank > policy.ceiling.rank]
    spellings = [spelling for level in above for spelling in SPELLINGS.get(level, (level.value,))]
    # `not` and not `in`: events without a marking, or with a spelling unknown here, must stay for the filter to judge.
    ceiling = [Condition(field="tlp", op="not", value=spelling) for spelling in spellings]
    # Where withheld events are counted, the API has to return them.
    if not policy.tell_withheld and len(search.search) + len(ceiling) <= MAX_CONDITIONS:
        return search.model_copy(update={"search": [*search.search, *ceiling]})
    # Withheld events may fill many pages then, so that these must not be small.
    size = search.page_size
    if ceiling and not policy.tell_withheld:
        size = max(size or PAGE_SIZE, PAGE_SIZE)
    return search.model_copy(update={"page_size": size})


async def _find_matching(client: ThreatEventsClient, search: EventSearch, events: Sequence[Event]) -> set[str]:
    """Return the ids of the events that match a search by the tags that are left of them.

    The API has tested all other conditions that must hold. Of the alternatives it does not tell which one held, so it
    is asked again for those that the tags allow.
    """
    alternatives: dict[tuple[int, ...], list[str]] = {}
    matching: set[str] = set()
    for event in events:
        if not all(_allows(one, event) for one in search.search):
            continue
        allowed = [
            place for place, branch in enumerate(search.search_branches) if all(_allows(one, event) for one in branch)
        ]
        if not search.search_branches or any(_is_of_tags(search.search_branches[place]) for place in allowed):
            matching.add(event.uuid)
        elif allowed:
            alternatives.setdefault(tuple(allowed), []).append(event.uuid)
    for places, event_ids in alternatives.items():
        branches = [[one for one in search.search_branches[place] if one.field != "tags"] for place in places]
        for start in range(0, len(event_ids), MAX_VALUES):
            among = Condition(field="uuid", op="in", value=list[SearchValue](event_ids[start : start + MAX_VALUES]))
            again = EventSearch(
                dataset_id=search.dataset_id, search=[among], search_branches=branches, page_size=PAGE_SIZE
            )
            matching |= {event.uuid for event in await client.list_all_events(again)}
    return matching


def _is_of_tags(branch: Sequence[Condition]) -> bool:
    return all(one.field == "tags" for one in branch)


def _allows(condition: Condition, event: Event) -> bool:
    """Whether the tags of an event allow a condition to hold."""
    if condition.field != "tags":
        return True
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    pairs = [(tag.casefold(), str(value).casefold()) for tag in event.tags for value in values]
    found = any(_tag_matches("equals" if condition.op == "not" else condition.op, tag, value) for tag, value in pairs)
    return found != (condition.op == "not")


def _tag_matches(op: SearchOp, tag: str, value: str) -> bool:
    """Whether a tag matches a value, both folded, as the API is understood to compare them."""
    match op:
        case "contains":
            return value in tag
        case "startsWith":
            return tag.startswith(value)
        case "endsWith":
            return tag.endswith(value)
        case "like":
            return matches_pattern(tag, value)
        case "find":
            return all(word in tag for word in value.split())
        case "gt" | "gte" | "lt" | "lte":
            order = (tag > value) - (tag < value)
            return order in {"gt": (1,), "gte": (0, 1), "lt": (-1,), "lte": (-1, 0)}[op]
        case _:
            return tag == value


def _children_conditions(search: EventSearch) -> list[Condition]:
    return [condition for condition in search.search if condition.field == "hasChildren"]


def _is_positive(condition: Condition) -> bool:
    return condition.op in ("equals", "in") and _flags(condition) == [True]


def _matches_children(condition: Condition, event: Event) -> bool:
    """Whether a condition on `hasChildren` holds for an event whose children were checked."""
    flag, flags = bool(event.has_children), _flags(condition)
    match condition.op:
        case "not":
            return flag not in flags
        case "gt":
            return flag > flags[0]
        case "gte":
            return flag >= flags[0]
        case "lt":
            return flag < flags[0]
        case "lte":
            return flag <= flags[0]
        case _:
            return flag in flags


def _flags(condition: Condition) -> list[bool]:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    return [str(value).strip().casefold() in ("true", "1", "1.0") for value in values]


def _excludes_withheld_tag(condition: Condition, policy: ReadPolicy) -> bool:
    """Whether a condition excludes events for a tag that none of them may be shown to have."""
    if condition.field != "tags" or condition.op != "not" or policy.withheld_tags is None:
        return False
    return str(condition.value).strip().casefold() in policy.withheld_tags
