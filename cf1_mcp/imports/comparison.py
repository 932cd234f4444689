"""Rows that are in the dataset already are found before anything is sent, and left alone or brought up to date."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import anyio
import anyio.to_thread
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import NotFound, Refused
from cf1_mcp.events.matching import Finder, Wanted, likest, wanted
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.imports.progress import Progress
from cf1_mcp.imports.retries import Patience
from cf1_mcp.imports.workers import work
from cf1_mcp.models import Dataset, Event, EventChange, Tlp
from cf1_mcp.models.fields import COMPARED_TEXTS
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.import_ledger import Ledger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import Intent

OnDuplicate = Literal["skip", "update", "create"]
BATCH_SIZE: Final = 100  # values in one condition


class Comparing:
    """Compares the rows that are to be sent with what the dataset holds."""

    def __init__(
        self,
        client: ThreatEventsClient,
        dataset: Dataset,
        ledger: Ledger,
        patience: Patience,
        progress: Progress,
        reading: ReadPolicy,
        journal: Journal,
        on_duplicate: OnDuplicate,
        updates: bool = True,
    ) -> None:
        self._client = client
        self._dataset = dataset
        self._ledger = ledger
        self._patience = patience
        self._progress = progress
        self._reading = reading
        self._journal = journal
        self._on_duplicate = on_duplicate
        self._updates = updates
        self._finder = Finder(client, dataset.uuid, patience)

    async def run(self, concurrency: int) -> None:
        """Settle what is there already. With `updates=False` nothing is changed, for a dry run."""
        dates = await anyio.to_thread.run_sync(
            self._ledger.select,
            "SELECT min(event ->> 'date'), max(event ->> 'date'), count(*) FROM row WHERE state = 'ready'",
        )
        first, last, count = dates[0]
        self._progress.expect("compared", int(str(count)))
        if not count:
            return
        if not await self._finder.any_between(str(first), str(last)):
            self._progress.advance("compared", int(str(count)))
            return
        groups = self._ledger.stream(
            "SELECT number, event FROM row WHERE number > ? AND state = 'ready' ORDER BY number LIMIT ?", BATCH_SIZE
        )

        one_at_a_time = anyio.Lock()

        async def compare() -> bool:
            async with one_at_a_time:
                some = await anyio.to_thread.run_sync(next, groups, None)
            if some is None:
                return False
            await self._compare([wanted(int(str(n)), json.loads(str(event))) for n, event in some])
            self._progress.advance("compared", len(some))
            return True

        await work(compare, concurrency)

    async def _compare(self, rows: Sequence[Wanted]) -> None:
        found = await self._finder.older_like(rows)
        older = [event.uuid for events in found.values() for event in events]
        await anyio.to_thread.run_sync(self._ledger.remember_older, older)
        if self._on_duplicate == "create":
            return
        there: dict[int, str] = {}
        withheld: dict[int, str] = {}
        for row in rows:
            events = found.get(row.identity, [])
            if not events:
                continue
            event = likest(row, events)
            if rule := self._reading.rule_against(event):
                withheld[row.number] = f"it is there already, and withheld by {rule}"
            else:
                new = _new_values(row.fields, event) if self._on_duplicate == "update" and self._updates else {}
                if new:
                    await self._update(row, event, new)
                else:
                    there[row.number] = event.uuid
        await anyio.to_thread.run_sync(self._ledger.settle, "there", there)
        await anyio.to_thread.run_sync(self._ledger.refuse, withheld)

    async def _update(self, row: Wanted, event: Event, new: dict[str, str]) -> None:
        """Change the fields that a row says otherwise. It is a change of its own in the journal, to be undone alone."""
        old = {name: str(getattr(event, name)) for name in new}
        home = {"dataset_id": self._dataset.uuid}
        change = EventChange.model_validate({**new, **home})
        intent = Intent(
            tool="update_threat_event",
            arguments={"event_id": event.uuid, "event": change.wire(), "raw_id": None, "raw": None},
            datasets=(self._dataset.uuid,),
            summary=f"Change {', '.join(new)} of event {event.uuid} in dataset {self._dataset.name!r}, by an import.",
            before={"event": EventChange.model_validate({**old, **home}).wire(), "raw": None, "seen": []},
        )
        change_id = await self._journal.begin(intent)
        # Setting a field to the same value twice changes nothing more, so this may be tried as often as a reading.
        try:
            await self._patience.reading(lambda: self._client.update_event(event.uuid, change))
        except (Refused, NotFound) as error:
            reason: JsonValue = {"error": str(error)}
            await self._journal.finish(change_id, "failed", reason)
            await anyio.to_thread.run_sync(self._ledger.refuse, {row.number: str(error)})
            return
        told: JsonValue = {"event_id": event.uuid, "changed": [*new]}
        await self._journal.finish(change_id, "done", told)
        await anyio.to_thread.run_sync(self._ledger.settle, "changed", {row.number: event.uuid})


def _new_values(fields: Mapping[str, JsonValue], event: Event) -> dict[str, str]:
    """What a row says otherwise than the event. No marking is lowered, as that would need a person's word."""
    new = {
        name: str(value)
        for name in COMPARED_TEXTS
        if (value := fields.get(name)) is not None and not is_same_value(name, str(value), str(getattr(event, name)))
    }
    if "tlp" in new and Tlp.of(new["tlp"]).rank < Tlp.of(event.tlp).rank:
        del new["tlp"]
    return new
