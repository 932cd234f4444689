"""Compares rows with the dataset before anything is sent: rows that exist there are skipped or updated."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import anyio
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import NotFound, Refused, Withheld
from cf1_mcp.events.matching import EventFinder, IdentifiedRow, identify_row
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.imports.duplicates import find_existing
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

DuplicateRule = Literal["skip", "update", "create"]
BATCH_SIZE: Final = 100  # values that the API accepts in one condition


class DatasetComparison:
    """Compares the rows of a ledger that are to be sent with the events of the dataset.

    With `updates=False` nothing is changed, for a dry run.
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
        *,
        updates: bool = True,
    ) -> None:
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
        return [identify_row(row.number, json.loads(row.event)) for row in rows]

    async def _compare(self, rows: Sequence[IdentifiedRow]) -> None:
        existing = await find_existing(rows, self._finder)
        await self._ledger.rows.remember_older(existing.candidates)
        if self._on_duplicate == "create":
            return
        unchanged: dict[int, str] = {}
        for row in rows:
            event = existing.events.get(row.number)
            if event is None:
                continue
            new = _find_new_values(row.fields, event) if self._on_duplicate == "update" and self._updates else {}
            if new and not await self._may_see_evidence(event):
                rule = self._read_policy.tlp_rule
                await self._ledger.rows.refuse({row.number: f"it exists already, with evidence withheld by {rule}"})
            elif new:
                await self._update(row, event, new)
            else:
                unchanged[row.number] = event.uuid
        await self._ledger.rows.settle("there", unchanged)

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
    """Return the fields in which a row differs from the event. A marking is never lowered: that needs consent."""
    new = {
        name: str(value)
        for name in COMPARED_TEXTS
        if (value := fields.get(name)) is not None and not is_same_value(name, str(value), str(getattr(event, name)))
    }
    if "tlp" in new and Tlp.of(new["tlp"]).rank < Tlp.of(event.tlp).rank:
        del new["tlp"]
    return new
