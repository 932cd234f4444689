"""Loading files of events."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cf1_mcp.sandbox.errors import BadRecord
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import EventRecord, LoadResult, load_records, read_records
from tests.ports import REAL
from tests.sandbox.talk import HandClock, new_event


@pytest.fixture
def store() -> SandboxDatabase:
    return SandboxDatabase.open(clock=HandClock())


def line(ref: str, **more: object) -> str:
    return json.dumps({"ref": ref, "dataset": "Loaded", "body": new_event(event=ref), **more})


def parent(ref: str) -> list[dict[str, str]]:
    return [{"ref": ref, "type": "related_to"}]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_plain_or_gzipped(tmp_path: Path, packed: bool) -> None:
    file = tmp_path / "events.jsonl"
    content = f"{line('a')}\n\n{line('b')}\n".encode()
    file.write_bytes(gzip.compress(content) if packed else content)
    assert [record.ref for record in read_records(file)] == ["a", "b"]


def test_a_bad_line_is_named_and_the_rest_is_read_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f"{line('a')}\n{{oops\n{line('b')}\n{{}}\n")
    with pytest.raises(
        BadRecord, match=r"^line 2 of x\.jsonl is not JSON: .*; fix it or load the rest with --skip-bad$"
    ):
        list(read_records(file))
    skipped: list[BadRecord] = []
    assert [record.ref for record in read_records(file, skip_bad=True, on_skip=skipped.append)] == ["a", "b"]
    assert [str(bad)[:16] for bad in skipped] == ["line 2 of x.json", "line 4 of x.json"]


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl.gz"
    file.write_bytes(gzip.compress(line("a").encode() * 100)[:-20])
    with pytest.raises(BadRecord, match=r"x\.jsonl\.gz is a broken gzip file"):
        list(read_records(file, skip_bad=True))


def records(*lines: str) -> list[EventRecord]:
    return [EventRecord.model_validate_json(text) for text in lines]


def test_parents_and_references_may_come_after_what_names_them(store: SandboxDatabase) -> None:
    loaded = load_records(
        store, records(line("child", parents=parent("top"), references=["aside"]), line("top"), line("aside"))
    )
    assert loaded == LoadResult(events=3, links=1, datasets=["Loaded"], skipped=0)
    assert store.db.execute("SELECT event, target FROM event_reference").fetchall() == [(1, 3)]
    assert store.db.execute("SELECT parent, child FROM relationship").fetchall() == [(2, 1)]


def test_a_category_that_is_new_is_made(store: SandboxDatabase) -> None:
    load_records(store, records(line("a", body=new_event(category="Weather balloon"))))
    [(number, kill_chain)] = store.db.execute("SELECT id, kill_chain FROM category WHERE name = 'Weather balloon'")
    assert (store.db.execute("SELECT category FROM event").fetchone()[0], kill_chain) == (number, 0)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (line("b", parents=parent("nobody")), "record 'b' names parent 'nobody'"),
        (line("b", references=["nobody"]), "record 'b' references 'nobody'"),
        (line("a"), "record 'a' cannot be loaded: its ref names an earlier record too"),
        (line("b", body={"event": "x"}), "record 'b' cannot be loaded: category is missing"),
        (line("b", body=new_event(date="2026-11-01")), "'2026-11-01' has no time zone"),
        (line("b", body=new_event(targetCountry="Atlantis")), "targetCountry 'Atlantis' is no country"),
    ],
)
def test_one_bad_record_leaves_the_store_as_it_was(store: SandboxDatabase, bad: str, says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        load_records(store, records(line("a"), bad))
    assert store.is_empty()
    loaded = load_records(store, records(line("a"), bad), skip_bad=True)
    assert loaded.skipped == 1


def test_a_second_load_of_the_same_file_is_refused(store: SandboxDatabase) -> None:
    load_records(store, records(line("a")))
    with pytest.raises(BadRecord, match="it is loaded already"):
        load_records(store, records(line("a")))


def test_the_same_file_gives_the_same_ids_everywhere(store: SandboxDatabase) -> None:
    def ids(one: SandboxDatabase) -> list[Any]:
        load_records(one, records(line("a"), line("b")))
        return one.db.execute("SELECT uuid FROM event").fetchall()

    assert ids(store) == ids(SandboxDatabase.open(clock=HandClock()))


@pytest.mark.skipif(not REAL.exists(), reason="the real data is not on this machine")
def test_the_real_events_load_whole(store: SandboxDatabase) -> None:
    loaded = load_records(store, read_records(REAL))
    assert (loaded.events, loaded.links, loaded.skipped) == (3658, 2972, 0)
    assert loaded.datasets == ["Vendor IOC Reports", "Exploited Vulnerabilities"]
