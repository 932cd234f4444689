"""Rows of one call that are in the dataset already, or repeat one another, are found before anything is planned.

What counts as the same event is what `finding` says for files: date, title and first indicator.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.matching import Finder, Wanted, likest, wanted
from cf1_mcp.imports.batches import Batch, NewLink, spans
from cf1_mcp.imports.checking import event_key
from cf1_mcp.models import Event, RelationshipType
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.confirmation_codes import canonical

T = TypeVar("T")
MAX_REQUESTS: Final = 40  # of one call, which has 25 seconds for them
MAX_SHOWN: Final = 5
# The API queues the indicators of new events: an event may be a row and not show it yet.
INDICATORS_LATE: Final = timedelta(minutes=5)


class Counted:
    """Asks once, as the client's own retries are patience enough while somebody waits, and only so often."""

    def __init__(self) -> None:
        self._left = MAX_REQUESTS

    async def reading(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the request returns.

        Raises:
            BadArgument: there were too many of them.
        """
        if not self._left:
            raise BadArgument(
                "on_duplicate",
                f"to compare these rows with the dataset takes more than {MAX_REQUESTS} requests",
                "fewer rows a call, or create to make every row without comparing",
            )
        self._left -= 1
        return await call()


async def without_duplicates(batch: Batch, client: ThreatEventsClient, reading: ReadPolicy, now: datetime) -> Batch:
    """The batch without the rows that are there already or repeat an earlier one. Links that they have go to the event
    that stands for them.

    Raises:
        BadArgument: it cannot be told whether rows are there.
    """
    asking = Counted()
    rows = [
        wanted(number, event.model_dump(mode="json", exclude_none=True, exclude={"raw"}))
        for number, event in batch.events.items()
    ]
    firsts = _firsts(rows)
    distinct = [row for row in rows if row.number not in firsts]
    found = await _found(distinct, Finder(client, batch.dataset.uuid, asking), now)
    rules = {number: rule for number, event in found.items() if (rule := reading.rule_against(event))}
    there = {number: event.uuid for number, event in found.items() if number not in rules}
    ends = [
        NewLink(firsts.get(link.parent, link.parent), firsts.get(link.child, link.child), link.type)
        for link in batch.links
    ]
    links = [link for link in dict.fromkeys(ends) if link.parent != link.child]
    made = await _made(
        client, batch.dataset.uuid, [one for one in links if {one.parent, one.child} <= {*there}], there, asking
    )
    left = tuple(link for link in links if link not in made)
    seen: JsonValue = [
        batch.digest,
        {str(row): uuid for row, uuid in there.items()},
        [*firsts, -1, *rules],
        [[link.parent, link.child, link.type] for link in left],
    ]
    return replace(
        batch,
        events={number: event for number, event in batch.events.items() if number not in {*found, *firsts}},
        links=left,
        digest=hashlib.sha256(canonical(seen)).hexdigest(),
        there=there,
        facts={**batch.facts, **_told(there, firsts, rules)},
    )


def _firsts(rows: Sequence[Wanted]) -> dict[int, int]:
    """Rows that repeat an earlier one, and which."""
    firsts: dict[bytes, int] = {}
    repeated: dict[int, int] = {}
    for row in rows:
        first = firsts.setdefault(event_key(row.fields), row.number)
        if first != row.number:
            repeated[row.number] = first
    return repeated


async def _found(rows: Sequence[Wanted], finder: Finder, now: datetime) -> dict[int, Event]:
    """The events that stand for rows."""
    older = await finder.older_like(rows)
    found = {row.number: likest(row, older[row.identity]) for row in rows if older.get(row.identity)}
    late = [row for row in rows if row.number not in found and row.identity.indicator]
    if not late:
        return found
    recent = await finder.recent_like(late, now - INDICATORS_LATE)
    known = {event.uuid for event in found.values()}
    for row in late:
        blank = recent.get(row.identity._replace(indicator=""), ())
        if doubtful := [event for event in blank if event.uuid not in known]:
            raise BadArgument(
                "on_duplicate",
                f"{len(doubtful)} events of the last minutes have the date and title of row {row.number} "
                "and show no indicator yet, so that one may be that row",
                "the same call again in a minute, or create to make every row without comparing",
            )
    return found


async def _made(
    client: ThreatEventsClient, dataset_id: str, links: Sequence[NewLink], there: Mapping[int, str], asking: Counted
) -> set[NewLink]:
    """Of links between events that were there, those that are, too: what the API does with a second one is unknown."""
    families: dict[tuple[int, RelationshipType], list[NewLink]] = {}
    for link in links:
        families.setdefault((link.parent, link.type), []).append(link)
    made: set[NewLink] = set()
    for (parent, kind), some in families.items():
        pages = client.children_pages(there[parent], dataset_id, kind, attempt=asking.reading)
        below = {event.uuid async for page in pages for event in page}
        made |= {link for link in some if there[link.child] in below}
    return made


def _told(there: Mapping[int, str], firsts: Mapping[int, int], rules: Mapping[int, str]) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {}
    if there:
        some: list[JsonValue] = [*[*there.values()][:MAX_SHOWN]]
        facts["already_there"] = {"count": len(there), "rows": spans([*there]), "events": some}
    if firsts:
        facts["repeated"] = {"count": len(firsts), "rows": spans([*firsts])}
    if rules:
        facts["there_and_withheld"] = {
            rule: spans([row for row, one in rules.items() if one == rule]) for rule in dict.fromkeys(rules.values())
        }
    return facts
