"""Previews and refusals of changing tools, none of which changes anything."""

import json
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from cf1_mcp.sandbox.storage.event_files import EventRecord
from tests.non_interference.calls import Call, SelectionCall, ToolCall
from tests.non_interference.contents import (
    FEW,
    MANY,
    NOTHING,
    VENDOR,
    VISIBLE_COUNT,
    dataset_of,
    hidden_indicators_of,
    indicators_of,
    visible_id,
    visible_records,
)
from tests.tenant import MINE

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
    for ids in (MINE_IDS[:1], MINE_IDS[1:2], MINE_IDS[8:12], MINE_IDS[:20], [*MINE_IDS[:2], *MINE_IDS[:2]]):
        named: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
        yield ToolCall("delete_threat_events", named)
        yield ToolCall("move_threat_events", {**named, "destination_dataset_id": VENDOR})
        yield ToolCall("move_threat_events", {**named, "destination_dataset_id": "Your"})
        yield ToolCall("untag_threat_events", {**named, "tags": ["invoice-lure"]})
        yield ToolCall("untag_threat_events", {**named, "tags": ["operation-nightjar", "invoice-lur"]})
    for destination in (VENDOR, "Your"):
        many: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*MINE_IDS[:30]]}
        yield ToolCall("copy_threat_events", {**many, "destination_dataset_id": destination})
    for name in ("Yours", "Vendor reports", "Fresh"):
        yield ToolCall("update_threat_dataset", {"dataset_id": MINE, "name": name})
        yield ToolCall("create_threat_dataset", {"name": name})
    for start, end in ((14, 15), (4, 5), (0, 1)):
        home, away = dataset_of(start), dataset_of(end)
        linked: dict[str, JsonValue] = {"dataset_id": home, "event_id": visible_id(start)}
        more: dict[str, JsonValue] = {"related_ids": [visible_id(end)], "related_dataset_id": away}
        yield ToolCall("unrelate_threat_events", {**linked, **more})


def duplicates() -> Iterator[Call]:
    """Groups of duplicates, and merging visible events, linked and not."""
    for dataset in (MINE, VENDOR):
        for by in ("indicator", "title"):
            yield ToolCall("list_duplicate_events", {"dataset_id": dataset, "by": by, "limit": 3})
            yield ToolCall("list_duplicate_events", {"dataset_id": dataset, "by": by, "since": "2d"})
    for kept, others in ((0, [1]), (1, [0, 2]), (9, [8, 10, 11]), (3, [*range(4, 14)])):
        ids: list[JsonValue] = [MINE_IDS[number] for number in others]
        yield ToolCall("merge_duplicate_events", {"dataset_id": MINE, "keep": MINE_IDS[kept], "event_ids": ids})


def selections() -> Iterator[Call]:
    """Selections of searches, for changes that need a code and for exports."""
    uses: list[tuple[str, dict[str, JsonValue]]] = [
        ("delete_threat_events", {"dataset_id": MINE}),
        ("move_threat_events", {"dataset_id": MINE, "destination_dataset_id": VENDOR}),
        ("untag_threat_events", {"dataset_id": MINE, "tags": ["invoice-lure", "operation-nightjar"]}),
        ("delete_threat_events", {"dataset_id": VENDOR}),
    ]
    searches: list[dict[str, JsonValue]] = [
        {},
        {"text": "Invoice lure from"},
        {"attacker": ["COPPER LANTERN", "Obsidian Quill"]},
        {"tlp": ["green", "red"]},
        {"tags": ["invoice-lure", "operation-nightjar"]},
        {"indicator": ["mail0.harbour.example", "nightjar1.quarry.example"]},
        {"dataset_ids": [MINE]},
        {"since": "2d"},
    ]
    for filters in searches:
        yield SelectionCall(filters, uses)


def reverts() -> Iterator[Call]:
    """Reverting datasets, to a time before and after most events."""
    for dataset in (MINE, VENDOR):
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
    for number in (1, 2, 4, 5, 99):
        yield ToolCall("update_saved_query", {"query_id": number, "rule_enabled": True})
        yield ToolCall("delete_saved_query", {"query_id": number})
        yield ToolCall("delete_query_alert", {"alert_id": number})


def imports() -> Iterator[Call]:
    """Rows with and without equal events, visible and withheld ones, and words that only withheld events have.

    All have more new rows than may be imported without a preview. Whole words of the account's catalogs (categories,
    industries) are left out: they are accepted whoever uses them, and SECURITY.md says so.
    """
    new: list[JsonValue] = [_new_row(number) for number in range(30)]
    visible = [_row(record) for record in visible_records(NOTHING)[:60:2]]
    hidden = [_row(record) for record in (*FEW.withheld, *MANY.withheld[:40]) if record.body["category"] == "Phishing"]
    for given in (visible, hidden, [*visible, *hidden]):
        for choice in ("skip", "create"):
            chosen: dict[str, JsonValue] = {"rows": [*new, *given], "on_duplicate": choice}
            yield ToolCall("import_threat_events", {"dataset_id": MINE, **chosen})
            yield ToolCall("import_threat_events", {"dataset_id": VENDOR, **chosen})
    for change in (
        {"category": "Deep Sabotag"},
        {"target_industry": "Orbital Minin"},
        {"attacker": "Obsidian Quil"},
        {"indicator": "AS64501", "indicator_type": "asn"},
        {"indicator": "AS64501", "indicator_type": "asnn"},
    ):
        changed: list[JsonValue] = [_new_row(number) | change for number in range(30)]
        yield ToolCall("import_threat_events", {"dataset_id": MINE, "rows": changed})
    lines = "\n".join(json.dumps(row) for row in [*new, *hidden])
    yield ToolCall("import_threat_events", {"dataset_id": MINE, "content": lines, "format": "jsonl"})


def refusals() -> Iterator[Call]:
    """Arguments that are refused, with what the refusal offers instead.

    Whoever names a withheld dataset exactly may be told the rule, so the names are those of none.
    """
    event: dict[str, JsonValue] = {"date": "1h", "event": "x", "tlp": "green", "dataset_id": MINE}
    for wrong in (
        {"category": "Deep Sabotag"},
        {"category": "Phishing", "target_industry": "Orbital Minin", "indicator_type": "asnn", "indicator": "AS1"},
        {"category": "Phishing", "dataset_id": "Your"},
        {"category": "Phishing", "dataset_id": "Mine, archive"},
    ):
        yield ToolCall("create_threat_event", {**event, **wrong})
    tools: dict[str, dict[str, JsonValue]] = {
        "search_threat_events": {},
        "aggregate_threat_events": {"columns": ["tlp"]},
        "lookup_indicators": {"indicators": ["a.example"]},
        "profile_attacker": {"attacker": "COPPER LANTERN"},
    }
    for tool, more in tools.items():
        for name in ("Your", "Mine, archive", "Vendor reports of 201", "Vendor"):
            yield ToolCall(tool, {**more, "dataset_ids": [name]})


def _new_row(number: int) -> dict[str, JsonValue]:
    return {"date": "2026-11-20", "category": "Phishing", "event": f"A new page {number}", "tlp": "green"}


def _row(record: EventRecord) -> JsonValue:
    """An event as a row of an import, which would duplicate it."""
    names = {"date": "date", "category": "category", "event": "event", "attacker": "attacker"}
    row: dict[str, JsonValue] = {name: str(record.body[key]) for name, key in names.items() if record.body[key]}
    return row | {"tlp": "green"} | _first_indicator(record)


def _first_indicator(record: EventRecord) -> dict[str, JsonValue]:
    indicators = (
        indicators_of(int(record.ref[1:])) if record.ref[0] == "v" else hidden_indicators_of(int(record.ref[1:]))
    )
    known = [(value, kind) for value, kind in indicators if kind not in ("asn", "cve")]
    return {"indicator": known[0][0], "indicator_type": known[0][1]} if known else {}
