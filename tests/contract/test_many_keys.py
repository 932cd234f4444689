"""Objects with thousands of unknown keys are refused at once, as objects and as JSON text."""

import json
import time

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from tests.conversations import refused
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio


def objects(count: int, keys: int, **fields: JsonValue) -> list[JsonValue]:
    return [{**fields, **{f"k{one}_{key}": 1 for key in range(keys)}} for one in range(count)]


ROW: dict[str, JsonValue] = {"date": "2026-11-20", "category": "Phishing", "event": "x", "tlp": "green"}
CALLS: list[tuple[str, str, list[JsonValue]]] = [
    ("search_threat_events", "conditions", objects(100, 10_000)),
    ("search_threat_events", "conditions", objects(100, 40)),
    ("import_threat_events", "rows", objects(500, 1_000)),
    ("import_threat_events", "rows", objects(500, 1_000, **ROW)),
    ("import_threat_events", "rows", objects(1, 100_000)),
    ("import_threat_events", "rows", objects(500, 36, **ROW)),
]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(("tool", "argument", "value"), CALLS, ids=range(len(CALLS)))
async def test_unknown_keys_are_refused_at_once(
    tenant: Tenant, tool: str, argument: str, value: list[JsonValue], as_text: bool
) -> None:
    given: dict[str, JsonValue] = {argument: json.dumps(value) if as_text else value}
    if tool == "import_threat_events":
        given["dataset_id"] = MINE
    async with tenant.server(tenant.allowed()) as client:
        begun = time.process_time()
        words = await refused(client, tool, **given)
        seconds = time.process_time() - begun
    assert words.startswith(argument) and len(words) < 20_000
    assert seconds < 5, "this took 15 to 28 s"
    assert tenant.changes_sent() == []


async def test_the_error_names_the_number_of_keys(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "search_threat_events", conditions=objects(1, 41))
    assert words == snapshot(
        "conditions: an object in it has 41 keys. Use at most 40 in one object, all of them known."
    )
