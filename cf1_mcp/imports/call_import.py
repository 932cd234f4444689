"""Imports the batch of a call. Each request is sent once, and everything created before an error or the deadline is
reported.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import LOOK_FIRST, ApiError, MissingRoute, Unavailable, may_have_been_made
from cf1_mcp.imports.batch import Batch, BatchLink, format_ranges
from cf1_mcp.imports.job import ImportJob
from cf1_mcp.imports.progress import ImportStep
from cf1_mcp.imports.retries import OneAttempt
from cf1_mcp.imports.sending import DEFAULT_GROUP_SIZE, RowSender
from cf1_mcp.models import BulkCreated
from cf1_mcp.store.import_ledger import ImportLedger, ReportedRow
from cf1_mcp.store.journal_records import Outcome
from cf1_mcp.text.sanitize import clean

RESERVED_SECONDS: Final = 3.0  # at the end of a call, for its report if the API is slow
MAX_REASONS: Final = 30
MAX_REASON_LENGTH: Final = 200
UNKNOWN: Final = "unknown"
NEXT: Final = "Import only the missing rows again, and unknown rows once a search has not found them."
NOT_ANSWERED: Final = "it was not answered before the import stopped"
STEPS: Final[Mapping[ImportStep, str]] = {"sent": "events created", "linked": "relationships made"}

Report = Callable[[float, float | None, str | None], Awaitable[None]]


@dataclass(frozen=True)
class BatchOutcome:
    """The outcome of a batch. `facts` and `reasons` are as an answer shows them; `reasons` quote the API."""

    status: Outcome
    facts: Mapping[str, JsonValue]
    reasons: Mapping[str, JsonValue]


class CallProgress:
    """Reports to a client how many rows and links are settled."""

    def __init__(self, report: Report, total: int) -> None:
        self._report = report
        self._total = total
        self._settled = 0

    async def expect(self, step: ImportStep, total: int) -> None: ...

    async def advance(self, step: ImportStep, count: int) -> None:
        self._settled += count
        await self._report(self._settled, self._total, STEPS.get(step))

    async def show_status(self, text: str) -> None: ...


async def _ignore_progress(progress: float, total: float | None, words: str | None) -> None:
    """Report progress to nobody."""


async def import_batch(client: ThreatEventsClient, batch: Batch, report: Report = _ignore_progress) -> BatchOutcome:
    """Create the events, then the links between rows that have one. An error after the first answer is reported, not
    raised.

    Raises:
        ApiError: nothing was created, or it is unknown whether anything was.
    """
    progress = CallProgress(report, len(batch.events) + len(batch.links))
    async with ImportLedger.in_memory() as ledger:
        job = ImportJob(client, batch.dataset, ledger, OneAttempt(), progress, lambda: datetime.now(UTC))
        run = _BatchImport(batch, job, job.create_sender())
        await job.add(batch)
        with anyio.CancelScope(deadline=anyio.current_effective_deadline() - RESERVED_SECONDS) as scope:
            try:
                await run.create()
                await job.link(1, check_existing=False)
            except ApiError as error:
                run.stop(error)
        if scope.cancelled_caught:
            run.stop(Unavailable("The API did not answer in time."))
        return await run.outcome()


@dataclass
class _BatchImport:
    """The import of one batch. `unlisted_links` counts the links that an answer without ids reported."""

    batch: Batch
    job: ImportJob
    sender: RowSender
    stopped: str = ""
    unlisted_links: int | str | None = None

    async def create(self) -> None:
        try:
            await self.sender.run(DEFAULT_GROUP_SIZE, 1)
        except MissingRoute as error:
            if self.sender.answered:
                raise
            await self._create_with_older_route(error)

    def stop(self, error: ApiError) -> None:
        """Note why nothing more is sent.

        Raises:
            ApiError: the error itself, if there is nothing else to report.
        """
        # No answer, or an unreadable one, does not mean that nothing was created.
        if not self.sender.answered and not may_have_been_made(error):
            raise error
        self.stopped = str(error).replace(LOOK_FIRST, "").strip()

    async def _create_with_older_route(self, missing: MissingRoute) -> None:
        """Create all rows with the older bulk create, which returns no ids.

        Invented: which rows that route relates is not published. The only unambiguous case is that all rows are
        children of the first, so the route is used only then.
        """
        first, *rows = self.batch.events
        if not self.batch.links or self.batch.links != tuple(BatchLink(first, row, "related_to") for row in rows):
            raise MissingRoute(
                f"The API does not know the bulk import on this account ({missing.status}). "
                "Use create_threat_event for each row.",
                missing.status,
            )
        await self.job.ledger.rows.retry_refused()
        [group] = await self.job.ledger.rows.take(len(self.batch.events), 1, 0.0)
        made = await self.job.client.create_events_with_relationships(
            self.batch.dataset.uuid, [*self.batch.events.values()]
        )
        answer = BulkCreated(
            created_events_count=made.created_events_count, queued_indicators_count=0, errors=made.errors
        )
        await self.sender.record(group.rows, answer)
        count = made.created_relationships_count
        self.unlisted_links = UNKNOWN if count is None else count

    async def outcome(self) -> BatchOutcome:
        """Return the outcome, with every row and the links that were not made."""
        rows: dict[str, list[ReportedRow]] = defaultdict(list)
        async for page in self.job.ledger.reported_rows():
            for row in page:
                rows[row.state].append(row)
        uuids = {row.place: row.uuid for row in rows["created"] if row.uuid}
        without_id = [row.place for row in rows["created"] if not row.uuid]
        unknown = [row.place for row in rows["sending"]]
        unlinked = await self._find_unlinked()
        created = len(uuids) + len(without_id)
        counts = await self.job.ledger.links.counts()
        related = counts.get("made", 0) if self.unlisted_links is None else self.unlisted_links
        facts: dict[str, JsonValue] = {
            "indicators_queued": UNKNOWN if self.sender.indicators_queued is None else self.sender.indicators_queued,
            "unknown_rows": format_ranges(unknown),
            "rows_not_sent": format_ranges([row.place for row in rows["ready"]]),
            "rows_without_id": format_ranges(without_id),
        }
        reasons: dict[str, JsonValue] = {
            "refused": _group_by_reason({row.place: row.reason or "" for row in rows["refused"]}),
            "not_related": _group_by_reason(unlinked if self.unlisted_links is None else {}),
            "stopped": self.stopped,
        }
        if self.stopped or unknown:
            reasons["next"] = NEXT
        # A part of which it is unknown must not be repeated with the rest, so that all of it counts as unknown.
        is_unknown = bool(unknown or counts.get("sending"))
        if is_unknown:
            reasons["next"] = f"{LOOK_FIRST} {NEXT}"
        facts = {name: value for name, value in facts.items() if value}
        facts["created"] = [{"row": row, "uuid": uuid} for row, uuid in sorted(uuids.items())]
        complete = created == len(self.batch.events) and related == len(self.batch.links)
        return BatchOutcome(
            "unknown" if is_unknown else "done" if complete else "partial" if created else "failed",
            {"events": created, "relationships": related, **facts},
            {name: value for name, value in reasons.items() if value},
        )

    async def _find_unlinked(self) -> dict[int, str]:
        """Return the child rows of links that were not made, each with the reason."""
        await self.job.ledger.links.fail_without_event()
        unlinked: dict[int, str] = {}
        async for links in self.job.ledger.reported_links():
            unlinked |= {link.child: link.reason or NOT_ANSWERED for link in links if link.state != "made"}
        return unlinked


def _group_by_reason(reasons: Mapping[int, str]) -> list[JsonValue]:
    """Return the rows grouped by reason. Beyond MAX_REASONS reasons they share one group."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, reason in sorted(reasons.items()):
        words = clean(reason, MAX_REASON_LENGTH)
        rows[words if words in rows or len(rows) < MAX_REASONS else "other reasons"].append(row)
    return [{"reason": reason, "rows": format_ranges(numbers)} for reason, numbers in rows.items()]
