"""Lists of events for answers that tell how many events are withheld, if the operator has that told.

Without CF1_TELL_WITHHELD they are read like all other lists: withheld events are not even requested.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.lists.paging import Attempt
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.models import Event, EventPage, EventSearch
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import visible_pages

T = TypeVar("T")


class ReadPages(Protocol):
    """`visible_pages` or `unchecked_pages`."""

    def __call__(
        self,
        client: ThreatEventsClient,
        search: EventSearch,
        policy: ReadPolicy,
        attempt: Attempt = ...,
        *,
        report: ReadingReport | None = None,
    ) -> AsyncGenerator[list[Event]]: ...


# Pages that are read to find events among withheld ones, if those are counted.
MAX_COUNTED_PAGES: Final = 10


@dataclass(frozen=True)
class JudgedEvents:
    """Events that may be shown. `withheld` are the others, if the operator has them counted, otherwise empty."""

    shown: list[Event]
    withheld: list[Event]

    def __bool__(self) -> bool:
        return bool(self.shown or self.withheld)

    def count_withheld(self, policy: ReadPolicy) -> Counter[str]:
        """Return the number of withheld events by rule."""
        return Counter(rule for event in self.withheld if (rule := policy.rule_against(event)))


async def judged_pages(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    read_pages: ReadPages = visible_pages,
    report: ReadingReport | None = None,
) -> AsyncGenerator[JudgedEvents]:
    """Yield the pages of a search. With `unchecked_pages` as `read_pages`, the caller looks at the children of events.

    `report` is told what does not fit, as `visible_pages` tells it. Raises the same as that.
    """
    withheld: list[Event] = []

    async def read(call: Callable[[], Awaitable[T]], /) -> T:
        answer = await call()
        if isinstance(answer, EventPage) and policy.tell_withheld:
            withheld.extend(event for event in answer.result if policy.rule_against(event))
        return answer

    async with aclosing(read_pages(client, search, policy, read, report=report)) as pages:
        async for shown in pages:
            yield JudgedEvents(shown, [*withheld])
            withheld.clear()


async def first_judged(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    count: int,
    read_pages: ReadPages = visible_pages,
    report: ReadingReport | None = None,
) -> JudgedEvents:
    """Return the first `count` events of a search that may be shown, or all if there are fewer. Raises the same as
    `judged_pages`.
    """
    found = JudgedEvents([], [])
    number = 0
    async with aclosing(judged_pages(client, search, policy, read_pages, report)) as pages:
        async for page in pages:
            found.shown.extend(page.shown)
            found.withheld.extend(page.withheld)
            number += 1
            if len(found.shown) >= count or (policy.tell_withheld and number == MAX_COUNTED_PAGES):
                break
    return JudgedEvents(found.shown[:count], found.withheld)
