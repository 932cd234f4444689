"""The store itself: files, transactions, emptiness."""

import sqlite3
from pathlib import Path

import pytest

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from tests.sandbox.talk import HandClock, new_event


def test_a_new_store_holds_the_default_dataset_and_nothing_else() -> None:
    store = SandboxDatabase.open()
    assert [dataset.name for dataset in store.datasets()] == ["Cloudforce One Threat Events"]
    assert store.is_empty()
    store.add_dataset("Another")
    assert not store.is_empty()


def test_a_file_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    store = SandboxDatabase.open(path, HandClock())
    load_records(store, [EventRecord(ref="a", dataset="Kept", body=dict(new_event(tags=["t"])))])
    kept = list(store.db.iterdump())
    store.close()
    again = SandboxDatabase.open(path, HandClock())
    assert list(again.db.iterdump()) == kept
    assert not again.is_empty()
    again.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like a header of one " * 20)
    with pytest.raises(ValueError, match=r"notes\.txt is no sandbox database .*; name another file"):
        SandboxDatabase.open(path)


def test_a_failing_change_changes_nothing() -> None:
    store = SandboxDatabase.open()
    with pytest.raises(sqlite3.IntegrityError), store.transaction() as db:
        db.execute("DELETE FROM category")
        db.execute("INSERT INTO dataset (uuid) VALUES (NULL)")
    assert store.db.execute("SELECT count(*) > 20 FROM category").fetchone() == (1,)


def test_a_name_of_a_dataset_is_taken_once() -> None:
    store = SandboxDatabase.open()
    assert store.add_dataset("Mine").uuid == SandboxDatabase.open().add_dataset("Mine").uuid
    with pytest.raises(BadRequest, match="name 'mine' is taken"):
        store.add_dataset("mine")
