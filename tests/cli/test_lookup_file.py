"""`cf1-mcp lookup`: every indicator of a file, as a table, CSV or JSON."""

import csv
import gzip
import json
import os
import pty
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from cf1_mcp.cli.indicator_texts import PART_SIZE, TEXT_FORMATS, TextFormat, read_parts
from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.source_rows import ReaderNotes
from tests.commands import run_command

TEXT = "seen 198[.]51[.]100[.]35 and 192[.]0[.]2[.]1, not hxxps://nope[.]example/a,b. See https://blog.example.net/x"
CSV = 'ip,note\r\n192.0.2.1,"x, y"\r\n198.51.100.35,=1\r\n'
JSONL = (
    '{"source.ip": "192.0.2.1", "n": {"l": ["sso.ledger-sync.example", 1, null]}}\n'
    'not json 198.51.100.35\n{"x": "\\ud800"}\n' + "[" * 2_000 + "\n"
)
KNOWN = ["192.0.2.1", "198.51.100.35", "sso.ledger-sync.example"]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_command("lookup", *arguments, environment={"CF1_STATE_DIR": str(folder), "PATH": os.environ["PATH"]})


def rows_of(ended: "subprocess.CompletedProcess[str]") -> list[dict[str, str]]:
    assert ended.returncode in (0, 1), ended.stderr
    return json.loads(ended.stdout)["rows"]


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_text_becomes_a_table(tmp_path: Path) -> None:
    ended = run(tmp_path, write(tmp_path, "report.txt", TEXT))
    lines = [line for line in ended.stdout.splitlines() if line.startswith("│")]
    shown = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert [[row[0], row[2], row[-1]] for row in shown] == snapshot(
        [
            ["198[.]51[.]100[.]35", "known", "amber"],
            ["192[.]0[.]2[.]1", "known", "amber"],
            ["hxxps://nope[.]example/a,b", "unknown", ""],
        ]
    )
    assert (ended.returncode, ended.stderr) == snapshot(
        (
            0,
            """\
3 indicators, 2 known.
The API is a sandbox: the data is fictional.
event_ids has the newest 2 of an indicator's events: search_threat_events lists all, with their datasets.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.
references: hxxps://blog.example.net/x
""",
        )
    )


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.csv", CSV, KNOWN[:2]),
        ("a.tsv", "ip\tn\n192.0.2.1\t198.51.100.35\n", KNOWN[:2]),
        ("semicolons.csv", "ip;n\n192.0.2.1;198.51.100.35\n", KNOWN[:2]),
        ("a.jsonl", JSONL, KNOWN),
        ("a.jsonl.gz", gzip.compress(JSONL.encode()), KNOWN),
        ("utf16.txt", TEXT.encode("utf-16"), KNOWN[:2]),
        ("latin1.txt", "caf\u00e9 192.0.2.1".encode("latin-1"), KNOWN[:1]),
        ("bom.csv", "\ufeff192.0.2.1,x\n", KNOWN[:1]),
        ("empty.txt", "", []),
    ],
)
def test_the_indicators_of_each_format_are_found(
    name: str, content: str | bytes, found: list[str], tmp_path: Path
) -> None:
    ended = run(tmp_path, write(tmp_path, name, content), "--output", "json")
    known = sorted(row["indicator"] for row in rows_of(ended) if row["status"] == "known")
    assert (known, ended.returncode) == (found, 0 if found else 1)


def test_csv_has_the_true_values(tmp_path: Path) -> None:
    ended = run(tmp_path, write(tmp_path, "report.txt", TEXT), "--output", "csv", "--known")
    rows = [*csv.DictReader(StringIO(ended.stdout))]
    assert [(row["indicator"], row["status"], row["attackers"]) for row in rows] == snapshot(
        [("198.51.100.35", "known", "COPPER LANTERN"), ("192.0.2.1", "known", "STATIC FINCH")]
    )


def test_known_ones_alone_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    ended = run(tmp_path, write(tmp_path, "report.txt", TEXT), "--output", "json", "--known")
    assert [row["indicator"] for row in rows_of(ended)] == ["198.51.100.35", "192.0.2.1"]
    assert ended.stderr.splitlines()[0] == "3 indicators, 2 known."


def test_json_has_null_and_empty_lists_for_what_is_not_known(tmp_path: Path) -> None:
    ended = run(tmp_path, write(tmp_path, "report.txt", TEXT), "--output", "json")
    assert next(row for row in rows_of(ended) if row["status"] == "unknown") == snapshot(
        {
            "indicator": "https://nope.example/a,b",
            "kind": "url",
            "status": "unknown",
            "events": None,
            "first_seen": None,
            "last_seen": None,
            "attackers": [],
            "categories": [],
            "tlp": None,
            "matched_as": None,
            "why": None,
            "event_ids": [],
            "datasets": [],
        }
    )


def test_json_counts_the_names_that_a_row_leaves_out(tmp_path: Path) -> None:
    environment = {"CF1_STATE_DIR": str(tmp_path), "CF1_SANDBOX_DB": str(tmp_path / "sandbox.db")}
    rows = [f"2026-11-1{one},Phishing,case {one},ACTOR {one},198.18.0.77,ip,green" for one in range(6)]
    source = write(tmp_path, "new.csv", "date,category,event,attacker,indicator,indicator_type,tlp\n" + "\n".join(rows))
    mode = {"CF1_MODE": "write", "CF1_WRITE_DATASETS": "*"}
    target = ("--dataset", "ACME Incident Response", "--settle", "0")
    made = run_command("import", source, *target, environment={**environment, **mode})
    assert made.returncode == 0, made.stderr
    text = write(tmp_path, "a.txt", "198.18.0.77")
    row: dict[str, Any] = {}
    for _ in range(20):  # the sandbox lists an indicator some seconds after its events
        ended = run_command("lookup", text, "--output", "json", environment=environment)
        [row] = json.loads(ended.stdout)["rows"]
        if row["events"]:
            break
        time.sleep(1)
    assert {name: row[name] for name in ("events", "attackers", "more")} == snapshot(
        {"events": 6, "attackers": ["ACTOR 0", "ACTOR 1", "ACTOR 2", "ACTOR 3"], "more": {"attackers": 2}}
    )
    assert len(row["event_ids"]) == 2


def test_a_file_larger_than_a_call_is_looked_up_in_parts(tmp_path: Path) -> None:
    many = "\n".join(f"203.0.{place // 250}.{place % 250 + 1}" for place in range(4_000)) + "\n192.0.2.1\n" * 2
    ended = run(tmp_path, write(tmp_path, "many.txt", many), "--output", "json")
    rows = rows_of(ended)
    assert len(rows) == len({row["indicator"] for row in rows}) == 4_001
    assert rows[0]["indicator"] == "192.0.2.1"


def test_stdin_is_read_with_a_dash(tmp_path: Path) -> None:
    environment = {"CF1_STATE_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-m", "cf1_mcp", "lookup", "-", "--format", "csv", "--output", "json"],
        input=CSV.encode(),
        capture_output=True,
        env=environment,
        timeout=60,
    )
    assert sorted(row["indicator"] for row in json.loads(ended.stdout)["rows"]) == KNOWN[:2]


def test_a_bar_shows_progress_on_a_terminal(tmp_path: Path) -> None:
    inside, outside = pty.openpty()
    environment = {"CF1_STATE_DIR": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "xterm"}
    command = [sys.executable, "-m", "cf1_mcp", "lookup", write(tmp_path, "report.txt", TEXT), "--output", "csv"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=outside, env=environment, timeout=60)
    os.close(outside)
    shown = os.read(inside, 65_536).decode()
    os.close(inside)
    assert (ended.returncode, "looked up" in shown, b"looked up" in ended.stdout) == (0, True, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            "MISSING",
            snapshot(
                "cf1-mcp: 'MISSING' cannot be read: No such file or directory. Use the path of a file of events.\n"
            ),
        ),
        (".", snapshot("cf1-mcp: '' cannot be read: Is a directory. Use the path of a file of events.\n")),
        ("FILE --format xml", snapshot("cf1-mcp: --format: 'xml' is not a format. Use text, csv or jsonl.\n")),
        (
            "FILE --output xml",
            snapshot(
                "cf1-mcp: Invalid value for '--output': Value error, 'xml' is not one of 'table', 'csv', 'json'. See 'cf1-mcp lookup --he"
            ),
        ),
        (
            "FILE --dataset nowhere",
            snapshot(
                "cf1-mcp: dataset_ids: there is no dataset 'nowhere'. Use one of these, or a uuid. (Cloudforce One Threat Events; Cybercr"
            ),
        ),
    ],
)
def test_what_cannot_be_looked_up_is_refused_in_one_sentence(options: str, words: str, tmp_path: Path) -> None:
    file = write(tmp_path, "report.txt", TEXT)
    ended = run(tmp_path, *options.replace("FILE", file).split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("cf1-mcp: ") and "Traceback" not in ended.stderr
    assert ended.stderr[:120] == words


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(TEXT_FORMATS), st.integers(1, 400))
def test_no_text_is_lost_or_too_long_for_a_call(text: str, form: TextFormat, times: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes((text * times).encode("utf-8", "replace"))
        try:
            parts = [*read_parts(path, form, ReaderNotes())]
        except BadFile:
            return
        assert all(0 < len(part) <= PART_SIZE for part in parts if part)
        if form == "text":
            kept = "".join("".join(parts).split())
            assert kept == "".join(path.read_text(encoding="utf-8").removeprefix("\ufeff").split())
