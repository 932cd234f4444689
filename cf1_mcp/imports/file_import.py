"""Imports a file: the settings and the ledger of the import, its steps, its change in the journal, and its report."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol

import anyio.to_thread

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.errors import BadArgument, Forbidden, NotFound, Refused, ThreatEventsError, Withheld
from cf1_mcp.events.validation import EventValidator
from cf1_mcp.imports.comparison import ChangedEvent, DuplicateRule
from cf1_mcp.imports.date_forms import DateForm
from cf1_mcp.imports.job import ImportJob
from cf1_mcp.imports.journaling import begin_change, finish_change
from cf1_mcp.imports.progress import ImportProgress
from cf1_mcp.imports.readers.files import hash_file
from cf1_mcp.imports.readers.source_rows import ReaderNotes
from cf1_mcp.imports.readers.sources import Source, read_file_rows
from cf1_mcp.imports.recovery import RowRecovery
from cf1_mcp.imports.report import LOST, LOST_IF_CREATED, ImportSummary, summarize_problems, write_report
from cf1_mcp.imports.retries import RetryPolicy
from cf1_mcp.imports.row_checks import RowChecks
from cf1_mcp.imports.sending import DEFAULT_GROUP_SIZE
from cf1_mcp.models import Dataset
from cf1_mcp.policy.read_policy import load_read_policy
from cf1_mcp.policy.write_policy import WritePolicy, load_write_policy
from cf1_mcp.settings import Settings
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import ChangeOrigin, JournalError
from cf1_mcp.store.stores import open_stores

FOLDER: Final = "imports"
NOT_AGREED: Final = "Nothing{} was sent, because nobody agreed to what it would do outside."


class Agree(Protocol):
    """Tells a person what the rows that are left do outside, before anything is sent."""

    async def __call__(self, job: ImportJob, write_policy: WritePolicy, changes: Mapping[int, ChangedEvent], /) -> bool:
        """Return whether they may be sent. `changes` has the events that will be updated, by row number."""
        ...


@dataclass(frozen=True)
class ImportOptions:
    """How to import a file. Times are in seconds. If `report` is None, the report is written next to the ledger."""

    dataset: str
    skip_bad: bool = False
    dry_run: bool = False
    again: bool = False
    on_duplicate: DuplicateRule = "skip"
    group: int = DEFAULT_GROUP_SIZE
    concurrency: int = 4
    give_up_after: float = 1800.0
    settle: float = 30.0
    report: Path | None = None
    date_format: str = ""


async def import_file(
    source: Source,
    options: ImportOptions,
    settings: Settings,
    client: ThreatEventsClient,
    clock: Callable[[], datetime],
    progress: ImportProgress,
    agree: Agree,
) -> ImportSummary:
    """Import a file, or continue an import that was interrupted. `agree` tells a person what it does outside.

    Raises:
        ThreatEventsError: a rule, the file, the ledger or the API prevents the import. Nothing was sent.
    """
    if settings.mode == "read":
        raise Withheld("Importing", "CF1_MODE (read)")
    policy = RetryPolicy(options.give_up_after, progress)
    vocabulary = Vocabulary(client)
    await policy.read(vocabulary.datasets)
    write_policy = await load_write_policy(vocabulary, await load_read_policy(vocabulary, settings), settings)
    dataset = write_policy.require_writable(options.dataset, "--dataset")
    digest = await anyio.to_thread.run_sync(_compute_digest, source, options, dataset, settings)
    path = settings.state_dir / FOLDER / f"{digest[:32]}.db"
    async with open_stores(settings, clock) as stores, await ImportLedger.open(path) as ledger:
        job = ImportJob(client, dataset, ledger, policy, progress, clock)
        report = options.report or path.with_suffix(".report.jsonl")
        client_name = f"cf1-mcp import {version('cf1-mcp')}"
        origin = ChangeOrigin.of(settings, client=client_name, sandbox=client.fictional)
        run = _FileImport(source, options, job, stores.journal, origin, write_policy, agree, report)
        return await run.run(EventValidator(vocabulary, write_policy.read_policy, clock()), digest)


def _compute_digest(source: Source, options: ImportOptions, dataset: Dataset, settings: Settings) -> str:
    """Return a digest of everything that identifies the import. The same command finds its ledger by it."""
    account = settings.credentials.account_id if settings.credentials else ""
    read = [source.format, sorted(source.mapping.items()), sorted(source.constants.items())]
    read += [options.date_format] if options.date_format else []
    about = [hash_file(source.path), dataset.uuid, settings.base_url, account, read]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


@dataclass(frozen=True)
class _FileImport:
    """One run of the command over the ledger of its import."""

    source: Source
    options: ImportOptions
    job: ImportJob
    journal: Journal
    origin: ChangeOrigin
    write_policy: WritePolicy
    agree: Agree
    report: Path

    @property
    def ledger(self) -> ImportLedger:
        return self.job.ledger

    async def run(self, validator: EventValidator, digest: str) -> ImportSummary:
        """Import the remaining rows, or report why nothing was sent."""
        await self._check(validator)
        earlier = (await self.ledger.rows.counts()).get("created", 0)
        return replace(await self._run_steps(digest), earlier=earlier)

    async def _run_steps(self, digest: str) -> ImportSummary:
        begun = await self.ledger.read_fact("begun")
        if (await self.ledger.rows.counts()).get("bad") and not self.options.skip_bad and not begun:
            verb = "would be" if self.options.dry_run else "was"
            return await self._summary(sent=False, stopped=f"Nothing {verb} sent, because of the invalid rows.")
        if self.options.dry_run:
            return await self._dry_run(begun)
        recovery = self.job.create_recovery(self.options.settle)
        try:
            if not await self._prepare(recovery):
                return await self._summary(sent=False, stopped=NOT_AGREED.format(" more" if begun else ""))
        except ThreatEventsError as error:
            return await self._summary(stopped=str(error))
        if not await self.ledger.has_work():
            return await self._summary()
        change_id = await begin_change(self.journal, self.ledger, self.job.dataset, digest, self.origin)
        stopped = ""
        try:
            await self.job.create_sender(recovery).run(self.options.group, self.options.concurrency)
            await self.job.link(self.options.concurrency, check_existing=True)
        except ThreatEventsError as error:
            stopped = str(error)
        try:
            await finish_change(self.journal, self.ledger, change_id, stopped, str(self.report))
        except JournalError as error:
            await self.job.progress.show_status(f"the import is as reported here, but {error}")
        return await self._summary(stopped=stopped, change_id=change_id)

    async def _check(self, validator: EventValidator) -> None:
        """Read and check the file, unless an earlier run did so and sent rows."""
        begun = await self.ledger.read_fact("begun")
        if begun and not self.options.again:
            if begun != self.options.on_duplicate:
                raise BadArgument("--on-duplicate", f"this import began with {begun}", f"{begun}, or --again")
            return
        if begun and (await self.ledger.rows.counts()).get("sending"):
            raise BadArgument("--again", "the outcome of some rows is not known yet", "the command without it first")
        for prepare in (
            validator.vocabulary.categories,
            validator.vocabulary.countries,
            validator.vocabulary.industries,
        ):
            with suppress(Forbidden, NotFound, Refused):  # an account without it: the checks tell
                await self.job.policy.read(prepare)
        notes = ReaderNotes()
        checks = RowChecks(validator, self.source.constants, notes, date_form=DateForm(self.options.date_format))
        rows = read_file_rows(self.source, notes)
        await self.job.check(rows, checks, skip_repeated=self.options.on_duplicate != "create")
        for sentences in validator.describe_unread().values():
            for sentence in sentences if isinstance(sentences, list) else ():
                notes.add(str(sentence))
        lost = LOST if notes.lost else LOST_IF_CREATED if notes.lost_if_created else ""
        await self.ledger.store_facts({"notes": json.dumps(notes.sentences()), "lost": lost})

    async def _prepare(self, recovery: RowRecovery) -> bool:
        """Compare the rows, and return whether a person agrees to what sending them does outside."""
        await recovery.run()
        # Rows that were refused in an earlier run are compared and sent again.
        is_compared = not await self.ledger.rows.retry_refused() and await self.ledger.read_fact("compared")
        changes: Mapping[int, ChangedEvent] = {} if is_compared else await self._compare(updates=False)
        if not await self.agree(self.job, self.write_policy, changes):
            return False
        if changes:
            await self._compare(updates=True)
        await self.ledger.store_facts({"compared": "yes", "begun": self.options.on_duplicate})
        return True

    async def _compare(self, *, updates: bool) -> Mapping[int, ChangedEvent]:
        options, read_policy = self.options, self.write_policy.read_policy
        return await self.job.compare(
            options.on_duplicate, read_policy, self.journal, self.origin, options.concurrency, updates=updates
        )

    async def _dry_run(self, begun: str | None) -> ImportSummary:
        if begun:
            await self.agree(self.job, self.write_policy, {})
            return await self._summary(
                sent=False, stopped="This import has begun: a dry run of it reports its state and compares nothing."
            )
        changes = await self._compare(updates=False)
        await self.agree(self.job, self.write_policy, changes)
        await self.ledger.rows.settle("changed", {number: one.event.uuid for number, one in changes.items()})
        return await self._summary(sent=False)

    async def _summary(self, *, stopped: str = "", change_id: str | None = None, sent: bool = True) -> ImportSummary:
        notes = json.loads(await self.ledger.read_fact("notes") or "[]")
        await write_report(self.ledger, notes, self.report)
        problems, more = await summarize_problems(self.ledger)
        return ImportSummary(
            dataset=self.job.dataset.name,
            rows=await self.ledger.rows.counts(),
            links=await self.ledger.links.counts(),
            report=self.report,
            notes=notes,
            problems=problems,
            more_problems=more,
            stopped=stopped,
            change_id=change_id,
            fictional=self.job.client.fictional,
            sent=sent,
            lost=await self.ledger.read_fact("lost") or "",
        )
