"""Rows are sent in groups. What is sent is on disk before the request leaves, and what came of it after the answer."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import anyio
import anyio.to_thread

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import (
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ThreatEventsError,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from cf1_mcp.imports.progress import Progress
from cf1_mcp.imports.recovery import Recovery
from cf1_mcp.imports.retries import Patience
from cf1_mcp.imports.workers import work
from cf1_mcp.models import BulkCreated, NewEvent
from cf1_mcp.store.import_ledger import Ledger, Line, Taken

WITHOUT_ID: Final = "the API made it and told no id"


class Sending:
    """Sends the rows that are ready, until none is."""

    def __init__(
        self,
        client: ThreatEventsClient,
        dataset_id: str,
        ledger: Ledger,
        patience: Patience,
        recovery: Recovery,
        progress: Progress,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._dataset_id = dataset_id
        self._ledger = ledger
        self._patience = patience
        self._recovery = recovery
        self._progress = progress
        self._clock = clock
        self._lost = False
        self._taken: deque[Taken] = deque()
        self._taking = anyio.Lock()

    async def run(self, group: int, concurrency: int) -> None:
        """Send everything. After a lost answer no more is sent until it is known which of its rows were made.

        Raises:
            ThreatEventsError: it cannot go on; every row is in the ledger as it stands.
        """
        counts = await anyio.to_thread.run_sync(self._ledger.counts)
        self._progress.expect("sent", counts.get("ready", 0) + counts.get("sending", 0))

        async def step() -> bool:
            await self._patience.ready()
            # No row may leave while a lost answer is open: an event that is found must be of a row that was lost.
            if self._lost or not (taken := await self._next(group, concurrency)):
                return False
            await self._send(taken)
            return True

        while True:
            self._progress.advance("sent", await self._recovery.run())
            self._lost = False
            try:
                await work(step, concurrency)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._give_back()
            if not self._lost:
                return

    async def _next(self, group: int, most: int) -> Taken | None:
        async with self._taking:
            if not self._taken:
                now = self._clock().timestamp()
                self._taken.extend(await anyio.to_thread.run_sync(self._ledger.take, group, most, now))
            return self._taken.popleft() if self._taken else None

    async def _give_back(self) -> None:
        """Groups that were taken and not sent."""
        numbers = [line.number for taken in self._taken for line in taken.lines]
        self._taken.clear()
        await anyio.to_thread.run_sync(self._ledger.put_back, numbers)

    async def _send(self, taken: Taken) -> None:
        numbers = [line.number for line in taken.lines]
        events = [NewEvent.model_validate(json.loads(line.event)) for line in taken.lines]
        try:
            answer = await self._client.create_events(self._dataset_id, events)
        except RateLimited as error:
            await anyio.to_thread.run_sync(self._ledger.put_back, numbers)
            self._patience.failed(error)
        except (Unavailable, UnexpectedAnswer) as error:
            # No answer, or an unreadable one, does not tell that nothing was done.
            self._lost = True
            self._patience.failed(error)
        except Refused as error:
            await self._refused(taken, error)
        except NotFound as error:
            await anyio.to_thread.run_sync(self._ledger.put_back, numbers)
            raise ThreatEventsError(
                f"The API does not know the bulk create, or not this dataset. {error} Without it an import cannot tell "
                "which rows were made; use import_threat_events or create_threat_event through the server."
            ) from error
        except (Unauthenticated, Forbidden):
            await anyio.to_thread.run_sync(self._ledger.put_back, numbers)
            raise
        else:
            self._patience.worked()
            await self._answered(taken.lines, answer)

    async def _refused(self, taken: Taken, error: Refused) -> None:
        """A request that was refused as a whole is sent again in halves, down to the row that is at fault."""
        self._patience.worked()
        if len(taken.lines) == 1:
            await anyio.to_thread.run_sync(self._ledger.refuse, {taken.lines[0].number: str(error)})
            self._progress.advance("sent", 1)
            return
        half = len(taken.lines) // 2
        for lines in (taken.lines[:half], taken.lines[half:]):
            if self._lost:
                await anyio.to_thread.run_sync(self._ledger.put_back, [line.number for line in lines])
            else:
                await self._patience.ready()
                await self._send(Taken(taken.request, lines))

    async def _answered(self, lines: Sequence[Line], answer: BulkCreated) -> None:
        """The API counts rows from the first of the request."""
        places = range(len(lines))
        uuids: dict[int, str | None] = {
            lines[one.event_index].number: one.uuid for one in answer.created_events if one.event_index in places
        }
        reasons = {lines[one.event_index].number: one.error for one in answer.errors if one.event_index in places}
        silent = [line.number for line in lines if line.number not in uuids and line.number not in reasons]
        if answer.created_events_count >= len(uuids) + len(silent):
            uuids |= dict.fromkeys(silent)
        elif silent:
            # Neither made nor refused, by this answer: to be looked for like those of a lost one.
            self._lost = True
        await anyio.to_thread.run_sync(self._ledger.created, uuids, reasons)
        self._progress.advance("sent", len(uuids) + len(reasons))
