"""The anchor: a journal that is missing, shorter than it was or another one is noticed; a crash does not look like one."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import anyio
import pytest
from inline_snapshot import snapshot

from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_anchor import Anchor, AnchorFile
from cf1_mcp.store.journal_entries import SCHEMA
from cf1_mcp.store.journal_records import JournalError
from cf1_mcp.store.sqlite import SqliteFile
from tests.store.test_journal import (
    BEGINNER,
    DELETION,
    NOW,
    anchor_file,
    count_entries,
    fill_journal,
    open_database,
    open_journal,
    refuse_begin,
)

pytestmark = pytest.mark.anyio

ENTRIES = 6  # that `fill_journal` writes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def anchor_path(path: Path) -> Path:
    return path.with_suffix(".anchor")


def read_files(path: Path) -> dict[str, bytes]:
    """Return the files beside the journal, without those that SQLite makes while it is open."""
    files = [file for file in path.parent.iterdir() if not file.name.endswith(("-wal", "-shm"))]
    return {file.name: file.read_bytes() if file.is_file() else b"" for file in files}


def cut_off(path: Path, kept: int) -> None:
    """Remove all entries but the first `kept`, and put the head back, so that the chain is intact."""
    with open_database(path) as db:
        db.execute("DELETE FROM entry WHERE seq > ?", (kept,))
        hash_of_last = "coalesce((SELECT hash FROM entry WHERE seq = head.entries), '')"
        db.execute("UPDATE head SET entries = ?", (kept,))
        db.execute(f"UPDATE head SET hash = {hash_of_last}")  # noqa: S608


def delete(path: Path) -> None:
    for file in path.parent.glob("journal.db*"):
        file.unlink()


async def replace_by_another(path: Path) -> None:
    other = path.with_name("other") / "journal.db"
    await fill_journal(other)
    delete(path)
    other.rename(path)


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_anchor(path: Path, **changed: object) -> None:
    """Change parts of the anchor."""
    write(anchor_path(path), json.dumps(json.loads(anchor_path(path).read_bytes()) | changed))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


LOSSES: dict[str, Callable[[Path], None]] = {
    "deleted": delete,
    "emptied": lambda path: write(path, b""),
    **{f"cut off after {kept}": partial(cut_off, kept=kept) for kept in range(ENTRIES)},
    "an older copy": lambda path: write(path, path.with_name("copy").read_bytes()),
    "anchor deleted": lambda path: anchor_path(path).unlink(),
    "anchor emptied": lambda path: write(anchor_path(path), b""),
    "anchor cut off": lambda path: write(anchor_path(path), anchor_path(path).read_bytes()[:-9]),
    "anchor not an object": lambda path: write(anchor_path(path), "[6]"),
    "anchor nested deeply": lambda path: write(anchor_path(path), "[" * 4000),
    "anchor not a number": lambda path: write_anchor(path, entries="six"),
    "anchor endless": lambda path: write(anchor_path(path), '{"entries": 1e999, "hash": "", "first": ""}'),
    "anchor below nothing": lambda path: write_anchor(path, entries=-1),
    "anchor a folder": lambda path: replace_by_folder(anchor_path(path)),
    "anchor of another journal": lambda path: write_anchor(path, first="0" * 64),
    "anchor with another hash": lambda path: write_anchor(path, hash="0" * 64),
    "anchor ahead": lambda path: write_anchor(path, entries=7),
}


async def fill(path: Path) -> None:
    """Fill a journal, and keep a copy from when it had four entries."""
    await fill_journal(path)
    whole = path.read_bytes()
    cut_off(path, 4)
    path.with_name("copy").write_bytes(path.read_bytes())
    path.write_bytes(whole)


async def test_whatever_was_removed_is_found_and_stops_further_changes(tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    for number, (what, lose) in enumerate(LOSSES.items()):
        path = tmp_path / str(number) / "journal.db"
        await fill(path)
        lose(path)
        before = read_files(path)
        found[what] = await open_journal(path).verify()
        refusal = (await refuse_begin(path)).removesuffix(" Ask the operator to run 'cf1-mcp journal verify'.")
        assert found[what][0] == refusal[0].upper() + refusal[1:], what
        assert read_files(path) == before, what
    assert len(found) == 21
    assert found == snapshot(
        {
            "deleted": ["The journal is missing: its anchor counts 6 entries."],
            "emptied": ["The journal is missing: its anchor counts 6 entries."],
            "cut off after 0": ["The journal is empty: its anchor counts 6 entries."],
            "cut off after 1": [
                "The journal ends with entry 1, and its anchor counts 6 entries: those at the end were removed."
            ],
            "cut off after 2": [
                "The journal ends with entry 2, and its anchor counts 6 entries: those at the end were removed."
            ],
            "cut off after 3": [
                "The journal ends with entry 3, and its anchor counts 6 entries: those at the end were removed."
            ],
            "cut off after 4": [
                "The journal ends with entry 4, and its anchor counts 6 entries: those at the end were removed."
            ],
            "cut off after 5": [
                "The journal ends with entry 5, and its anchor counts 6 entries: those at the end were removed."
            ],
            "an older copy": [
                "The journal ends with entry 4, and its anchor counts 6 entries: those at the end were removed."
            ],
            "anchor deleted": ["The anchor is missing, so entries may have been removed from the end."],
            "anchor emptied": [
                "The anchor cannot be compared: journal.anchor is damaged: it is not an anchor of a journal."
            ],
            "anchor cut off": [
                "The anchor cannot be compared: journal.anchor is damaged: it is not an anchor of a journal."
            ],
            "anchor not an object": [
                "The anchor cannot be compared: journal.anchor is damaged: it is not an anchor of a journal."
            ],
            "anchor nested deeply": [
                "The anchor cannot be compared: journal.anchor is damaged: it is not an anchor of a journal."
            ],
            "anchor not a number": [
                "The anchor cannot be compared: journal.anchor is damaged: it is not an anchor of a journal."
            ],
            "anchor endless": [
                "The anchor cannot be compared: journal.anchor is damaged: it is not an anchor of a journal."
            ],
            "anchor below nothing": ["The anchor cannot be compared: journal.anchor is damaged: it counts -1 entries."],
            "anchor a folder": ["The anchor cannot be compared: journal.anchor cannot be read."],
            "anchor of another journal": [
                "Entry 1 is not the one of the anchor, which counts 6 entries: this is another journal, or its start was removed."
            ],
            "anchor with another hash": ["Entry 6 is not the one of the anchor: entries were replaced or removed."],
            "anchor ahead": [
                "The journal ends with entry 6, and its anchor counts 7 entries: those at the end were removed."
            ],
        }
    )


async def test_a_journal_that_was_replaced_by_another_is_found(path: Path) -> None:
    await fill_journal(path)
    await replace_by_another(path)
    assert await open_journal(path).verify() == snapshot(
        [
            "Entry 1 is not the one of the anchor, which counts 6 entries: this is another journal, or its start was removed."
        ]
    )


async def test_nothing_is_appended_to_the_outcome_of_a_change_after_a_loss(path: Path) -> None:
    journal = open_journal(path)
    first = await journal.begin(DELETION)
    await journal.begin(DELETION)
    cut_off(path, 1)
    with pytest.raises(JournalError) as error:
        await journal.finish(first, "done", None)
    assert str(error.value) == snapshot(
        "The outcome is not journaled: the journal ends with entry 1, and its anchor counts 2 entries: those at the end were removed. Ask the operator to run 'cf1-mcp journal verify'."
    )
    assert count_entries(path) == 1


async def test_a_journal_that_nobody_wrote_to_is_whole(path: Path) -> None:
    journal = open_journal(path)
    assert (await journal.verify(), await journal.find_end()) == ([], Anchor(0, "", ""))


async def test_what_both_files_lose_together_is_found_by_the_noted_hash_only(path: Path) -> None:
    await fill_journal(path)
    noted = await open_journal(path).find_end()
    delete(path)
    anchor_path(path).unlink()
    journal = open_journal(path)
    await journal.begin(DELETION)
    assert (await journal.verify(), await journal.find_number(noted.hash)) == ([], None)


# -- what is not damage


async def test_a_crash_between_an_entry_and_its_anchor_is_no_damage(path: Path) -> None:
    anchors: list[bytes] = []
    journal = open_journal(path)
    for _ in range(3):
        change_id = await journal.begin(DELETION)
        anchors.append(anchor_path(path).read_bytes())
        await journal.finish(change_id, "done", None)
        anchors.append(anchor_path(path).read_bytes())
    before_the_first = json.dumps({"entries": 0, "hash": "", "first": ""}).encode()
    for older in (before_the_first, *anchors):
        anchor_path(path).write_bytes(older)
        assert await journal.verify() == []
    anchor_path(path).write_bytes(anchors[0])
    await journal.begin(DELETION)
    assert (anchor_file(path).read(), await journal.verify()) == (await journal.find_end(), [])


async def test_a_process_that_is_killed_at_any_moment_leaves_a_whole_journal(path: Path) -> None:
    drawn = random.Random(11)  # noqa: S311 - the moments of the kills
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", BEGINNER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdin and child.stdout
            child.stdin.write("1\n" * 200)
            child.stdin.flush()
            child.stdout.readline()
            await anyio.sleep(drawn.uniform(0, 0.05))
            child.kill()
        assert await open_journal(path).verify() == []
        await open_journal(path).begin(DELETION)
    assert await open_journal(path).verify() == []


def test_the_anchor_never_goes_back_while_processes_append(path: Path) -> None:
    numbers = "1\n" * 60
    children = [
        subprocess.Popen(
            [sys.executable, "-c", BEGINNER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    threads = [Thread(target=child.communicate, args=[numbers]) for child in children]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while any(thread.is_alive() for thread in threads):
        if anchor := anchor_file(path).read():
            seen.append(anchor.entries)
            assert anyio.run(open_journal(path).find_losses) == []
    assert seen == sorted(seen)
    end = anyio.run(open_journal(path).find_end)
    assert (end.entries, anchor_file(path).read()) == (180, end)


class AnchorReadBeforeTheFirstEntry(AnchorFile):
    """An anchor that another process writes, with the first entry, right after it was read for the first time."""

    reads = 0

    def read(self) -> Anchor | None:
        self.reads += 1
        return None if self.reads == 1 else super().read()


async def test_the_first_entry_of_another_process_is_not_taken_for_a_loss(path: Path) -> None:
    await open_journal(path).begin(DELETION)
    late = AnchorReadBeforeTheFirstEntry(anchor_path(path))
    assert await Journal(SqliteFile(path, SCHEMA), lambda: NOW, late).verify() == []


async def test_a_journal_of_an_older_release_is_anchored_by_its_next_entry(path: Path) -> None:
    journal = open_journal(path)
    older = replace(DELETION, origin=None, marking=None)
    for _ in range(3):
        await journal.begin(older)
    anchor_path(path).unlink()
    assert await journal.verify() == []
    await journal.begin(DELETION)
    assert anchor_file(path).read() == await journal.find_end()
    cut_off(path, 3)
    assert await journal.verify() == snapshot(
        ["The journal ends with entry 3, and its anchor counts 4 entries: those at the end were removed."]
    )


async def test_an_entry_without_an_anchor_is_a_failed_change(path: Path) -> None:
    journal = open_journal(path)
    await journal.begin(DELETION)
    blocked = anchor_path(path).with_name("journal.anchor.new")
    blocked.mkdir()
    assert await refuse_begin(path) == snapshot(
        "journal.anchor cannot be written. Ask the operator to check the free space of CF1_STATE_DIR and who may write there."
    )
    newest, first = await journal.changes()
    assert (newest.outcome, await journal.verify()) == ("failed", [])
    with pytest.raises(JournalError) as error:
        await journal.finish(first.id, "done", None)
    assert str(error.value) == snapshot(
        "The outcome is journaled, but not anchored: journal.anchor cannot be written. Ask the operator to check the free space of CF1_STATE_DIR and who may write there."
    )
    blocked.rmdir()
    await journal.begin(DELETION)
    assert anchor_file(path).read() == await journal.find_end()


# -- the operator accepts a loss


@pytest.mark.parametrize("what", ["deleted", "cut off after 4", "anchor deleted", "anchor emptied"])
async def test_an_accepted_loss_no_longer_stops_changes(path: Path, what: str) -> None:
    await fill(path)
    LOSSES[what](path)
    journal = open_journal(path)
    accepted = await journal.accept()
    assert accepted == await journal.find_end()
    await journal.begin(DELETION)
    assert (await journal.verify(), count_entries(path)) == ([], accepted.entries + 1)


async def test_an_altered_journal_is_not_accepted(path: Path) -> None:
    await fill_journal(path)
    with open_database(path) as db:
        db.execute("DELETE FROM entry WHERE seq = 3")
    with pytest.raises(JournalError) as error:
        await open_journal(path).accept()
    assert str(error.value) == snapshot(
        "The journal is not accepted: what is left of it was altered, so move journal.db and journal.anchor elsewhere. Entries are missing between 2 and 4."
    )
