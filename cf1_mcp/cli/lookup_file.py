"""`cf1-mcp lookup`: looks up every indicator of a file, with a progress bar, as a table, CSV or JSON."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import anyio
import typer
from mcp import Client
from mcp.types import CallToolResult, Implementation, TextContent
from pydantic import JsonValue
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from cf1_mcp.cli.indicator_texts import TEXT_FORMATS, TextFormat, as_file, detect_text_format, read_parts
from cf1_mcp.cli.serve import create_connector
from cf1_mcp.errors import BadArgument, ThreatEventsError, choices
from cf1_mcp.exports.csv_rows import csv_line
from cf1_mcp.imports.readers.source_rows import ReaderNotes
from cf1_mcp.lookups.lookup_answer import MAX_CELL_NAMES
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from cf1_mcp.text.defang import defang
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean, escape_formula

Output = Literal["table", "csv", "json"]
TOOL: Final = "lookup_indicators"
COLUMNS: Final = ("indicator", "kind", "status", "events", "first_seen", "last_seen", "attackers", "tlp", "matched_as")
ALL_COLUMNS: Final = (*COLUMNS[:7], "categories", *COLUMNS[7:], "why", "event_ids", "datasets")
LISTS: Final = ("attackers", "categories", "event_ids", "datasets")
# Shown in a table by their days alone.
DAYS: Final = ("first_seen", "last_seen")
DAY_LENGTH: Final = len("2026-11-24")
# What the answer says of the text beside the rows.
UNREAD: Final = ("references", "rejected")
_MORE: Final = re.compile(r"… \(\+(\d+) more\)")
_MARK: Final = re.compile("</?untrusted [0-9a-f]{8}>")
PAGE_SIZE: Final = 200
FILE_WIDTH: Final = 200  # columns, where the table is not shown on a terminal
MAX_CELL_LENGTH: Final = 200
MAX_NOTE_LENGTH: Final = 1_000


@dataclass(frozen=True)
class LookupOptions:
    """What is looked up and how it is shown. Empty texts leave the choice to the file or the server."""

    form: str = ""
    output: Output = "table"
    since: str = ""
    known_only: bool = False
    datasets: Sequence[str] = ()


@dataclass
class _Found:
    """The rows so far, by indicator: the parts of a file may repeat one."""

    rows: dict[str, dict[str, JsonValue]] = field(default_factory=dict[str, dict[str, JsonValue]])
    notes: dict[str, None] = field(default_factory=dict[str, None])
    fictional: bool = False


def lookup_file(settings: Settings, name: str, options: LookupOptions) -> int:
    """Look up every indicator in a file, or with `-` in stdin. Return 0 if some are known, 1 if none is.

    Raises:
        ThreatEventsError: the file or an option cannot be used, or the look-up failed.
    """
    if options.form and options.form not in TEXT_FORMATS:
        raise BadArgument("--format", f"{options.form!r} is not a format", choices(TEXT_FORMATS))
    errors = Console(stderr=True)
    with as_file(name, sys.stdin.buffer) as path:
        found = anyio.run(_look_up, settings, path, options, errors)
    # Known ones first, as the tool lists them; of the same status in the order of the file.
    rows = sorted(found.rows.values(), key=lambda row: row["status"] != "known")
    shown = [row for row in rows if row["status"] == "known"] if options.known_only else rows
    _print_rows(shown, options.output, found.fictional)
    known = sum(row["status"] == "known" for row in rows)
    errors.print(Text(f"{plural(len(rows), 'indicator')}, {known} known."))
    if found.fictional:
        errors.print(Text("The API is a sandbox: the data is fictional."))
    for note in found.notes:
        errors.print(Text(clean(note, MAX_NOTE_LENGTH)), soft_wrap=True)
    return 0 if known else 1


async def _look_up(settings: Settings, path: Path, options: LookupOptions, errors: Console) -> _Found:
    found, reader_notes = _Found(), ReaderNotes()
    named: dict[str, TextFormat] = {known: known for known in TEXT_FORMATS}
    form = named.get(options.form) or detect_text_format(path)
    columns = (TextColumn("looked up"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    server = build_server(settings, create_connector(settings))
    who = Implementation(name="cf1-mcp lookup", version=version("cf1-mcp"))
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)
        async with Client(server, client_info=who) as client:
            done = 0
            for part in read_parts(path, form, reader_notes):
                if part.strip():
                    done += await _look_up_part(client, part, options, found, _show(bar, task, done))
    found.notes.update(dict.fromkeys(reader_notes.sentences()))
    return found


def _show(bar: Progress, task: Any, before: int) -> Callable[[float, float | None, str | None], Any]:  # noqa: ANN401 - rich's own
    async def show(done: float, total: float | None, _: str | None) -> None:
        bar.update(task, completed=before + done, total=before + (total or done))

    return show


async def _look_up_part(
    client: Client, part: str, options: LookupOptions, found: _Found, show: Callable[..., Any]
) -> int:
    """Look up the indicators of a part, all pages of the answer, and return how many they are."""
    arguments: dict[str, JsonValue] = {"text": part, "limit": PAGE_SIZE, "fields": [*ALL_COLUMNS]}
    arguments |= {"since": options.since} if options.since else {}
    arguments |= {"dataset_ids": [*options.datasets]} if options.datasets else {}
    count = 0
    while True:
        result = await client.call_tool(TOOL, arguments, progress_callback=show)
        if result.is_error:
            raise _failure_of(result)
        data: dict[str, JsonValue] = result.structured_content or {}
        found.fictional = found.fictional or "source" in data
        if isinstance(notes := data.get("notes"), list):
            found.notes.update(dict.fromkeys(map(str, notes)))
        for name in UNREAD:
            if values := data.get(name):
                found.notes[f"{name}: {_cell(values)}"] = None
        for row in _rows_of(data):
            count += 1
            found.rows.setdefault(str(row["indicator"]), row)
        if not (cursor := data.get("next_cursor")):
            return count
        arguments["cursor"] = cursor


def _rows_of(data: dict[str, JsonValue]) -> Iterator[dict[str, JsonValue]]:
    columns, rows = data.get("columns"), data.get("rows")
    if isinstance(columns, list) and isinstance(rows, list):
        for row in rows:
            if isinstance(row, list):
                yield dict(zip(map(str, columns), row, strict=True))


def _failure_of(result: CallToolResult) -> ThreatEventsError:
    """Return the failure of a call, with what others wrote in parentheses instead of between marks."""
    lines = "\n".join(part.text for part in result.content if isinstance(part, TextContent)).splitlines()
    sentence, words = lines[:1], [line for line in lines[1:] if not _MARK.fullmatch(line)]
    return ThreatEventsError("".join(sentence), words)


def _print_rows(rows: Sequence[dict[str, JsonValue]], output: Output, fictional: bool) -> None:
    match output:
        case "csv":
            typer.echo(csv_line(ALL_COLUMNS), nl=False)
            for row in rows:
                typer.echo(csv_line([escape_formula(_cell(row.get(name))) for name in ALL_COLUMNS]), nl=False)
        case "json":
            # ASCII only, so that nothing written by an attacker can steer the terminal.
            data = {"fictional": fictional, "rows": [_describe(row) for row in rows]}
            typer.echo(json.dumps(data, indent=1, ensure_ascii=True))
        case "table":
            _print_table(rows)


def _describe(row: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a row for programs: null for no value, lists of names alone, and under `more` how many are left out."""
    described: dict[str, JsonValue] = {}
    more: dict[str, JsonValue] = {}
    for name, value in row.items():
        if name not in LISTS:
            described[name] = None if value == "" else value
            continue
        listed = value if isinstance(value, list) else []
        counted = _MORE.fullmatch(str(listed[-1])) if len(listed) > MAX_CELL_NAMES else None
        described[name] = listed[:-1] if counted else listed
        if counted:
            more[name] = int(counted[1])
    return {**described, "more": more} if more else described


def _print_table(rows: Sequence[dict[str, JsonValue]]) -> None:
    """Print the columns that have values. Indicators are defanged, and wrapped rather than cut."""
    shown = [name for name in COLUMNS if any(row.get(name) for row in rows)]
    if not shown:
        return
    table = Table()
    for name in shown:
        table.add_column(name, overflow="fold", no_wrap=name not in ("indicator", "attackers", "matched_as"))
    for row in rows:
        days = {name: _cell(row.get(name))[:DAY_LENGTH] for name in DAYS}
        texts = (days.get(name, _cell(row.get(name))) for name in shown)
        cells = (
            clean(text, MAX_CELL_LENGTH, value=name == "indicator") for name, text in zip(shown, texts, strict=True)
        )
        table.add_row(*(Text(defang(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
