"""Compares rows with the dataset before anything is sent: rows that exist there are skipped or updated."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import anyio
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import NotFound, Refused, Withheld
from cf1_mcp.events.matching import EventFinder, IdentifiedRow, identify_row
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.exports.event_record import MAX_TEXT_LENGTH
from cf1_mcp.imports.duplicates import (
    INDICATOR_DELAY,
    ExistingEvents,
    find_existing,
    list_missing,
    match_without_indicator,
)
from cf1_mcp.imports.progress import ImportProgress
from cf1_mcp.imports.retries import RequestPolicy
from cf1_mcp.imports.workers import run_steps
from cf1_mcp.models import Dataset, Event, EventChange, Tlp
from cf1_mcp.models.fields import COMPARED_TEXTS
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import ChangeOrigin, Intent
from cf1_mcp.store.payloads import BeforeUpdate, UpdateEvent
from cf1_mcp.text.sanitize import clean

DuplicateRule = Literal["skip", "update", "create"]
BATCH_SIZE: Final = 100  # values that the API accepts in one condition
MAX_WAIT: Final = 60.0  # seconds for the indicators of new events
POLL_INTERVAL: Final = 1.0


class ChangedEvent(NamedTuple):
    """An event that exists for a row, and the fields in which the row differs from it."""

    event: Event
    new: Mapping[str, str]


class DatasetComparison:
    """Compares the rows of a ledger that are to be sent with the events of the dataset.

    With `updates=False` nothing is changed: `changes` has the events that would be updated, by row number, and their
    rows stay as they are.
    """

    def __init__(
        self,
        client: ThreatEventsClient,
        dataset: Dataset,
        ledger: ImportLedger,
        policy: RequestPolicy,
        progress: ImportProgress,
        read_policy: ReadPolicy,
        journal: Journal,
        origin: ChangeOrigin,
        on_duplicate: DuplicateRule,
        clock: Callable[[], datetime],
        *,
        updates: bool = True,
    ) -> None:
        self.changes: dict[int, ChangedEvent] = {}
        self._clock = clock
        self._recently: datetime | None = None
        self._wait_until: float | None = None
        self._client = client
        self._dataset = dataset
        self._ledger = ledger
        self._policy = policy
        self._progress = progress
        self._read_policy = read_policy
        self._journal = journal
        self._origin = origin
        self._on_duplicate: DuplicateRule = on_duplicate
        self._updates = updates
        self._finder = EventFinder(client, dataset.uuid, read_policy, policy.read)
        self._last = -1
        self._taking = anyio.Lock()

    async def run(self, concurrency: int) -> None:
        """Settle the rows that exist already, a few batches at a time."""
        ready = await self._ledger.rows.ready()
        await self._progress.expect("compared", ready.total)
        if not ready.total:
            return
        if not await self._finder.has_events_between(ready.first, ready.last):
            await self._progress.advance("compared", ready.total)
            return
        recently = self._clock() - INDICATOR_DELAY
        if self._on_duplicate != "create" and await self._finder.has_events_since(recently):
            self._recently = recently

        async def step() -> bool:
            rows = await self._next_rows()
            if not rows:
                return False
            await self._compare(rows)
            await self._progress.advance("compared", len(rows))
            return True

        await run_steps(step, concurrency)

    async def _next_rows(self) -> list[IdentifiedRow]:
        async with self._taking:
            rows = await self._ledger.rows.ready_after(self._last, BATCH_SIZE)
            self._last = rows[-1].number if rows else self._last
        return [identify_row(row.number, json.loads(row.event), row.same_as) for row in rows]

    async def _compare(self, rows: Sequence[IdentifiedRow]) -> None:
        existing = await self._find_existing(rows)
        await self._ledger.rows.remember_older(existing.candidates)
        if self._on_duplicate == "create":
            return
        unchanged: dict[int, str] = {}
        for row in rows:
            event = existing.events.get(row.number)
            if event is None:
                continue
            new = _find_new_values(row.fields, event) if self._on_duplicate == "update" else {}
            if new and not await self._may_see_evidence(event):
                rule = self._read_policy.tlp_rule
                await self._ledger.rows.refuse({row.number: f"it exists already, with evidence withheld by {rule}"})
            elif new and not self._updates:
                self.changes[row.number] = ChangedEvent(event, new)
            elif new:
                await self._update(row, event, new)
            else:
                unchanged[row.number] = event.uuid
        await self._ledger.rows.settle("there", unchanged)

    async def _find_existing(self, rows: Sequence[IdentifiedRow]) -> ExistingEvents:
        """Return the events that exist for rows. Wait for the indicators of new events that may be among them."""
        while True:
            existing = await find_existing(rows, self._finder)
            missing = list_missing(rows, existing)
            if not missing or self._recently is None:
                return existing
            recent = await self._finder.find_newer(missing, self._recently)
            now = anyio.current_time()
            if not match_without_indicator(missing, existing, recent):
                return existing
            if self._wait_until is None:
                self._wait_until = now + MAX_WAIT  # of the comparison as a whole
            if now >= self._wait_until:
                return existing
            await self._progress.show_status("waiting for the indicators of new events")
            await anyio.sleep(POLL_INTERVAL)

    async def _may_see_evidence(self, event: Event) -> bool:
        """Whether the raw evidence of an event may be seen, as it must be for the event to be changed."""
        if not event.raw_id:
            return True
        try:
            raw = await self._policy.read(lambda: self._client.read_raw(event.uuid, event.raw_id))
            self._read_policy.require_raw_readable(event, raw)
        except NotFound:
            return True
        except Withheld:
            return False
        return True

    async def _update(self, row: IdentifiedRow, event: Event, new: dict[str, str]) -> None:
        """Change the fields in which a row differs. The journal has this as a change of its own."""
        old = {name: str(getattr(event, name)) for name in new}
        home = {"dataset_id": self._dataset.uuid}
        change = EventChange.model_validate({**new, **home})
        before = BeforeUpdate(event=EventChange.model_validate({**old, **home}), raw=None, seen=[], marking=event.tlp)
        payload = UpdateEvent(event_id=event.uuid, event=change, raw_id=None, raw=None, before=before)
        intent = Intent(
            tool="update_threat_event",
            arguments=payload.arguments(),
            datasets=(self._dataset.uuid,),
            summary=f"Change {', '.join(new)} of event {event.uuid} in dataset {self._dataset.name!r}, by an import.",
            before=payload.overwritten(),
            origin=self._origin,
            marking=Tlp.of(event.tlp),
        )
        change_id = await self._journal.begin(intent)
        # Setting a field to the same value twice has no further effect, so this may be retried like a read.
        try:
            await self._policy.read(lambda: self._client.update_event(event.uuid, change))
        except (Refused, NotFound) as error:
            reason: JsonValue = {"error": str(error)}
            await self._journal.finish(change_id, "failed", reason)
            await self._ledger.rows.refuse({row.number: str(error)})
            return
        result: JsonValue = {"event_id": event.uuid, "changed": [*new]}
        await self._journal.finish(change_id, "done", result)
        await self._ledger.rows.settle("changed", {row.number: event.uuid})


def _find_new_values(fields: Mapping[str, JsonValue], event: Event) -> dict[str, str]:
    """Return the fields in which a row differs from the event. A marking is never lowered: that needs consent.

    A text that is only what an export shows of the event's own, cut or masked, is not a difference.
    """
    new = {
        name: str(value)
        for name in COMPARED_TEXTS
        if (value := fields.get(name)) is not None
        and not is_same_value(name, str(value), old := str(getattr(event, name)))
        and str(value) != clean(old, MAX_TEXT_LENGTH)
    }
    if "tlp" in new and Tlp.of(new["tlp"]).rank < Tlp.of(event.tlp).rank:
        del new["tlp"]
    return new
