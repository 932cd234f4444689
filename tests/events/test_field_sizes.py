"""Values that are too large are refused before anything is computed from them, and nothing is sent."""

import json
import time
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from tests.conversations import ask, refused
from tests.imports.import_command import import_command
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
LEAST: Json = {"category": "Phishing", "date": "2026-11-20", "event": "A lure", "tlp": "green"}
TOO_LARGE = 2_000_000
# Fields, and the most characters that each may have.
MOST = {
    "event": 100_000,
    "insight": 100_000,
    "indicator": 8_192,
    "attacker": 1_000,
    "category": 1_000,
    "date": 1_000,
    "tlp": 1_000,
    "attacker_country": 1_000,
    "target_country": 1_000,
    "target_industry": 1_000,
    "indicator_type": 1_000,
    "raw_source": 1_000,
    "raw_tlp": 1_000,
}
NOT_IN_ROWS = ("raw_source", "raw_tlp")
LARGE_ROW: Json = LEAST | {"event": "x" * 100_000, "insight": "y" * 100_000}


@pytest.mark.parametrize(
    "text", ["a" * TOO_LARGE, "\u00e9 " * (TOO_LARGE // 2), None], ids=["ascii", "other", "one more"]
)
@pytest.mark.parametrize(("name", "most"), MOST.items())
async def test_a_field_that_is_too_long_is_refused(tenant: Tenant, name: str, most: int, text: str | None) -> None:
    text = text or "a" * (most + 1)
    event_id = (await tenant.add("old")).uuid
    sent = tenant.changes_sent()
    given: Json = LEAST | {"indicator": "a.example", name: text}
    async with tenant.server(tenant.allowed()) as client:
        words = [
            await refused(client, "create_threat_event", dataset_id=MINE, **given),
            await refused(client, "update_threat_event", dataset_id=MINE, event_id=event_id, **{name: text}),
        ]
        if name not in NOT_IN_ROWS:
            words.append(await refused(client, "import_threat_events", dataset_id=MINE, rows=[{**LEAST}, {**given}]))
    expected = f"{name}: it has {len(text):,} characters. Use at most {most:,} characters"
    assert [expected in one for one in words] == [True] * len(words), words
    assert all(len(one) < 1_000 for one in words)
    assert tenant.changes_sent() == sent


async def test_a_field_of_just_the_limit_is_accepted(tenant: Tenant) -> None:
    given: Json = LEAST | {"event": "x" * 100_000, "attacker": "y" * 1_000, "indicator": "z" * 8_192}
    async with tenant.server(tenant.allowed()) as client:
        answer = await ask(client, "create_threat_event", dataset_id=MINE, **given, indicator_type="filename")
    assert answer["status"] == "done"


async def test_rows_that_are_too_large_together_are_refused(tenant: Tenant) -> None:
    rows: list[JsonValue] = [{**LARGE_ROW} for _ in range(100)]
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert words == snapshot(
        "rows: the first 40 of its events already have 8,003,240 bytes of JSON together. Use at most 8,000,000 bytes in one call."
    )
    assert tenant.changes_sent() == []


def misp(title: str, count: int, **more: JsonValue) -> str:
    attributes: list[JsonValue] = [{"type": "ip", "value": f"192.0.{n >> 8}.{n & 255}", **more} for n in range(count)]
    return json.dumps({"Event": {"info": title, "date": "2026-11-20", "Tag": "tlp:green", "Attribute": attributes}})


def stix(count: int, name: str) -> str:
    shared: Json = {"spec_version": "2.1", "created": "2026-11-20T00:00:00Z"}
    values = " OR ".join(f"domain-name:value = 'a{number}.example'" for number in range(count))
    one: Json = {"type": "indicator", "id": "indicator--a", "name": name, "pattern": f"[{values}]", **shared}
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [one]})


# Contents of less than a megabyte that would make many times as much.
MULTIPLIED: dict[str, str] = {
    "a title": misp("x" * 800_000, 490),
    "a title within the limit": misp("x" * 99_000, 490),
    "a title that is not ASCII": misp("\u00e9" * 60_000, 490),
    "a tag": misp("x", 490).replace("tlp:green", "x" * 800_000),
    "a name in STIX": stix(490, "x" * 600_000),
    "a default": misp("x", 490),
}


@pytest.mark.parametrize("name", MULTIPLIED)
async def test_content_that_would_be_multiplied_is_refused_early(tenant: Tenant, name: str) -> None:
    defaults: list[JsonValue] = ["category=Phishing", "tlp=green"]
    if name == "a default":
        defaults.append("insight=" + "x" * 100_000)
    async with tenant.server(tenant.allowed()) as client:
        begun = time.perf_counter()
        words = await refused(
            client, "import_threat_events", dataset_id=MINE, content=MULTIPLIED[name], defaults=defaults
        )
        seconds = time.perf_counter() - begun
    assert "bytes of JSON together. Use at most 8,000,000 bytes in one call, or the command" in words
    assert seconds < 2
    assert tenant.changes_sent() == []


def test_rows_of_a_file_with_fields_that_are_too_long_are_its_invalid_rows(tmp_path: Path) -> None:
    changes: list[Json] = [{name: "a" * (most + 1)} for name, most in MOST.items() if name not in NOT_IN_ROWS]
    changes.append({"ref": "r" * 1_001})
    changes.append({"raw": {"a": "x" * 1_000_000}})
    changes.append({"indicators": [{"value": "a" * 8_193, "indicatorType": "domain"}]})
    rows: list[Json] = [LEAST, *(LEAST | changed for changed in changes)]
    with import_command(tmp_path) as api:
        file = api.write_file("rows.jsonl", "\n".join(json.dumps(row) for row in rows))
        result = api.run(file, "--skip-bad")
        assert result.sentences() == snapshot(
            [
                "The API is a sandbox: the data is fictional.",
                "row 2: event: it has 100,001 characters. Use at most 100,000 characters",
                "row 3: insight: it has 100,001 characters. Use at most 100,000 characters",
                "row 4, 15: indicator: it has 8,193 characters. Use at most 8,192 characters",
                "row 5: attacker: it has 1,001 characters. Use at most 1,000 characters",
                "row 6: category: it has 1,001 characters. Use at most 1,000 characters",
                "row 7: date: it has 1,001 characters. Use at most 1,000 characters",
                "row 8: tlp: it has 1,001 characters. Use at most 1,000 characters",
                "row 9: attacker_country: it has 1,001 characters. Use at most 1,000 characters",
                "row 10: target_country: it has 1,001 characters. Use at most 1,000 characters",
                "row 11: target_industry: it has 1,001 characters. Use at most 1,000 characters",
                "row 12: indicator_type: it has 1,001 characters. Use at most 1,000 characters",
                "row 12: indicator_type: there is no indicator of this type",
                "row 13: ref: it has 1,001 characters. Use at most 1,000 characters",
                "row 14: raw: it has 1,000,008 bytes. Use at most 1,000,000 bytes of JSON text.",
                "The same command continues where this one stopped, and sends no row twice.",
            ]
        )
        assert api.titles() == ["A lure"]


def test_a_file_that_is_larger_than_a_call_may_be_is_imported(tmp_path: Path) -> None:
    with import_command(tmp_path) as api:
        file = api.write_file("event.json", misp("x" * 99_000, 100))
        result = api.run(file, "--set", "category=Phishing")
        assert result.code == 0, result.stderr
        assert len(api.titles()) == 101
