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


REFUSALS = {
    ("list", "--tool nope"): snapshot(
        "cf1-mcp: --tool: 'nope' is not a tool. Use create_threat_event, import_threat_events, update_threat_event, tag_threat_events, untag_threat_events, relate_threat_events, unrelate_threat_events, move_threat_events, copy_threat_events, merge_duplicate_events, delete_threat_events, create_threat_dataset, update_threat_dataset, create_threat_category, revert_threat_dataset, create_saved_query, update_saved_query, delete_saved_query, create_query_alert, update_query_alert, delete_query_alert or undo_change.\n"
    ),
    ("reads", "--tool nope"): snapshot(
        "cf1-mcp: --tool: 'nope' is not a tool. Use search_threat_events, get_threat_event, list_related_threat_events, aggregate_threat_events, query_threat_graphql, list_threat_datasets, list_threat_vocabulary, lookup_indicators, profile_attacker, export_threat_events, create_threat_event, import_threat_events, update_threat_event, tag_threat_events, untag_threat_events, relate_threat_events, unrelate_threat_events, move_threat_events, copy_threat_events, list_duplicate_events, merge_duplicate_events, delete_threat_events, create_threat_dataset, update_threat_dataset, create_threat_category, revert_threat_dataset, list_saved_queries, create_saved_query, update_saved_query, delete_saved_query, list_query_alerts, create_query_alert, update_query_alert, delete_query_alert, 'cf1-mcp journal list' or undo_change.\n"
    ),
    ("list", "--tool tag_threat_event"): snapshot(
        "cf1-mcp: --tool: 'tag_threat_event' is not a tool, did you mean 'tag_threat_events'? Use create_threat_event, import_threat_events, update_threat_event, tag_threat_events, untag_threat_events, relate_threat_events, unrelate_threat_events, move_threat_events, copy_threat_events, merge_duplicate_events, delete_threat_events, create_threat_dataset, update_threat_dataset, create_threat_category, revert_threat_dataset, create_saved_query, update_saved_query, delete_saved_query, create_query_alert, update_query_alert, delete_query_alert or undo_change.\n"
    ),
    ("reads", "--tool tag_threat_event"): snapshot(
        "cf1-mcp: --tool: 'tag_threat_event' is not a tool, did you mean 'tag_threat_events'? Use search_threat_events, get_threat_event, list_related_threat_events, aggregate_threat_events, query_threat_graphql, list_threat_datasets, list_threat_vocabulary, lookup_indicators, profile_attacker, export_threat_events, create_threat_event, import_threat_events, update_threat_event, tag_threat_events, untag_threat_events, relate_threat_events, unrelate_threat_events, move_threat_events, copy_threat_events, list_duplicate_events, merge_duplicate_events, delete_threat_events, create_threat_dataset, update_threat_dataset, create_threat_category, revert_threat_dataset, list_saved_queries, create_saved_query, update_saved_query, delete_saved_query, list_query_alerts, create_query_alert, update_query_alert, delete_query_alert, 'cf1-mcp journal list' or undo_change.\n"
    ),
    ("list", "--dataset nope"): snapshot(
        "cf1-mcp: --dataset: no entry names a dataset 'nope'. Use a uuid, or one of these. (Anna's; Ours; Mine)\n"
    ),
    ("reads", "--dataset nope"): snapshot(
        "cf1-mcp: --dataset: no entry names a dataset 'nope'. Use a uuid, or one of these. (Anna's; Ours; Mine)\n"
    ),
    ("list", "--dataset other"): snapshot(
        "cf1-mcp: --dataset: no entry names a dataset 'other'. Use a uuid, or one of these. (Anna's; Ours; Mine)\n"
    ),
    ("reads", "--dataset other"): snapshot(
        "cf1-mcp: --dataset: no entry names a dataset 'other'. Use a uuid, or one of these. (Anna's; Ours; Mine)\n"
    ),
}


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


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """The folder of a journal whose entries have the ids of datasets, and name them in their summaries."""
    second = DATASET.replace("000001", "000002")

    async def record() -> None:
        for number, (tool, summary, datasets) in enumerate(
            [
                ("tag_threat_events", "Tag 1 event in dataset 'Mine' with 'other'.", (DATASET,)),
                ("move_threat_events", "Move 2 events from dataset 'Mine' to \"Anna's\".", (DATASET, second)),
                ("rename_dataset", "Rename dataset 'Mine' to 'Ours'. It stays private.", (DATASET,)),
                ("update_threat_event", "Change tlp of event e in dataset 'Ours'.", (DATASET,)),
                ("delete_threat_events", 'Delete 1 event from dataset "Anna\'s" for good.', (second,)),
            ]
        ):
            journal = open_stores(Settings(state_dir=tmp_path), lambda at=NOW + timedelta(hours=number): at).journal
            await journal.finish(await journal.begin(Intent(tool, {}, datasets, summary, None)), "done", {})
        reads = open_stores(Settings(state_dir=tmp_path), lambda: NOW).reads
        await reads.add("search_threat_events", "answered", ORIGIN, (DATASET,), {})

    anyio.run(record)
    return tmp_path


@pytest.mark.parametrize(
    ("dataset", "tools"),
    [
        ("mine", ["update", "rename", "move", "tag"]),
        ("Ours", ["update", "rename", "move", "tag"]),
        ("Anna's", ["delete", "move"]),
        (DATASET, ["update", "rename", "move", "tag"]),
        (DATASET.replace("000001", "000009"), []),
    ],
)
def test_changes_are_found_by_the_name_of_a_dataset(dataset: str, tools: list[str], named: Path) -> None:
    found = [str(one["tool"]) for one in listed(named, "list", "--dataset", dataset)]
    assert [tool.split("_")[0] for tool in found] == tools


def test_calls_are_found_by_the_name_that_the_journal_has_for_their_dataset(named: Path) -> None:
    assert [one["tool"] for one in listed(named, "reads", "--dataset", "ours")] == ["search_threat_events"]
    assert listed(named, "reads", "--dataset", "Anna's") == []


@pytest.mark.parametrize("command", ["list", "reads"])
@pytest.mark.parametrize("options", ["--tool nope", "--tool tag_threat_event", "--dataset nope", "--dataset other"])
def test_a_name_that_nothing_has_is_refused_with_the_valid_ones(command: str, options: str, named: Path) -> None:
    ended = run(named, "journal", command, *options.split(), "--json")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert REFUSALS[command, options] == ended.stderr


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
    assert run(tmp_path, "journal", "list", "--tool", "move_threat_events").stdout == "No change in the journal fits.\n"


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
