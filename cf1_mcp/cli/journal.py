"""The operator's commands: list, show and verify changes, and approve them."""

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
from cf1_mcp.store.stores import Stores, open_stores
from cf1_mcp.text.sanitize import clean

MAX_SUMMARY_LENGTH = 200


def show_changes(settings: Settings, limit: int, console: Console) -> None:
    """Print the newest changes, one row each."""
    table = Table("id", "at (UTC)", "tool", "outcome", "change")
    for change in anyio.run(_stores(settings).journal.changes, limit):
        at = change.at.strftime("%Y-%m-%d %H:%M")
        summary = clean(change.intent.summary, MAX_SUMMARY_LENGTH)
        table.add_row(change.id, at, change.intent.tool, change.outcome, Text(summary))
    console.print(table)


def show_change(settings: Settings, change_id: str) -> None:
    """Print one change as JSON, including its pre-image."""
    change = anyio.run(_stores(settings).journal.change, change_id)
    intent = change.intent
    shown = {
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
    # ASCII only, so that text written by an attacker cannot control the terminal.
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=True))


def verify_journal(settings: Settings) -> None:
    """Check the chain and print that it is intact.

    Raises:
        ThreatEventsError: it is not; the message states where.
    """
    problems = anyio.run(_stores(settings).journal.verify)
    if problems:
        raise ThreatEventsError("The journal was altered or damaged. " + " ".join(problems))
    typer.echo("The journal is intact: no entry was altered, removed, added or moved.")


def decide(settings: Settings, code: str, console: Console) -> None:
    """Show a change that waits for approval, and ask the person at the terminal for a yes or no.

    Raises:
        ThreatEventsError: there is no terminal, or no request with this code waits.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ThreatEventsError("A person gives an approval at a terminal, and this is not a terminal.")
    approvals = _stores(settings).approvals
    request = anyio.run(approvals.find, code)
    console.print(Text(f"{request.tool} requests, until {request.expires_at:%H:%M:%S} UTC:\n"))
    console.print(Text(request.preview))
    agreed = typer.confirm("\nMake this change?", default=False)
    anyio.run(approvals.decide, code, agreed)
    console.print(Text("Approved: the same call now succeeds, once." if agreed else "Refused."))


def _stores(settings: Settings) -> Stores:
    return open_stores(settings, utc_now)
