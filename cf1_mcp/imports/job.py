"""The steps of one import: rows are checked, compared with the dataset, sent and linked. One ledger keeps the state.

The command uses a ledger on disk, with retries and recovery. A call uses one in memory, and sends each request once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

import anyio.to_thread
from pydantic_core import to_json

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.events.matching import EventFinder
from cf1_mcp.imports.batch import Batch
from cf1_mcp.imports.comparison import ChangedEvent, DatasetComparison, DuplicateRule
from cf1_mcp.imports.duplicates import event_key
from cf1_mcp.imports.linking import LinkMaker
from cf1_mcp.imports.progress import ImportProgress
from cf1_mcp.imports.readers.source_rows import SourceRow, SourceRows
from cf1_mcp.imports.recovery import RowRecovery
from cf1_mcp.imports.retries import RequestPolicy
from cf1_mcp.imports.row_checks import RowChecks, is_whole
from cf1_mcp.imports.sending import RowSender
from cf1_mcp.models import Dataset, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.import_links import NewLedgerLink
from cf1_mcp.store.import_rows import NewLedgerRow
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import ChangeOrigin

PAGE_SIZE: Final = 1000  # rows that are stored together


@dataclass(frozen=True)
class ImportJob:
    """The steps of one import into a dataset, in order. Each continues from the state of the ledger."""

    client: ThreatEventsClient
    dataset: Dataset
    ledger: ImportLedger
    policy: RequestPolicy
    progress: ImportProgress
    clock: Callable[[], datetime]

    async def check(self, rows: SourceRows, checks: RowChecks, *, skip_repeated: bool) -> None:
        """Read and check all rows, then their links. The problems of a row are stored with it."""
        await self.ledger.start_over()
        number = 0
        while page := await anyio.to_thread.run_sync(_next_page, rows):
            stored: list[NewLedgerRow] = []
            links: list[NewLedgerLink] = []
            for row in page:
                stored.append(await _check_row(number, row, checks))
                if row.parents:
                    links += [NewLedgerLink(number, one.ref, one.type) for one in row.parents if is_whole(one.ref)]
                number += 1
            await self.ledger.add(stored, links)
            await self.progress.advance("checked", len(page))
        await self.ledger.rows.resolve_parents()
        if skip_repeated:
            await self.ledger.rows.skip_repeated()

    async def add(self, batch: Batch) -> None:
        """Store the rows of a batch, which are checked and compared already."""
        rows = [
            NewLedgerRow(number, number, "ready", event.model_dump_json(exclude_unset=True))
            for number, event in batch.events.items()
        ]
        rows += [NewLedgerRow(number, number, "there", uuid=uuid) for number, uuid in batch.existing.items()]
        await self.ledger.add(rows, [NewLedgerLink(link.child, "", link.type, link.parent) for link in batch.links])

    async def compare(
        self,
        on_duplicate: DuplicateRule,
        read_policy: ReadPolicy,
        journal: Journal,
        origin: ChangeOrigin,
        concurrency: int,
        *,
        updates: bool = True,
    ) -> Mapping[int, ChangedEvent]:
        """Settle the rows that are in the dataset already. With `updates=False` nothing is changed: return the events
        that would be updated, by row number.
        """
        comparison = DatasetComparison(
            self.client,
            self.dataset,
            self.ledger,
            self.policy,
            self.progress,
            read_policy,
            journal,
            origin,
            on_duplicate,
            self.clock,
            updates=updates,
        )
        await comparison.run(concurrency)
        return comparison.changes

    def create_recovery(self, settle: float) -> RowRecovery:
        """Return a recovery for rows whose answer was lost. A request may take effect for up to `settle` seconds."""
        # Whatever the rules have become: a row whose event they withhold by now must not be created twice.
        finder = EventFinder(self.client, self.dataset.uuid, ReadPolicy((), False, Tlp.RED), self.policy.read)
        return RowRecovery(finder, self.ledger, self.progress, settle, self.clock)

    def create_sender(self, recovery: RowRecovery | None = None) -> RowSender:
        """Return a sender for the rows that are ready."""
        return RowSender(self.client, self.dataset.uuid, self.ledger, self.policy, self.progress, self.clock, recovery)

    async def link(self, concurrency: int, *, check_existing: bool) -> None:
        """Make the links between rows that have events."""
        links = LinkMaker(
            self.client, self.dataset.uuid, self.ledger, self.policy, self.progress, check_existing=check_existing
        )
        await links.run(concurrency)


def _next_page(rows: SourceRows) -> list[SourceRow]:
    return list(islice(rows, PAGE_SIZE))


async def _check_row(number: int, row: SourceRow, checks: RowChecks) -> NewLedgerRow:
    fields, problems = await checks.check(row)
    if problems:
        ref = row.ref if row.ref is None or is_whole(row.ref) else None
        return NewLedgerRow(number, row.place, "bad", ref=ref, reason="\n".join(dict.fromkeys(problems)))
    key = event_key(fields, row.same_as)
    return NewLedgerRow(number, row.place, "ready", to_json(fields).decode(), key, row.ref, uuid=row.same_as)
