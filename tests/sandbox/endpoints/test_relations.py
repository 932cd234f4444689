"""Relationships, references, moves, copies and bulk updates."""

from typing import Any

import pytest

from tests.sandbox.api_client import ApiClient, Json

pytestmark = pytest.mark.anyio


@pytest.fixture
async def family(api: ApiClient) -> dict[str, Any]:
    """grand -> parent -> child -> leaf, parent -> sibling, and a cycle from leaf back to grand."""
    names = ["grand", "parent", "child", "leaf", "sibling"]
    created = {
        name: await api.create_event(event=name, indicator=f"{name}.example.com", indicatorType="domain")
        for name in names
    }
    links = [
        "grand parent related_to",
        "parent child caused_by",
        "child leaf attributed_to",
        "parent sibling caused_by",
    ]
    for link in [*links, "leaf grand related_to"]:
        parent, child, kind = link.split()
        await relate(api, created[parent], created[child], kind)
    return created


async def relate(api: ApiClient, parent: dict[str, Any], child: dict[str, Any], kind: str = "related_to") -> Json:
    body = {"parentId": parent["uuid"], "childIds": [child["uuid"]], "relationshipType": kind}
    return await api("POST", "/events/relationships/create", {"datasetId": parent["datasetId"], **body})


async def related(api: ApiClient, event: dict[str, Any], **query: Json) -> list[str]:
    path = f"/events/by-id/{event['uuid']}/relationships"
    return [found["event"] for found in await api("GET", path, datasetId=event["datasetId"], **query)]


async def test_a_cycle_is_walked_once(api: ApiClient, family: dict[str, Any]) -> None:
    assert sorted(await related(api, family["child"], maxDepth=100)) == sorted(family)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"direction": "descendants", "maxDepth": 1}, ["child", "parent", "sibling"]),
        ({"direction": "descendants", "maxDepth": 2}, ["child", "leaf", "parent", "sibling"]),
        ({"direction": "ancestors", "maxDepth": 1}, ["grand", "parent"]),
        ({"maxDepth": 1}, ["child", "grand", "parent", "sibling"]),
        ({"maxDepth": 0}, ["parent"]),
        ({"maxDepth": 1, "includeParent": "false"}, ["child", "grand", "sibling"]),
        ({"relationshipTypes": "caused_by"}, ["child", "parent", "sibling"]),
        ({"relationshipTypes": ["caused_by", "attributed_to"]}, ["child", "leaf", "parent", "sibling"]),
        ({"indicatorTypeIds": "1"}, []),
        ({"indicatorTypeIds": "5", "maxDepth": 1}, ["child", "grand", "parent", "sibling"]),
    ],
)
async def test_the_filters_of_a_walk_select_the_related_events(
    api: ApiClient, family: dict[str, Any], query: dict[str, object], names: list[str]
) -> None:
    assert sorted(await related(api, family["parent"], **query)) == names


async def test_the_nearest_events_come_first_across_pages(api: ApiClient, family: dict[str, Any]) -> None:
    whole = await related(api, family["grand"], direction="descendants")
    assert whole[:2] == ["grand", "parent"]
    assert whole[-1] == "leaf"
    pages = [await related(api, family["grand"], direction="descendants", page=n, pageSize=2) for n in (1, 2, 3)]
    assert [name for page in pages for name in page] == whole


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"direction": "sideways"}, "valid are ancestors, descendants, both"),
        ({"maxDepth": 101}, "use 0 to 100"),
        ({"maxDepth": "deep"}, "must be a whole number"),
        ({"relationshipTypes": "likes"}, "valid are related_to, caused_by, attributed_to"),
        ({"indicatorTypeIds": "domain"}, "'domain' is not a number"),
    ],
)
async def test_a_wrong_filter_of_a_walk_is_rejected(api: ApiClient, query: dict[str, object], message: str) -> None:
    created = await api.create_event()
    path = f"/events/by-id/{created['uuid']}/relationships"
    assert message in await api("GET", path, status=400, datasetId=created["datasetId"], **query)
    assert "datasetId must be a non-empty string" in await api("GET", path, status=400)


async def test_a_child_may_be_in_another_dataset(api: ApiClient) -> None:
    parent, child = await api.create_event(), await api.create_event(datasetId=await api.create_dataset("Far"))
    created = await relate(api, parent, child)
    assert created["relationships"][0]["childDatasetId"] == child["datasetId"]


async def test_a_request_that_links_nothing_is_not_a_success(api: ApiClient) -> None:
    parent, child = await api.create_event(), await api.create_event()
    await relate(api, parent, child)
    again = await relate(api, parent, child)
    assert (again["success"], again["relationshipsCreated"], again["errors"][0]["errorType"]) == (False, 0, "Conflict")
    assert (await relate(api, parent, parent))["errors"][0]["error"] == "An event cannot be its own child"
    body = {"datasetId": parent["datasetId"], "parentId": "nobody", "childIds": ["x"], "relationshipType": "related_to"}
    assert "parentId 'nobody' does not exist" in await api("POST", "/events/relationships/create", body, status=400)
    wrong = {**body, "relationshipType": "likes"}
    assert "valid are related_to" in await api("POST", "/events/relationships/create", wrong, status=400)


async def test_moved_events_keep_their_relationships(api: ApiClient, family: dict[str, Any]) -> None:
    target = await api.create_dataset("Target")
    source = family["parent"]["datasetId"]
    body = {"destDatasetId": target, "eventIds": [family["parent"]["uuid"], family["child"]["uuid"]]}
    moved = await api("POST", f"/events/dataset/{source}/move", body)
    assert moved == {"moved": 2, "indicatorsCopied": 2, "relationshipsCopied": 4}
    child = {**family["child"], "datasetId": target}
    assert sorted(await related(api, child, maxDepth=1)) == ["child", "leaf", "parent"]
    assert sorted(await related(api, child, direction="ancestors", maxDepth=2)) == ["child", "grand", "parent"]


async def test_a_move_keeps_raw_evidence_only_on_request(api: ApiClient) -> None:
    target = await api.create_dataset("Target")
    kept, lost = await api.create_event(), await api.create_event()
    path = f"/events/dataset/{kept['datasetId']}/move"
    await api("POST", path, {"destDatasetId": target, "eventIds": [kept["uuid"]]}, keepRawData="true")
    await api("POST", path, {"destDatasetId": target, "eventIds": [lost["uuid"]]})
    raw = await api("GET", f"/events/datasets/{target}/events/{kept['uuid']}/raw")
    assert raw["data"] == '{"seen":1}'
    await api("GET", f"/events/datasets/{target}/events/{lost['uuid']}/raw", status=404)
    assert api.database.db.execute("SELECT count(*) FROM raw").fetchone() == (1,)


async def test_a_copy_keeps_the_original_and_a_second_copy_fails(api: ApiClient) -> None:
    created, target = await api.create_event(), await api.create_dataset("Target")
    path, body = (
        f"/events/dataset/{created['datasetId']}/copy",
        {"destDatasetId": target, "eventIds": [created["uuid"]]},
    )
    assert (await api("POST", path, body))["copied"] == 1
    again = await api("POST", path, body)
    assert again["copied"] == 0
    assert "is already in the destination" in again["insertFailures"][0]["reason"]
    assert len(await api("GET", "/events", datasetId="all")) == 2


async def test_a_move_into_the_same_dataset_is_rejected(api: ApiClient) -> None:
    created = await api.create_event()
    body = {"destDatasetId": created["datasetId"], "eventIds": [created["uuid"]]}
    assert "name another" in await api("POST", f"/events/dataset/{created['datasetId']}/move", body, status=400)


async def test_a_wrong_reference_changes_nothing(api: ApiClient) -> None:
    one, two = await api.create_event(), await api.create_event()
    body = {"events": [two["uuid"], "nobody"]}
    assert "'nobody' does not exist" in await api("POST", f"/events/relate/{one['uuid']}/create", body, status=400)
    assert "the event itself" in await api(
        "POST", f"/events/relate/{one['uuid']}/create", {"events": [one["uuid"]]}, status=400
    )
    assert (await api("GET", f"/events/{one['uuid']}"))["references"] == []


async def test_a_bulk_update_reports_the_events_that_failed_and_changes_the_others(api: ApiClient) -> None:
    one, two = await api.create_event(), await api.create_event()
    body: dict[str, Any] = {"datasetId": one["datasetId"], "eventIds": [one["uuid"], "nobody", two["uuid"]]}
    result = await api("PATCH", "/events/update/bulk", {**body, "updates": {"tlp": "red"}})
    assert (result["updatedCount"], result["failedCount"], result["failures"][0]["eventId"]) == (2, 1, "nobody")
    assert [event["tlp"] for event in await api("GET", "/events")] == ["red", "red"]
    result = await api("PATCH", "/events/update/bulk", {**body, "updates": {"event": "half", "raw": {"data": 1}}})
    assert result["updatedCount"] == 0
    assert await api.search(("event", "equals", "half")) == []
    message = await api("PATCH", "/events/update/bulk", {**body, "eventIds": ["x"] * 101, "updates": {}}, status=400)
    assert "at most 100" in message
