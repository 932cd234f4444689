"""After an answer was lost, or the process with it: finds which rows of the open requests were created."""

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

    `settle` is how long, in seconds, a request that was sent may still take effect: only after that does a missing
    event mean that it will not appear.
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

    async def run(self) -> int:
        """Settle all open rows: created ones get their ids, the others are to be sent again. How many were created."""
        found = await self._ledger.rows.unanswered()
        if not found:
            return 0
        await self._progress.say(f"searching for {plural(len(found), 'row')} whose answer was lost")
        since = await self._wait()
        rows = [identify_row(row.number, json.loads(row.event)) for row in found]
        created: dict[int, str] = {}
        # Rows that may be mistaken for one another are matched together, wherever they are in the file.
        rows.sort(key=lambda row: row.identity)
        for some in _groups(rows):
            created |= match_rows(some, await self._candidates(some, since))
        await self._ledger.rows.answered({**created}, {})
        await self._ledger.rows.put_back([row.number for row in rows if row.number not in created])
        await self._progress.say("")
        return len(created)

    async def _wait(self) -> datetime:
        """Wait until the last lost request cannot take effect any more. The time since when its events may exist."""
        first, last = await self._ledger.rows.unanswered_times()
        ago = max(0.0, self._clock().timestamp() - last)
        await anyio.sleep(max(0.0, self._settle - ago))
        return datetime.fromtimestamp(first, UTC) - MAX_CLOCK_DIFFERENCE

    async def _candidates(self, rows: Sequence[IdentifiedRow], since: datetime) -> Mapping[EventIdentity, list[Event]]:
        """Events that may belong to the rows and to no other; waits until they show their indicators."""
        deadline = anyio.current_time() + INDICATOR_DELAY
        bare = {row.identity._replace(indicator="") for row in rows if row.identity.indicator}
        while True:
            found = await self._finder.find_newer(rows, since)
            events = [event for some in found.values() for event in some]
            accounted = await self._ledger.rows.accounted([event.uuid for event in events])
            new: dict[EventIdentity, list[Event]] = defaultdict(list)
            for identity, some in found.items():
                new[identity] += [event for event in some if event.uuid not in accounted]
            late = any(new.get(identity) for identity in bare)
            if not late or anyio.current_time() >= deadline:
                return new
            await anyio.sleep(POLL_INTERVAL)


def match_rows(rows: Sequence[IdentifiedRow], found: Mapping[EventIdentity, list[Event]]) -> dict[int, str]:
    """The rows that were created with the ids of their events, each of which belongs to one row."""
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


def _groups(rows: Sequence[IdentifiedRow]) -> list[list[IdentifiedRow]]:
    """Some rows at a time, those of one date and title together."""
    groups: list[list[IdentifiedRow]] = []
    for row in rows:
        last = groups[-1] if groups else []
        if last and (len(last) < BATCH_SIZE or last[-1].identity[:2] == row.identity[:2]):
            last.append(row)
        else:
            groups.append([row])
    return groups
