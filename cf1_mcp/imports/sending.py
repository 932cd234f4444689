"""Sends rows in groups. The ledger records each group before its request is sent, and its outcome after the answer."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import (
    ApiError,
    NotFound,
    RateLimited,
    Refused,
    ThreatEventsError,
    UnknownOutcome,
    Unreachable,
    may_have_been_made,
)
from cf1_mcp.imports.progress import ImportProgress
from cf1_mcp.imports.recovery import RowRecovery
from cf1_mcp.imports.retries import RequestPolicy
from cf1_mcp.imports.workers import run_steps
from cf1_mcp.models import BulkCreated, NewEvent
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.import_rows import LedgerRow, RowGroup

DEFAULT_GROUP_SIZE: Final = 100  # events in one request; the API publishes no maximum


class RowSender:
    """Sends all rows that are ready.

    With a `recovery`, it finds out which rows of a lost answer were created before it sends more. Without one, such
    rows stay `sending` in the ledger.
    """

    def __init__(
        self,
        client: ThreatEventsClient,
        dataset_id: str,
        ledger: ImportLedger,
        policy: RequestPolicy,
        progress: ImportProgress,
        clock: Callable[[], datetime],
        recovery: RowRecovery | None = None,
    ) -> None:
        self.answered = False
        # None once an answer did not say how many.
        self.indicators_queued: int | None = 0
        self._client = client
        self._dataset_id = dataset_id
        self._ledger = ledger
        self._policy = policy
        self._progress = progress
        self._clock = clock
        self._recovery = recovery
        self._lost = False
        self._unreadable: UnknownOutcome | None = None
        self._taken: deque[RowGroup] = deque()
        self._taking = anyio.Lock()

    async def run(self, size: int, concurrency: int) -> None:
        """Send all rows, `size` per request and `concurrency` requests at a time.

        Raises:
            ThreatEventsError: the import cannot continue. The ledger has the state of every row.
        """
        counts = await self._ledger.rows.counts()
        await self._progress.expect("sent", counts.get("ready", 0) + counts.get("sending", 0))

        async def step() -> bool:
            await self._policy.wait_until_ready()
            # No row may be sent while an answer is lost: events that the recovery finds must belong to the lost rows.
            if self._lost or not (group := await self._next_group(size, concurrency)):
                return False
            await self._send(group)
            return True

        while True:
            if self._recovery:
                # A row whose answer came, and was unreadable, is not sent again: the next one would be as unreadable.
                await self._progress.advance("sent", await self._recovery.run(send_again=self._unreadable is None))
            if self._unreadable and await self._ledger.rows.unanswered():
                raise self._unreadable
            self._lost, self._unreadable = False, None
            try:
                await run_steps(step, concurrency)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._give_back()
            if not self._lost:
                return

    async def record(self, rows: Sequence[LedgerRow], answer: BulkCreated) -> None:
        """Store the answer for the rows of one request. The API counts them from the first of the request."""
        places = range(len(rows))
        uuids: dict[int, str | None] = {
            rows[one.event_index].number: one.uuid for one in answer.created_events if one.event_index in places
        }
        reasons = {rows[one.event_index].number: one.error for one in answer.errors if one.event_index in places}
        reasons = {number: reason for number, reason in reasons.items() if number not in uuids}
        silent = [row.number for row in rows if row.number not in uuids and row.number not in reasons]
        if answer.created_events_count >= len(uuids) + len(silent):
            uuids |= dict.fromkeys(silent)
        elif silent:
            # This answer does not mention them, so they are treated like rows of a lost answer.
            self._lost = self._recovery is not None
        self.answered = True
        queued, before = answer.queued_indicators_count, self.indicators_queued
        self.indicators_queued = None if queued is None or before is None else before + queued
        with anyio.CancelScope(shield=True):  # a deadline must not lose what is known
            await self._ledger.rows.record_answer(uuids, reasons)
        await self._progress.advance("sent", len(uuids) + len(reasons))

    async def _next_group(self, size: int, groups: int) -> RowGroup | None:
        async with self._taking:
            if not self._taken:
                self._taken.extend(await self._ledger.rows.take(size, groups, self._clock().timestamp()))
            return self._taken.popleft() if self._taken else None

    async def _give_back(self) -> None:
        """Return groups that were taken but not sent to the ledger."""
        numbers = [row.number for group in self._taken for row in group.rows]
        self._taken.clear()
        if numbers:
            await self._ledger.rows.put_back(numbers)

    async def _send(self, group: RowGroup) -> None:
        events = [NewEvent.model_validate(json.loads(row.event)) for row in group.rows]
        try:
            answer = await self._client.create_events(self._dataset_id, events)
        except ApiError as error:
            if may_have_been_made(error):
                # No answer, or an unreadable one, does not mean that nothing was created.
                self._lost = self._recovery is not None
                self._unreadable = self._unreadable or (error if isinstance(error, UnknownOutcome) else None)
                await self._policy.record_failure(error)
            elif self._policy.retries:
                await self._retry(group, error)
            else:
                await self._ledger.rows.refuse({row.number: str(error) for row in group.rows})
                raise
        else:
            await self._policy.record_success()
            await self.record(group.rows, answer)

    async def _retry(self, group: RowGroup, error: ApiError) -> None:
        """Handle an error after which no row of the request was created."""
        if isinstance(error, Refused):
            await self._send_halves(group, error)
            return
        await self._ledger.rows.put_back([row.number for row in group.rows])
        match error:
            case RateLimited() | Unreachable():
                await self._policy.record_failure(error)
            case NotFound():
                raise ThreatEventsError(
                    f"The API does not know the bulk create, or not this dataset. {error.sentence} Without it an "
                    "import cannot know which rows were created; use import_threat_events or create_threat_event "
                    "through the server.",
                    error.words,
                ) from error
            case _:
                raise error

    async def _send_halves(self, group: RowGroup, error: Refused) -> None:
        """Send a refused request again in halves, down to the row that causes the refusal."""
        await self._policy.record_success()
        if len(group.rows) == 1:
            await self._ledger.rows.refuse({group.rows[0].number: str(error)})
            await self._progress.advance("sent", 1)
            return
        half = len(group.rows) // 2
        for rows in (group.rows[:half], group.rows[half:]):
            if self._lost:
                await self._ledger.rows.put_back([row.number for row in rows])
            else:
                await self._policy.wait_until_ready()
                await self._send(RowGroup(group.request, rows))
