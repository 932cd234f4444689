"""The operator's commands for the journal and for approvals."""

import json
import re
import sys

import anyio
import typer
from rich.console import Console
from rich.text import Text

from cf1_mcp.cli.journal_filters import JournalFilter
from cf1_mcp.cli.journal_names import check_names, resolve_dataset
from cf1_mcp.cli.terminal import ask_yes_or_no, print_lines
from cf1_mcp.context import utc_now
from cf1_mcp.errors import BadArgument, ThreatEventsError
from cf1_mcp.settings import Settings
from cf1_mcp.store.approvals import Request, UnknownCode, explain_closed
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_anchor import Anchor
from cf1_mcp.store.journal_records import Change, ChangeOrigin
from cf1_mcp.store.reads.read_log import LoggedCall
from cf1_mcp.store.stores import Stores, open_stores
from cf1_mcp.text.audience import address_operator
from cf1_mcp.text.person_text import PREFIX
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_SUMMARY_LENGTH = 200
MAX_TEXT_LENGTH = 100_000  # characters: an auditor reads all of them
MAX_CLIENT_LENGTH = 60
RESTORE = (
    "Restore journal.db and journal.anchor together from a backup of CF1_STATE_DIR. If there is none, note what is "
    "missing and run 'cf1-mcp journal accept': until then no change is made."
)
COMPARE = (
    "Compare the note first. If it is right, and of this journal, then both files were replaced: restore "
    "journal.db and journal.anchor together from a backup of CF1_STATE_DIR. Changes are still made meanwhile, and "
    "'journal accept' does not change that."
)
REPLACE = (
    "Restore journal.db and journal.anchor together from a backup of CF1_STATE_DIR, or move both elsewhere: then a new "
    "journal begins."
)
EXPECTED = re.compile("(?:([0-9]{1,12}):)?([0-9a-f]{64})")


def print_changes(
    settings: Settings, limit: int, filters: JournalFilter, console: Console, *, as_json: bool = False
) -> None:
    """Print the newest changes of all accounts and identities, a few lines each, or as JSON with one change a line."""
    changes = anyio.run(_find_changes, _open_stores(settings), limit, filters)
    for change in changes:
        if as_json:
            print_json(_describe(change))
        else:
            _print_change_block(console, change)
    if not changes and not as_json:
        typer.echo("The journal lists no changes." if filters == JournalFilter() else "No change in the journal fits.")
    if losses := anyio.run(_open_stores(settings).journal.find_losses):
        missing = f"Entries are missing, so this list is incomplete. {' '.join(losses)}"
        print_lines(Console(stderr=True), f"{missing} Run 'cf1-mcp journal verify'.")


def print_calls(
    settings: Settings, limit: int, filters: JournalFilter, console: Console, *, as_json: bool = False
) -> None:
    """Print the newest calls that CF1_LOG_READS logged, one a line, or as JSON with one call a line."""
    calls = anyio.run(_find_calls, _open_stores(settings), limit, filters)
    for call in calls:
        if as_json:
            who = describe_origin(call.origin)
            about = {"tool": call.tool, "outcome": call.outcome, "datasets": call.datasets, "counts": call.counts}
            print_json({"at": call.at.isoformat(), **about, **who})
        else:
            counts = ", ".join(f"{name} {count}" for name, count in call.counts.items())
            about = f"{call.tool}  {call.outcome}{counts and '  '}{counts}"
            print_lines(console, f"{call.at:%Y-%m-%d %H:%M:%S}  {about}")
            lines = [_format_origin(call.origin), *([", ".join(call.datasets)] if call.datasets else [])]
            print_lines(console, "\n".join(PREFIX + line for line in lines))
    if not calls and not as_json:
        hint = "" if settings.log_reads else " Reads are logged with CF1_LOG_READS=counts, from then on."
        typer.echo(f"The log of calls lists none.{hint}")


async def _find_changes(stores: Stores, limit: int, filters: JournalFilter) -> list[Change]:
    resolved = await resolve_dataset(stores, filters)
    found = await stores.journal.changes(limit, pre_images=False, keeps=resolved.matches_change)
    if not found:
        await check_names(stores, resolved, changes=True)
    return found


async def _find_calls(stores: Stores, limit: int, filters: JournalFilter) -> list[LoggedCall]:
    resolved = await resolve_dataset(stores, filters)
    found = await stores.reads.calls(limit, resolved.matches_call)
    if not found:
        await check_names(stores, resolved, changes=False)
    return found


def print_json(record: object) -> None:
    """Print JSON on one line, in ASCII only, so that nothing written by an attacker can steer the terminal."""
    typer.echo(json.dumps(record, ensure_ascii=True))


def _print_change_block(console: Console, change: Change) -> None:
    """Print a change as a line of the server's own words, with what others wrote below it."""
    intent, origin = change.intent, change.intent.origin
    print_lines(console, f"{change.id}  {change.at:%Y-%m-%d %H:%M}  {intent.tool}  {change.outcome}")
    lines = [clean(intent.summary, MAX_TEXT_LENGTH)]
    if origin is not None:
        lines.append(_format_origin(origin))
    if intent.undoes or change.undone_by:
        lines.append(f"undoes {intent.undoes}" if intent.undoes else f"undone by {change.undone_by}")
    print_lines(console, "\n".join(PREFIX + line for line in lines))


def _format_origin(origin: ChangeOrigin) -> str:
    by = f", by {author}" if (author := _author(origin)) else ""
    return f"{_api(origin)}, account {origin.account[:8]}{by}"


def print_change(settings: Settings, change_id: str) -> None:
    """Print one change in full as JSON, including the state that it overwrote."""
    change = anyio.run(_open_stores(settings).journal.change, change_id)
    record = {**_describe(change), "before": change.intent.before}
    typer.echo(json.dumps(record, indent=2, ensure_ascii=True))


def _describe(change: Change) -> dict[str, object]:
    """Return a change without the state that it overwrote."""
    intent, origin = change.intent, change.intent.origin
    return {
        "id": change.id,
        "at": change.at.isoformat(),
        "tool": intent.tool,
        **describe_origin(origin),
        "marking": intent.marking,
        "arguments": intent.arguments,
        "datasets": intent.datasets,
        "summary": intent.summary,
        "undoes": intent.undoes,
        "outcome": change.outcome,
        "finished_at": change.finished_at.isoformat() if change.finished_at else None,
        "result": change.result,
        "undone_by": change.undone_by,
    }


def describe_origin(origin: ChangeOrigin | None) -> dict[str, object]:
    """Return who made a change or a call, and against which API. Old changes do not state it."""
    return {
        "api": _api(origin) if origin else None,
        "account": origin.account if origin else None,
        "base_url": origin.base_url if origin else None,
        "identity": origin.identity if origin else None,
        "client": origin.client if origin else None,
    }


def _api(origin: ChangeOrigin) -> str:
    return "sandbox" if origin.sandbox else "live"


def _author(origin: ChangeOrigin) -> str:
    """Return who made a change: the identity, and the client as it names itself."""
    author = " ".join(part for part in (origin.identity, origin.client) if part)
    return clean(author, MAX_CLIENT_LENGTH, keep=origin.identity)  # which may be an e-mail address


def verify_journal(settings: Settings, expected: str, *, as_json: bool = False) -> None:
    """Check that no entry was altered or removed, and print the number of entries and the last hash.

    `expected` is the hash of an entry that was noted elsewhere, with or without its number, or empty.

    Raises:
        ThreatEventsError: the journal was altered or damaged, or lost entries. The message says where; with `as_json`
            it is printed as JSON before.
    """
    journal = _open_stores(settings).journal
    try:
        end = anyio.run(_verify, journal, expected)
    except BadArgument:
        raise
    except ThreatEventsError as error:
        if as_json:
            print_json({"intact": False, "problem": address_operator(str(error))})
        raise
    if as_json:
        noted = f"{end.entries}:{end.hash}" if end.entries else None
        print_json({"intact": True, "entries": end.entries, "last": noted, "accepted_losses": end.accepted})
        return
    if end.entries:
        typer.echo("The journal is intact: no entry was altered, removed, inserted or moved.")
        typer.echo(f"{plural(end.entries, 'entry', 'entries')}; note the last for --expect: {end.entries}:{end.hash}")
    else:
        typer.echo("The journal is empty." if end.accepted else "The journal is empty: nothing was ever written.")
    for loss in end.accepted:
        typer.echo(f"A loss was accepted on {loss}")


async def _verify(journal: Journal, expected: str) -> Anchor:
    noted = EXPECTED.fullmatch(expected.strip().lower())
    if expected and not noted:
        raise BadArgument("--expect", "this is not a hash", "HASH or N:HASH as 'journal verify' printed them")
    if losses := await journal.find_losses():
        raise ThreatEventsError(f"{' '.join(losses)} {RESTORE}")
    if problems := await journal.verify():
        raise ThreatEventsError(f"The journal was altered or damaged. {' '.join(problems)} {REPLACE}")
    if noted:
        number, digest = noted.groups()
        found = await journal.find_number(digest)
        if found is None or int(number or found) != found:
            problem = f"entry {number} does not have the noted hash" if number else "no entry has the noted hash"
            raise ThreatEventsError(f"--expect: {problem}, although the entries agree with their anchor. {COMPARE}")
    return await journal.find_end()


def accept_journal(settings: Settings) -> None:
    """Anchor the journal as it is now, after entries were lost that cannot be restored, if the person at the terminal
    agrees.

    Raises:
        ThreatEventsError: there is no terminal, or what is left of the journal was altered.
    """
    journal = _open_stores(settings).journal
    losses = anyio.run(journal.find_losses)
    if not losses:
        typer.echo("Nothing is missing, so there is nothing to accept.")
        return
    _require_terminal()
    print_lines(Console(), " ".join(losses))
    if not ask_yes_or_no("\nAccept that these entries are lost for good?"):
        typer.echo("The journal was left as it is.")
        return
    end = anyio.run(journal.accept)
    typer.echo(f"The journal is accepted as it is, with {plural(end.entries, 'entry', 'entries')}.")


def decide_request(settings: Settings, code: str, console: Console) -> None:
    """Show a change that waits for approval, and ask the person at the terminal to approve or refuse it.

    Raises:
        ThreatEventsError: there is no terminal, or no change waits for this code.
    """
    _require_terminal()
    approvals = _open_stores(settings).approvals
    try:
        request = anyio.run(approvals.find, code)
    except UnknownCode as error:
        raise ThreatEventsError(f"{error} {_describe_folder(settings)}") from error
    if request.state != "waiting":
        raise ThreatEventsError(explain_closed(request))
    print_lines(console, f"{request.tool} waits for approval until {request.expires_at:%H:%M:%S} UTC:")
    console.print()
    print_lines(console, request.preview)
    agreed = ask_yes_or_no("\nMake this change?")
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
        typer.echo(f"Nothing waits for approval. {_describe_folder(settings)}")
    for request in requests:
        print_lines(console, f"{request.code} {request.tool} until {request.expires_at:%H:%M:%S} UTC")
        first = clean(request.preview.partition("\n")[0].removeprefix(PREFIX), MAX_SUMMARY_LENGTH)
        print_lines(console, PREFIX + first)


def _require_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ThreatEventsError("This is not a terminal. A person must run the command at one, and decide there.")


def _describe_folder(settings: Settings) -> str:
    return f"Requests were looked for in {settings.state_dir}: the server must use the same CF1_STATE_DIR."


def _open_stores(settings: Settings) -> Stores:
    return open_stores(settings, utc_now)
