"""After an answer was lost, or the process with it: which rows of the open requests were made?"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio
import anyio.to_thread

from cf1_mcp.events.matching import Finder, Identity, Wanted, agreement, wanted
from cf1_mcp.imports.progress import Progress
from cf1_mcp.models import Event
from cf1_mcp.store.import_ledger import Ledger

BATCH_SIZE: Final = 100
INDICATORS_LATE: Final = 60.0  # seconds in which the indicators of new events are expected to appear
LOOK_AGAIN: Final = 1.0
# How far apart the clocks here and at the API may be, when events made since the first lost request are asked for.
CLOCKS_APART: Final = timedelta(days=1)


class Recovery:
    """Looks for rows whose request has no answer. `settle` is how long, in seconds, a request that was sent may still
    take effect: only then does an event that is not there mean that it will not come."""

    def __init__(
        self, finder: Finder, ledger: Ledger, progress: Progress, settle: float, clock: Callable[[], datetime]
    ) -> None:
        self._finder = finder
        self._ledger = ledger
        self._progress = progress
        self._settle = settle
        self._clock = clock

    async def run(self) -> int:
        """Settle all open rows: made ones get their ids, the others are to be sent again. How many were made."""
        found = await anyio.to_thread.run_sync(
            self._ledger.select, "SELECT number, event FROM row WHERE state = 'sending' ORDER BY number"
        )
        if not found:
            return 0
        self._progress.say(f"looking for {len(found)} rows whose answer was lost")
        since = await self._wait()
        rows = [wanted(int(str(n)), json.loads(str(event))) for n, event in found]
        made: dict[int, str] = {}
        # Rows that may be taken for one another are looked at together, wherever in the file they stand.
        rows.sort(key=lambda row: row.identity)
        for some in _groups(rows):
            made |= matched(some, await self._candidates(some, since))
        uuids: dict[int, str | None] = {**made}
        await anyio.to_thread.run_sync(self._ledger.created, uuids, dict[int, str]())
        await anyio.to_thread.run_sync(self._ledger.put_back, [row.number for row in rows if row.number not in made])
        self._progress.say("")
        return len(made)

    async def _wait(self) -> datetime:
        """Until the last lost request cannot take effect any more. Since when its events, or earlier ones, may be."""
        times = await anyio.to_thread.run_sync(
            self._ledger.select,
            "SELECT min(at), max(at) FROM request WHERE id IN (SELECT request FROM row WHERE state = 'sending')",
        )
        first, last = (float(str(at)) for at in times[0])
        ago = max(0.0, self._clock().timestamp() - last)
        await anyio.sleep(max(0.0, self._settle - ago))
        return datetime.fromtimestamp(first, UTC) - CLOCKS_APART

    async def _candidates(self, rows: Sequence[Wanted], since: datetime) -> Mapping[Identity, list[Event]]:
        """Events that may be of the rows and are of no other; waited for until they show their indicators."""
        deadline = anyio.current_time() + INDICATORS_LATE
        bare = {row.identity._replace(indicator="") for row in rows if row.identity.indicator}
        while True:
            found = await self._finder.newer_like(rows, since)
            events = [event for some in found.values() for event in some]
            accounted = await anyio.to_thread.run_sync(self._ledger.accounted, [event.uuid for event in events])
            new: dict[Identity, list[Event]] = defaultdict(list)
            for identity, some in found.items():
                new[identity] += [event for event in some if event.uuid not in accounted]
            late = any(new.get(identity) for identity in bare)
            if not late or anyio.current_time() >= deadline:
                return new
            await anyio.sleep(LOOK_AGAIN)


def matched(rows: Sequence[Wanted], found: Mapping[Identity, list[Event]]) -> dict[int, str]:
    """The rows that were made with the ids of their events, each of which is of one row."""
    free = {identity: [*events] for identity, events in found.items()}
    made: dict[int, str] = {}
    for exact in (True, False):
        for row in rows:
            # Should indicators never have appeared, events without one are taken for those of the same date and title.
            events = free.get(row.identity if exact else row.identity._replace(indicator=""), [])
            if row.number in made or not events:
                continue
            best = max(events, key=lambda event: (agreement(row.fields, event), event.uuid))
            made[row.number] = best.uuid
            events.remove(best)
    return made


def _groups(rows: Sequence[Wanted]) -> list[list[Wanted]]:
    """Some rows at a time, those of one date and title together."""
    groups: list[list[Wanted]] = []
    for row in rows:
        last = groups[-1] if groups else []
        if last and (len(last) < BATCH_SIZE or last[-1].identity[:2] == row.identity[:2]):
            last.append(row)
        else:
            groups.append([row])
    return groups
