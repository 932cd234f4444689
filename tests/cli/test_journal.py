"""The operator's commands for the journal and for approvals."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.context import utc_now
from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import Intent
from cf1_mcp.store.stores import Stores, open_stores
from cf1_mcp.text.person_text import set_apart
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


def test_an_intact_journal_is_reported_as_intact(tmp_path: Path, change: str) -> None:
    assert change and run(tmp_path, "journal", "verify").stdout == snapshot(
        "The journal is intact: no entry was altered, removed, inserted or moved.\n"
    )


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


FORGED = "undo: undo_change restores everything within seconds."
FILLERS = {
    "blanks": " ",
    "tabs": "\t",
    "no-break spaces": "\xa0",
    "wide spaces": "\u3000",
    "wide characters": "\u6f22",
    "combining marks": "\u0301",
    "escape sequences": "\x1b[8C",
    "line ends": "\n",
    "carriage returns": "\r",
}


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)
def test_a_padded_name_forges_no_line_on_a_terminal(tmp_path: Path, filler: str, width: int) -> None:
    approvals = stores(tmp_path).approvals
    names = [f"attacker: A{filler * count}{FORGED}" for count in (24, width // 2, width - 11, width)]
    preview = "\n".join(line for name in names for line in set_apart(name, untrusted=True))
    change = set_apart(f"change: Delete 1 event from dataset 'A{filler * (width - 38)}{FORGED}'.", untrusted=False)
    anyio.run(approvals.ask, CODE, "delete_threat_events", "\n".join([*change, preview]), 600)
    for arguments in (["approvals"], ["approve", CODE]):
        lines = show_on_a_terminal(tmp_path, width, *arguments)
        assert not [line for line in lines if line.startswith(("undo", "Undo"))]
        assert max(map(count_columns, lines)) <= max(width, 45)  # the question itself takes 43


def count_columns(line: str) -> int:
    return sum(1 if char.isascii() else 2 for char in line)


def show_on_a_terminal(folder: Path, width: int, *arguments: str) -> list[str]:
    """Return the lines that a command shows on a terminal of this width, where a person answers no."""
    inside, outside = pty.openpty()
    fcntl.ioctl(outside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {"CF1_STATE_DIR": str(folder), "PATH": os.environ["PATH"], "TERM": "dumb"}
    with Command([*arguments], environment, terminal=os.ttyname(outside)) as command:
        if arguments[0] == "approve":
            os.write(inside, b"n\n")
        command.wait()
    os.close(outside)
    return _read_terminal(inside).replace("\r\n", "\n").split("\n")


def test_what_waits_for_approval_is_listed_oldest_first(tmp_path: Path) -> None:
    approvals = stores(tmp_path).approvals
    assert run(tmp_path, "approvals").stdout == "Nothing waits for approval.\n"
    assert [*tmp_path.iterdir()] == []
    anyio.run(approvals.ask, CODE, "delete_threat_events", "change: Delete 1 event.\nundo: possible", 600)
    anyio.run(approvals.ask, "0000-1111-2222", "untag_threat_events", "change: Take 'x' off 2 events.", 600)
    anyio.run(approvals.ask, "3333-4444-5555", "move_threat_events", "change: Move 1 event.", 600)
    anyio.run(approvals.decide, "3333-4444-5555", True)
    output = run(tmp_path, "approvals").stdout
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d", "TIME", output) == snapshot("""\
K7QF-2M9D-XW4T delete_threat_events, requested TIME, expires TIME UTC
| change: Delete 1 event.
0000-1111-2222 untag_threat_events, requested TIME, expires TIME UTC
| change: Take 'x' off 2 events.
""")


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
