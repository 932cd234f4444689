"""The arguments of `cf1-mcp journal`."""

import os
from typing import Annotated

import typer
from rich.console import Console

from cf1_mcp.cli.journal import accept_journal, print_change, print_changes, verify_journal
from cf1_mcp.settings import Settings

journal = typer.Typer(help="List, show and verify the changes of this server.", no_args_is_help=True)


@journal.command("list")
def journal_list(
    limit: Annotated[int, typer.Option(help="Maximum number of changes.", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one change a line as JSON.")] = False,
) -> None:
    """List the newest changes first, of every account and identity."""
    print_changes(Settings.from_environment(os.environ), limit, Console(), as_json=as_json)


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
) -> None:
    """Check that no entry was altered, removed, inserted or moved, and print the last hash."""
    verify_journal(Settings.from_environment(os.environ), expect)


@journal.command("accept")
def journal_accept() -> None:
    """Accept that entries are lost: anchor the journal as it is, so that changes can be made again."""
    accept_journal(Settings.from_environment(os.environ))
