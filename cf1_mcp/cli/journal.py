"""The operator's commands for the journal and for approvals."""

import json
import sys

import anyio
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cf1_mcp.context import utc_now
from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.settings import Settings
from cf1_mcp.store.approvals import Request
from cf1_mcp.store.stores import Stores, open_stores
from cf1_mcp.text.person_text import PREFIX, wrap
from cf1_mcp.text.sanitize import clean

MAX_SUMMARY_LENGTH = 200
MAX_WIDTH = 100  # columns


def print_changes(settings: Settings, limit: int, console: Console) -> None:
    """Print the newest changes as a table."""
    table = Table("id", "at (UTC)", "tool", "outcome", "change")
    for change in anyio.run(_open_stores(settings).journal.changes, limit):
        at = change.at.strftime("%Y-%m-%d %H:%M")
        summary = clean(change.intent.summary, MAX_SUMMARY_LENGTH)
        table.add_row(change.id, at, change.intent.tool, change.outcome, Text(summary))
    console.print(table)


def print_change(settings: Settings, change_id: str) -> None:
    """Print one change in full as JSON, including the state that it overwrote."""
    change = anyio.run(_open_stores(settings).journal.change, change_id)
    intent = change.intent
    record = {
        "id": change.id,
        "at": change.at.isoformat(),
        "tool": intent.tool,
        "arguments": intent.arguments,
        "datasets": intent.datasets,
        "summary": intent.summary,
        "undoes": intent.undoes,
        "outcome": change.outcome,
        "finished_at": change.finished_at.isoformat() if change.finished_at else None,
        "result": change.result,
        "undone_by": change.undone_by,
        "before": intent.before,
    }
    # ASCII only, so that nothing written by an attacker can steer the terminal.
    typer.echo(json.dumps(record, indent=2, ensure_ascii=True))


def verify_journal(settings: Settings) -> None:
    """Check the hash chain, and report that it is intact.

    Raises:
        ThreatEventsError: the journal was altered or damaged. The message says where.
    """
    problems = anyio.run(_open_stores(settings).journal.verify)
    if problems:
        raise ThreatEventsError("The journal was altered or damaged. " + " ".join(problems))
    typer.echo("The journal is intact: no entry was altered, removed, inserted or moved.")


def decide_request(settings: Settings, code: str, console: Console) -> None:
    """Show a change that waits for approval, and ask the person at the terminal to approve or refuse it.

    Raises:
        ThreatEventsError: there is no terminal, or no change waits for this code.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ThreatEventsError("This is not a terminal. A person must run the command at one, and decide there.")
    approvals = _open_stores(settings).approvals
    request = anyio.run(approvals.find, code)
    _print_lines(console, f"{request.tool} waits for approval until {request.expires_at:%H:%M:%S} UTC:")
    console.print()
    _print_lines(console, request.preview)
    agreed = typer.confirm("\nMake this change?", default=False)
    anyio.run(approvals.decide, code, agreed)
    console.print(Text("Approved: the same call now works, once." if agreed else "Refused."))


def print_waiting(settings: Settings, console: Console) -> None:
    """Print the changes that wait for `cf1-mcp approve`, oldest first."""

    async def read() -> list[Request]:
        approvals = _open_stores(settings).approvals
        await approvals.forget_old()
        return await approvals.waiting()

    requests = anyio.run(read)
    if not requests:
        console.print(Text("Nothing waits for approval."))
    for request in requests:
        times = f"requested {request.asked_at:%Y-%m-%d %H:%M:%S}, expires {request.expires_at:%H:%M:%S} UTC"
        _print_lines(console, f"{request.code} {request.tool}, {times}")
        first = clean(request.preview.partition("\n")[0].removeprefix(PREFIX), MAX_SUMMARY_LENGTH)
        _print_lines(console, PREFIX + first)


def _print_lines(console: Console, text: str) -> None:
    """Print lines that are wrapped here, so that no untrusted text starts a line of the terminal."""
    for line in wrap(text, min(console.width, MAX_WIDTH)):
        console.print(Text(line), soft_wrap=True)


def _open_stores(settings: Settings) -> Stores:
    return open_stores(settings, utc_now)
