"""`cf1-mcp doctor`, as users run it."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tests.commands import run_command
from tests.ports import ACCOUNT, environment_for, sandbox_on_a_port

TOKEN = "t" * 40


def test_each_part_of_an_account_gets_one_line() -> None:
    ended = run_command("doctor", environment={})
    assert ended.returncode == 0
    lines = [line for line in ended.stdout.splitlines() if line.split()[1] not in ("graph", "actors")]
    assert lines == snapshot(
        [
            "works  settings    the embedded sandbox, because no credentials are set; mode read, up to TLP:AMBER",
            "works  datasets    5 datasets may be read, 1 of analytics",
            "works  events      a page of 3 events",
            "works  search      a search finds one event",
            "works  branches    a search of alternatives finds one event",
            "works  attackers   12 values",
            "works  categories  30 values",
            "works  countries   249 values",
            "works  industries  31 values",
            "works  types       8 values",
            "works  tags        the list of tags",
            "works  counts      counts by attacker",
            "works  event       one event, read by its id",
            "works  raw         the raw evidence of one event",
            "works  related     the related events of one event",
            "works  indicators  the list of indicators",
            "works  queries     saved queries",
            "works  alerts      query alerts",
            "works  graphql     with its schema",
        ]
    )


@pytest.mark.parametrize("name", ["CF1_READ_DATASETS", "CF1_WRITE_DATASETS", "CF1_DELETE_DATASETS"])
def test_a_list_that_names_no_dataset_fails_with_those_that_exist(name: str) -> None:
    ended = run_command("doctor", environment={name: "Nope,ACME Incident Response"})
    assert ended.returncode == 1
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("FAILS")]
    assert (
        line.startswith(f"FAILS  lists       {name}: 'Nope' is not a dataset. Use ")
        and "ACME Incident Response (" in line
    )


def test_a_list_of_unknown_names_alone_ends_the_checks() -> None:
    ended = run_command("doctor", environment={"CF1_READ_DATASETS": "Nope"})
    assert (ended.returncode, [line.split()[:2] for line in ended.stdout.splitlines()]) == (
        1,
        [["works", "settings"], ["works", "datasets"], ["FAILS", "lists"]],
    )


def test_a_recording_of_the_doctor_has_neither_token_nor_account(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    with sandbox_on_a_port("--like-live", "--faults", "latency=0") as base:
        ended = run_command("doctor", "--record", str(path), environment=environment_for(base, TOKEN))
    assert ended.returncode == 0, ended.stderr
    text = path.read_text(encoding="utf-8")
    assert TOKEN not in text and ACCOUNT not in text and "COPPER" not in text
    assert "exchanges in" in ended.stdout.splitlines()[-1]
    methods = {json.loads(line)["request"]["method"] for line in text.splitlines()[1:]}
    assert methods == {"GET", "POST"}


def test_a_refused_token_is_told_with_the_next_step() -> None:
    with sandbox_on_a_port("--token", TOKEN) as base:
        ended = run_command("doctor", environment=environment_for(base, "another"))
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == snapshot(
        "FAILS  datasets    The API does not accept the token for this account (401, code 10000). Ask the operator to check that CLOUDFLARE_API_TOKEN is current, that CLOUDFLARE_ACCOUNT_ID is the account it belongs to, and that it has 'Cloudforce One Read', or 'Cloudforce One Write' for changes."
    )
