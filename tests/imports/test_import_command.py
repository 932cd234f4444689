"""The import command against a sandbox on a port: rows are checked, compared, sent, linked and reported."""

import gzip
import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from inline_snapshot import snapshot
from mcp import Client

from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.store.journal_records import ChangeOrigin
from tests.conversations import ask
from tests.imports.import_command import MINE, SEED, ImportCommand, csv_of, import_command, row
from tests.ports import ACCOUNT, REAL, settings_for


def jsonl(*rows: object) -> str:
    return "\n".join(json.dumps(one) for one in rows) + "\n"


# -- what is imported


def test_rows_become_events_with_all_their_fields(tmp_path: Path) -> None:
    rows = [
        row(1, event="The campaign", ref="a", attacker="COPPER", attacker_country="Germany", tlp="TLP:AMBER"),
        row(2, event="A lure", indicator="hxxp://a[.]example[.]com/x", indicator_type="URL", parent_ref="a"),
        row(3, event="A mail", indicator="x@example.com", indicator_type="email", tags=["b", "a"], raw={"k": 1}),
    ]
    with import_command(tmp_path) as api:
        result = api.run(api.write_file("rows.jsonl", jsonl(*rows)))
        events = api.events_with_indicators()
        below = api.children("The campaign")
        report = api.report()
    assert (result.code, result.counted()) == (0, {"created": 3, "relationships made": 1})
    assert result.sentences() == snapshot(
        [
            "The API is a sandbox: the data is fictional.",
            "an indicator was written defanged and is imported in its usable form",
        ]
    )
    shown = ("event", "indicator", "indicatorType", "attacker", "attackerCountry", "tlp", "tags", "date")
    assert [{name: event[name] for name in shown if event[name]} for event in events] == snapshot(
        [
            {
                "event": "A lure",
                "indicator": "http://a.example.com/x",
                "indicatorType": "url",
                "tlp": "green",
                "date": "2026-01-10T08:00:00Z",
            },
            {
                "event": "A mail",
                "indicator": "x@example.com",
                "indicatorType": "email",
                "tlp": "green",
                "tags": ["b", "a"],
                "date": "2026-01-10T08:00:00Z",
            },
            {
                "event": "The campaign",
                "indicator": "host-1.example.com",
                "indicatorType": "domain",
                "attacker": "COPPER",
                "attackerCountry": "DE",
                "tlp": "amber",
                "date": "2026-01-10T08:00:00Z",
            },
        ]
    )
    assert below == ["A lure"]
    assert [{**line, "uuid": "..."} if "uuid" in line else line for line in report] == snapshot(
        [
            {"note": "an indicator was written defanged and is imported in its usable form"},
            {"row": 1, "outcome": "created", "uuid": "...", "ref": "a"},
            {"row": 2, "outcome": "created", "uuid": "..."},
            {"row": 3, "outcome": "created", "uuid": "..."},
            {"link": {"parent_row": 1, "child_row": 2, "type": "related_to"}, "outcome": "made"},
        ]
    )


@pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of this repository")
def test_real_events_are_imported_completely(tmp_path: Path) -> None:
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        bodies = [json.loads(line)["body"] for line in lines]
    words: dict[tuple[str, ...], dict[str, Any]] = {}
    for body in bodies:
        words.setdefault((body["category"], body.get("indicatorType", ""), body.get("targetIndustry", "")), body)
    seeds = [{**body, "event": "the seed", "date": "2000-01-01T00:00:00Z"} for body in words.values()]
    with import_command(tmp_path, seeds=seeds) as api:
        result = api.run(REAL)
        events = api.events()
    assert (result.code, result.counted()) == (0, {"created": 3658, "relationships made": 2972})
    assert sorted(event["event"] for event in events) == sorted(body["event"] for body in bodies)


def test_a_bundle_and_a_misp_event_become_linked_events(tmp_path: Path) -> None:
    bundle = {
        "type": "bundle",
        "id": "bundle--1",
        "objects": [
            {
                "type": "report",
                "spec_version": "2.1",
                "id": "report--1",
                "name": "The report",
                "published": "2026-01-10T00:00:00Z",
                "object_refs": ["indicator--1"],
            },
            {
                "type": "indicator",
                "spec_version": "2.1",
                "id": "indicator--1",
                "name": "A host",
                "pattern": "[domain-name:value = 'a.example.com']",
                "valid_from": "2026-01-10T00:00:00Z",
            },
        ],
    }
    attribute = {"uuid": "a", "type": "ip-dst", "value": "192.0.2.1", "comment": "seen"}
    event = {"Event": {"uuid": "e", "info": "The wave", "date": "2026-01-10", "Attribute": [attribute]}}
    given = ["--set", "category=Phishing", "--set", "tlp=green"]
    with import_command(tmp_path) as api:
        assert api.run(api.write_file("bundle.json", json.dumps(bundle)), *given).code == 0
        assert api.run(api.write_file("event.json", json.dumps(event)), *given).code == 0
        assert api.titles() == ["A host", "The report", "The wave", "The wave"]
        assert api.children("The report") == ["A host"]


# -- invalid rows


def write_invalid_file(api: ImportCommand) -> Path:
    rows = [
        row(1, ref="a"),
        row(2, category="Fishing"),
        row(3, category="Fishing", tlp="red", target_country="XX"),
        row(4, date="never", parent_ref="nobody"),
        row(5, ref="a", indicator_type="domian"),
        row(6, ref="c", parent_ref="d"),
        row(7, ref="d", parent_ref="c"),
        row(8, parent_ref="a"),
        {"event": "y"},
    ]
    return api.write_file("rows.jsonl", jsonl(*rows) + '{"cut": ')


def test_one_invalid_row_stops_the_import_and_every_invalid_row_is_reported(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        result = api.run(write_invalid_file(api))
        assert api.titles() == []
        report = api.report()
    assert result.code == 2
    assert result.sentences() == snapshot(
        [
            "The API is a sandbox: the data is fictional.",
            "row 2-3: category: the account does not know 'Fishing', did you mean the first of these? Use one of these. (Phishing)",
            "row 3: tlp: the marking red is withheld by CF1_MAX_TLP (amber). Change that setting to allow it",
            "row 3: target_country: the account does not know 'XX'. Use an ISO code of two letters such as US, or a name",
            "row 4: date: 'never' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)",
            "row 4: parent_ref: no row has the ref 'nobody'",
            "row 5: indicator_type: the account does not know 'domian', did you mean the first of these? Use one of these. (domain; email; hash; ip; url)",
            "row 5: ref: row 1 already has the same ref",
            "row 6-7: parent_ref: the row would be its own ancestor, or is too many levels deep",
            "row 9: date: it is missing. Use a column or field for it, or --set date=VALUE",
            "row 9: category: it is missing. Use a column or field for it, or --set category=VALUE",
            "row 9: tlp: it is missing. Use a column or field for it, or --set tlp=VALUE",
            "row 10: the line is not JSON (Expecting value at character 9), and the file ends within it: it may be truncated",
            "Nothing was sent, because of the invalid rows.",
        ]
    )
    assert [line for line in report if line.get("outcome") != "not sent"] == snapshot(
        [
            {
                "row": 2,
                "outcome": "invalid",
                "reasons": [
                    "category: the account does not know 'Fishing', did you mean the first of these? Use one of these. (Phishing)"
                ],
            },
            {
                "row": 3,
                "outcome": "invalid",
                "reasons": [
                    "category: the account does not know 'Fishing', did you mean the first of these? Use one of these. (Phishing)",
                    "tlp: the marking red is withheld by CF1_MAX_TLP (amber). Change that setting to allow it",
                    "target_country: the account does not know 'XX'. Use an ISO code of two letters such as US, or a name",
                ],
            },
            {
                "row": 4,
                "outcome": "invalid",
                "reasons": [
                    "date: 'never' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)",
                    "parent_ref: no row has the ref 'nobody'",
                ],
            },
            {
                "row": 5,
                "outcome": "invalid",
                "ref": "a",
                "reasons": [
                    "indicator_type: the account does not know 'domian', did you mean the first of these? Use one of these. (domain; email; hash; ip; url)",
                    "ref: row 1 already has the same ref",
                ],
            },
            {
                "row": 6,
                "outcome": "invalid",
                "ref": "c",
                "reasons": ["parent_ref: the row would be its own ancestor, or is too many levels deep"],
            },
            {
                "row": 7,
                "outcome": "invalid",
                "ref": "d",
                "reasons": ["parent_ref: the row would be its own ancestor, or is too many levels deep"],
            },
            {
                "row": 9,
                "outcome": "invalid",
                "reasons": [
                    "date: it is missing. Use a column or field for it, or --set date=VALUE",
                    "category: it is missing. Use a column or field for it, or --set category=VALUE",
                    "tlp: it is missing. Use a column or field for it, or --set tlp=VALUE",
                ],
            },
            {
                "row": 10,
                "outcome": "invalid",
                "reasons": [
                    "the line is not JSON (Expecting value at character 9), and the file ends within it: it may be truncated"
                ],
            },
            {
                "link": {"parent_row": None, "child_row": 4, "type": "related_to", "parent_ref": "nobody"},
                "outcome": "not made",
            },
            {"link": {"parent_row": 7, "child_row": 6, "type": "related_to"}, "outcome": "not made"},
            {"link": {"parent_row": 6, "child_row": 7, "type": "related_to"}, "outcome": "not made"},
            {"link": {"parent_row": 1, "child_row": 8, "type": "related_to"}, "outcome": "not made"},
        ]
    )


def test_lone_surrogates_are_reported_in_any_field(tmp_path: Path) -> None:
    half = "\ud800"
    rows = [
        row(1, event=half),
        row(2, ref=half),
        row(3, parent_ref=half),
        row(4, raw={"k": half}),
        row(5, tags=[half]),
        row(6, indicator=half),
        {"ref": "r", "body": {"raw": {"data": None, "source": half}}},
        {half: 1},
    ]
    with import_command(tmp_path) as api:
        result = api.run(api.write_file("rows.jsonl", jsonl(*rows)))
    assert (result.code, result.sentences()) == snapshot(
        (
            2,
            [
                "The API is a sandbox: the data is fictional.",
                "row 1: event: it contains half a character (a lone surrogate). Use whole characters",
                "row 2-3: ref: it, or the ref of a parent, contains half a character (a lone surrogate)",
                "row 4: raw: this cannot be written as JSON. Use plain JSON without NaN or Infinity.",
                "row 5: tags: '\\\\ud800' contains line breaks or invisible characters. Use one line of visible text.",
                "row 6: indicator: it contains half a character (a lone surrogate). Use whole characters",
                "row 7: date: it is missing. Use a column or field for it, or --set date=VALUE",
                "row 7: category: it is missing. Use a column or field for it, or --set category=VALUE",
                "row 7: event: it is missing. Use a column or field for it, or --set event=VALUE",
                "row 7: tlp: it is missing. Use a column or field for it, or --set tlp=VALUE",
                "row 7: raw.source: it contains half a character (a lone surrogate). Use whole characters.",
                "row 8: \\ud800: a row has no such field",
                "Nothing was sent, because of the invalid rows.",
            ],
        )
    )


def test_valid_rows_are_sent_on_request_and_links_to_invalid_rows_are_reported(tmp_path: Path) -> None:
    rows = [row(1, category="Fishing", ref="a"), row(2, parent_ref="a"), row(3, ref="c"), row(4, parent_ref="c")]
    with import_command(tmp_path) as api:
        result = api.run(api.write_file("rows.jsonl", jsonl(*rows)), "--skip-bad")
        assert api.titles() == ["Lure 0002", "Lure 0003", "Lure 0004"]
        report = api.report()
    assert (result.code, result.counted()) == snapshot(
        (1, {"created": 3, "invalid": 1, "relationships made": 1, "relationships not made": 1})
    )
    assert [line for line in report if "link" in line] == snapshot(
        [
            {
                "link": {"parent_row": 1, "child_row": 2, "type": "related_to"},
                "outcome": "failed",
                "reason": "one of its rows has no event, or the id of the event is not known",
            },
            {"link": {"parent_row": 3, "child_row": 4, "type": "related_to"}, "outcome": "made"},
        ]
    )


def test_a_corrected_row_is_imported_the_next_time(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        assert api.run(api.write_file("a.csv", csv_of([row(1, category="Fishing")]))).code == 2
        assert api.run(api.write_file("a.csv", csv_of([row(1)]))).code == 0
        assert api.titles() == ["Lure 0001"]


def test_a_row_that_the_api_refuses_does_not_stop_the_others(tmp_path: Path) -> None:
    with import_command(tmp_path, faults="413=3@create/bulk") as api:
        result = api.run(
            api.write_file("a.csv", csv_of(row(n) for n in range(4))), "--group", "4", "--concurrency", "1"
        )
        counted = result.counted()
        again = api.run(api.folder / "a.csv", "--group", "4", "--concurrency", "1")
        assert api.titles() == [f"Lure {n:04}" for n in range(4)]
    assert (result.code, counted) == (1, {"created": 3, "refused": 1})
    assert again.code == 0


def test_a_dry_run_sends_nothing_and_reports_what_would_be_created(tmp_path: Path) -> None:
    with import_command(tmp_path, seeds=[existing(1)]) as api:
        file = api.write_file("a.csv", csv_of([row(1), row(2)]))
        result = api.run(file, "--dry-run")
        assert api.titles() == ["Lure 0001"]
        assert api.run(file).counted() == {"created": 1, "existed already": 1}
    assert (result.code, result.counted()) == (0, {"existed already": 1, "would be created": 1})


def test_a_dry_run_with_invalid_rows_promises_nothing(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", csv_of([row(1), row(2, category="Fishing")]))
        result = api.run(file, "--dry-run")
        skipping = api.run(file, "--dry-run", "--skip-bad")
    assert (result.code, result.counted(), result.sentences()[-1]) == snapshot(
        (1, {"invalid": 1, "not sent": 1}, "Nothing would be sent, because of the invalid rows.")
    )
    assert skipping.counted() == {"invalid": 1, "would be created": 1}


# -- rows that exist already


def existing(number: int, **fields: object) -> dict[str, object]:
    """Return the event of a row, as somebody created it before."""
    own = {name: value for name, value in row(number).items() if name != "indicator_type"}
    return {**own, "indicatorType": "domain", **fields}


def test_rows_that_exist_already_are_skipped(tmp_path: Path) -> None:
    others = [
        existing(2, date="2026-01-11T08:00:00Z"),
        existing(3, event="Another"),
        existing(4, indicator="other.example.com"),
    ]
    bare = {name: value for name, value in existing(5).items() if not name.startswith("indicator")}
    rows = [*(row(n) for n in (1, 2, 3, 4)), row(5, indicator="", indicator_type=""), row(6), row(6)]
    with import_command(tmp_path, seeds=[existing(1, insight="kept"), *others, bare]) as api:
        result = api.run(api.write_file("a.csv", csv_of(rows)))
        report = api.report()
        assert len(api.events()) == 5 + 4
    assert (result.code, result.counted()) == (0, {"created": 4, "existed already": 3})
    assert [(line["row"], line.get("reasons")) for line in report if line["outcome"] == "existed"] == snapshot(
        [(2, None), (6, None), (8, ["it repeats row 7 of the file"])]
    )


def test_an_imported_file_is_not_imported_again_from_another_state_folder(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", csv_of(row(n) for n in range(3)))
        assert api.run(file).code == 0
        assert api.run(file).counted() == {"existed already, created by an earlier run": 3}
        api.events_with_indicators()
        assert api.run(file, "--again").counted() == {"existed already": 3}
        assert len(api.events()) == 3


@pytest.mark.parametrize("again", [["--again"], ["--again", "--on-duplicate", "update"]], ids=["skip", "update"])
def test_a_file_that_is_imported_again_at_once_makes_no_duplicates(tmp_path: Path, again: list[str]) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", csv_of(row(n) for n in range(3)))
        assert api.run(file).code == 0
        # The events do not show their indicators yet.
        assert (api.run(file, *again).counted(), len(api.events())) == ({"existed already": 3}, 3)


def test_an_import_that_created_nothing_is_not_a_change(tmp_path: Path) -> None:
    with import_command(tmp_path, seeds=[existing(1)]) as api:
        result = api.run(api.write_file("a.csv", csv_of([row(1)])))
        assert (result.code, result.counted(), api.changes()) == (0, {"existed already": 1}, [])


def test_duplicates_are_created_on_request(tmp_path: Path) -> None:
    with import_command(tmp_path, seeds=[existing(1)]) as api:
        result = api.run(api.write_file("a.csv", csv_of([row(1), row(1)])), "--on-duplicate", "create")
        assert (result.code, result.counted(), len(api.events())) == (0, {"created": 2}, 3)


def test_rows_that_exist_are_updated_and_no_marking_is_lowered(tmp_path: Path) -> None:
    seeds = [existing(1, attacker="OLD", tlp="amber"), existing(2)]
    with import_command(tmp_path, seeds=seeds) as api:
        rows = [row(1, attacker="NEW", target_country="US"), row(2, attacker="", target_country="")]
        result = api.run(api.write_file("a.csv", csv_of(rows)), "--on-duplicate", "update")
        events = api.events()
    changed = [(event["attacker"], event["targetCountry"], event["tlp"]) for event in events]
    assert (result.code, result.counted()) == (0, {"existed already": 1, "existed, updated": 1})
    assert changed == [("NEW", "US", "amber"), ("", "", "green")]
    [update] = api.changes()  # nothing was created, so there is no import
    assert (update.intent.tool, update.outcome, update.intent.marking) == ("update_threat_event", "done", Tlp.AMBER)


def record(**body: object) -> dict[str, object]:
    """Return a line in the format of the API, in which evidence has a marking of its own."""
    return {"body": SEED | {"event": "a record"} | body}


@pytest.mark.parametrize(
    ("rows", "marking"),
    [
        ([row(1, tlp="clear"), row(2, tlp="amber"), row(3, tlp="green")], Tlp.AMBER),
        ([row(1, tlp="clear")], Tlp.CLEAR),
        ([row(1, tlp="green", raw={"a": 1})], Tlp.GREEN),
        ([record(tlp="green", raw={"data": {"a": 1}, "tlp": "red"})], Tlp.RED),
        ([record(tlp="green", raw={"source": "x", "tlp": "amber"})], Tlp.AMBER),
    ],
)
def test_the_change_states_its_account_and_the_highest_marking_of_its_rows(
    tmp_path: Path, rows: list[dict[str, object]], marking: Tlp
) -> None:
    with import_command(tmp_path) as api:
        with api.start(api.write_file("rows.jsonl", jsonl(*rows)), CF1_MAX_TLP="red") as command:
            code = command.wait()
        [change] = api.changes()
    version = importlib.metadata.version("cf1-mcp")
    assert (code, change.intent.marking) == (0, marking)
    assert change.intent.origin == ChangeOrigin(ACCOUNT, api.base, "", f"cf1-mcp import {version}", True)


@pytest.mark.parametrize("rule", ["skip", "update"])
def test_an_event_above_the_ceiling_is_neither_told_nor_changed(tmp_path: Path, rule: str) -> None:
    with import_command(tmp_path, seeds=[existing(1, tlp="red")]) as api:
        result = api.run(api.write_file("a.csv", csv_of([row(1)])), "--on-duplicate", rule)
        assert sorted(event["tlp"] for event in api.events()) == ["green", "red"]
        assert (result.code, result.counted()) == (0, {"created": 1})
    assert result.sentences() == snapshot(["The API is a sandbox: the data is fictional."])


# -- what the operator allows


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"CF1_MODE": "read"},
            snapshot(["cf1-mcp: Importing is withheld by CF1_MODE (read). Change that setting to allow it."]),
        ),
        (
            {"CF1_WRITE_DATASETS": "Yours"},
            snapshot(
                [
                    "cf1-mcp: --dataset: this kind of change to this dataset is withheld by CF1_WRITE_DATASETS. Change that setting to allow it. (Mine)"
                ]
            ),
        ),
        (
            {"CF1_READ_DATASETS": "Yours", "CF1_WRITE_DATASETS": "*"},
            snapshot(
                [
                    "cf1-mcp: --dataset: dataset 'Mine' is not among those that may be changed in this way, and any other is withheld by CF1_WRITE_DATASETS. Use this one, or its uuid. (Yours)"
                ]
            ),
        ),
        (
            {"CF1_MAX_TLP": "clear"},
            snapshot(
                [
                    "The API is a sandbox: the data is fictional.",
                    "row 2: tlp: the marking green is withheld by CF1_MAX_TLP (clear). Change that setting to allow it",
                    "Nothing was sent, because of the invalid rows.",
                ]
            ),
        ),
    ],
    ids=["mode", "write list", "read list", "ceiling"],
)
def test_the_rules_apply_to_the_command(tmp_path: Path, environment: dict[str, str], words: list[str]) -> None:
    with import_command(tmp_path) as api:
        result = api.run(api.write_file("a.csv", csv_of([row(1)])), **environment)
        assert api.titles() == []
    assert (result.code, result.sentences()) == (2, words)


def test_nothing_is_imported_into_a_sandbox_in_memory(tmp_path: Path) -> None:
    api = ImportCommand("http://127.0.0.1:1", tmp_path)
    nobody = {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_ACCOUNT_ID": "", "CLOUDFLARE_BASE_URL": ""}
    result = api.run(api.write_file("a.csv", csv_of([row(1)])), **nobody)
    assert (result.code, result.sentences()) == snapshot(
        (
            2,
            [
                "cf1-mcp: Without credentials the embedded sandbox answers, and it would lose the imported events. Set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or CF1_SANDBOX_DB to a file that keeps them."
            ],
        )
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "xml"], snapshot(["cf1-mcp: --format: 'xml' is not a format. Use jsonl, csv, stix or misp."])),
        (
            ["--map", "date"],
            snapshot(["cf1-mcp: --map: 'date' is not a pair. Use NAME=VALUE, such as Datum=date or tlp=amber."]),
        ),
        (
            ["--set", "titel=x"],
            snapshot(
                [
                    "cf1-mcp: --set: rows have no field 'titel'. Use date, category, event, tlp, attacker, attacker_country, target_country, target_industry, indicator, indicator_type, insight, tags, raw, ref, parent_ref or relationship_type."
                ]
            ),
        ),
        (
            ["--report", "/nowhere/x.jsonl"],
            snapshot(["cf1-mcp: --report: x.jsonl cannot be written: No such file or directory. Name another file."]),
        ),
    ],
    ids=["format", "pair", "field", "report"],
)
def test_an_invalid_argument_is_reported(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    with import_command(tmp_path) as api:
        result = api.run(api.write_file("a.csv", csv_of([row(1)])), "--dry-run", *arguments)
    assert (result.code, result.sentences()) == (2, words)


# -- the journal


@pytest.mark.anyio
async def test_undoing_an_import_deletes_the_events_that_it_created(tmp_path: Path) -> None:
    with import_command(tmp_path, seeds=[existing(7)]) as api:
        api.run(api.write_file("a.csv", csv_of([row(1), row(2), row(7)])))
        [change] = await anyio.to_thread.run_sync(api.changes)
        settings = replace(
            settings_for(api.base),
            mode="full",
            write_datasets=(MINE,),
            delete_datasets=(MINE,),
            state_dir=tmp_path / "state",
        )
        async with Client(build_server(settings, lambda: network(api.base))) as client:
            preview = await ask(client, "undo_change", change_id=change.id)
            undone = await ask(client, "undo_change", change_id=change.id, confirm=preview["code"])
        assert api.titles() == ["Lure 0007"]
    assert (change.intent.tool, change.outcome, undone["deleted"]) == ("import_threat_events", "done", 2)
