"""Lists of events that may be shown, read so that they do not depend on the events that may not.

The ceiling is part of the question, which keeps withheld events from filling the pages. The API knows markings as text
in any spelling, so every page is filtered again, and the pages are read on until enough events are found.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.paging import Attempt, once
from cf1_mcp.models import Condition, Event, EventSearch, SearchOp, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy

# Of the API, for one search.
MAX_CONDITIONS: Final = 10
PAGE_SIZE: Final = 1_000
SPELLINGS: Final = {Tlp.AMBER_STRICT: ("amber+strict", "amber-strict")}


async def visible_pages(
    client: ThreatEventsClient, search: EventSearch, policy: ReadPolicy, attempt: Attempt = once
) -> AsyncGenerator[list[Event]]:
    """Yield the pages of a search without the events that may not be shown. A page may be empty.

    Raises:
        ApiError: a page could not be read.
    """
    asked = _ask_within_rules(search, policy)
    async for page in client.event_pages(asked, attempt):
        yield select_visible(page.result, search, policy)


def select_visible(events: Sequence[Event], search: EventSearch, policy: ReadPolicy) -> list[Event]:
    """Return those of the events that a search found that may be shown, as they may be shown."""
    readable = [event for event in events if not policy.rule_against(event)]
    # Where a tag was left out, the API may have found the event by it.
    shown = [(event, policy.visible(event)) for event in readable]
    return [visible for event, visible in shown if visible is event or _matches_tags(visible, search)]


async def first_visible(
    client: ThreatEventsClient, search: EventSearch, policy: ReadPolicy, count: int, attempt: Attempt = once
) -> list[Event]:
    """Return the first `count` events of a search that may be shown, or all if there are fewer. Raises the same as
    `visible_pages`.
    """
    if search.page_size is None:
        search = search.model_copy(update={"page_size": min(count, PAGE_SIZE)})
    found: list[Event] = []
    async for page in visible_pages(client, search, policy, attempt):
        found += page
        if len(found) >= count:
            break
    return found[:count]


def _ask_within_rules(search: EventSearch, policy: ReadPolicy) -> EventSearch:
    """Return the search with the ceiling in it, and without conditions that would depend on withheld tags."""
    kept = [one for one in search.search if not _excludes_withheld_tag(one, policy)]
    branches = [[one for one in branch if not _excludes_withheld_tag(one, policy)] for branch in search.search_branches]
    # A branch without conditions matches everything, and so does the search then.
    branches = branches if all(branches) else []
    above = [level for level in Tlp if level.rank > policy.ceiling.rank]
    spellings = [spelling for level in above for spelling in SPELLINGS.get(level, (level.value,))]
    # `not` and not `in`: events without a marking, or with a spelling unknown here, must stay for the filter to judge.
    ceiling = [Condition(field="tlp", op="not", value=spelling) for spelling in spellings]
    if len(kept) + len(ceiling) <= MAX_CONDITIONS:
        kept += ceiling
    return search.model_copy(update={"search": kept, "search_branches": branches})


def _excludes_withheld_tag(condition: Condition, policy: ReadPolicy) -> bool:
    """Whether a condition excludes events for a tag that none of them may be shown to have."""
    if condition.field != "tags" or condition.op != "not" or policy.withheld_tags is None:
        return False
    return str(condition.value).strip().casefold() in policy.withheld_tags


def _matches_tags(event: Event, search: EventSearch) -> bool:
    """Whether the tags that may be shown match."""
    conditions = all(_holds(one, event) for one in search.search)
    branches = search.search_branches
    return conditions and (not branches or any(all(_holds(one, event) for one in branch) for branch in branches))


def _holds(condition: Condition, event: Event) -> bool:
    """Whether a condition on tags holds for an event; every other condition does, as the API checked it."""
    if condition.field != "tags" or condition.op == "not":
        return True
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    return any(
        _tag_matches(condition.op, tag.casefold(), str(value).casefold()) for tag in event.tags for value in values
    )


def _tag_matches(op: SearchOp, tag: str, value: str) -> bool:
    match op:
        case "equals" | "in":
            return tag == value
        case "startsWith":
            return tag.startswith(value)
        case "endsWith":
            return tag.endswith(value)
        case "contains":
            return value in tag
        case _:
            # How these compare is not published.
            return False
