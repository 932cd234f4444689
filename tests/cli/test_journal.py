"""The operator's commands for the journal and for approvals."""

import json
import os
import pty
import subprocess
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.context import utc_now
from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import Intent
from cf1_mcp.store.stores import Stores, open_stores
from tests.commands import Command, run_command

CODE = "K7QF-2M9D-XW4T"


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {"CF1_STATE_DIR": str(folder), "PATH": os.environ["PATH"], "COLUMNS": "120"}
    return run_command(*arguments, environment=environment)


def stores(folder: Path) -> Stores:
    return open_stores(Settings(state_dir=folder), utc_now)


@pytest.fixture
def change(tmp_path: Path) -> str:
    """The id of a change whose summary contains hostile text."""
    journal = stores(tmp_path).journal
    summary = "Delete 1 event from dataset '\x1b[2Jevil\u202e' for good."
    intent = Intent("delete_threat_events", {"event_ids": ["e"]}, ("d",), summary, [{"event": "\x1b"}])
    change_id = anyio.run(journal.begin, intent)
    result: JsonValue = {"deleted": 1}
    anyio.run(journal.finish, change_id, "done", result)
    return change_id


def test_changes_are_listed_newest_first(tmp_path: Path, change: str) -> None:
    second = anyio.run(stores(tmp_path).journal.begin, Intent("undo", {}, (), "Interrupted", None))
    output = run(tmp_path, "journal", "list").stdout
    assert output.index(second) < output.index(change)
    assert "unknown" in output and "\x1b" not in output and "\u202e" not in output


def test_a_change_is_shown_in_full_and_cannot_control_the_terminal(tmp_path: Path, change: str) -> None:
    output = run(tmp_path, "journal", "show", change).stdout
    shown = json.loads(output)
    assert output.isascii() and "\x1b" not in output
    assert {name: shown[name] for name in ("tool", "outcome", "result", "before")} == snapshot(
        {"tool": "delete_threat_events", "outcome": "done", "result": {"deleted": 1}, "before": [{"event": "\x1b"}]}
    )


def test_an_intact_journal_is_reported_with_what_an_operator_may_note(tmp_path: Path, change: str) -> None:
    printed = run(tmp_path, "journal", "verify").stdout
    last = anyio.run(stores(tmp_path).journal.find_end).hash
    assert change and printed.replace(last, "HASH") == snapshot("""\
The journal is intact: no entry was altered, removed, inserted or moved.
2 entries, the last with the hash HASH
""")


def test_a_damaged_journal_is_reported_as_damaged(tmp_path: Path, change: str) -> None:
    assert change
    file = tmp_path / "journal.db"
    content = file.read_bytes()
    assert content.count(b"for good.") == 1
    file.write_bytes(content.replace(b"for good.", b"for food."))
    ended = run(tmp_path, "journal", "verify")
    assert ended.returncode == 2 and ended.stderr.startswith("cf1-mcp: The journal was altered or damaged.")


def test_an_unknown_change_is_an_error(tmp_path: Path) -> None:
    ended = run(tmp_path, "journal", "show", "c-none")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(("typed", "state"), [("y\n", "approved"), ("n\n", "refused"), ("\n", "refused")])
def test_a_person_decides_at_a_terminal(tmp_path: Path, typed: str, state: str) -> None:
    approvals = stores(tmp_path).approvals
    anyio.run(approvals.ask, CODE, "delete_threat_events", "Delete 1 event\nundo: possible", 600)
    inside, outside = pty.openpty()
    environment = {"CF1_STATE_DIR": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"}
    with Command(["approve", CODE.lower()], environment, terminal=os.ttyname(outside)) as command:
        os.write(inside, typed.encode())
        code = command.wait()
    os.close(outside)
    output = _read_terminal(inside)
    assert code == 0 and "Delete 1 event" in output and "undo: possible" in output
    assert anyio.run(approvals.find, CODE).state == state


def test_a_code_without_a_waiting_change_cannot_be_approved(tmp_path: Path) -> None:
    inside, outside = pty.openpty()
    environment = {"CF1_STATE_DIR": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"}
    with Command(["approve", CODE], environment, terminal=os.ttyname(outside)) as command:
        code = command.wait()
    os.close(outside)
    output = _read_terminal(inside)
    assert code == 2 and CODE in output


def _read_terminal(terminal: int) -> str:
    """Return everything that a terminal shows until its program ends, which Linux reports as an error."""
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()
