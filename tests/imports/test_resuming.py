"""An interrupted import continues, and creates every row exactly once."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.cli.import_file import EARLIER
from cf1_mcp.events.matching import EventIdentity, IdentifiedRow, identify_row
from cf1_mcp.imports.recovery import match_rows
from cf1_mcp.models import Event
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.import_rows import NewLedgerRow
from tests.imports.import_command import ImportCommand, csv_of, import_command, row

ROWS = 60
SMALL = ["--group", "5", "--settle", "1"]
# Among plain rows: identical rows, and rows without an indicator.
REPEATED = [*(row(n) for n in range(ROWS - 20)), *[row(900)] * 10]
WITHOUT_INDICATOR = [row(n, indicator="", indicator_type="") for n in range(800, 810)]
EXPECTED_TITLES = Counter(str(one["event"]) for one in [*REPEATED, *WITHOUT_INDICATOR])
FILE = csv_of([*REPEATED, *WITHOUT_INDICATOR])
CREATE_ALL = ["--on-duplicate", "create", *SMALL]


def parent_with_children(children: int) -> str:
    rows = [row(0, event="Parent", ref="p"), *(row(n, parent_ref="p") for n in range(1, children + 1))]
    return "\n".join(json.dumps(one) for one in rows)


def kill_import(api: ImportCommand, file: Path, least: int, *arguments: str) -> None:
    """Start an import and kill it once the sandbox has at least `least` of its events."""
    with api.start(file, *arguments) as process:
        while len(api.events()) < least:
            assert process.poll() is None, process.stderr()
            time.sleep(0.01)
        process.kill()


# -- killed


@pytest.mark.parametrize("least", [1, 20, 40], ids=["after the first answers", "in the middle", "near the end"])
def test_a_killed_import_continues_and_creates_each_row_once(tmp_path: Path, least: int) -> None:
    with import_command(tmp_path, faults="latency=0.5@create/bulk") as api:
        file = api.write_file("a.csv", FILE)
        kill_import(api, file, least, *CREATE_ALL)
        ended = api.run(file, *CREATE_ALL)
        assert Counter(api.titles()) == EXPECTED_TITLES
        ids = {event["uuid"] for event in api.events()}
        assert {line["uuid"] for line in api.report() if "uuid" in line} == ids
    assert (ended.code, sum(ended.counted().values())) == (0, ROWS)
    # What the first run was not told, the second finds out, and counts as its own.
    assert {"created"} <= set(ended.counted()) <= {"created", EARLIER}
    # The killed run and the run that continued it are one change, which lists every event.
    [change] = api.changes()
    assert change.outcome == "done"
    assert isinstance(change.result, dict) and isinstance(created := change.result["created"], list)
    assert {str(one["uuid"]) for one in created if isinstance(one, dict)} == ids


def test_an_import_killed_twice_continues(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="latency=0.2@create/bulk") as api:
        file = api.write_file("a.csv", FILE)
        kill_import(api, file, 5, *CREATE_ALL)
        kill_import(api, file, 30, *CREATE_ALL)
        assert api.run(file, *CREATE_ALL).code == 0
        assert Counter(api.titles()) == EXPECTED_TITLES


def test_an_import_killed_while_it_checks_starts_over(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", FILE)
        with api.start(file, *CREATE_ALL) as process:
            while not list(tmp_path.glob("state/imports/*.db")):
                assert process.poll() is None
            process.kill()
        assert api.run(file, *CREATE_ALL).code == 0
        assert Counter(api.titles()) == EXPECTED_TITLES


def test_an_import_killed_between_its_links_makes_each_link_once(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="latency=0.5@relationships/create") as api:
        file = api.write_file("a.jsonl", parent_with_children(20))
        with api.start(file, *SMALL) as process:
            while len(api.events()) < 21 or not api.children("Parent"):
                assert process.poll() is None
            process.kill()
        ended = api.run(file, *SMALL)
        assert len(api.children("Parent")) == 20
    made = sum(count for words, count in ended.counted().items() if words.startswith("relationships"))
    assert (ended.code, made) == (0, 20)


@pytest.mark.anyio
async def test_two_processes_cannot_run_the_same_import(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", FILE)
        assert api.run(file, *CREATE_ALL).code == 0
        [path] = tmp_path.glob("state/imports/*.db")  # noqa: ASYNC240 - nothing else runs in this loop
        async with await ImportLedger.open(path):
            second = api.run(file, *CREATE_ALL)
        assert api.run(file, *CREATE_ALL).code == 0
    assert (second.code, second.sentences()) == snapshot(
        (2, ["cf1-mcp: Another process is running this import. Wait until it ends."])
    )


def test_an_import_that_a_person_interrupts_continues_later(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="latency=0.2@create/bulk") as api:
        file = api.write_file("a.csv", FILE)
        with api.start(file, *CREATE_ALL) as process:
            while not api.events():
                assert process.poll() is None
            process.interrupt()
            _, stderr = process.communicate()
        assert (process.wait(), stderr.strip().splitlines()[-1]) == (
            1,
            "Interrupted. Nothing is lost: the same command continues where it stopped.",
        )
        assert api.run(file, *CREATE_ALL).code == 0
        assert Counter(api.titles()) == EXPECTED_TITLES


# -- answers that are lost, and an API that fails


@pytest.mark.parametrize(
    "fault",
    [
        "truncate=3@create/bulk",
        "reset=3@create/bulk",
        "html=2@create/bulk",
        "503=2@create/bulk",
        "429=3@create/bulk",
        "truncate=2@relationships/create,reset=1@relationships/create",
        "503=3,truncate=1@create/bulk,429=1",
    ],
)
def test_an_import_survives_failures_of_the_api(tmp_path: Path, fault: str) -> None:
    with import_command(tmp_path, faults=fault) as api:
        file = api.write_file("a.jsonl", parent_with_children(30))
        ended = api.run(file, *SMALL)
        assert Counter(api.titles()) == Counter(["Parent", *(f"Lure {n:04}" for n in range(1, 31))])
        assert len(api.children("Parent")) == 30
    assert ended.code == 0


def test_an_import_keeps_to_a_rate_limit(tmp_path: Path) -> None:
    with import_command(tmp_path, rate_limit="12/2") as api:
        assert api.run(api.write_file("a.csv", FILE), *CREATE_ALL).code == 0
        while isinstance(listed := api.get("/events", datasetId="all", pageSize=25000), dict):
            pass  # the limit applies to this request, too
    titles = Counter(event["event"] for event in listed)
    assert {title: titles[title] for title in EXPECTED_TITLES} == EXPECTED_TITLES


def test_an_import_that_gives_up_reports_it_and_continues_later(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="truncate=1@create/bulk") as api:
        file = api.write_file("a.csv", FILE)
        stopped = api.run(file, *CREATE_ALL, "--give-up-after", "0", "--concurrency", "1")
        first = api.count_outcomes()
        ended = api.run(file, *CREATE_ALL)
        assert Counter(api.titles()) == EXPECTED_TITLES
    assert (stopped.code, first) == snapshot((1, {"unknown": 5, "not sent": 55}))
    assert stopped.sentences() == snapshot(
        [
            "The API is a sandbox: the data is fictional.",
            "The connection broke before the answer was complete. If this was a change, check whether it was made before repeating it; otherwise try again. It lasted longer than --give-up-after allows.",
            "The same command continues where this one stopped, and sends no row twice.",
        ]
    )
    assert (ended.code, ended.counted()) == (0, {"created": ROWS})
    changes = api.changes()
    assert [change.outcome for change in changes] == ["done", "unknown"]


def test_an_import_does_not_continue_with_another_duplicate_rule(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", FILE)
        assert api.run(file, *CREATE_ALL).code == 0
        ended = api.run(file, *SMALL)
        assert Counter(api.titles()) == EXPECTED_TITLES
    assert (ended.code, ended.sentences()) == snapshot(
        (2, ["cf1-mcp: --on-duplicate: this import began with create. Use create, or --again."])
    )


# -- which rows were made


def lost_row(number: int, **fields: JsonValue) -> IdentifiedRow:
    event = {"date": "2026-01-10T08:00:00Z", "event": "x", "category": "Phishing", "tlp": "green", **fields}
    return identify_row(number, event)


def found_event(uuid: str, insight: str = "") -> Event:
    stderr = {"date": "2026-01-10T08:00:00Z", "event": "x", "category": "Phishing", "tlp": "green"}
    return Event.model_validate({**stderr, "uuid": uuid, "insight": insight})


def by_identity(rows: list[IdentifiedRow], *events: Event) -> dict[EventIdentity, list[Event]]:
    plain = rows[0].identity
    return {plain: [*events]}


def test_as_many_identical_rows_are_matched_as_there_are_events() -> None:
    rows = [lost_row(number) for number in range(5)]
    assert len(match_rows(rows, by_identity(rows, found_event("a"), found_event("b")))) == 2


def test_among_identical_rows_the_event_that_agrees_most_is_matched() -> None:
    rows = [lost_row(0, insight="one"), lost_row(1, insight="two")]
    assert match_rows(rows, by_identity(rows, found_event("a", insight="two"))) != {}
    assert match_rows(rows[1:], by_identity(rows, found_event("b"), found_event("a", insight="two"))) == {1: "a"}


def test_no_event_is_matched_to_two_rows() -> None:
    rows = [lost_row(0), lost_row(1)]
    made = match_rows(rows, by_identity(rows, found_event("a")))
    assert len(made) == 1


# -- the ledger


@pytest.mark.anyio
async def test_rows_that_were_being_sent_are_still_sending_after_the_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "imports" / "a.db"
    async with await ImportLedger.open(path) as ledger:
        await ledger.start_over()
        await ledger.add([NewLedgerRow(n, n, "ready", "{}") for n in range(5)])
        taken = await ledger.rows.take(2, 2, at=0.0)
        await ledger.rows.record_answer({0: "a"}, {1: "no"})
    assert [[row.number for row in group.rows] for group in taken] == [[0, 1], [2, 3]]
    async with await ImportLedger.open(path) as again:
        assert await again.rows.counts() == {"created": 1, "ready": 1, "refused": 1, "sending": 2}
    assert path.stat().st_mode & 0o777 == 0o600
