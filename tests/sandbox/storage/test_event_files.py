"""Reading and loading files of events."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cf1_mcp.sandbox.errors import BadRecord
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import EventRecord, LoadResult, load_records, read_records
from tests.ports import REAL
from tests.sandbox.api_client import ManualClock, event_body


@pytest.fixture
def database() -> SandboxDatabase:
    return SandboxDatabase.open(clock=ManualClock())


def line(ref: str, **more: object) -> str:
    return json.dumps({"ref": ref, "dataset": "Loaded", "body": event_body(event=ref), **more})


def parent(ref: str) -> list[dict[str, str]]:
    return [{"ref": ref, "type": "related_to"}]


@pytest.mark.parametrize("packed", [False, True])
def test_a_plain_or_gzipped_file_is_read(tmp_path: Path, packed: bool) -> None:
    file = tmp_path / "events.jsonl"
    content = f"{line('a')}\n\n{line('b')}\n".encode()
    file.write_bytes(gzip.compress(content) if packed else content)
    assert [record.ref for record in read_records(file)] == ["a", "b"]


def test_a_bad_line_is_named_and_the_rest_is_read_only_on_request(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f"{line('a')}\n{{oops\n{line('b')}\n{{}}\n")
    with pytest.raises(
        BadRecord, match=r"^line 2 of x\.jsonl is not JSON: .*; fix it or load the rest with --skip-bad$"
    ):
        list(read_records(file))
    skipped: list[BadRecord] = []
    assert [record.ref for record in read_records(file, skip_bad=True, on_skip=skipped.append)] == ["a", "b"]
    assert [str(bad)[:16] for bad in skipped] == ["line 2 of x.json", "line 4 of x.json"]


def test_a_truncated_gzip_file_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl.gz"
    file.write_bytes(gzip.compress(line("a").encode() * 100)[:-20])
    with pytest.raises(BadRecord, match=r"x\.jsonl\.gz is a broken gzip file"):
        list(read_records(file, skip_bad=True))


def records(*lines: str) -> list[EventRecord]:
    return [EventRecord.model_validate_json(text) for text in lines]


def test_a_record_may_name_parents_and_references_that_come_later(database: SandboxDatabase) -> None:
    loaded = load_records(
        database, records(line("child", parents=parent("top"), references=["aside"]), line("top"), line("aside"))
    )
    assert loaded == LoadResult(events=3, links=1, datasets=["Loaded"], skipped=0)
    assert database.db.execute("SELECT event, target FROM event_reference").fetchall() == [(1, 3)]
    assert database.db.execute("SELECT parent, child FROM relationship").fetchall() == [(2, 1)]


def test_an_unknown_category_is_created(database: SandboxDatabase) -> None:
    load_records(database, records(line("a", body=event_body(category="Weather balloon"))))
    [(number, kill_chain)] = database.db.execute("SELECT id, kill_chain FROM category WHERE name = 'Weather balloon'")
    assert (database.db.execute("SELECT category FROM event").fetchone()[0], kill_chain) == (number, 0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line("b", parents=parent("nobody")), "record 'b' names parent 'nobody'"),
        (line("b", references=["nobody"]), "record 'b' references 'nobody'"),
        (line("a"), "record 'a' cannot be loaded: an earlier record has the same ref"),
        (line("b", body={"event": "x"}), "record 'b' cannot be loaded: category is missing"),
        (line("b", body=event_body(date="2026-11-01")), "'2026-11-01' has no time zone"),
        (line("b", body=event_body(targetCountry="Atlantis")), "targetCountry 'Atlantis' is not a country"),
    ],
)
def test_one_bad_record_leaves_the_database_unchanged(database: SandboxDatabase, bad: str, message: str) -> None:
    with pytest.raises(BadRecord, match=message):
        load_records(database, records(line("a"), bad))
    assert database.is_empty()
    loaded = load_records(database, records(line("a"), bad), skip_bad=True)
    assert loaded.skipped == 1


def test_a_second_load_of_the_same_file_is_rejected(database: SandboxDatabase) -> None:
    load_records(database, records(line("a")))
    with pytest.raises(BadRecord, match="it is already loaded"):
        load_records(database, records(line("a")))


def test_the_same_file_has_the_same_ids_in_every_database(database: SandboxDatabase) -> None:
    def ids(one: SandboxDatabase) -> list[Any]:
        load_records(one, records(line("a"), line("b")))
        return one.db.execute("SELECT uuid FROM event").fetchall()

    assert ids(database) == ids(SandboxDatabase.open(clock=ManualClock()))


@pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of the repository")
def test_every_real_event_is_loaded(database: SandboxDatabase) -> None:
    loaded = load_records(database, read_records(REAL))
    assert (loaded.events, loaded.links, loaded.skipped) == (3658, 2972, 0)
    assert loaded.datasets == ["Vendor IOC Reports", "Exploited Vulnerabilities"]
