"""Every one of the 35 operations, in one conversation each, in both forms of answer."""

from collections.abc import AsyncIterator

import pytest

from cf1_mcp.sandbox.options import SandboxOptions
from tests.sandbox.talk import Talk, new_event, talking

pytestmark = pytest.mark.anyio

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["enveloped", "bare"])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Talk]:
    async with talking(SandboxOptions(bare=request.param == "bare")) as conversation:
        yield conversation


async def test_an_event_is_created_listed_and_read_both_ways(either: Talk) -> None:
    made = await either.event(attacker="Paper Heron", attackerCountry="China", targetCountry="usa", tags=["loader"])
    assert (await either("GET", "/events"))[0] == made
    assert await either("GET", f"/events/dataset/{made['datasetId']}/events/{made['uuid']}") == made
    assert await either("GET", f"/events/{made['uuid']}") == made
    assert "Event not found" in await either("GET", f"/events/{NOWHERE}", status=404)
    assert "Event not found" in await either("GET", f"/events/dataset/{made['datasetId']}/events/{NOWHERE}", status=404)


async def test_events_are_counted_by_columns(either: Talk) -> None:
    await either.event(attacker="Paper Heron")
    await either.event(attacker="Paper Heron", tlp="clear")
    counted = await either("GET", "/events/aggregate", aggregateBy="attacker,tlp")
    assert counted["total"] == 2
    assert counted["aggregations"] == [
        {"attacker": "Paper Heron", "tlp": "amber", "count": 1},
        {"attacker": "Paper Heron", "tlp": "clear", "count": 1},
    ]


async def test_graphql_answers_data(either: Talk) -> None:
    for path in ("/v2/events/graphql", "/events/graphql"):
        assert (await either("POST", path, {"query": "{ __typename }"}))["data"] == {"__typename": "Query"}


async def test_a_bulk_create_tells_each_wrong_row_and_queues_indicators(either: Talk) -> None:
    dataset = await either.dataset("Bulk")
    rows = [
        new_event(event="one", indicator="one.example.com", indicatorType="domain", tags=["new", "newer"]),
        new_event(event="two", date="yesterday"),
        new_event(event="three", category="Fishing"),
    ]
    body = {"datasetId": dataset, "data": rows, "includeCreatedEvents": True}
    made = await either("POST", "/events/create/bulk", body, status=202)
    assert made["createdEventsCount"] == 1
    assert made["createdTagsCount"] == 2
    assert made["queuedIndicatorsCount"] == 1
    assert made["errorCount"] == 2
    assert [error["eventIndex"] for error in made["errors"]] == [1, 2]
    assert "Phishing" in made["errors"][1]["error"]
    uuid = made["createdEvents"][0]["uuid"]
    assert (await either("GET", f"/events/{uuid}"))["indicator"] == ""
    either.clock.go_on(seconds=2)
    shown = await either("GET", f"/events/{uuid}")
    assert (shown["indicator"], shown["indicatorType"], shown["indicatorTypeId"]) == ("one.example.com", "domain", 5)


async def test_the_older_bulk_create_makes_later_rows_children_of_the_first(either: Talk) -> None:
    dataset = await either.dataset("Bulk")
    rows = [new_event(event=name, indicator=f"{name}.example.com", indicatorType="domain") for name in ("a", "b", "c")]
    made = await either("POST", "/events/create/bulk/relationships", {"datasetId": dataset, "data": rows})
    assert made == {
        "createdEventsCount": 3,
        "createdIndicatorsCount": 3,
        "createdRelationshipsCount": 2,
        "errorCount": 0,
        "errors": [],
    }
    assert await either.found(("hasChildren", "equals", True)) == ["a"]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_an_update_changes_what_it_names_and_nothing_else(either: Talk, method: str) -> None:
    made = await either.event(attacker="Paper Heron", indicator="a.example.com", indicatorType="domain")
    change = {"datasetId": made["datasetId"], "attacker": None, "tlp": "TLP:RED", "indicator": "b.example.com"}
    changed = await either(method, f"/events/{made['uuid']}", change)
    assert changed == {**made, "attacker": "", "tlp": "red", "indicator": "b.example.com"}
    assert "datasetId" in await either(method, f"/events/{made['uuid']}", {"tlp": "red"}, status=400)
    tags = {"datasetId": made["datasetId"], "tags": ["x"]}
    assert "event_tag" in await either(method, f"/events/{made['uuid']}", tags, status=400)


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_raw_is_read_in_both_shapes_and_updated(either: Talk, method: str) -> None:
    made = await either.event()
    path = f"/events/{made['uuid']}/raw/{made['rawId']}"
    shown = await either("GET", path)
    assert (shown["id"], shown["data"], shown["source"], shown["tlp"]) == (
        made["rawId"],
        {"seen": 1},
        "sensor.example.net",
        "red",
    )
    assert await either(method, path, {"data": {"seen": 2}}) == {"id": made["rawId"], "data": {"seen": 2}}
    dataset = made["datasetId"]
    for by_dataset in (
        f"/events/datasets/{dataset}/events/{made['uuid']}/raw",
        f"/events/raw/{dataset}/{made['uuid']}",
    ):
        shown = await either("GET", by_dataset)
        assert (shown["id"], shown["data"]) == (1, '{"seen":2}')
        assert "Raw event not found" in await either("GET", by_dataset.replace(made["uuid"], NOWHERE), status=404)


async def test_tags_come_and_go(either: Talk) -> None:
    made = await either.event(tags=["old"])
    assert await either("POST", f"/events/event_tag/{made['uuid']}/create", {"tags": ["new", "old"]}) == {
        "success": True
    }
    assert (await either("GET", f"/events/{made['uuid']}"))["tags"] == ["old", "new"]
    assert await either("DELETE", f"/events/event_tag/{made['uuid']}", {"tags": ["OLD"]}) == {"success": True}
    assert (await either("GET", f"/events/{made['uuid']}"))["tags"] == ["new"]


async def test_references_are_seen_from_both_ends(either: Talk) -> None:
    one, two = await either.event(event="one"), await either.event(event="two")
    assert await either("POST", f"/events/relate/{one['uuid']}/create", {"events": [two["uuid"]]}) == {"success": True}
    one, two = await either("GET", f"/events/{one['uuid']}"), await either("GET", f"/events/{two['uuid']}")
    assert (one["references"], one["referencesIds"], one["numReferences"]) == ([two["uuid"]], [2], 1)
    assert (two["referenced"], two["referencedIds"], two["numReferenced"]) == ([one["uuid"]], [1], 1)
    assert await either("DELETE", f"/events/relate/{one['uuid']}", {"events": [two["uuid"]]}) == {"success": True}
    assert (await either("GET", f"/events/{one['uuid']}"))["references"] == []


async def test_relationships_are_created_and_walked_by_both_routes(either: Talk) -> None:
    parent, child = await either.event(event="parent"), await either.event(event="child")
    body = {
        "datasetId": parent["datasetId"],
        "parentId": parent["uuid"],
        "childIds": [child["uuid"], NOWHERE],
        "relationshipType": "caused_by",
    }
    made = await either("POST", "/events/relationships/create", body)
    assert made["success"] is True
    assert made["relationships"] == [
        {
            "parentId": parent["uuid"],
            "parentDatasetId": parent["datasetId"],
            "childId": child["uuid"],
            "childDatasetId": parent["datasetId"],
            "relationshipType": "caused_by",
        }
    ]
    assert made["errors"] == [{"childId": NOWHERE, "error": "Event not found", "errorType": "NotFound"}]
    for path in (f"/events/by-id/{child['uuid']}/relationships", f"/events/{child['uuid']}/relationships"):
        related = await either("GET", path, datasetId=parent["datasetId"])
        assert [event["event"] for event in related] == ["child", "parent"]


async def test_events_are_moved_with_what_hangs_on_them(either: Talk) -> None:
    made = await either.event(tags=["kept"], indicator="a.example.com", indicatorType="domain")
    target = await either.dataset("Elsewhere")
    body = {"destDatasetId": target, "eventIds": [made["uuid"], NOWHERE]}
    moved = await either("POST", f"/events/dataset/{made['datasetId']}/move", body)
    assert (moved["moved"], moved["indicatorsCopied"], moved["relationshipsCopied"]) == (1, 1, 0)
    assert [failure["index"] for failure in moved["insertFailures"]] == [1]
    assert await either("GET", f"/events/{made['uuid']}") == {**made, "datasetId": target, "rawId": ""}


@pytest.mark.parametrize("path", ["/events/datasets/{}/events", "/events/{}/delete"])
async def test_events_are_deleted_and_counted(either: Talk, path: str) -> None:
    one, two = await either.event(), await either.event()
    ids = [one["uuid"], two["uuid"], NOWHERE]
    assert await either("DELETE", path.format(one["datasetId"]), eventIds=ids) == 2
    assert await either("GET", "/events") == []


async def test_a_dataset_is_reverted(either: Talk) -> None:
    made = await either.event()
    either.clock.go_on(minutes=10)
    await either("DELETE", f"/events/datasets/{made['datasetId']}/events", eventIds=made["uuid"])
    reverted = await either("POST", f"/events/{made['datasetId']}/revert-do", {"minutesAgo": 5})
    assert reverted["targetTimestamp"] == "2026-11-24T12:05:00Z"
    assert reverted["revertBookmark"] < reverted["undoBookmark"]
    assert await either("GET", f"/events/{made['uuid']}") == made


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_queries_and_their_alerts_live_and_die(either: Talk, method: str) -> None:
    body = {
        "name": "Heron",
        "query_json": '{"search":[{"field":"attacker","op":"equals","value":"Paper Heron"}]}',
        "alert_enabled": True,
        "alert_rollup_enabled": False,
        "rule_enabled": False,
    }
    query = await either("POST", "/events/queries/create", body)
    assert await either("GET", "/events/queries") == [query]
    assert await either("GET", f"/events/queries/{query['id']}") == query
    changed = await either(method, f"/events/queries/{query['id']}", {"rule_enabled": True, "rule_scope": "block"})
    assert (changed["name"], changed["rule_enabled"], changed["rule_scope"]) == ("Heron", True, "block")
    alert = await either("POST", "/events/queries/alerts/create", {"query_id": query["id"]})
    assert (alert["enabled"], alert["frequency"], alert["notification_type"]) == (True, "daily", "ans")
    assert await either("GET", "/events/queries/alerts") == [alert]
    assert await either("GET", f"/events/queries/alerts/{alert['id']}") == alert
    changed = await either(method, f"/events/queries/alerts/{alert['id']}", {"frequency": "immediate"})
    assert changed == {**alert, "frequency": "immediate"}
    assert await either("DELETE", f"/events/queries/alerts/{alert['id']}") is None
    assert await either("GET", "/events/queries/alerts") == []
    again = await either("POST", "/events/queries/alerts/create", {"query_id": query["id"]})
    assert await either("DELETE", f"/events/queries/{query['id']}") is None
    assert "no query" in await either("GET", f"/events/queries/{query['id']}", status=404)
    assert "no alert" in await either("GET", f"/events/queries/alerts/{again['id']}", status=404)
