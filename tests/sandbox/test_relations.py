"""Walking relationships; moving and copying what is related."""

from typing import Any

import pytest

from tests.sandbox.talk import Json, Talk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def family(talk: Talk) -> dict[str, Any]:
    """grand -> parent -> child -> leaf, parent -> sibling, and a circle from leaf back to grand."""
    names = ["grand", "parent", "child", "leaf", "sibling"]
    made = {
        name: await talk.event(event=name, indicator=f"{name}.example.com", indicatorType="domain") for name in names
    }
    links = [
        "grand parent related_to",
        "parent child caused_by",
        "child leaf attributed_to",
        "parent sibling caused_by",
    ]
    for link in [*links, "leaf grand related_to"]:
        parent, child, kind = link.split()
        await relate(talk, made[parent], made[child], kind)
    return made


async def relate(talk: Talk, parent: dict[str, Any], child: dict[str, Any], kind: str = "related_to") -> Json:
    body = {"parentId": parent["uuid"], "childIds": [child["uuid"]], "relationshipType": kind}
    return await talk("POST", "/events/relationships/create", {"datasetId": parent["datasetId"], **body})


async def related(talk: Talk, event: dict[str, Any], **query: Json) -> list[str]:
    path = f"/events/by-id/{event['uuid']}/relationships"
    return [found["event"] for found in await talk("GET", path, datasetId=event["datasetId"], **query)]


async def test_a_circle_is_walked_once(talk: Talk, family: dict[str, Any]) -> None:
    assert sorted(await related(talk, family["child"], maxDepth=100)) == sorted(family)


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
async def test_a_walk_goes_where_it_is_told(
    talk: Talk, family: dict[str, Any], query: dict[str, object], names: list[str]
) -> None:
    assert sorted(await related(talk, family["parent"], **query)) == names


async def test_the_nearest_come_first_page_by_page(talk: Talk, family: dict[str, Any]) -> None:
    whole = await related(talk, family["grand"], direction="descendants")
    assert whole[:2] == ["grand", "parent"]
    assert whole[-1] == "leaf"
    pages = [await related(talk, family["grand"], direction="descendants", page=n, pageSize=2) for n in (1, 2, 3)]
    assert [name for page in pages for name in page] == whole


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"direction": "sideways"}, "valid are ancestors, descendants, both"),
        ({"maxDepth": 101}, "from 0 to 100"),
        ({"maxDepth": "deep"}, "must be a whole number"),
        ({"relationshipTypes": "likes"}, "valid are related_to, caused_by, attributed_to"),
        ({"indicatorTypeIds": "domain"}, "'domain' is no number"),
    ],
)
async def test_a_wrong_walk_is_refused(talk: Talk, query: dict[str, object], says: str) -> None:
    made = await talk.event()
    path = f"/events/by-id/{made['uuid']}/relationships"
    assert says in await talk("GET", path, status=400, datasetId=made["datasetId"], **query)
    assert "datasetId must be text" in await talk("GET", path, status=400)


async def test_children_may_be_in_another_dataset(talk: Talk) -> None:
    parent, child = await talk.event(), await talk.event(datasetId=await talk.dataset("Far"))
    made = await relate(talk, parent, child)
    assert made["relationships"][0]["childDatasetId"] == child["datasetId"]


async def test_nothing_linked_is_no_success(talk: Talk) -> None:
    parent, child = await talk.event(), await talk.event()
    await relate(talk, parent, child)
    again = await relate(talk, parent, child)
    assert (again["success"], again["relationshipsCreated"], again["errors"][0]["errorType"]) == (False, 0, "Conflict")
    assert (await relate(talk, parent, parent))["errors"][0]["error"] == "An event cannot be its own child"
    body = {"datasetId": parent["datasetId"], "parentId": "nobody", "childIds": ["x"], "relationshipType": "related_to"}
    assert "parentId 'nobody' is no event" in await talk("POST", "/events/relationships/create", body, status=400)
    wrong = {**body, "relationshipType": "likes"}
    assert "valid are related_to" in await talk("POST", "/events/relationships/create", wrong, status=400)


async def test_events_moved_together_stay_related_and_links_to_others_follow(
    talk: Talk, family: dict[str, Any]
) -> None:
    target = await talk.dataset("Target")
    source = family["parent"]["datasetId"]
    body = {"destDatasetId": target, "eventIds": [family["parent"]["uuid"], family["child"]["uuid"]]}
    moved = await talk("POST", f"/events/dataset/{source}/move", body)
    assert moved == {"moved": 2, "indicatorsCopied": 2, "relationshipsCopied": 4}
    child = {**family["child"], "datasetId": target}
    assert sorted(await related(talk, child, maxDepth=1)) == ["child", "leaf", "parent"]
    assert sorted(await related(talk, child, direction="ancestors", maxDepth=2)) == ["child", "grand", "parent"]


async def test_raw_arrives_only_when_kept(talk: Talk) -> None:
    target = await talk.dataset("Target")
    kept, lost = await talk.event(), await talk.event()
    path = f"/events/dataset/{kept['datasetId']}/move"
    await talk("POST", path, {"destDatasetId": target, "eventIds": [kept["uuid"]]}, keepRawData="true")
    await talk("POST", path, {"destDatasetId": target, "eventIds": [lost["uuid"]]})
    raw = await talk("GET", f"/events/datasets/{target}/events/{kept['uuid']}/raw")
    assert raw["data"] == '{"seen":1}'
    await talk("GET", f"/events/datasets/{target}/events/{lost['uuid']}/raw", status=404)
    assert talk.store.db.execute("SELECT count(*) FROM raw").fetchone() == (1,)


async def test_a_copy_leaves_the_original_and_refuses_a_second_one(talk: Talk) -> None:
    made, target = await talk.event(), await talk.dataset("Target")
    path, body = f"/events/dataset/{made['datasetId']}/copy", {"destDatasetId": target, "eventIds": [made["uuid"]]}
    assert (await talk("POST", path, body))["copied"] == 1
    again = await talk("POST", path, body)
    assert again["copied"] == 0
    assert "in the destination already" in again["insertFailures"][0]["reason"]
    assert len(await talk("GET", "/events", datasetId="all")) == 2


async def test_a_move_into_the_same_dataset_is_refused(talk: Talk) -> None:
    made = await talk.event()
    body = {"destDatasetId": made["datasetId"], "eventIds": [made["uuid"]]}
    assert "name another" in await talk("POST", f"/events/dataset/{made['datasetId']}/move", body, status=400)


async def test_a_reference_to_nothing_changes_nothing(talk: Talk) -> None:
    one, two = await talk.event(), await talk.event()
    body = {"events": [two["uuid"], "nobody"]}
    assert "'nobody' is no event" in await talk("POST", f"/events/relate/{one['uuid']}/create", body, status=400)
    assert "the event itself" in await talk(
        "POST", f"/events/relate/{one['uuid']}/create", {"events": [one["uuid"]]}, status=400
    )
    assert (await talk("GET", f"/events/{one['uuid']}"))["references"] == []


async def test_a_bulk_update_tells_which_events_failed_and_changes_the_others(talk: Talk) -> None:
    one, two = await talk.event(), await talk.event()
    body: dict[str, Any] = {"datasetId": one["datasetId"], "eventIds": [one["uuid"], "nobody", two["uuid"]]}
    made = await talk("PATCH", "/events/update/bulk", {**body, "updates": {"tlp": "red"}})
    assert (made["updatedCount"], made["failedCount"], made["failures"][0]["eventId"]) == (2, 1, "nobody")
    assert [event["tlp"] for event in await talk("GET", "/events")] == ["red", "red"]
    made = await talk("PATCH", "/events/update/bulk", {**body, "updates": {"event": "half", "raw": {"data": 1}}})
    assert made["updatedCount"] == 0
    assert await talk.found(("event", "equals", "half")) == []
    says = await talk("PATCH", "/events/update/bulk", {**body, "eventIds": ["x"] * 101, "updates": {}}, status=400)
    assert "at most 100" in says
