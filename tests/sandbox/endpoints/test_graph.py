"""The graph: edges of seeds, their limits and refusals."""

from typing import Any

import pytest

from tests.sandbox.api_client import ApiClient

pytestmark = pytest.mark.anyio


async def add_pair(api: ApiClient) -> tuple[dict[str, Any], dict[str, Any]]:
    parent = await api.create_event(event="parent", tags=["t"], indicator="a.example.com", indicatorType="domain")
    child = await api.create_event(event="child")
    body = {"parentId": parent["uuid"], "childIds": [child["uuid"]], "relationshipType": "caused_by"}
    await api("POST", "/events/relationships/create", {"datasetId": parent["datasetId"], **body})
    return parent, child


async def test_edges_lead_from_the_parent_and_are_typed(api: ApiClient) -> None:
    parent, child = await add_pair(api)
    found = await api("GET", "/events/graph", seeds=f"event:{parent['uuid']}")
    assert {edge["relationshipType"] for edge in found["edges"]} == {"caused_by", "tagged_with", "appears_in"}
    only = await api("GET", "/events/graph", seeds=f"event:{child['uuid']}", relationshipTypes="caused_by")
    assert [(edge["sourceId"], edge["targetId"]) for edge in only["edges"]] == [(parent["uuid"], child["uuid"])]
    assert only["node"]["uuid"] == child["uuid"] and only["nodes"][0]["role"] == "focal"
    out = await api(
        "GET", "/events/graph", seeds=f"event:{child['uuid']}", relationshipTypes="caused_by", direction="out"
    )
    assert out["edges"] == []


async def test_what_is_left_out_is_told_and_continued_for_one_seed(api: ApiClient) -> None:
    parent, child = await add_pair(api)
    response = await api.send("GET", "/events/graph", None, seeds=f"event:{parent['uuid']}", limit=2)
    info = response.json()["result_info"]
    assert (info["truncated"], info["has_more"], info["edge_count"], info["cursor"]) == (True, True, 2, "after:2")
    rest = await api("GET", "/events/graph", seeds=f"event:{parent['uuid']}", limit=2, cursor=info["cursor"])
    assert len(rest["edges"]) == 1
    both = f"event:{parent['uuid']},event:{child['uuid']}"
    await api("GET", "/events/graph", seeds=both, cursor="after:2", status=400)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"seeds": "event"},
        {"seeds": ",".join(["event:x"] * 51)},
        {"seeds": "event:x", "limit": 1001},
        {"seeds": "event:x", "relationshipTypes": "likes"},
        {"seeds": "event:x", "direction": "up"},
    ],
)
async def test_wrong_questions_are_refused(api: ApiClient, query: dict[str, Any]) -> None:
    await api("GET", "/events/graph", status=400, **query)


async def test_an_unknown_seed_is_missing(api: ApiClient) -> None:
    found = await api("GET", "/events/graph", seeds="event:00000000-0000-0000-0000-000000000000")
    assert found["nodes"][0]["missing"] is True and found["edges"] == []
