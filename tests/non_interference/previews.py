"""Previews and refusals of changing tools, none of which changes anything."""

import json
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from tests.non_interference.calls import Call, ToolCall
from tests.non_interference.contents import (
    CATEGORIES,
    HIDDEN_TEXTS,
    TEXTS,
    VENDOR,
    VISIBLE_COUNT,
    dataset_of,
    hidden_indicators_of,
    indicators_of,
    visible_id,
)
from tests.tenant import MINE, YOURS

MINE_IDS: Final = [visible_id(number) for number in range(VISIBLE_COUNT) if dataset_of(number) == MINE]
SEARCHES: Final[tuple[JsonValue, ...]] = (
    [],
    [{"field": "event", "op": "startsWith", "value": "Invoice lure from n"}],
    [{"field": "attacker", "op": "equals", "value": "Obsidian Quill"}],
    [{"field": "category", "op": "equals", "value": "Phishing"}],
    [{"field": "tlp", "op": "equals", "value": "red"}],
    [{"field": "indicator", "op": "contains", "value": "quarry.example"}],
)


def removals() -> Iterator[Call]:
    """Deleting, moving, untagging and unrelating visible events, linked and not."""
    for ids in (MINE_IDS[:1], MINE_IDS[1:2], MINE_IDS[8:12], MINE_IDS[:40], [*MINE_IDS, *MINE_IDS]):
        named: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
        yield ToolCall("delete_threat_events", named)
        yield ToolCall("move_threat_events", {**named, "destination_dataset_id": VENDOR})
        yield ToolCall("move_threat_events", {**named, "destination_dataset_id": YOURS})
        yield ToolCall("untag_threat_events", {**named, "tags": ["invoice-lure"]})
        yield ToolCall("untag_threat_events", {**named, "tags": ["operation-nightjar", "invoice-lur"]})
    for start, end in ((14, 15), (4, 5), (0, 1)):
        home, away = dataset_of(start), dataset_of(end)
        linked: dict[str, JsonValue] = {"dataset_id": home, "event_id": visible_id(start)}
        more: dict[str, JsonValue] = {"related_ids": [visible_id(end)], "related_dataset_id": away}
        yield ToolCall("unrelate_threat_events", {**linked, **more})


def reverts() -> Iterator[Call]:
    """Reverting datasets, to a time before and after most events."""
    for dataset in (MINE, VENDOR, YOURS):
        for minutes in (5, 90, 3_000, 43_200):
            yield ToolCall("revert_threat_dataset", {"dataset_id": dataset, "minutes_ago": minutes})


def query_changes() -> Iterator[Call]:
    """Saving blocking queries, and changing and deleting saved ones."""
    for place, search in enumerate(SEARCHES):
        for scope in ([MINE], ["all"]):
            query = json.dumps({"datasetId": scope, "search": search})
            created: dict[str, JsonValue] = {"name": f"New {place}", "query_json": query, "rule_enabled": True}
            yield ToolCall("create_saved_query", created)
            yield ToolCall("update_saved_query", {"query_id": 3, "query_json": query})
    for number in (1, 2, 4, 5, 6, 99):
        yield ToolCall("update_saved_query", {"query_id": number, "rule_enabled": True})
        yield ToolCall("delete_saved_query", {"query_id": number})
        yield ToolCall("delete_query_alert", {"alert_id": number})
    taken = {"name": f"Words of {YOURS}", "rule_enabled": True}
    yield ToolCall("create_saved_query", {**taken, "query_json": json.dumps({"datasetId": [MINE], "search": []})})


def imports() -> Iterator[Call]:
    """Rows with and without equal events, visible and withheld ones, and words that only withheld events have."""
    rows: list[JsonValue] = [_row(number, TEXTS, indicators_of(number)) for number in range(0, 60, 2)]
    hidden: list[JsonValue] = [_row(number, HIDDEN_TEXTS, hidden_indicators_of(number)) for number in range(100, 130)]
    for given in (rows, hidden, [*rows, *hidden]):
        for choice in ("skip", "create"):
            yield ToolCall("import_threat_events", {"dataset_id": MINE, "rows": given, "on_duplicate": choice})
        yield ToolCall("import_threat_events", {"dataset_id": VENDOR, "rows": given})
    for change in (
        {"category": "Deep Sabotag"},
        {"category": "Deep Sabotage"},
        {"target_industry": "Orbital Minin"},
        {"attacker": "Obsidian Quil"},
        {"indicator_type": "asnn"},
    ):
        changed: list[JsonValue] = [row | change for row in hidden if isinstance(row, dict)]
        yield ToolCall("import_threat_events", {"dataset_id": MINE, "rows": changed})
    lines = "\n".join(json.dumps(row) for row in hidden)
    yield ToolCall("import_threat_events", {"dataset_id": MINE, "content": lines, "format": "jsonl"})


def refusals() -> Iterator[Call]:
    """Arguments that are refused, with what the refusal offers instead."""
    event: dict[str, JsonValue] = {"date": "1h", "event": "x", "tlp": "green", "dataset_id": MINE}
    for wrong in (
        {"category": "Deep Sabotag"},
        {"category": "Phishing", "target_industry": "Orbital Minin", "indicator_type": "asnn", "indicator": "AS1"},
        {"category": "Phishing", "dataset_id": "Your"},
        {"category": "Phishing", "dataset_id": "Mine, archive"},
        {"category": "Phishing", "dataset_id": YOURS},
    ):
        yield ToolCall("create_threat_event", {**event, **wrong})
    for tool in ("search_threat_events", "aggregate_threat_events", "lookup_indicators", "profile_attacker"):
        more: dict[str, JsonValue] = {
            "search_threat_events": {},
            "aggregate_threat_events": {"columns": ["tlp"]},
            "lookup_indicators": {"indicators": ["a.example"]},
            "profile_attacker": {"attacker": "COPPER LANTERN"},
        }[tool]
        for name in (YOURS, "Your", "Mine, archived", "Vendor reports of 2019", "Vendor"):
            yield ToolCall(tool, {**more, "dataset_ids": [name]})


def _row(number: int, texts: tuple[str, ...], indicators: list[tuple[str, str]]) -> JsonValue:
    row: dict[str, JsonValue] = {
        "date": "2026-11-20",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "event": texts[number % len(texts)].format(number),
        "tlp": "green",
    }
    if indicators:
        row["indicator"], row["indicator_type"] = indicators[0]
    return row
