"""Finds the rows that are in a dataset already, for a file and for a call.

Rows are compared with the events that may be read. An import does not tell whether there are others, so a row that only
a withheld event has is created.

Two events are the same for an import if they have the same date, title and first indicator.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.matching import EventFinder, EventIdentity, IdentifiedRow, find_best_match, identify_row
from cf1_mcp.imports.batch import Batch, BatchLink, compute_digest, format_ranges
from cf1_mcp.models import Event, RelationshipType
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.plurals import plural

T = TypeVar("T")
MAX_REQUESTS: Final = 40  # in one call, which may take 25 seconds
MAX_SHOWN: Final = 5
# The API queues the indicators of new events: an event may be a row and not show its indicator yet.
INDICATOR_DELAY: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class ExistingEvents:
    """The events that exist for rows, by row number. `candidates` are the ids of all events that were found, whether or
    not they are the best match of a row.
    """

    events: Mapping[int, Event]
    candidates: Sequence[str]


async def find_existing(rows: Sequence[IdentifiedRow], finder: EventFinder) -> ExistingEvents:
    """Return the events that exist for rows: those that they were exported from, or else those that are like them."""
    exported = await finder.find_exported(rows)
    left = [row for row in rows if row.number not in exported]
    found = await finder.find_older(left) if left else {}
    events = {row.number: find_best_match(row, found[row.identity]) for row in left if found.get(row.identity)}
    candidates = [*exported.values(), *(event for some in found.values() for event in some)]
    return ExistingEvents({**events, **exported}, [event.uuid for event in candidates])


def event_key(fields: Mapping[str, JsonValue], same_as: str | None = None) -> bytes:
    """Return a digest of what makes two rows the same event: the indicators, the date and the title. Rows that were
    exported from two events are never the same.
    """
    parts = [str(fields.get("date")), str(fields.get("event"))]
    if (indicator := fields.get("indicator")) is not None:
        parts.append(str(indicator))
    several = fields.get("indicators")
    if isinstance(several, list):
        parts += sorted(str(one["value"]) for one in several if isinstance(one, dict))
    if same_as:
        parts += ["exported from", same_as]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()


class RequestBudget:
    """Sends each request once, and at most MAX_REQUESTS of them: the caller is waiting."""

    def __init__(self) -> None:
        self._left = MAX_REQUESTS

    async def read(self, call: Callable[[], Awaitable[T]], /) -> T:
        """Return the result of a request.

        Raises:
            BadArgument: the maximum number of requests was reached.
        """
        if not self._left:
            raise BadArgument(
                "on_duplicate",
                f"comparing these rows with the dataset takes more than {MAX_REQUESTS} requests",
                "fewer rows a call, or create to create every row without comparing",
            )
        self._left -= 1
        return await call()


async def leave_out_duplicates(
    batch: Batch, client: ThreatEventsClient, read_policy: ReadPolicy, now: datetime
) -> Batch:
    """Return the batch without rows that exist already or repeat an earlier row. Their links are kept, between the
    existing events.

    Raises:
        BadArgument: it cannot be determined whether a row exists.
    """
    budget = RequestBudget()
    rows = [
        identify_row(
            number, event.model_dump(mode="json", exclude_none=True, exclude={"raw"}), batch.exported_from.get(number)
        )
        for number, event in batch.events.items()
    ]
    firsts = _find_repeated(rows)
    distinct = [row for row in rows if row.number not in firsts]
    finder = EventFinder(client, batch.dataset.uuid, read_policy, budget.read)
    existing = await find_existing(distinct, finder)
    await _refuse_late_indicators(distinct, existing, finder, now)
    existing_ids = {number: event.uuid for number, event in existing.events.items()}
    moved = [
        BatchLink(firsts.get(link.parent, link.parent), firsts.get(link.child, link.child), link.type)
        for link in batch.links
    ]
    links = [link for link in dict.fromkeys(moved) if link.parent != link.child]
    between = [link for link in links if {link.parent, link.child} <= {*existing_ids}]
    made = await _find_existing_links(client, batch.dataset.uuid, between, existing_ids, budget)
    left = tuple(link for link in links if link not in made)
    digested: JsonValue = [
        batch.digest,
        {str(row): uuid for row, uuid in existing_ids.items()},
        [*firsts],
        [[link.parent, link.child, link.type] for link in left],
    ]
    return replace(
        batch,
        events={number: event for number, event in batch.events.items() if number not in {*existing.events, *firsts}},
        links=left,
        digest=compute_digest(digested),
        existing=existing_ids,
        facts={**batch.facts, **_describe(existing_ids, firsts)},
    )


def _find_repeated(rows: Sequence[IdentifiedRow]) -> dict[int, int]:
    """Return the rows that repeat an earlier one, each with the number of that row."""
    firsts: dict[bytes, int] = {}
    repeated: dict[int, int] = {}
    for row in rows:
        first = firsts.setdefault(event_key(row.fields, row.same_as), row.number)
        if first != row.number:
            repeated[row.number] = first
    return repeated


async def _refuse_late_indicators(
    rows: Sequence[IdentifiedRow], existing: ExistingEvents, finder: EventFinder, now: datetime
) -> None:
    late = list_missing(rows, existing)
    recent = await finder.find_recent(late, now - INDICATOR_DELAY) if late else {}
    for number, doubtful in match_without_indicator(late, existing, recent).items():
        raise BadArgument(
            "on_duplicate",
            f"{plural(len(doubtful), 'event')} of the last minutes with the date and title of row {number} "
            f"{'shows' if len(doubtful) == 1 else 'show'} no indicator yet, so one of them may be that row",
            "the same call again in a minute, or create to create every row without comparing",
        )


def list_missing(rows: Sequence[IdentifiedRow], existing: ExistingEvents) -> list[IdentifiedRow]:
    """Return the rows with an indicator for which no event was found: the event may not show its indicator yet."""
    return [row for row in rows if row.number not in existing.events and row.identity.indicator]


def match_without_indicator(
    rows: Sequence[IdentifiedRow], existing: ExistingEvents, recent: Mapping[EventIdentity, Sequence[Event]]
) -> dict[int, list[Event]]:
    """Return the recent events that show no indicator and may be these rows, by row number."""
    known = {event.uuid for event in existing.events.values()}
    found = {row.number: recent.get(row.identity._replace(indicator=""), ()) for row in rows}
    unknown = {number: [event for event in events if event.uuid not in known] for number, events in found.items()}
    return {number: events for number, events in unknown.items() if events}


async def _find_existing_links(
    client: ThreatEventsClient,
    dataset_id: str,
    links: Sequence[BatchLink],
    existing_ids: Mapping[int, str],
    budget: RequestBudget,
) -> set[BatchLink]:
    """Return the links that exist already. How the API handles a second, equal link is unknown."""
    families: dict[tuple[int, RelationshipType], list[BatchLink]] = {}
    for link in links:
        families.setdefault((link.parent, link.type), []).append(link)
    made: set[BatchLink] = set()
    for (parent, kind), some in families.items():
        pages = client.children_pages(existing_ids[parent], dataset_id, kind, attempt=budget.read)
        below = {event.uuid async for page in pages for event in page}
        made |= {link for link in some if existing_ids[link.child] in below}
    return made


def _describe(existing_ids: Mapping[int, str], firsts: Mapping[int, int]) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {}
    if existing_ids:
        some: list[JsonValue] = [*[*existing_ids.values()][:MAX_SHOWN]]
        facts["already_there"] = {"count": len(existing_ids), "rows": format_ranges([*existing_ids]), "events": some}
    if firsts:
        facts["repeated"] = {"count": len(firsts), "rows": format_ranges([*firsts])}
    return facts
