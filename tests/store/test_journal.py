"""The journal: written before a change is sent, hash-chained, and shared by processes."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Thread

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_anchor import AnchorFile
from cf1_mcp.store.journal_entries import SCHEMA
from cf1_mcp.store.journal_records import Change, ChangeOrigin, Intent, JournalError
from cf1_mcp.store.sqlite import SqliteFile

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DATASET = "5b3e1f0a-0000-4000-8000-000000000001"
DELETION = Intent(
    tool="delete_threat_events",
    arguments={"dataset_id": DATASET, "event_ids": ["e-1", "e-2"]},
    datasets=(DATASET,),
    summary="Delete 2 events from Acme Incidents.",
    before=[{"uuid": "e-1", "tlp": "green"}, {"uuid": "e-2", "tlp": None}],
    origin=ChangeOrigin("a" * 32, "https://api.cloudflare.com/client/v4", client="claude 1.0"),
    marking=Tlp.AMBER,
)
# Run as a process: begins a change for every line of stdin, and prints its id.
BEGINNER = """
import sys
from pathlib import Path
import anyio
from cf1_mcp.context import utc_now
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_anchor import AnchorFile
from cf1_mcp.store.journal_entries import SCHEMA
from cf1_mcp.store.journal_records import Intent
from cf1_mcp.store.sqlite import SqliteFile
path = Path(sys.argv[1])
journal = Journal(SqliteFile(path, SCHEMA, busy_timeout=60), utc_now, AnchorFile(path.with_suffix(".anchor")))
for line in sys.stdin:
    print(anyio.run(journal.begin, Intent("tag_threat_events", {"n": line.strip()}, (), "Tag.", None)), flush=True)
"""
BEGINNER_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
import anyio
from cf1_mcp.context import utc_now
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_anchor import AnchorFile
from cf1_mcp.store.journal_entries import SCHEMA
from cf1_mcp.store.journal_records import Intent, JournalError
from cf1_mcp.store.sqlite import SqliteFile
path = Path(sys.argv[1])
journal = Journal(SqliteFile(path, SCHEMA), utc_now, AnchorFile(path.with_suffix(".anchor")))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    anyio.run(journal.begin, Intent("delete_threat_events", {}, (), "Delete.", "x" * 500_000))
except JournalError as error:
    print(error)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def open_journal(path: Path, busy_timeout: float = 5.0) -> Journal:
    return Journal(SqliteFile(path, SCHEMA, busy_timeout), lambda: NOW, anchor_file(path))


def anchor_file(path: Path) -> AnchorFile:
    return AnchorFile(path.with_suffix(".anchor"))


def open_ticking_journal(path: Path) -> Journal:
    """Return a journal whose clock advances by a minute per reading, and which does not wait for locks."""
    minutes = count()
    clock = lambda: NOW + timedelta(minutes=next(minutes))  # noqa: E731 - shorter
    return Journal(SqliteFile(path, SCHEMA, busy_timeout=0), clock, anchor_file(path))


@pytest.fixture
def journal(path: Path) -> Journal:
    return open_ticking_journal(path)


async def fill_journal(path: Path) -> list[Change]:
    """Write six entries: a completed deletion, its partial undo, and two changes without an outcome."""
    journal = open_ticking_journal(path)
    deletion = await journal.begin(DELETION)
    await journal.finish(deletion, "done", {"deleted": 2})
    undo = await journal.begin(replace(DELETION, tool="undo_change", undoes=deletion))
    await journal.finish(undo, "partial", {"created": ["e-9"], "missing": 1})
    await journal.begin(replace(DELETION, summary="Third."))
    await journal.begin(replace(DELETION, summary="Fourth.", before=None))
    assert await journal.verify() == []
    return await journal.changes()


@contextmanager
def open_database(path: Path) -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def count_entries(path: Path) -> int:
    with open_database(path) as db:
        return db.execute("SELECT count(*) FROM entry").fetchone()[0]


# -- what is recorded is kept


async def test_no_file_is_created_before_the_first_change(journal: Journal, path: Path) -> None:
    assert (await journal.changes(), await journal.verify()) == ([], [])
    with pytest.raises(JournalError, match="There is no change 'c-22222-22222' in the journal"):
        await journal.change("c-22222-22222")
    assert not path.parent.exists()


async def test_the_intent_is_recorded_before_the_outcome(journal: Journal, path: Path) -> None:
    change_id = await journal.begin(DELETION)
    [change] = await open_journal(path).changes()
    assert change == Change(change_id, NOW, DELETION, "unknown", None, None, None)
    await journal.finish(change_id, "done", {"deleted": 2})
    finished = replace(change, outcome="done", result={"deleted": 2}, finished_at=NOW + timedelta(minutes=1))
    assert (await journal.changes(), await journal.change(change_id)) == ([finished], finished)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_only_its_owner_may_read_the_journal(path: Path) -> None:
    before = os.umask(0)
    try:
        await open_journal(path).begin(DELETION)
        with open_database(path) as db:  # SQLite's own files exist while the journal is open
            db.execute("SELECT count(*) FROM entry").fetchone()
            files = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in path.parent.iterdir()}
        assert files == {
            "journal.anchor": "0o600",
            "journal.db": "0o600",
            "journal.db-wal": "0o600",
            "journal.db-shm": "0o600",
        }
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


async def test_changes_are_listed_newest_first_in_pages(path: Path) -> None:
    everything = await fill_journal(path)
    journal = open_journal(path)
    assert [change.intent.summary for change in everything][:2] == ["Fourth.", "Third."]
    assert await journal.changes(limit=3) + await journal.changes(before=everything[2].id) == everything
    assert await journal.changes(before=everything[-1].id) == []
    assert await journal.changes(limit=0) == []


async def test_pre_images_are_left_out_on_request(path: Path) -> None:
    everything = await fill_journal(path)
    light = [replace(change, intent=replace(change.intent, before=None)) for change in everything]
    assert await open_journal(path).changes(pre_images=False) == light != everything


async def test_a_change_names_the_newest_undo_of_it_that_has_not_failed(journal: Journal) -> None:
    change_id = await journal.begin(DELETION)
    undo = replace(DELETION, tool="undo_change", undoes=change_id)
    first = await journal.begin(undo)
    assert (await journal.change(change_id)).undone_by == first
    await journal.finish(first, "failed", None)
    assert (await journal.change(change_id)).undone_by is None
    second = await journal.begin(undo)
    await journal.finish(second, "done", None)
    assert [(change.id, change.undone_by) for change in await journal.changes()][1:] == [
        (first, None),
        (change_id, second),
    ]


@settings(deadline=None, max_examples=60)
@given(
    text=st.text(st.characters(exclude_categories=())),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
        max_leaves=8,
    ),
)
@example(text="\ud800 \0 \u202eevil\u2066 '; DROP TABLE entry; --\r\n", value={"\udfff": ["\ud83d", 10**30]})
def test_any_text_is_read_back_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str, value: JsonValue) -> None:
    journal = open_ticking_journal(tmp_path_factory.mktemp("text") / "journal.db")
    intent = Intent(text, {text: value}, (text,), text, value, None, ChangeOrigin(text, text, text, text), Tlp.RED)
    change_id = anyio.run(journal.begin, intent)
    anyio.run(journal.finish, change_id, "failed", value)
    change = anyio.run(journal.change, change_id)
    assert (change.intent, change.result, anyio.run(journal.verify)) == (intent, value, [])


async def test_a_pre_image_of_many_megabytes_is_kept(journal: Journal) -> None:
    before: list[JsonValue] = [{"raw": "\u202e" * 1_000_000, "n": n} for n in range(3)]
    change_id = await journal.begin(replace(DELETION, before=before))
    assert (await journal.change(change_id)).intent.before == before
    assert await journal.verify() == []


# -- what is refused


@pytest.mark.parametrize("unknown", ["c-22222-22222", "1", "", "c-\ud800", "' OR 1=1 --", "C-22222-22222\0"])
async def test_an_unknown_change_is_reported_and_nothing_is_written(path: Path, unknown: str) -> None:
    await fill_journal(path)
    journal = open_journal(path)
    for asking in (
        lambda: journal.change(unknown),
        lambda: journal.changes(before=unknown),
        lambda: journal.finish(unknown, "done", None),
        lambda: journal.begin(replace(DELETION, undoes=unknown)),
    ):
        with pytest.raises(JournalError, match=r"There is no change '.*' in the journal\. Use an id that list_changes"):
            await asking()
    assert count_entries(path) == 6


async def test_an_outcome_is_recorded_once(journal: Journal) -> None:
    change_id = await journal.begin(DELETION)
    await journal.finish(change_id, "unknown", {"why": "no answer"})
    with pytest.raises(JournalError) as error:
        await journal.finish(change_id, "done", None)
    assert str(error.value).replace(change_id, "ID") == snapshot(
        "The outcome is not journaled: ID already has an outcome in entry 2, and an outcome is recorded once."
    )
    assert (await journal.change(change_id)).result == {"why": "no answer"}


async def test_a_locked_journal_stops_the_change(journal: Journal, path: Path) -> None:
    change_id = await journal.begin(DELETION)
    with open_database(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError) as begun:
            await journal.begin(DELETION)
        with pytest.raises(JournalError) as finished:
            await journal.finish(change_id, "done", None)
    assert str(begun.value) == snapshot(
        "The change is not made, because it cannot be journaled first: journal.db is locked by another program. Try again in a moment."
    )
    assert str(finished.value) == snapshot(
        "The outcome is not journaled: journal.db is locked by another program. Try again in a moment."
    )
    assert (count_entries(path), await journal.verify()) == (1, [])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize("room", [0, 4096, 100_000, 400_000])
@pytest.mark.parametrize("begun_before", [True, False])
async def test_a_full_disk_stops_the_change_and_leaves_no_partial_entry(
    path: Path, room: int, begun_before: bool
) -> None:
    before = await fill_journal(path) if begun_before else []
    printed = subprocess.check_output([sys.executable, "-c", BEGINNER_WITHOUT_ROOM, path, str(room)], text=True)
    assert printed == (
        "The change is not made, because it cannot be journaled first: journal.db cannot be written, as the disk is "
        "full or failing. Ask the operator to free space in CF1_STATE_DIR.\n"
    )
    journal = open_journal(path)
    assert (await journal.changes(), await journal.verify()) == (before, [])
    await journal.begin(DELETION)
    assert (len(await journal.changes()), await journal.verify()) == (len(before) + 1, [])


async def refuse_begin(path: Path) -> str:
    with pytest.raises(JournalError) as error:
        await open_journal(path).begin(DELETION)
    return str(error.value).removeprefix("The change is not made, because it cannot be journaled first: ")


async def test_a_path_that_cannot_be_written_stops_the_change(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "dangling.db").symlink_to(tmp_path / "nowhere" / "journal.db")
    assert await refuse_begin(tmp_path / "file" / "journal.db") == snapshot(
        "journal.db cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
    )
    assert await refuse_begin(tmp_path / "folder.db") == snapshot(
        "folder.db cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
    )
    assert await refuse_begin(tmp_path / "dangling.db") == snapshot(
        "dangling.db cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
    )


async def test_a_file_of_another_program_is_not_changed(tmp_path: Path) -> None:
    text, database = tmp_path / "notes.db", tmp_path / "other.db"
    text.write_text("Notes of the night shift.\n" * 200)
    with open_database(database) as db:
        db.execute("CREATE TABLE note (text)")
    before = text.read_bytes(), database.read_bytes()
    assert await refuse_begin(text) == snapshot(
        "notes.db is not a journal. Ask the operator to move it elsewhere, or to set another CF1_STATE_DIR."
    )
    assert await refuse_begin(database) == snapshot(
        "other.db is a database of something else. Ask the operator to move it elsewhere, or to set another CF1_STATE_DIR."
    )
    assert (text.read_bytes(), database.read_bytes()) == before


async def test_a_newer_format_is_refused(path: Path) -> None:
    await fill_journal(path)
    with open_database(path) as db:
        db.execute("PRAGMA user_version = 2")
    assert await refuse_begin(path) == snapshot(
        "journal.db has format 2, and this version of cf1-mcp reads 1. Ask the operator to update cf1-mcp."
    )
    with pytest.raises(JournalError, match="has format 2"):
        await open_journal(path).changes()
    assert count_entries(path) == 6


# -- later and concurrent processes


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
async def test_a_change_whose_process_was_killed_is_listed_as_unknown(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BEGINNER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin and child.stdout
        child.stdin.write("7\n")
        child.stdin.flush()
        change_id = child.stdout.readline().strip()
        child.kill()
    journal = open_journal(path)
    [change] = await journal.changes()
    assert (change.id, change.outcome, change.intent.arguments) == (change_id, "unknown", {"n": "7"})
    await journal.finish(change_id, "failed", None)
    assert ((await journal.change(change_id)).outcome, await journal.verify()) == ("failed", [])


def test_processes_and_threads_append_to_one_chain(path: Path) -> None:
    numbers = "".join(f"{n}\n" for n in range(100))
    children = [
        subprocess.Popen(
            [sys.executable, "-c", BEGINNER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers: list[str] = []
    journal = open_journal(path, busy_timeout=60)

    def listen(child: subprocess.Popen[str]) -> None:
        answers.append(child.communicate(numbers)[0])

    threads = [Thread(target=listen, args=[child]) for child in children]
    threads += [Thread(target=lambda: answers.append(anyio.run(journal.begin, DELETION))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [change_id for answer in answers for change_id in answer.split()]
    assert (len(ids), len(set(ids))) == (210, 210)
    assert {change.id for change in anyio.run(journal.changes, 1000)} == set(ids)
    assert anyio.run(journal.verify) == []


# -- tampering and damage are found


TEXTS = ("change", "kind", "undoes", "content", "pre_image", "pre_image_hash", "hash")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Change], bytes]:
    path = tmp_path_factory.mktemp("pristine") / "journal.db"
    return path, anyio.run(fill_journal, path), path.read_bytes()


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_flipped_byte_in_an_entry_is_found(pristine: tuple[Path, list[Change], bytes], data: st.DataObject) -> None:
    path, _, whole = pristine
    path.write_bytes(whole)
    with open_database(path) as db:
        column = data.draw(st.sampled_from(TEXTS))
        present = f"SELECT seq, CAST({column} AS BLOB) FROM entry WHERE {column} IS NOT NULL"  # noqa: S608
        seq, text = data.draw(st.sampled_from(db.execute(present).fetchall()))
        where, flip = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(1, 255))
        altered = text[:where] + bytes([text[where] ^ flip]) + text[where + 1 :]
        db.execute("DROP INDEX one_outcome")  # which may reject a flipped `kind`
        db.execute(f"UPDATE entry SET {column} = CAST(? AS TEXT) WHERE seq = ?", (altered, seq))  # noqa: S608
    assert any(f"ntry {seq} " in problem for problem in anyio.run(open_journal(path).verify))


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_a_flipped_byte_in_the_file_is_found_or_alters_nothing(
    pristine: tuple[Path, list[Change], bytes], data: st.DataObject
) -> None:
    path, everything, whole = pristine
    where, flip = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    path.write_bytes(whole[:where] + bytes([whole[where] ^ flip]) + whole[where + 1 :])
    journal = open_journal(path)
    try:
        found = anyio.run(journal.verify)
    except JournalError:
        return
    if not found:
        assert anyio.run(journal.changes) == everything


async def test_a_damaged_file_is_reported_even_where_sqlite_quotes_the_damage(path: Path) -> None:
    await fill_journal(path)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE entry", b"CREATE T\xceBLE entry"))
    with pytest.raises(JournalError, match=r"journal\.db cannot be used"):
        await open_journal(path).verify()
    assert "journal.db cannot be used" in await refuse_begin(path)


TAMPERING = {
    "the first removed": "DELETE FROM entry WHERE seq = 1",
    "one in the middle removed": "DELETE FROM entry WHERE seq = 3",
    "the last removed": "DELETE FROM entry WHERE seq = 6",
    "all removed": "DELETE FROM entry",
    "the last removed and the head put back": "DELETE FROM entry WHERE seq = 6; UPDATE head SET entries = 5",
    "two swapped": "UPDATE entry SET seq = -seq WHERE seq IN (3, 4); UPDATE entry SET seq = 7 + seq WHERE seq < 0",
    "one added at the end": "INSERT INTO entry SELECT 7, 'c-aaaaa-aaaaa', kind, NULL, content, pre_image_hash, hash, pre_image FROM entry WHERE seq = 6",
    "one added before the first": "INSERT INTO entry SELECT 0, 'c-aaaaa-aaaaa', kind, NULL, content, pre_image_hash, hash, pre_image FROM entry WHERE seq = 6",
    "a gap filled": "UPDATE entry SET seq = 8 WHERE seq = 6",
    "a pre-image removed": "UPDATE entry SET pre_image = NULL WHERE seq = 1",
    "a pre-image added": "UPDATE entry SET pre_image = '[]' WHERE seq = 2",
    "a pre-image removed with its hash": "UPDATE entry SET pre_image = NULL, pre_image_hash = NULL WHERE seq = 1",
    "the head removed": "DELETE FROM head",
    "a second head": "INSERT INTO head SELECT entries, hash FROM head",
    "the head set back": "UPDATE head SET entries = 5, hash = (SELECT hash FROM entry WHERE seq = 5)",
}


async def test_tampering_is_found_and_described(tmp_path: Path) -> None:
    printed: dict[str, list[str]] = {}
    for number, (what, statements) in enumerate(TAMPERING.items()):
        path = tmp_path / f"{number}.db"
        await fill_journal(path)
        with open_database(path) as db:
            db.executescript(statements)
        printed[what] = await open_journal(path).verify()
    assert all(printed.values())
    assert printed == snapshot(
        {
            "the first removed": [
                "Entry 1 is not the one of the anchor, which counts 6 entries: this is another journal, or its start was removed.",
                "Entries are missing between 0 and 2.",
            ],
            "one in the middle removed": [
                "The journal ends with entry 6, and has 5 entries: some were removed.",
                "Entries are missing between 2 and 4.",
            ],
            "the last removed": [
                "The journal ends with entry 5, and its anchor counts 6 entries: those at the end were removed.",
                "The head counts 6 entries and the last is 5: entries at the end were removed or added.",
            ],
            "all removed": [
                "The journal is empty: its anchor counts 6 entries.",
                "The head counts 6 entries and the last is 0: entries at the end were removed or added.",
            ],
            "the last removed and the head put back": [
                "The journal ends with entry 5, and its anchor counts 6 entries: those at the end were removed.",
                "The head does not match the last entry, 5: one of them was altered.",
            ],
            "two swapped": [
                "Entry 3 was altered, or it did not follow entry 2.",
                "Entry 4 was altered, or it did not follow entry 3.",
                "Entry 5 was altered, or it did not follow entry 4.",
            ],
            "one added at the end": [
                "Entry 7 was altered, or it did not follow entry 6.",
                "The head counts 6 entries and the last is 7: entries at the end were removed or added.",
            ],
            "one added before the first": ["Entry 0 was added: the first is entry 1."],
            "a gap filled": [
                "The journal ends with entry 8, and has 6 entries: some were removed.",
                "Entries are missing between 5 and 8.",
                "The head counts 6 entries and the last is 8: entries at the end were removed or added.",
            ],
            "a pre-image removed": ["The pre-image in entry 1 was altered."],
            "a pre-image added": ["The pre-image in entry 2 was altered."],
            "a pre-image removed with its hash": ["Entry 1 was altered, or it did not follow entry 0."],
            "the head removed": ["There are 0 heads instead of one: the end of the journal is unknown."],
            "a second head": ["There are 2 heads instead of one: the end of the journal is unknown."],
            "the head set back": [
                "The head counts 5 entries and the last is 6: entries at the end were removed or added."
            ],
        }
    )


async def test_nothing_is_appended_after_tampering_at_the_end(tmp_path: Path) -> None:
    refusals: dict[str, str] = {}
    for number, what in enumerate(what for what in TAMPERING if "head" in what or "last" in what or "end" in what):
        path = tmp_path / f"{number}.db"
        await fill_journal(path)
        with open_database(path) as db:
            db.executescript(TAMPERING[what])
        count = count_entries(path)
        refusals[what] = (await refuse_begin(path)).removesuffix(" Ask the operator to run 'cf1-mcp journal verify'.")
        assert count_entries(path) == count
    assert refusals == snapshot(
        {
            "the last removed": "the journal ends with entry 5, and its anchor counts 6 entries: those at the end were removed.",
            "the last removed and the head put back": "the journal ends with entry 5, and its anchor counts 6 entries: those at the end were removed.",
            "one added at the end": "entries at the end of the journal were altered, removed or added.",
            "the head removed": "entries at the end of the journal were altered, removed or added.",
            "a second head": "entries at the end of the journal were altered, removed or added.",
            "the head set back": "entries at the end of the journal were altered, removed or added.",
        }
    )


async def test_an_altered_entry_is_not_used(path: Path) -> None:
    deletion = (await fill_journal(path))[-1].id
    with open_database(path) as db:
        db.execute("UPDATE entry SET pre_image = replace(pre_image, 'green', 'clear') WHERE seq = 1")
    journal = open_journal(path)
    with pytest.raises(JournalError) as error:
        await journal.change(deletion)
    assert str(error.value) == snapshot(
        "Entry 1 of the journal was altered or damaged, so it cannot be used. Ask the operator to run 'cf1-mcp journal verify'."
    )
    assert len(await journal.changes(pre_images=False)) == 4
    with open_database(path) as db:
        db.execute("UPDATE entry SET kind = 'failed' WHERE seq = 2")
    with pytest.raises(JournalError, match="Entry 2 of the journal was altered"):
        await journal.changes(pre_images=False)
