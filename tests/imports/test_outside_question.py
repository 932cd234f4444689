"""The import command tells which rows feed block lists and alerts, and asks before it sends them."""

import json
import os
import pty
from collections.abc import Mapping
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tests.commands import Command
from tests.imports.import_command import MINE, ImportCommand, csv_of, import_command, row
from tests.imports.test_import_command import existing, jsonl
from tests.ports import ACCOUNT

ALLOWED = "--feed-block-lists"


def watch(
    api: ImportCommand,
    field: str,
    value: str,
    *,
    name: str = "watch",
    rule: bool = True,
    alerts: bool = False,
) -> int:
    """Save a query over MINE, as a colleague would, and return its id."""
    search = {"datasetId": [api.dataset()], "search": [{"field": field, "op": "equals", "value": value}]}
    body: Mapping[str, object] = {
        "name": name,
        "query_json": json.dumps(search),
        "rule_enabled": rule,
        "alert_enabled": alerts,
        "alert_rollup_enabled": False,
    }
    answer = api.http.post(f"{api.base}/accounts/{ACCOUNT}/cloudforce-one/events/queries/create", json=body)
    return int(answer.json()["result"]["id"])


def told(sentences: list[str]) -> list[str]:
    return [line for line in sentences if not line.startswith("The API is a sandbox")]


def run_on_a_terminal(api: ImportCommand, file: Path, typed: str, *arguments: str) -> tuple[int, str]:
    """Return the exit code, and what the terminal shows after a person typed something."""
    inside, outside = pty.openpty()
    given = ["import", str(file), "--dataset", MINE, *arguments]
    with Command(given, api.environment | {"TERM": "dumb"}, terminal=os.ttyname(outside)) as command:
        os.write(inside, typed.encode())
        code = command.wait()
    os.close(outside)
    shown = b""
    try:
        while part := os.read(inside, 4096):
            shown += part
    except OSError:  # how Linux reports the end
        pass
    os.close(inside)
    return code, shown.decode().replace("\r\n", "\n")


ROWS = [row(1, tags="block"), row(2, tags="other"), row(3, tags="block")]


def test_a_dry_run_tells_which_rows_would_be_blocked_and_sent(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block", alerts=True)
        result = api.run(api.write_file("a.csv", csv_of(ROWS)), "--dry-run")
        assert api.titles() == []
    assert (result.code, told(result.sentences())) == snapshot(
        (
            0,
            [
                "This import would act outside, beyond the dataset:",
                "| This adds 2 indicators to the block list of saved query 1 'watch', which newly finds 2 events.",
                "| This notifies people of 2 events found by saved query 1 'watch'.",
                "| rows: 2, 4",
                '| newly blocked (2): "host-1.example.com", "host-3.example.com"',
            ],
        )
    )


def test_without_a_terminal_nothing_is_sent(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block")
        file = api.write_file("a.csv", csv_of(ROWS))
        result = api.run(file)
        assert (api.titles(), api.changes()) == ([], [])
        assert api.run(file, "--dry-run").counted() == {"would be created": 3}
    assert (result.code, told(result.sentences())) == snapshot(
        (
            2,
            [
                "This import acts outside, beyond the dataset:",
                "| This adds 2 indicators to the block list of saved query 1 'watch', which newly finds 2 events.",
                "| rows: 2, 4",
                '| newly blocked (2): "host-1.example.com", "host-3.example.com"',
                "This is not a terminal, so nobody can be asked. Run the command at one, or add --feed-block-lists",
                "| to allow this.",
                "Nothing was sent, because nobody agreed to what it would do outside.",
            ],
        )
    )


def test_with_the_option_it_is_told_and_sent(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block", rule=False, alerts=True)
        result = api.run(api.write_file("a.csv", csv_of(ROWS)), ALLOWED)
        assert len(api.titles()) == 3
    assert (result.code, told(result.sentences())) == snapshot(
        (
            0,
            [
                "This import acts outside, beyond the dataset:",
                "| This notifies people of 2 events found by saved query 1 'watch'.",
                "| rows: 2, 4",
            ],
        )
    )


@pytest.mark.parametrize(("typed", "sent"), [("y\n", 3), ("n\n", 0), ("\n", 0), ("\x04", 0)])
def test_a_person_at_a_terminal_decides(tmp_path: Path, typed: str, sent: int) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block")
        code, shown = run_on_a_terminal(api, api.write_file("a.csv", csv_of(ROWS)), typed)
        assert len(api.titles()) == sent
        assert (code, len(api.changes())) == ((0, 1) if sent else (2, 0))
    assert shown.index("newly blocked (2)") < shown.index("Import the rows, with these effects? [y/N]")


def test_ctrl_c_at_the_question_sends_nothing(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block")
        file = api.write_file("a.csv", csv_of(ROWS))
        inside, outside = pty.openpty()
        given = ["import", str(file), "--dataset", MINE]
        with Command(given, api.environment | {"TERM": "dumb"}, terminal=os.ttyname(outside)) as command:
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(inside, 4096)
            command.interrupt()
            assert command.wait() == 2
        assert api.titles() == []
    os.close(outside)
    os.close(inside)


def test_rows_that_no_query_finds_are_sent_without_a_question(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block")
        watch(api, "tags", "other", name="watched, without rule", rule=False)
        result = api.run(api.write_file("a.csv", csv_of([row(2, tags="other")])))
    assert (result.code, told(result.sentences())) == (0, [])


def test_an_event_that_exists_is_told_when_its_update_feeds_a_block_list(tmp_path: Path) -> None:
    with import_command(tmp_path, seeds=[existing(1, attacker="OLD"), existing(2, attacker="NEW")]) as api:
        watch(api, "attacker", "NEW")
        file = api.write_file("a.csv", csv_of([row(1, attacker="NEW"), row(2, attacker="NEW")]))
        skipped = api.run(file, "--dry-run")
        planned = api.run(file, "--dry-run", "--on-duplicate", "update")
        refused = api.run(file, "--on-duplicate", "update")
        assert [event["attacker"] for event in api.events()] == ["OLD", "NEW"]
        allowed = api.run(file, "--on-duplicate", "update", ALLOWED)
        assert [event["attacker"] for event in api.events()] == ["NEW", "NEW"]
    assert (told(skipped.sentences()), refused.code) == ([], 2)
    assert "This adds 1 indicator to the block list of saved query 1 'watch'" in planned.stderr
    assert planned.counted() == {"existed already": 1, "would be updated": 1}
    assert (allowed.code, allowed.counted()) == (0, {"existed already": 1, "existed, updated": 1})


def test_an_event_that_exists_is_told_when_it_gets_its_first_child(tmp_path: Path) -> None:
    with import_command(tmp_path, seeds=[existing(1)]) as api:
        watch(api, "hasChildren", "true")
        rows = [row(1, ref="a"), row(2, parent_ref="a")]
        result = api.run(api.write_file("a.jsonl", jsonl(*rows)))
        assert api.titles() == ["Lure 0001"]
    assert (result.code, told(result.sentences())[1]) == snapshot(
        (2, "| This may add 1 indicator to the block list of saved query 1 'watch', which may newly find 1")
    )


def test_the_rows_that_are_left_are_asked_about_again(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="413=2@create/bulk") as api:
        watch(api, "tags", "block")
        file = api.write_file("a.csv", csv_of(ROWS))
        few = ["--group", "1", "--concurrency", "1"]
        assert api.run(file, *few, ALLOWED).counted() == {"created": 1, "refused": 2}
        result = api.run(file, *few)
        assert len(api.titles()) == 1
        assert api.run(file, *few, ALLOWED).code == 0
    assert (result.code, told(result.sentences())[1:3], told(result.sentences())[-1]) == snapshot(
        (
            2,
            [
                "| This adds 1 indicator to the block list of saved query 1 'watch', which newly finds 1 event.",
                "| rows: 2",
            ],
            "Nothing more was sent, because nobody agreed to what it would do outside.",
        )
    )


def test_saved_queries_that_cannot_be_listed_are_asked_about(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="403@/events/queries") as api:
        result = api.run(api.write_file("a.csv", csv_of([row(1)])))
        assert api.titles() == []
    assert (result.code, told(result.sentences())[1:3]) == snapshot(
        (
            2,
            [
                "The saved queries could not be listed, so it is unknown whether this changes a block list or",
                "| notifies people.",
            ],
        )
    )


def test_an_outage_of_saved_queries_is_waited_out(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="503=5@/events/queries") as api:
        watch_later = api.run(api.write_file("a.csv", csv_of([row(1)])))
        assert api.titles() == ["Lure 0001"]
    assert (watch_later.code, told(watch_later.sentences())) == (0, [])


def test_a_name_cannot_pass_for_words_of_the_command(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        watch(api, "tags", "block", name="x" + " " * 70 + "Import the rows? y")
        _, shown = run_on_a_terminal(api, api.write_file("a.csv", csv_of(ROWS)), "n\n")
    assert not [line for line in shown.split("\n") if line.startswith("Import the rows? y")]
