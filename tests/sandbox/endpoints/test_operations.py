"""Each of the 35 operations, in both forms of answer."""

from collections.abc import AsyncIterator

import pytest

from cf1_mcp.sandbox.options import SandboxOptions
from tests.sandbox.api_client import ApiClient, event_body, open_sandbox

pytestmark = pytest.mark.anyio

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["enveloped", "bare"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[ApiClient]:
    """A client of an empty sandbox, with and without the envelope."""
    async with open_sandbox(SandboxOptions(bare=request.param == "bare")) as client:
        yield client


async def test_a_created_event_is_listed_and_read_by_both_routes(api: ApiClient) -> None:
    created = await api.create_event(
        attacker="Paper Heron", attackerCountry="China", targetCountry="usa", tags=["loader"]
    )
    assert (await api("GET", "/events"))[0] == created
    assert await api("GET", f"/events/dataset/{created['datasetId']}/events/{created['uuid']}") == created
    assert await api("GET", f"/events/{created['uuid']}") == created
    assert "Event not found" in await api("GET", f"/events/{NOWHERE}", status=404)
    assert "Event not found" in await api("GET", f"/events/dataset/{created['datasetId']}/events/{NOWHERE}", status=404)


async def test_events_are_counted_by_columns(api: ApiClient) -> None:
    await api.create_event(attacker="Paper Heron")
    await api.create_event(attacker="Paper Heron", tlp="clear")
    counted = await api("GET", "/events/aggregate", aggregateBy="attacker,tlp")
    assert counted["total"] == 2
    assert counted["aggregations"] == [
        {"attacker": "Paper Heron", "tlp": "amber", "count": 1},
        {"attacker": "Paper Heron", "tlp": "clear", "count": 1},
    ]


async def test_graphql_returns_data(api: ApiClient) -> None:
    for path in ("/v2/events/graphql", "/events/graphql"):
        assert (await api("POST", path, {"query": "{ __typename }"}))["data"] == {"__typename": "Query"}


async def test_a_bulk_create_reports_each_wrong_row_and_queues_indicators(api: ApiClient) -> None:
    dataset = await api.create_dataset("Bulk")
    rows = [
        event_body(event="one", indicator="one.example.com", indicatorType="domain", tags=["new", "newer"]),
        event_body(event="two", date="yesterday"),
        event_body(event="three", category="Fishing"),
    ]
    body = {"datasetId": dataset, "data": rows, "includeCreatedEvents": True}
    created = await api("POST", "/events/create/bulk", body, status=202)
    assert created["createdEventsCount"] == 1
    assert created["createdTagsCount"] == 2
    assert created["queuedIndicatorsCount"] == 1
    assert created["errorCount"] == 2
    assert [error["eventIndex"] for error in created["errors"]] == [1, 2]
    assert "Phishing" in created["errors"][1]["error"]
    uuid = created["createdEvents"][0]["uuid"]
    assert (await api("GET", f"/events/{uuid}"))["indicator"] == ""
    api.clock.advance(seconds=2)
    shown = await api("GET", f"/events/{uuid}")
    assert (shown["indicator"], shown["indicatorType"], shown["indicatorTypeId"]) == ("one.example.com", "domain", 5)


async def test_the_older_bulk_create_makes_the_first_row_the_parent_of_the_others(api: ApiClient) -> None:
    dataset = await api.create_dataset("Bulk")
    rows = [event_body(event=name, indicator=f"{name}.example.com", indicatorType="domain") for name in ("a", "b", "c")]
    created = await api("POST", "/events/create/bulk/relationships", {"datasetId": dataset, "data": rows})
    assert created == {
        "createdEventsCount": 3,
        "createdIndicatorsCount": 3,
        "createdRelationshipsCount": 2,
        "errorCount": 0,
        "errors": [],
    }
    assert await api.search(("hasChildren", "equals", True)) == ["a"]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_an_update_changes_only_the_given_fields(api: ApiClient, method: str) -> None:
    created = await api.create_event(attacker="Paper Heron", indicator="a.example.com", indicatorType="domain")
    change = {"datasetId": created["datasetId"], "attacker": None, "tlp": "TLP:RED", "indicator": "b.example.com"}
    changed = await api(method, f"/events/{created['uuid']}", change)
    assert changed == {**created, "attacker": "", "tlp": "red", "indicator": "b.example.com"}
    assert "datasetId" in await api(method, f"/events/{created['uuid']}", {"tlp": "red"}, status=400)
    tags = {"datasetId": created["datasetId"], "tags": ["x"]}
    assert "event_tag" in await api(method, f"/events/{created['uuid']}", tags, status=400)


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_raw_evidence_is_read_in_both_forms_and_updated(api: ApiClient, method: str) -> None:
    created = await api.create_event()
    path = f"/events/{created['uuid']}/raw/{created['rawId']}"
    shown = await api("GET", path)
    assert (shown["id"], shown["data"], shown["source"], shown["tlp"]) == (
        created["rawId"],
        {"seen": 1},
        "sensor.example.net",
        "red",
    )
    assert await api(method, path, {"data": {"seen": 2}}) == {"id": created["rawId"], "data": {"seen": 2}}
    dataset = created["datasetId"]
    for by_dataset in (
        f"/events/datasets/{dataset}/events/{created['uuid']}/raw",
        f"/events/raw/{dataset}/{created['uuid']}",
    ):
        shown = await api("GET", by_dataset)
        assert (shown["id"], shown["data"]) == (1, '{"seen":2}')
        assert "Raw event not found" in await api("GET", by_dataset.replace(created["uuid"], NOWHERE), status=404)


async def test_tags_are_added_and_removed(api: ApiClient) -> None:
    created = await api.create_event(tags=["old"])
    assert await api("POST", f"/events/event_tag/{created['uuid']}/create", {"tags": ["new", "old"]}) == {
        "success": True
    }
    assert (await api("GET", f"/events/{created['uuid']}"))["tags"] == ["old", "new"]
    assert await api("DELETE", f"/events/event_tag/{created['uuid']}", {"tags": ["OLD"]}) == {"success": True}
    assert (await api("GET", f"/events/{created['uuid']}"))["tags"] == ["new"]


async def test_references_are_shown_on_both_events(api: ApiClient) -> None:
    one, two = await api.create_event(event="one"), await api.create_event(event="two")
    assert await api("POST", f"/events/relate/{one['uuid']}/create", {"events": [two["uuid"]]}) == {"success": True}
    one, two = await api("GET", f"/events/{one['uuid']}"), await api("GET", f"/events/{two['uuid']}")
    assert (one["references"], one["referencesIds"], one["numReferences"]) == ([two["uuid"]], [2], 1)
    assert (two["referenced"], two["referencedIds"], two["numReferenced"]) == ([one["uuid"]], [1], 1)
    assert await api("DELETE", f"/events/relate/{one['uuid']}", {"events": [two["uuid"]]}) == {"success": True}
    assert (await api("GET", f"/events/{one['uuid']}"))["references"] == []


async def test_created_relationships_are_listed_by_both_routes(api: ApiClient) -> None:
    parent, child = await api.create_event(event="parent"), await api.create_event(event="child")
    body = {
        "datasetId": parent["datasetId"],
        "parentId": parent["uuid"],
        "childIds": [child["uuid"], NOWHERE],
        "relationshipType": "caused_by",
    }
    created = await api("POST", "/events/relationships/create", body)
    assert created["success"] is True
    assert created["relationships"] == [
        {
            "parentId": parent["uuid"],
            "parentDatasetId": parent["datasetId"],
            "childId": child["uuid"],
            "childDatasetId": parent["datasetId"],
            "relationshipType": "caused_by",
        }
    ]
    assert created["errors"] == [{"childId": NOWHERE, "error": "Event not found", "errorType": "NotFound"}]
    for path in (f"/events/by-id/{child['uuid']}/relationships", f"/events/{child['uuid']}/relationships"):
        related = await api("GET", path, datasetId=parent["datasetId"])
        assert [event["event"] for event in related] == ["child", "parent"]


async def test_events_are_moved_with_everything_that_belongs_to_them(api: ApiClient) -> None:
    created = await api.create_event(tags=["kept"], indicator="a.example.com", indicatorType="domain")
    target = await api.create_dataset("Elsewhere")
    body = {"destDatasetId": target, "eventIds": [created["uuid"], NOWHERE]}
    moved = await api("POST", f"/events/dataset/{created['datasetId']}/move", body)
    assert (moved["moved"], moved["indicatorsCopied"], moved["relationshipsCopied"]) == (1, 1, 0)
    assert [failure["index"] for failure in moved["insertFailures"]] == [1]
    assert await api("GET", f"/events/{created['uuid']}") == {**created, "datasetId": target, "rawId": ""}


@pytest.mark.parametrize("path", ["/events/datasets/{}/events", "/events/{}/delete"])
async def test_a_delete_returns_the_number_of_events_that_existed(api: ApiClient, path: str) -> None:
    one, two = await api.create_event(), await api.create_event()
    ids = [one["uuid"], two["uuid"], NOWHERE]
    assert await api("DELETE", path.format(one["datasetId"]), eventIds=ids) == 2
    assert await api("GET", "/events") == []


async def test_a_dataset_is_reverted(api: ApiClient) -> None:
    created = await api.create_event()
    api.clock.advance(minutes=10)
    await api("DELETE", f"/events/datasets/{created['datasetId']}/events", eventIds=created["uuid"])
    reverted = await api("POST", f"/events/{created['datasetId']}/revert-do", {"minutesAgo": 5})
    assert reverted["targetTimestamp"] == "2026-11-24T12:05:00Z"
    assert reverted["revertBookmark"] < reverted["undoBookmark"]
    assert await api("GET", f"/events/{created['uuid']}") == created


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_queries_and_alerts_are_created_read_updated_and_deleted(api: ApiClient, method: str) -> None:
    body = {
        "name": "Heron",
        "query_json": '{"search":[{"field":"attacker","op":"equals","value":"Paper Heron"}]}',
        "alert_enabled": True,
        "alert_rollup_enabled": False,
        "rule_enabled": False,
    }
    query = await api("POST", "/events/queries/create", body)
    assert await api("GET", "/events/queries") == [query]
    assert await api("GET", f"/events/queries/{query['id']}") == query
    changed = await api(method, f"/events/queries/{query['id']}", {"rule_enabled": True, "rule_scope": "block"})
    assert (changed["name"], changed["rule_enabled"], changed["rule_scope"]) == ("Heron", True, "block")
    alert = await api("POST", "/events/queries/alerts/create", {"query_id": query["id"]})
    assert (alert["enabled"], alert["frequency"], alert["notification_type"]) == (True, "daily", "ans")
    assert await api("GET", "/events/queries/alerts") == [alert]
    assert await api("GET", f"/events/queries/alerts/{alert['id']}") == alert
    changed = await api(method, f"/events/queries/alerts/{alert['id']}", {"frequency": "immediate"})
    assert changed == {**alert, "frequency": "immediate"}
    assert await api("DELETE", f"/events/queries/alerts/{alert['id']}") is None
    assert await api("GET", "/events/queries/alerts") == []
    again = await api("POST", "/events/queries/alerts/create", {"query_id": query["id"]})
    assert await api("DELETE", f"/events/queries/{query['id']}") is None
    assert "no query" in await api("GET", f"/events/queries/{query['id']}", status=404)
    assert "no alert" in await api("GET", f"/events/queries/alerts/{again['id']}", status=404)


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_a_dataset_is_renamed_published_and_deleted(api: ApiClient, method: str) -> None:
    uuid, other = await api.create_dataset("Old"), await api.create_dataset("Other")
    await api.create_event(datasetId=uuid)
    renamed = await api(method, f"/events/dataset/{uuid}", {"name": "New", "isPublic": True})
    assert (renamed["uuid"], renamed["name"], renamed["isPublic"]) == (uuid, "New", True)
    taken = await api(method, f"/events/dataset/{other}", {"name": "new", "isPublic": False}, status=400)
    assert "is taken" in taken
    assert "isPublic" in await api(method, f"/events/dataset/{other}", {"name": "x"}, status=400)
    assert await api.create_dataset("Old") != uuid
    assert await api("DELETE", f"/events/dataset/{uuid}") == {"uuid": uuid, "name": "New"}
    assert "New" not in [one["name"] for one in await api("GET", "/events/dataset")]
    assert "New" in [one["name"] for one in await api("GET", "/events/dataset", includeDeleted="true")]
    assert await api.search() == []


async def test_the_article_that_an_event_is_from_is_returned_with_the_event(api: ApiClient) -> None:
    source = {
        "system": "threat-signals",
        "resourceType": "article",
        "resourceId": "8f3d2c1a-0000-4000-8000-00000000000a",
    }
    created = await api.create_event(source={**source, "title": "A report"})
    assert (await api("GET", f"/events/{created['uuid']}"))["source"] == {**source, "title": "A report"}
    for wrong in ("x", {**source, "system": "mail"}, {**source, "resourceId": "x"}):
        body = event_body(source=wrong)
        assert "source" in await api("POST", "/events/create", body, status=400)
