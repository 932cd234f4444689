"""The database: files, transactions and datasets."""

import sqlite3
from pathlib import Path

import pytest

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from tests.sandbox.api_client import ManualClock, event_body


def test_a_new_database_contains_only_the_default_dataset() -> None:
    database = SandboxDatabase.open()
    assert [dataset.name for dataset in database.datasets()] == ["Cloudforce One Threat Events"]
    assert database.is_empty()
    database.add_dataset("Another")
    assert not database.is_empty()


def test_a_file_keeps_all_data(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    database = SandboxDatabase.open(path, ManualClock())
    load_records(database, [EventRecord(ref="a", dataset="Kept", body=dict(event_body(tags=["t"])))])
    kept = list(database.db.iterdump())
    database.close()
    again = SandboxDatabase.open(path, ManualClock())
    assert list(again.db.iterdump()) == kept
    assert not again.is_empty()
    again.close()


def test_a_file_that_is_not_a_database_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like a header of one " * 20)
    with pytest.raises(ValueError, match=r"notes\.txt is not a sandbox database .*; name another file"):
        SandboxDatabase.open(path)


def test_a_failed_transaction_changes_nothing() -> None:
    database = SandboxDatabase.open()
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as db:
        db.execute("DELETE FROM category")
        db.execute("INSERT INTO dataset (uuid) VALUES (NULL)")
    assert database.db.execute("SELECT count(*) > 20 FROM category").fetchone() == (1,)


def test_a_dataset_name_is_unique_and_determines_the_uuid() -> None:
    database = SandboxDatabase.open()
    assert database.add_dataset("Mine").uuid == SandboxDatabase.open().add_dataset("Mine").uuid
    with pytest.raises(BadRequest, match="name 'mine' is taken"):
        database.add_dataset("mine")
