"""The import command: what cannot be kept is told, and the exit code tells; what is there already is said."""

import json
from pathlib import Path

import pytest

from tests.imports.import_command import csv_of, import_command, row

SET = ["--set", "category=Phishing", "--set", "tlp=green", "--set", "date=2026-01-10", "--set", "event=Lure"]


def bundle(*objects: dict[str, object]) -> str:
    time = "2026-01-01T00:00:00Z"
    shared = {"spec_version": "2.1", "created": time, "modified": time, "valid_from": time}
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [{**shared, **one} for one in objects]})


LIVE: dict[str, object] = {
    "type": "indicator",
    "id": "indicator--1",
    "name": "a",
    "pattern": "[domain-name:value = 'a.example']",
    "pattern_type": "stix",
}
OBSERVABLE: dict[str, object] = {"type": "domain-name", "id": "domain-name--1", "value": "b.example"}


def test_a_complete_file_with_revoked_parts_ends_with_0(tmp_path: Path) -> None:
    gone = {**LIVE, "id": "indicator--2", "revoked": True}
    with import_command(tmp_path) as api:
        ended = api.run(api.write_file("a.json", bundle(LIVE, gone)), *SET)
        assert (ended.code, ended.counted()) == (0, {"created": 1})
        assert "an object of type 'indicator' is revoked and left out" in ended.sentences()


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["sent", "dry run"])
def test_what_cannot_be_kept_is_told_by_place_and_ends_with_1(tmp_path: Path, more: list[str]) -> None:
    with import_command(tmp_path) as api:
        ended = api.run(api.write_file("a.json", bundle(LIVE, OBSERVABLE)), *SET, *more)
        assert ended.code == 1
        assert any("no indicator of the bundle has its value (at 2)" in line for line in ended.sentences())


def test_observables_alone_are_refused(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        ended = api.run(api.write_file("a.json", bundle(OBSERVABLE)), *SET)
        assert (ended.code, api.events()) == (2, [])
        assert "observables alone" in ended.stderr


def test_values_of_another_type_are_refused_by_row(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        ended = api.run(api.write_file("a.csv", "ip\n192.0.2.1\nnot an ip\n"), *SET)
        assert (ended.code, api.events()) == (2, [])
        assert "row 3: indicator: 'not an ip' is not of type ip" in ended.sentences()


def test_a_type_is_inferred_and_a_synonym_is_the_word_of_the_account(tmp_path: Path) -> None:
    text = f"indicator,type\n192.0.2.1,\nb.example,hostname\n{'ab' * 32},SHA256 hash\n"
    with import_command(tmp_path) as api:
        assert api.run(api.write_file("a.csv", text), *SET).code == 0
        kinds = {event["indicator"]: event["indicatorType"] for event in api.events_with_indicators()}
        assert kinds == {"192.0.2.1": "ip", "b.example": "domain", "ab" * 32: "hash"}


def test_rows_with_one_title_and_other_addresses_are_three_events(tmp_path: Path) -> None:
    rows = "".join(f"2026-01-10,Phishing,Lure,192.0.2.{n},green\n" for n in range(3))
    with import_command(tmp_path) as api:
        ended = api.run(api.write_file("a.csv", "date,category,event,ip,tlp\n" + rows))
        assert (ended.code, ended.counted()) == (0, {"created": 3})
        assert [event["indicator"] for event in api.events_with_indicators()] == [f"192.0.2.{n}" for n in range(3)]


def test_dates_with_two_meanings_are_refused_and_read_with_the_option(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", csv_of([row(1, date="04/05/2021")]))
        refused = api.run(file)
        assert refused.code == 2
        assert any("--date-format DD/MM/YYYY" in line for line in refused.sentences())
        assert api.run(file, "--date-format", "DD/MM/YYYY").code == 0
        assert [event["date"][:10] for event in api.events()] == ["2021-05-04"]


def test_a_finished_import_says_what_is_there_already(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("a.csv", csv_of(row(n) for n in range(3)))
        assert api.run(file).counted() == {"created": 3}
        again = api.run(file)
        assert (again.code, again.counted()) == (0, {"existed already, created by an earlier run": 3})
