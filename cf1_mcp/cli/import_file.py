"""`cf1-mcp import`: imports a file of events into a dataset, with progress bars, a summary and a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from cf1_mcp.cli.outside_question import OutsideQuestion
from cf1_mcp.cli.serve import create_connector
from cf1_mcp.context import utc_now
from cf1_mcp.errors import BadArgument, SettingsError, choices
from cf1_mcp.imports import file_import
from cf1_mcp.imports.file_import import ImportOptions
from cf1_mcp.imports.progress import ImportStep
from cf1_mcp.imports.readers.files import FORMATS, Format, detect_format
from cf1_mcp.imports.readers.sources import Source
from cf1_mcp.imports.report import ImportSummary
from cf1_mcp.server.mcp_server import build_client
from cf1_mcp.settings import Settings
from cf1_mcp.text.audience import address_operator
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_LINE_LENGTH: Final = 400
DONE, SOME_MISSING, REFUSED = 0, 1, 2
OUTCOMES: Final = {
    "created": "created",
    "there": "existed already",
    "changed": "existed, updated",
    "refused": "refused",
    "bad": "invalid",
    "ready": "not sent",
    "sending": "sent, outcome unknown",
}
EARLIER: Final = "existed already, created by an earlier run"
PLANNED: Final = {"ready": "would be created", "changed": "would be updated"}
LINK_OUTCOMES: Final = {"made": "made", "there": "existed already", "failed": "not made", "ready": "not made yet"}


def import_file(
    settings: Settings,
    file: Path,
    form: str,
    mapping: Sequence[str],
    constants: Sequence[str],
    options: ImportOptions,
    *,
    may_act_outside: bool = False,
) -> int:
    """Import a file and print the outcome. Return 0 if complete, 1 if some rows are missing, 2 if nothing was sent.

    Raises:
        ThreatEventsError: the import could not begin.
    """
    if settings.credentials is None and settings.sandbox_db is None and not options.dry_run:
        raise SettingsError(
            "Without credentials the embedded sandbox answers, and it would lose the imported events. Set "
            "CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or CF1_SANDBOX_DB to a file that keeps them."
        )
    console = Console(stderr=True)
    named: dict[str, Format] = {known: known for known in FORMATS}
    chosen = named.get(form.lower())
    if form and chosen is None:
        raise BadArgument("--format", f"{form!r} is not a format", choices(FORMATS))
    source = Source(
        file, chosen or detect_format(file), _parse_pairs(mapping, "--map"), _parse_pairs(constants, "--set")
    )
    try:
        summary = anyio.run(_run_import, source, options, settings, console, may_act_outside)
    except KeyboardInterrupt:
        console.print(Text("Interrupted. Nothing is lost: the same command continues where it stopped."))
        return SOME_MISSING
    _print_summary(summary, options, console)
    if not summary.sent and not options.dry_run:
        return REFUSED
    would_be_complete = options.dry_run and not summary.rows.get("bad") and not summary.lacks_content
    return DONE if summary.complete or would_be_complete else SOME_MISSING


async def _run_import(
    source: Source, options: ImportOptions, settings: Settings, console: Console, may_act_outside: bool
) -> ImportSummary:
    columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[why]}"), console=console) as bar:
        agree = OutsideQuestion(console, bar, is_allowed=may_act_outside, is_dry_run=options.dry_run)
        async with build_client(settings, create_connector(settings)) as client:
            return await file_import.import_file(source, options, settings, client, utc_now, _ProgressBars(bar), agree)


class _ProgressBars:
    """One progress bar for each step."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[ImportStep, TaskID] = {}
        self._current: TaskID | None = None

    async def expect(self, step: ImportStep, total: int) -> None:
        self._task(step, total)

    async def advance(self, step: ImportStep, count: int) -> None:
        self._bar.advance(self._task(step, None), count)
        await self.show_status("")

    async def show_status(self, text: str) -> None:
        if self._current is not None:
            self._bar.update(self._current, why=text)

    def _task(self, step: ImportStep, total: int | None) -> TaskID:
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(step, total=total, why="")
        self._current = self._tasks[step]
        return self._current


def _print_summary(summary: ImportSummary, options: ImportOptions, console: Console) -> None:
    if summary.fictional:
        console.print(Text("The API is a sandbox: the data is fictional."))
    for places, words in summary.problems:
        console.print(Text(clean(f"row {places}: {words}", MAX_LINE_LENGTH)))
    if summary.more_problems:
        console.print(Text(f"The report has {plural(summary.more_problems, 'further problem')}."))
    for note in summary.notes:
        console.print(Text(clean(note, MAX_LINE_LENGTH)))
    table = Table("rows", "", title=Text(clean(f"import into {summary.dataset}", MAX_LINE_LENGTH)))
    # Where something stops the import, valid rows would not be created either.
    words = OUTCOMES | PLANNED if options.dry_run and not summary.stopped else OUTCOMES
    for state, outcome in words.items():
        count = summary.rows.get(state, 0) - (summary.earlier if state == "created" else 0)
        if count:
            table.add_row(f"{count:,}", outcome)
        if state == "created" and summary.earlier:
            table.add_row(f"{summary.earlier:,}", EARLIER)
    for state, outcome in LINK_OUTCOMES.items():
        if (count := summary.links.get(state)) and summary.sent:
            table.add_row(f"{count:,}", f"relationships {outcome}")
    console.print(table)
    if summary.stopped:
        console.print(Text(clean(address_operator(summary.stopped), MAX_LINE_LENGTH)))
    if summary.lacks_content:
        console.print(Text("Not everything in the file can be kept: the notes above say what."))
    elif summary.sent and not summary.complete:
        console.print(Text("The same command continues where this one stopped, and sends no row twice."))
    console.print(Text(f"report: {summary.report}"), soft_wrap=True)
    if summary.change_id:
        console.print(Text(f"change: {summary.change_id}"))


def _parse_pairs(given: Sequence[str], argument: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        left, equals, right = text.partition("=")
        if not (equals and left.strip() and right.strip()):
            raise BadArgument(argument, f"{text!r} is not a pair", "NAME=VALUE, such as Datum=date or tlp=amber")
        pairs[left.strip()] = right.strip()
    return pairs
