"""Answers that are nested deeply or have impossible numbers: read, refused, and never a fault of the server."""

import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.api.test_failures import connected
from tests.conversations import text_of
from tests.upstreams import answer, upstream

pytestmark = pytest.mark.anyio

HOME = "d0000000-0000-4000-8000-000000000001"
EVENT = "e0000000-0000-4000-8000-000000000001"
DATASETS = answer([{"uuid": HOME, "name": "Ours"}])
BUG = "because of a bug in this server"
READ: dict[str, JsonValue] = {"dataset_id": HOME, "event_id": EVENT, "include": ["raw"]}
FOUND = {"uuid": EVENT, "datasetId": HOME, "tlp": "green", "date": "2026-11-20T00:00:00Z", "event": "x"}


async def call(folder: Path, body: str, tool: str, arguments: dict[str, JsonValue], **routes: str) -> str:
    """Return the text that a tool answers if the API answers everything but its datasets with a body."""
    async with upstream(answer(body)) as server:
        server.routes["/events/dataset"] = DATASETS
        server.routes |= {path: answer(text) for path, text in routes.items()}
        async with connected(server, folder) as client:
            return text_of((await client.call_tool(tool, arguments)).content)


@pytest.mark.parametrize("depth", [50, 200, 250, 300, 500, 800, 950, 1_000, 5_000, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
async def test_deep_nesting_is_answered_or_refused(tmp_path: Path, depth: int, opening: str) -> None:
    nested = opening * depth + "1" + ("]" if opening == "[" else "}") * depth
    graphql = await call(
        tmp_path, f'{{"data": {{"a": {nested}}}}}', "query_threat_graphql", {"query": "{ __typename }"}
    )
    event = json.dumps(FOUND)
    raw = {f"/events/raw/{HOME}/{EVENT}": f'{{"id": "1", "data": {nested}}}'}
    raw |= {f"/events/datasets/{HOME}/events/{EVENT}/raw": f'{{"id": "1", "data": {nested}}}'}
    evidence = await call(tmp_path, event, "get_threat_event", READ, **raw)
    as_text = {path: json.dumps({"id": "1", "data": nested}) for path in raw}
    text = await call(tmp_path, event, "get_threat_event", READ, **as_text)
    for shown in (graphql, evidence, text):
        assert BUG not in shown and len(shown) <= 40_000


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5_000, "1" * 4_000, "1e308", "-1", str(2**63), "1.5"]


@pytest.mark.parametrize("number", NUMBERS, ids=[text[:9] + str(len(text)) for text in NUMBERS])
async def test_impossible_numbers_are_refused_or_shown(tmp_path: Path, number: str) -> None:
    event = (
        json.dumps(FOUND)[:-1] + f', "killChain": {number}, "numReferences": {number}, "indicatorTypeId": {number}}}'
    )
    rows = f'{{"aggregations": [{{"attacker": "a", "tlp": "green", "count": {number}}}], "total": {number}}}'
    shown = [
        await call(tmp_path, f"[{event}]", "search_threat_events", {"fields": ["kill_chain"]}),
        await call(tmp_path, event, "get_threat_event", READ),
        await call(tmp_path, rows, "aggregate_threat_events", {"columns": ["attacker"]}),
        await call(tmp_path, rows, "profile_attacker", {"attacker": "a"}),
        await call(tmp_path, f'{{"data": {{"a": {number}}}}}', "query_threat_graphql", {"query": "{ __typename }"}),
        await call(tmp_path, f'[{{"id": {number}, "name": "q"}}]', "list_saved_queries", {}),
        await call(tmp_path, f'[{{"id": {number}, "query_id": {number}}}]', "list_query_alerts", {}),
    ]
    for text in shown:
        assert BUG not in text and len(text) <= 40_000 and "inf" not in text.split() and "nan" not in text
