"""An import from its file to its report."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import anyio.to_thread

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.errors import BadArgument, ThreatEventsError, Withheld
from cf1_mcp.events.matching import Finder
from cf1_mcp.events.validation import EventValidator
from cf1_mcp.imports import journaling
from cf1_mcp.imports.checking import drop_twins, fill
from cf1_mcp.imports.comparison import Comparing, OnDuplicate
from cf1_mcp.imports.linking import WITHOUT_END, Linking
from cf1_mcp.imports.progress import Progress
from cf1_mcp.imports.readers.files import digest_of
from cf1_mcp.imports.readers.rows import ReaderNotes
from cf1_mcp.imports.readers.sources import Source, rows_of
from cf1_mcp.imports.recovery import Recovery
from cf1_mcp.imports.report import Summary, problems_of, write_report
from cf1_mcp.imports.retries import Patience
from cf1_mcp.imports.row_checks import RowChecks
from cf1_mcp.imports.sending import Sending
from cf1_mcp.models import Dataset
from cf1_mcp.policy.read_policy import load_read_policy
from cf1_mcp.policy.write_policy import WritePolicy, load_write_policy
from cf1_mcp.settings import Settings
from cf1_mcp.store.import_ledger import Ledger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import JournalError
from cf1_mcp.store.stores import open_stores

FOLDER: Final = "imports"


@dataclass(frozen=True)
class Options:
    """How a file is imported. Times are in seconds; `report` is beside the ledger where it is None."""

    dataset: str
    skip_bad: bool = False
    dry_run: bool = False
    again: bool = False
    on_duplicate: OnDuplicate = "skip"
    group: int = 100
    concurrency: int = 4
    give_up_after: float = 1800.0
    settle: float = 30.0
    report: Path | None = None


async def run_import(
    source: Source,
    options: Options,
    settings: Settings,
    client: ThreatEventsClient,
    clock: Callable[[], datetime],
    progress: Progress,
) -> Summary:
    """Import a file, or go on with an import that was interrupted.

    Raises:
        ThreatEventsError: it cannot begin: a rule, the file, the ledger or the API is against it. Nothing was sent.
    """
    if settings.mode == "read":
        raise Withheld("Importing", "CF1_MODE (read)")
    patience = Patience(options.give_up_after, progress)
    words = Vocabulary(client)
    await patience.reading(words.datasets)
    writing = await load_write_policy(words, await load_read_policy(words, settings), settings)
    dataset = writing.require_writable(options.dataset, "--dataset")
    digest = await anyio.to_thread.run_sync(_digest, source, dataset, settings)
    ledger = await anyio.to_thread.run_sync(Ledger, settings.state_dir / FOLDER / f"{digest[:32]}.db")
    try:
        checking = EventValidator(words, writing.read_policy, clock())
        run = _Run(source, options, settings, client, clock, progress, patience, ledger, dataset, writing)
        return await run.whole(checking, digest)
    finally:
        await anyio.to_thread.run_sync(ledger.close)


def _digest(source: Source, dataset: Dataset, settings: Settings) -> str:
    """Of all that decides which rows go where, so that the same command finds its ledger again."""
    account = settings.credentials.account_id if settings.credentials else ""
    read = [source.format, sorted(source.mapping.items()), sorted(source.constants.items())]
    about = [digest_of(source.path), dataset.uuid, settings.base_url, account, read]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


@dataclass(frozen=True)
class _Run:
    """One run of an import over its ledger."""

    source: Source
    options: Options
    settings: Settings
    client: ThreatEventsClient
    clock: Callable[[], datetime]
    progress: Progress
    patience: Patience
    ledger: Ledger
    dataset: Dataset
    writing: WritePolicy

    async def whole(self, checking: EventValidator, digest: str) -> Summary:
        journal = open_stores(self.settings, self.clock).journal
        await self._check(checking)
        counts = await anyio.to_thread.run_sync(self.ledger.counts)
        begun = await anyio.to_thread.run_sync(self.ledger.fact, "begun")
        if counts.get("bad") and not self.options.skip_bad and not begun:
            return await self._summary(sent=False, stopped="Nothing was sent, because of the rows that are not right.")
        finder = Finder(self.client, self.dataset.uuid, self.patience)
        recovery = Recovery(finder, self.ledger, self.progress, self.options.settle, self.clock)
        if self.options.dry_run:
            return await self._dry_run(journal)
        change_id = None
        stopped = ""
        if await self._has_work():
            change_id = await journaling.begin(journal, self.ledger, self.dataset, digest)
            try:
                await self._carry_out(recovery, journal)
            except ThreatEventsError as error:
                stopped = str(error)
            await self._finish(journal, change_id, stopped)
        return await self._summary(stopped=stopped, change_id=change_id)

    async def _check(self, checking: EventValidator) -> None:
        """Read and check the file, unless that was done and rows of it were sent."""
        begun = await anyio.to_thread.run_sync(self.ledger.fact, "begun")
        if begun and not self.options.again:
            if begun != self.options.on_duplicate:
                raise BadArgument("--on-duplicate", f"this import began with {begun}", f"{begun}, or --again")
            return
        if begun and (await anyio.to_thread.run_sync(self.ledger.counts)).get("sending"):
            raise BadArgument(
                "--again", "rows were sent whose outcome is not known yet", "the command without it first"
            )
        notes = ReaderNotes()
        for prepare in (checking.words.categories, checking.words.countries, checking.words.industries):
            await self.patience.reading(prepare)
        checks = RowChecks(checking, self.source.constants, notes)
        await fill(self.ledger, rows_of(self.source, notes), checks, self.progress)
        if self.options.on_duplicate != "create":
            await anyio.to_thread.run_sync(drop_twins, self.ledger)
        await anyio.to_thread.run_sync(self.ledger.note, {"notes": json.dumps(notes.told())})

    async def _carry_out(self, recovery: Recovery, journal: Journal) -> None:
        concurrency = self.options.concurrency
        await recovery.run()
        if await anyio.to_thread.run_sync(self._to_compare):
            await self._comparing(journal).run(concurrency)
            await anyio.to_thread.run_sync(self.ledger.note, {"compared": "yes", "begun": self.options.on_duplicate})
        sending = Sending(
            self.client, self.dataset.uuid, self.ledger, self.patience, recovery, self.progress, self.clock
        )
        await sending.run(self.options.group, concurrency)
        linking = Linking(self.client, self.dataset.uuid, self.ledger, self.patience, self.progress)
        await linking.run(concurrency)

    def _to_compare(self) -> bool:
        """Whether rows are to be looked for in the dataset. Those that were refused before are tried again."""
        with self.ledger.change() as db:
            if db.execute("UPDATE row SET state = 'ready', reason = NULL WHERE state = 'refused'").rowcount:
                return True
        return self.ledger.fact("compared") is None

    async def _dry_run(self, journal: Journal) -> Summary:
        if await anyio.to_thread.run_sync(self.ledger.fact, "begun"):
            return await self._summary(sent=False, stopped="A dry run of an import that has begun tells how it stands.")
        await self._comparing(journal, updates=False).run(self.options.concurrency)
        return await self._summary(sent=False)

    def _comparing(self, journal: Journal, *, updates: bool = True) -> Comparing:
        return Comparing(
            self.client,
            self.dataset,
            self.ledger,
            self.patience,
            self.progress,
            self.writing.read_policy,
            journal,
            self.options.on_duplicate,
            updates,
        )

    async def _has_work(self) -> bool:
        """Whether anything is left that may succeed, or a change that is to be finished."""
        query = (
            "SELECT 1 FROM row WHERE state IN ('ready', 'sending', 'refused') "
            "UNION SELECT 1 FROM link WHERE state NOT IN ('made', 'there') AND reason IS NOT ? "
            "UNION SELECT 1 FROM fact WHERE name = 'change'"
        )
        return bool(await anyio.to_thread.run_sync(self.ledger.select, query, (WITHOUT_END,)))

    async def _finish(self, journal: Journal, change_id: str, stopped: str) -> None:
        try:
            await journaling.finish(journal, self.ledger, change_id, stopped, str(self._report()))
        except JournalError as error:
            self.progress.say(f"the import is as told here, but {error}")

    def _report(self) -> Path:
        return self.options.report or self.ledger.path.with_suffix(".report.jsonl")

    async def _summary(self, *, stopped: str = "", change_id: str | None = None, sent: bool = True) -> Summary:
        notes = json.loads(await anyio.to_thread.run_sync(self.ledger.fact, "notes") or "[]")
        report = self._report()
        await anyio.to_thread.run_sync(write_report, self.ledger, notes, report)
        problems, more = await anyio.to_thread.run_sync(problems_of, self.ledger)
        links = await anyio.to_thread.run_sync(self.ledger.select, "SELECT state, count(*) FROM link GROUP BY state")
        return Summary(
            dataset=self.dataset.name,
            rows=await anyio.to_thread.run_sync(self.ledger.counts),
            links={str(state): int(str(count)) for state, count in links},
            report=report,
            notes=notes,
            problems=problems,
            more_problems=more,
            stopped=stopped,
            change_id=change_id,
            fictional=self.client.fictional,
            sent=sent,
        )
