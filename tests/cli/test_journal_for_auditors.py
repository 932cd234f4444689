"""What an auditor asks of the journal: filters, whole texts, JSON, and the calls that were logged."""

import json
import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.settings import Settings
from cf1_mcp.store.journal_records import ChangeOrigin, Intent, Outcome
from cf1_mcp.store.stores import Stores, open_stores
from cf1_mcp.text.dates import ACCEPTED_DATES
from tests.commands import run_command
from tests.tenant import NOW

DATASET = "d0000000-0000-4000-8000-000000000001"
ORIGIN = ChangeOrigin("c" * 32, "https://api.example/client/v4", "anna@corp.example", "Desk 1.2")
LONG = f"Update 3 events: {'a long reason, ' * 40}the end."


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {"CF1_STATE_DIR": str(folder), "PATH": os.environ["PATH"], "COLUMNS": "100"}
    return run_command(*arguments, environment=environment)


def listed(folder: Path, *arguments: str) -> list[dict[str, JsonValue]]:
    ended = run(folder, "journal", *arguments, "--json")
    assert (ended.returncode, ended.stderr) == (0, "") and ended.stdout.isascii()
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.fixture
def ids(tmp_path: Path) -> dict[str, str]:
    """The ids of four changes, a day apart, the newest of which undoes the oldest."""
    names: dict[str, str] = {}

    def stores_at(at: datetime) -> Stores:
        return open_stores(Settings(state_dir=tmp_path), lambda: at)

    def change(
        name: str, days: int, tool: str, outcome: Outcome, datasets: tuple[str, ...], undoes: str | None = None
    ) -> None:
        journal = stores_at(NOW - timedelta(days=days)).journal
        intent = Intent(tool, {"dataset_id": "Mine"}, datasets, LONG, None, undoes, ORIGIN)
        names[name] = anyio.run(journal.begin, intent)
        result: JsonValue = {"events": 3}
        if outcome != "unknown":
            anyio.run(journal.finish, names[name], outcome, result)

    change("update", 10, "update_threat_event", "done", (DATASET,))
    change("delete", 9, "delete_threat_events", "failed", ("d0000000-0000-4000-8000-000000000002",))
    change("tag", 8, "tag_threat_events", "unknown", (DATASET,))
    change("undo", 7, "undo_change", "done", (DATASET,), names["update"])
    return names


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("", ["undo", "tag", "delete", "update"]),
        ("--limit 2", ["undo", "tag"]),
        ("--status done", ["undo", "update"]),
        ("--status Unknown", ["tag"]),
        ("--status done --limit 1", ["undo"]),
        ("--tool delete_threat_events", ["delete"]),
        ("--tool search_threat_events", []),
        ("--tool undo_change", ["undo"]),
        (f"--dataset {DATASET.upper()}", ["undo", "tag", "update"]),
        ("--dataset mine", ["undo", "tag", "delete", "update"]),
        ("--dataset Other", []),
        ("--since 2026-11-16", ["undo", "tag"]),
        ("--until 2026-11-15", ["delete", "update"]),
        ("--since 2026-11-15 --until 2026-11-16", ["tag", "delete"]),
        ("--change UPDATE", ["undo", "update"]),
        ("--change DELETE", ["delete"]),
        ("--change c-22222-22222", []),
    ],
)
def test_changes_are_filtered(options: str, found: list[str], ids: dict[str, str], tmp_path: Path) -> None:
    filled = [ids.get(word.lower(), word) if word.isupper() and "-" not in word else word for word in options.split()]
    assert [one["id"] for one in listed(tmp_path, "list", *filled)] == [ids[name] for name in found]


def test_an_entry_says_who_made_the_change_in_whole_texts(ids: dict[str, str], tmp_path: Path) -> None:
    [change] = listed(tmp_path, "list", "--tool", "update_threat_event")
    assert {**change, "id": "ID", "undone_by": change["undone_by"] == ids["undo"]} == snapshot(
        {
            "id": "ID",
            "at": "2026-11-14T12:00:00+00:00",
            "tool": "update_threat_event",
            "api": "live",
            "account": "cccccccccccccccccccccccccccccccc",
            "base_url": "https://api.example/client/v4",
            "identity": "anna@corp.example",
            "client": "Desk 1.2",
            "marking": "amber",
            "arguments": {"dataset_id": "Mine"},
            "datasets": ["d0000000-0000-4000-8000-000000000001"],
            "summary": "Update 3 events: a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, a long reason, the end.",
            "undoes": None,
            "outcome": "done",
            "finished_at": "2026-11-14T12:00:00+00:00",
            "result": {"events": 3},
            "undone_by": True,
        }
    )
    shown = " ".join(run(tmp_path, "journal", "list").stdout.replace("| ", " ").split())
    assert shown.count("a long reason, the end.") == 4
    assert f"live, account {'c' * 8}, by anna@corp.example Desk 1.2 undoes {ids['update']}" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            "--since yesterdayish",
            f"cf1-mcp: --since: 'yesterdayish' is not a date. Use {ACCEPTED_DATES}.\n",
        ),
        (
            "--status gone",
            snapshot(
                "cf1-mcp: --status: 'gone' is not an outcome, did you mean 'done'? Use done, partial, failed or unknown.\n"
            ),
        ),
        (
            "--status fail",
            snapshot(
                "cf1-mcp: --status: 'fail' is not an outcome, did you mean 'failed'? Use done, partial, failed or unknown.\n"
            ),
        ),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(options: str, words: str, tmp_path: Path) -> None:
    ended = run(tmp_path, "journal", "list", *options.split())
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", words)


def test_a_list_without_a_match_says_so(ids: dict[str, str], tmp_path: Path) -> None:
    assert run(tmp_path, "journal", "list", "--tool", "x").stdout == "No change in the journal fits.\n"


def test_verify_answers_in_json(ids: dict[str, str], tmp_path: Path) -> None:
    assert listed(tmp_path / "other", "verify") == [{"intact": True, "entries": 0, "last": None, "accepted_losses": []}]
    [intact] = listed(tmp_path, "verify")
    assert (intact["intact"], intact["entries"]) == (True, 7)
    assert listed(tmp_path, "verify", "--expect", str(intact["last"])) == [intact]
    (tmp_path / "journal.db").unlink()
    ended = run(tmp_path, "journal", "verify", "--json")
    assert (ended.returncode, json.loads(ended.stdout)["intact"]) == (2, False)
    assert json.loads(ended.stdout)["problem"] in ended.stderr


def test_logged_calls_are_listed(tmp_path: Path) -> None:
    assert run(tmp_path, "journal", "reads").stdout == snapshot(
        "The log of calls lists none. Reads are logged with CF1_LOG_READS=counts, from then on.\n"
    )

    async def log() -> None:
        reads = open_stores(Settings(state_dir=tmp_path), lambda: NOW).reads
        await reads.add("search_threat_events", "answered", ORIGIN, ("Mine", "\x1b[2J"), {"events": 3, "rows": 3})
        await reads.add("get_threat_event", "refused", ORIGIN)

    anyio.run(log)
    assert run(tmp_path, "journal", "reads").stdout == snapshot("""\
2026-11-24 12:00:00 get_threat_event refused
| live, account cccccccc, by anna@corp.example Desk 1.2
2026-11-24 12:00:00 search_threat_events answered events 3, rows 3
| live, account cccccccc, by anna@corp.example Desk 1.2
| Mine, \\u001b[2J
""")
    assert listed(tmp_path, "reads", "--status", "answered", "--dataset", "mine") == snapshot(
        [
            {
                "at": "2026-11-24T12:00:00+00:00",
                "tool": "search_threat_events",
                "outcome": "answered",
                "datasets": ["Mine", "\x1b[2J"],
                "counts": {"events": 3, "rows": 3},
                "api": "live",
                "account": "cccccccccccccccccccccccccccccccc",
                "base_url": "https://api.example/client/v4",
                "identity": "anna@corp.example",
                "client": "Desk 1.2",
            }
        ]
    )
    assert listed(tmp_path, "reads", "--since", "2026-11-25") == []
