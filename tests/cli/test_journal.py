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
from cf1_mcp.models import Tlp
from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import ChangeOrigin, Intent
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


def test_an_intact_journal_is_reported_with_what_an_operator_may_note(tmp_path: Path, change: str) -> None:
    printed = run(tmp_path, "journal", "verify").stdout
    last = anyio.run(stores(tmp_path).journal.find_end).hash
    assert change and printed.replace(last, "HASH") == snapshot("""\
The journal is intact: no entry was altered, removed, inserted or moved.
2 entries; note the last for --expect: 2:HASH
""")


def test_a_damaged_journal_is_reported_as_damaged(tmp_path: Path, change: str) -> None:
    assert change
    file = tmp_path / "journal.db"
    content = file.read_bytes()
    assert content.count(b"for good.") == 1
    file.write_bytes(content.replace(b"for good.", b"for food."))
    ended = run(tmp_path, "journal", "verify")
    assert ended.returncode == 2 and ended.stderr == snapshot(
        "cf1-mcp: The journal was altered or damaged. Entry 1 was altered, or it did not follow entry 0. Restore journal.db and journal.anchor together from a backup of CF1_STATE_DIR, or move both elsewhere: then a new journal begins.\n"
    )


def lose_journal(folder: Path) -> None:
    for file in folder.glob("journal.db*"):
        file.unlink()


def test_a_deleted_journal_is_reported_as_missing_until_that_is_accepted(tmp_path: Path, change: str) -> None:
    lose_journal(tmp_path)
    ended = run(tmp_path, "journal", "verify")
    listed = run(tmp_path, "journal", "list")
    shown = answer_on_a_terminal(tmp_path, b"y\n", "journal", "accept")
    later = stores(tmp_path).journal
    after = run(tmp_path, "journal", "verify")
    anyio.run(later.begin, Intent("tag_threat_events", {}, (), "Later", None))
    last = anyio.run(later.find_end).hash
    much_later = run(tmp_path, "journal", "verify")
    assert change and (ended.returncode, ended.stderr) == snapshot(
        (
            2,
            "cf1-mcp: The journal is missing: its anchor counts 2 entries. Restore journal.db and journal.anchor together from a backup of CF1_STATE_DIR. If there is none, note what is missing and run 'cf1-mcp journal accept': until then no change is made.\n",
        )
    )
    assert (listed.returncode, listed.stdout, listed.stderr) == snapshot(
        (
            0,
            "The journal lists no changes.\n",
            """\
Entries are missing, so this list is incomplete. The journal is missing: its anchor counts 2
| entries. Run 'cf1-mcp journal verify'.
""",
        )
    )
    assert shown[-2:] == snapshot(
        ["Accept that these entries are lost for good? [y/N]: The journal is accepted as it is, with 0 entries.", ""]
    )
    assert (after.returncode, without_times(after.stdout)) == snapshot(
        (
            0,
            """\
The journal is empty.
A loss was accepted on TIME UTC: The journal is missing: its anchor counts 2 entries.
""",
        )
    )
    assert without_times(much_later.stdout).replace(last, "HASH") == snapshot("""\
The journal is intact: no entry was altered, removed, inserted or moved.
1 entry; note the last for --expect: 1:HASH
A loss was accepted on TIME UTC: The journal is missing: its anchor counts 2 entries.
""")


@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"\x04"])
def test_a_loss_that_nobody_accepts_stays(tmp_path: Path, change: str, typed: bytes) -> None:
    lose_journal(tmp_path)
    answer_on_a_terminal(tmp_path, typed, "journal", "accept")
    without_terminal = run(tmp_path, "journal", "accept")
    assert change and run(tmp_path, "journal", "verify").returncode == 2
    assert (without_terminal.returncode, without_terminal.stderr) == snapshot(
        (2, "cf1-mcp: This is not a terminal. A person must run the command at one, and decide there.\n")
    )


def test_where_nothing_is_missing_nothing_is_accepted(tmp_path: Path, change: str) -> None:
    ended = run(tmp_path, "journal", "accept")
    assert change and (ended.returncode, ended.stdout) == snapshot(
        (0, "Nothing is missing, so there is nothing to accept.\n")
    )


def test_a_journal_without_changes_says_so(tmp_path: Path) -> None:
    ended = run(tmp_path, "journal", "list")
    assert (ended.returncode, ended.stdout, [*tmp_path.iterdir()]) == (0, "The journal lists no changes.\n", [])


def test_a_journal_without_entries_is_reported_as_empty(tmp_path: Path) -> None:
    ended = run(tmp_path, "journal", "verify")
    assert (ended.returncode, ended.stdout, [*tmp_path.iterdir()]) == snapshot(
        (0, "The journal is empty: nothing was ever written.\n", [])
    )


def test_a_noted_hash_is_compared(tmp_path: Path, change: str) -> None:
    journal = stores(tmp_path).journal
    noted = anyio.run(journal.find_end).hash
    anyio.run(journal.begin, Intent("undo", {}, (), "Later", None))
    last = anyio.run(journal.find_end).hash
    ended = {
        what: run(tmp_path, "journal", "verify", "--expect", what)
        for what in (noted, f"2:{noted}", f"2:{noted.upper()}", last, f"3:{noted}", f"2:{last}", "0" * 64, "hash", "2:")
    }
    printed = {what.replace(noted, "NOTED").replace(last, "LAST"): one.stderr for what, one in ended.items()}
    assert change and [one.returncode for one in ended.values()] == [0, 0, 0, 0, 2, 2, 2, 2, 2]
    assert {what: words.split(". ")[0] for what, words in printed.items() if words} == snapshot(
        {
            "3:NOTED": "cf1-mcp: --expect: entry 3 does not have the noted hash, although the entries agree with their anchor",
            "2:LAST": "cf1-mcp: --expect: entry 2 does not have the noted hash, although the entries agree with their anchor",
            "0000000000000000000000000000000000000000000000000000000000000000": "cf1-mcp: --expect: no entry has the noted hash, although the entries agree with their anchor",
            "hash": "cf1-mcp: --expect: this is not a hash",
            "2:": "cf1-mcp: --expect: this is not a hash",
        }
    )


@pytest.fixture
def changes(tmp_path: Path) -> list[str]:
    """The ids of three changes: in the sandbox, in a live account, and by an older release."""
    live = ChangeOrigin("a" * 32, "https://api.cloudflare.com/client/v4", "alice@example.com", "evil\x1b[2J\u202e 1.0")
    origins = [ChangeOrigin.of(Settings(), client="claude 2"), live, None]
    journal = stores(tmp_path).journal
    return [
        anyio.run(journal.begin, Intent("tag_threat_events", {}, ("d",), "Tag.", {"b": 1}, None, one, one and Tlp.RED))
        for one in origins
    ]


def test_the_operator_sees_who_made_each_change_and_where(tmp_path: Path, changes: list[str]) -> None:
    listed = run(tmp_path, "journal", "list").stdout
    for number, change in enumerate(changes):
        listed = listed.replace(change, f"CHANGE {number}")
    assert without_times(listed) == snapshot("""\
CHANGE 2 TIME tag_threat_events unknown
| Tag.
CHANGE 1 TIME tag_threat_events unknown
| Tag.
| live, account aaaaaaaa, by alice@example.com evil\\u001b[2J\\u202e 1.0
CHANGE 0 TIME tag_threat_events unknown
| Tag.
| sandbox, account 00000000, by claude 2
""")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_id_of_a_change_is_whole_at_any_width(tmp_path: Path, changes: list[str], width: int) -> None:
    lines = show_on_a_terminal(tmp_path, width, "journal", "list")
    assert [line.split()[0] for line in lines if line.startswith("c-")] == changes[::-1]
    assert max(map(count_columns, lines)) <= width


def test_changes_are_printed_as_json(tmp_path: Path, changes: list[str]) -> None:
    listed = run(tmp_path, "journal", "list", "--json").stdout
    rows = [json.loads(line) for line in listed.splitlines()]
    shown = json.loads(run(tmp_path, "journal", "show", changes[1], "--json").stdout)
    assert listed.isascii() and [row["id"] for row in rows] == changes[::-1]
    assert shown == {**rows[1], "before": {"b": 1}} and "before" not in rows[1]
    names = ("api", "account", "base_url", "identity", "client", "marking")
    assert [[row[name] for name in names] for row in rows] == snapshot(
        [
            [None, None, None, None, None, "amber"],
            [
                "live",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "https://api.cloudflare.com/client/v4",
                "alice@example.com",
                "evil\x1b[2J\u202e 1.0",
                "red",
            ],
            ["sandbox", "00000000000000000000000000000000", "embedded sandbox", "", "claude 2", "red"],
        ]
    )


def test_an_unknown_change_is_an_error(tmp_path: Path) -> None:
    ended = run(tmp_path, "journal", "show", "c-none")
    assert (ended.returncode, ended.stderr) == snapshot(
        (2, "cf1-mcp: There is no change 'c-none' in the journal. Use an id that 'cf1-mcp journal list' shows.\n")
    )


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


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?|\d\d:\d\d:\d\d", "TIME", text)


def show_on_a_terminal(folder: Path, width: int, *arguments: str) -> list[str]:
    """Return the lines that a command shows on a terminal of this width, where a person answers no."""
    return answer_on_a_terminal(folder, b"n\n" if arguments[0] == "approve" else b"", *arguments, width=width)


def answer_on_a_terminal(folder: Path, typed: bytes, *arguments: str, width: int = 120) -> list[str]:
    """Return the lines that a command shows on a terminal, where a person types an answer."""
    inside, outside = pty.openpty()
    fcntl.ioctl(outside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {"CF1_STATE_DIR": str(folder), "PATH": os.environ["PATH"], "TERM": "dumb"}
    with Command([*arguments], environment, terminal=os.ttyname(outside)) as command:
        os.write(inside, typed)
        command.wait()
    os.close(outside)
    return _read_terminal(inside).replace("\r\n", "\n").split("\n")


def test_what_waits_for_approval_is_listed_oldest_first(tmp_path: Path) -> None:
    approvals = stores(tmp_path).approvals
    nothing = run(tmp_path, "approvals").stdout.replace(str(tmp_path), "FOLDER")
    assert nothing == snapshot(
        "Nothing waits for approval. Requests were looked for in FOLDER: the server must use the same CF1_STATE_DIR.\n"
    )
    assert [*tmp_path.iterdir()] == []
    anyio.run(approvals.ask, CODE, "delete_threat_events", "change: Delete 1 event.\nundo: possible", 600)
    anyio.run(approvals.ask, "0000-1111-2222", "untag_threat_events", "change: Take 'x' off 2 events.", 600)
    anyio.run(approvals.ask, "3333-4444-5555", "move_threat_events", "change: Move 1 event.", 600)
    anyio.run(approvals.decide, "3333-4444-5555", True)
    output = run(tmp_path, "approvals").stdout
    assert without_times(output) == snapshot("""\
K7QF-2M9D-XW4T delete_threat_events until TIME UTC
| change: Delete 1 event.
0000-1111-2222 untag_threat_events until TIME UTC
| change: Take 'x' off 2 events.
""")


@pytest.mark.parametrize("decision", ["used", "approved", "refused", "expired"])
def test_a_code_that_was_decided_is_not_asked_about(tmp_path: Path, decision: str) -> None:
    approvals = stores(tmp_path).approvals
    anyio.run(
        approvals.ask, CODE, "delete_threat_events", "change: Delete 1 event.", 0 if decision == "expired" else 600
    )
    if decision != "expired":
        anyio.run(approvals.decide, CODE, decision != "refused")
    if decision == "used":
        anyio.run(approvals.redeem, CODE)
    shown = answer_on_a_terminal(tmp_path, b"", "approve", CODE)
    assert not [line for line in shown if "y/N" in line or "Delete" in line]
    assert CODE in shown[0]


def test_a_code_without_a_waiting_change_cannot_be_approved(tmp_path: Path) -> None:
    inside, outside = pty.openpty()
    environment = {"CF1_STATE_DIR": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"}
    with Command(["approve", CODE], environment, terminal=os.ttyname(outside)) as command:
        code = command.wait()
    os.close(outside)
    output = _read_terminal(inside)
    assert code == 2 and CODE in output and f"looked for in {tmp_path}: the server must use the same" in output


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
