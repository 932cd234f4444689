"""The commands other than the stdio server. Only these import typer and rich."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import anyio
import typer
from rich.console import Console
from typer.exceptions import TyperException

from cf1_mcp.cli.journal import decide_request, print_waiting
from cf1_mcp.cli.journal_commands import journal
from cf1_mcp.cli.kept_exports import print_exports, save_export
from cf1_mcp.cli.serve import create_connector
from cf1_mcp.cli.serve import serve as serve_stdio
from cf1_mcp.errors import BadFile, ThreatEventsError
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings
from cf1_mcp.text.folders import expand_home

OnDuplicate = Literal["skip", "update", "create"]
Output = Literal["table", "csv", "json"]

HELP_ON_READING = "A bearer token that may only read; repeatable."

app = typer.Typer(
    name="cf1-mcp",
    help="Cloudforce One Threat Events for any Model Context Protocol client. Without a command, serve over stdio.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def expand_paths(given: Path | list[Path] | None) -> Path | list[Path] | None:
    """Return paths with the home folder in place of `~`, which a shell leaves as it is after `=`."""
    if isinstance(given, list):
        return [expand_home(path) for path in given]
    return given and expand_home(given)


def run() -> None:
    """Run the command that the arguments of the program name.

    Raises:
        ThreatEventsError: the arguments are not those of a command, or the command failed.
    """
    try:
        code: object = app(prog_name="cf1-mcp", standalone_mode=False)
    except typer.Abort:
        code = 1
    except TyperException as error:
        # Without a message it is a group of commands without one of them, whose help was shown.
        if message := error.format_message().strip():
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "cf1-mcp"
            raise ThreatEventsError(f"{message.rstrip('.')}. See '{command} --help'.") from error
        code = error.exit_code
    # What a command returns, or the code with which it ended.
    sys.exit(code if isinstance(code, int) else 0)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"cf1-mcp {version('cf1-mcp')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def serve() -> None:
    """Serve over stdio: the live API with credentials, the embedded sandbox without."""
    serve_stdio()


@app.command("try")
def try_it() -> None:
    """Show a guided investigation of the embedded sandbox with default settings, whatever the environment sets."""
    from cf1_mcp.cli.tour import tour

    anyio.run(tour, Console(soft_wrap=False))


@app.command()
def tools(
    as_json: Annotated[bool, typer.Option("--json", help="Print all of tools/list as JSON.")] = False,
) -> None:
    """List the tools that the settings in the environment offer."""
    offered = offered_tools(Settings.from_environment(os.environ))
    if as_json:
        listed = [
            {"name": tool.name, "title": tool.title, "description": tool.description, "inputSchema": tool.parameters}
            for tool in offered
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    for tool in offered:
        typer.echo(f"{tool.name:28} {tool.title}")


app.add_typer(journal, name="journal")


exports = typer.Typer(help="List and save the files that were exported in the last day.", no_args_is_help=True)
app.add_typer(exports, name="exports")


@exports.command("list")
def exports_list(
    as_json: Annotated[bool, typer.Option("--json", help="Print one file a line as JSON, with its path.")] = False,
) -> None:
    """List the exported files that are kept, the newest first, of every client."""
    print_exports(Settings.from_environment(os.environ), as_json=as_json)


@exports.command("save")
def exports_save(
    export_id: Annotated[str, typer.Argument(metavar="ID", help="An id of 'cf1-mcp exports list', or of an answer.")],
    target: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="A file or folder; here if omitted.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Copy an exported file to where you need it, and print its path."""
    save_export(Settings.from_environment(os.environ), export_id, target, overwrite=overwrite)


@app.command()
def approvals() -> None:
    """List the changes that wait for `cf1-mcp approve` (CF1_APPROVAL=operator)."""
    print_waiting(Settings.from_environment(os.environ), Console())


@app.command()
def approve(code: Annotated[str, typer.Argument(help="The code of the preview, in any case.")]) -> None:
    """Approve or refuse a change that waits for the operator (CF1_APPROVAL=operator)."""
    decide_request(Settings.from_environment(os.environ), code, Console())


@app.command()
def doctor(
    record: Annotated[
        Path | None,
        typer.Option(
            callback=expand_paths,
            help="Write the exchanges to this file, without secrets and texts; see tests/recorded/README.md.",
        ),
    ] = None,
) -> None:
    """Check the settings and the API: one line a part, with the next step. Nothing is changed."""
    from cf1_mcp.cli.doctor import examine

    settings = Settings.from_environment(os.environ)
    raise typer.Exit(anyio.run(examine, settings, create_connector(settings), record, Console(soft_wrap=True)))


@app.command()
def lookup(
    file: Annotated[str, typer.Argument(help="Text, CSV or JSON lines, plain or gzipped; - for stdin.")],
    form: Annotated[str, typer.Option("--format", help="text, csv or jsonl; by the name of the file if omitted.")] = "",
    output: Annotated[Output, typer.Option(help="table, csv or json.")] = "table",
    since: Annotated[str, typer.Option(help="Count only events since a date, or a time ago such as 90d.")] = "",
    known: Annotated[bool, typer.Option("--known", help="Show only the known ones; all are counted.")] = False,
    dataset: Annotated[list[str] | None, typer.Option(help="A dataset to look into; repeatable.")] = None,
) -> None:
    """Look up every indicator in a file: which are known, since when, from whom. Exit code 1 if none is."""
    from cf1_mcp.cli.lookup_file import LookupOptions, lookup_file

    name = file if file == "-" else str(expand_home(Path(file)))
    options = LookupOptions(form.strip().lower(), output, since, known, dataset or [])
    raise typer.Exit(lookup_file(Settings.from_environment(os.environ), name, options))


@app.command("import")
def import_events(
    file: Annotated[
        Path, typer.Argument(callback=expand_paths, help="JSONL, CSV, STIX 2.1 or MISP, plain or gzipped.")
    ],
    dataset: Annotated[str, typer.Option(help="The dataset to import into, by name or uuid.")],
    form: Annotated[str, typer.Option("--format", help="jsonl, csv, stix or misp; detected if omitted.")] = "",
    mapping: Annotated[list[str] | None, typer.Option("--map", help="COLUMN=FIELD for a CSV file; repeatable.")] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE for rows that lack the field; repeatable.")
    ] = None,
    date_format: Annotated[
        str,
        typer.Option(help="How all dates are written: DD/MM/YYYY, MM/DD/YYYY hh:mm, unix; any clear form if omitted."),
    ] = "",
    on_duplicate: Annotated[
        OnDuplicate, typer.Option(help="What to do with rows that already exist: skip, update or create.")
    ] = "skip",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Skip invalid rows and import the others.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare, but send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Import again a file that was imported before.")] = False,
    feed_block_lists: Annotated[
        bool,
        typer.Option("--feed-block-lists", help="Do not ask before rows feed block lists or alerts."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(callback=expand_paths, help="Write the outcome of every row to this file.")
    ] = None,
    group: Annotated[int, typer.Option(min=1, max=1000, help="Events per request.")] = 100,
    concurrency: Annotated[int, typer.Option(min=1, max=16, help="Maximum number of concurrent requests.")] = 4,
    give_up_after: Annotated[float, typer.Option(min=0, help="Minutes to keep trying while the API fails.")] = 30,
    settle: Annotated[float, typer.Option(min=0, help="Seconds for a request without a response to take effect.")] = 30,
) -> None:
    """Import a file of events. After an interruption, the same command continues and sends no row twice."""
    from cf1_mcp.cli.import_file import import_file
    from cf1_mcp.imports.file_import import ImportOptions

    options = ImportOptions(
        dataset=dataset,
        skip_bad=skip_bad,
        dry_run=dry_run,
        again=again,
        on_duplicate=on_duplicate,
        group=group,
        concurrency=concurrency,
        give_up_after=give_up_after * 60,
        settle=settle,
        report=report,
        date_format=date_format,
    )
    settings = Settings.from_environment(os.environ)
    given = (file, form, mapping or [], constants or [], options)
    raise typer.Exit(import_file(settings, *given, may_act_outside=feed_block_lists))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Local port, 0 for any free one.", min=0, max=65_535)] = 8787,
    db: Annotated[
        Path | None, typer.Option(callback=expand_paths, help="A file to keep the data in; in memory if omitted.")
    ] = None,
    load: Annotated[
        list[Path] | None, typer.Option(callback=expand_paths, help="Events as JSONL, plain or gzipped; repeatable.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Skip invalid lines and load the others.")] = False,
    bare: Annotated[bool, typer.Option("--bare", help="Respond without Cloudflare's envelope.")] = False,
    sunset: Annotated[bool, typer.Option("--sunset", help="Remove the routes that ended on 2026-11-28.")] = False,
    like_live: Annotated[
        bool,
        typer.Option(
            "--like-live",
            help="Answer as strictly as the live API may: case-sensitive, analytics datasets apart, ended routes gone, "
            "1200 requests in 5 minutes, 0.3 s an answer (--faults latency=0 for none).",
        ),
    ] = False,
    no_introspection: Annotated[
        bool, typer.Option("--no-introspection", help="With --like-live: GraphQL does not show its schema.")
    ] = False,
    fail_dataset: Annotated[
        list[str] | None,
        typer.Option(help="With --like-live: a dataset, by name, that does not answer beside others; repeatable."),
    ] = None,
    faults: Annotated[str, typer.Option(help="Faults to inject, such as latency=0.2,429=2,reset=1.")] = "",
    rate_limit: Annotated[str, typer.Option(help="REQUESTS/SECONDS, such as 5/1.")] = "",
    token: Annotated[list[str] | None, typer.Option(help="A bearer token that may read and write; repeatable.")] = None,
    read_token: Annotated[list[str] | None, typer.Option(help=HELP_ON_READING)] = None,
) -> None:
    """Serve the sandbox on a local port, for this server (CLOUDFLARE_BASE_URL) or any other client of the API."""
    from cf1_mcp.sandbox.command import serve_sandbox
    from cf1_mcp.sandbox.http.bearer_auth import Permission
    from cf1_mcp.sandbox.options import SandboxOptions

    if (no_introspection or fail_dataset) and not like_live:
        raise BadFile("--no-introspection and --fail-dataset belong to --like-live; add it, or leave them out")
    options = SandboxOptions(
        bare=bare,
        sunset=sunset,
        like_live=like_live,
        introspection=not no_introspection,
        failing_datasets=fail_dataset or [],
    )
    tokens: dict[str, Permission] = {**dict.fromkeys(token or (), "write"), **dict.fromkeys(read_token or (), "read")}
    try:
        serve_sandbox(port, db, load or [], skip_bad, options, faults, rate_limit, tokens)
    except ValueError as error:
        raise BadFile(str(error)) from error
