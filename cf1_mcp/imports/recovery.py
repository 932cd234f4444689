"""Finds out which rows were created by requests whose answer was lost, for example because the process ended."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio

from cf1_mcp.events.matching import EventFinder, EventIdentity, IdentifiedRow, count_agreeing_fields, identify_row
from cf1_mcp.imports.progress import ImportProgress
from cf1_mcp.models import Event
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.text.plurals import plural

BATCH_SIZE: Final = 100
INDICATOR_DELAY: Final = 60.0  # seconds in which the indicators of new events are expected to appear
POLL_INTERVAL: Final = 1.0
# How far the clocks here and at the API may differ, for the search for events created since the first lost request.
MAX_CLOCK_DIFFERENCE: Final = timedelta(days=1)


class RowRecovery:
    """Searches for the events of rows whose request has no answer.

    `settle` is how long, in seconds, a request may take effect after it was sent. Only then does a missing event mean
    that its row was not created.
    """

    def __init__(
        self,
        finder: EventFinder,
        ledger: ImportLedger,
        progress: ImportProgress,
        settle: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._finder = finder
        self._ledger = ledger
        self._progress = progress
        self._settle = settle
        self._clock = clock

    async def run(self, *, send_again: bool = True) -> int:
        """Settle all open rows, and return how many were created. The others are sent again, or stay open."""
        found = await self._ledger.rows.unanswered()
        if not found:
            return 0
        await self._progress.show_status(f"searching for {plural(len(found), 'row')} whose answer was lost")
        since = await self._wait()
        rows = [identify_row(row.number, json.loads(row.event)) for row in found]
        created: dict[int, str] = {}
        # Rows with the same identity are matched together, wherever they are in the file.
        rows.sort(key=lambda row: row.identity)
        for some in _group_rows(rows):
            created |= match_rows(some, await self._find_candidates(some, since))
        await self._ledger.rows.record_answer({**created}, {})
        if send_again:
            await self._ledger.rows.put_back([row.number for row in rows if row.number not in created])
        await self._progress.show_status("")
        return len(created)

    async def _wait(self) -> datetime:
        """Wait until no lost request can take effect any more. Return when the first of their events may be created."""
        first, last = await self._ledger.rows.unanswered_times()
        ago = max(0.0, self._clock().timestamp() - last)
        await anyio.sleep(max(0.0, self._settle - ago))
        return datetime.fromtimestamp(first, UTC) - MAX_CLOCK_DIFFERENCE

    async def _find_candidates(
        self, rows: Sequence[IdentifiedRow], since: datetime
    ) -> Mapping[EventIdentity, list[Event]]:
        """Return the events that may belong to these rows only. Wait until they show their indicators."""
        deadline = anyio.current_time() + INDICATOR_DELAY
        bare = {row.identity._replace(indicator="") for row in rows if row.identity.indicator}
        while True:
            found = await self._finder.find_newer(rows, since)
            events = [event for some in found.values() for event in some]
            accounted = await self._ledger.rows.find_accounted([event.uuid for event in events])
            new: dict[EventIdentity, list[Event]] = defaultdict(list)
            for identity, some in found.items():
                new[identity] += [event for event in some if event.uuid not in accounted]
            late = any(new.get(identity) for identity in bare)
            if not late or anyio.current_time() >= deadline:
                return new
            await anyio.sleep(POLL_INTERVAL)


def match_rows(rows: Sequence[IdentifiedRow], found: Mapping[EventIdentity, list[Event]]) -> dict[int, str]:
    """Return the rows that were created, each with the id of its event. No event is matched to two rows."""
    free = {identity: [*events] for identity, events in found.items()}
    created: dict[int, str] = {}
    for exact in (True, False):
        for row in rows:
            # If indicators never appeared, events without one are matched by date and title.
            events = free.get(row.identity if exact else row.identity._replace(indicator=""), [])
            if row.number in created or not events:
                continue
            best = max(events, key=lambda event: (count_agreeing_fields(row.fields, event), event.uuid))
            created[row.number] = best.uuid
            events.remove(best)
    return created


def _group_rows(rows: Sequence[IdentifiedRow]) -> list[list[IdentifiedRow]]:
    """Return the sorted rows in groups; rows with the same date and title are in one group."""
    groups: list[list[IdentifiedRow]] = []
    for row in rows:
        last = groups[-1] if groups else []
        if last and (len(last) < BATCH_SIZE or last[-1].identity[:2] == row.identity[:2]):
            last.append(row)
        else:
            groups.append([row])
    return groups
