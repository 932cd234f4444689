"""The arguments of `cf1-mcp journal`."""

import os
from typing import Annotated

import typer
from rich.console import Console

from cf1_mcp.cli.journal import accept_journal, print_calls, print_change, print_changes, verify_journal
from cf1_mcp.cli.journal_filters import CALL_OUTCOMES, JournalFilter
from cf1_mcp.settings import Settings

journal = typer.Typer(help="List, show and verify the changes of this server.", no_args_is_help=True)


Limit = Annotated[int, typer.Option(help="Maximum number, the newest.", min=1)]
Since = Annotated[str, typer.Option(help="A date, or a time ago such as 7d.")]
Until = Annotated[str, typer.Option(help="The same; the end of the day or month that it names.")]
OfTool = Annotated[str, typer.Option(help="The name of a tool; of changes also undo_change, for every undo.")]
OfDataset = Annotated[str, typer.Option(help="A dataset, by uuid or name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@journal.command("list")
def journal_list(
    limit: Limit = 20,
    since: Since = "",
    until: Until = "",
    tool: OfTool = "",
    status: Annotated[str, typer.Option(help="done, partial, failed or unknown.")] = "",
    dataset: OfDataset = "",
    change: Annotated[str, typer.Option(help="A change, with what it undoes or is undone by.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the newest changes first, of every account and identity."""
    filters = JournalFilter.read(since, until, tool, status, dataset, change)
    print_changes(Settings.from_environment(os.environ), limit, filters, Console(), as_json=as_json)


@journal.command("reads")
def journal_reads(
    limit: Limit = 20,
    since: Since = "",
    until: Until = "",
    tool: OfTool = "",
    status: Annotated[str, typer.Option(help="answered or refused.")] = "",
    dataset: OfDataset = "",
    as_json: AsJson = False,
) -> None:
    """List the newest calls of tools first, as CF1_LOG_READS=counts logs them: who, when, datasets and counts."""
    filters = JournalFilter.read(since, until, tool, status, dataset, statuses=CALL_OUTCOMES)
    print_calls(Settings.from_environment(os.environ), limit, filters, Console(), as_json=as_json)


@journal.command("show")
def journal_show(
    change_id: Annotated[str, typer.Argument(help="An id of 'cf1-mcp journal list'.")],
    as_json: Annotated[bool, typer.Option("--json", hidden=True)] = False,
) -> None:
    """Show one change in full as JSON, including the state that it overwrote."""
    print_change(Settings.from_environment(os.environ), change_id)


@journal.command("verify")
def journal_verify(
    expect: Annotated[str, typer.Option(help="HASH or N:HASH of an entry, as an earlier run printed it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check that no entry was altered, removed, inserted or moved, and print the last hash."""
    verify_journal(Settings.from_environment(os.environ), expect, as_json=as_json)


@journal.command("accept")
def journal_accept() -> None:
    """Accept that entries are lost: anchor the journal as it is, so that changes can be made again."""
    accept_journal(Settings.from_environment(os.environ))
