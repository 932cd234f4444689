"""Datasets, vocabulary, indicators, saved queries and alerts."""

from typing import Any

import pytest

from tests.sandbox.api_client import ApiClient, event_body

pytestmark = pytest.mark.anyio


@pytest.fixture
async def filled(api: ApiClient) -> ApiClient:
    """A sandbox with two events in the default dataset and one in another."""
    other = await api.create_dataset("Other")
    await api.create_event(attacker="Zinc", targetIndustry="Media", indicator="a.example.com", indicatorType="domain")
    await api.create_event(attacker="Argon", tags=["loader", "beacon"], category="DDoS")
    await api.create_event(datasetId=other, attacker="Xenon", indicator="192.0.2.1", indicatorType="ip", tags=["proxy"])
    return api


async def test_vocabulary_comes_from_the_requested_datasets(filled: ApiClient) -> None:
    assert await filled("GET", "/events/attackers") == ["Argon", "Zinc"]
    assert await filled("GET", "/events/attackers", datasetIds="all") == ["Argon", "Xenon", "Zinc"]
    assert await filled("GET", "/events/targetIndustries") == ["Media"]
    assert [category["name"] for category in await filled("GET", "/events/categories")] == ["DDoS", "Phishing"]
    assert await filled("GET", "/events/indicator-types") == ["domain", "ip"]


async def test_catalogs_are_complete(filled: ApiClient) -> None:
    categories = await filled("GET", "/events/categories/catalog")
    assert {"Phishing", "Domain Resolution"} <= {category["name"] for category in categories}
    assert "Agriculture" in await filled("GET", "/events/targetIndustries/catalog")
    assert {"name": "Germany", "alpha2": "DE", "alpha3": "DEU"} in await filled("GET", "/events/countries")
    [phishing] = [category for category in categories if category["name"] == "Phishing"]
    assert await filled("GET", f"/events/event-categories/by-id/{phishing['uuid']}") == phishing
    assert await filled("GET", f"/events/categories/{phishing['uuid']}") == phishing


async def test_a_created_category_can_be_used(api: ApiClient) -> None:
    body = {"name": "Weather balloon", "killChain": 1, "mitreAttack": ["T1595"]}
    created = await api("POST", "/events/categories/create", body)
    assert (created["killChain"], created["mitreAttack"], created["mitreCapec"]) == (1, ["T1595"], [])
    assert (await api.create_event(category="weather balloon"))["mitreAttack"] == ["T1595"]
    assert "is taken" in await api("POST", "/events/categories/create", body, status=400)
    assert "killChain must be a number" in await api("POST", "/events/categories/create", {"name": "x"}, status=400)


async def test_tags_are_paged_and_searched(filled: ApiClient) -> None:
    answer = await filled("GET", "/events/tags", page=2, pageSize=2)
    assert [tag["value"] for tag in answer["tags"]] == ["proxy"]
    assert answer["pagination"] == {"page": 2, "pageSize": 2, "totalCount": 3, "totalPages": 2}
    assert [tag["value"] for tag in (await filled("GET", "/events/tags", search="LOAD"))["tags"]] == ["loader"]


async def test_actors_are_filtered_by_public_fields_alone(api: ApiClient) -> None:
    async def names(**query: Any) -> list[str]:  # noqa: ANN401 - as the client of the sandbox takes them
        return [actor["value"] for actor in (await api("GET", "/events/tags/categories/actors", **query))["tags"]]

    assert len(await names()) == 10 and await names(page="2", pageSize="9") == ["IVORY LYNX"]
    assert await names(value="heron") == ["GLASS HERON"]
    # As documented, a part of one alias is found in another.
    part = '[{"field": "aliasGroupNames", "op": "contains", "value": "heron28"}]'
    assert await names(filters=part) == ["GLASS HERON", "PAPER ORCA"]
    assert await names(filters='[{"field": "originCountryISO", "op": "in", "value": ["SE", "KP"]}]') == [
        "PAPER ORCA",
        "IVORY LYNX",
    ]
    for wrong in ('[{"field": "motive", "op": "equals", "value": "x"}]', "{", "{}"):
        assert "filters" in await api("GET", "/events/tags/categories/actors", status=400, filters=wrong)


async def test_indicators_are_listed_with_their_events(filled: ApiClient) -> None:
    await filled.create_event(event="again", indicator="a.example.com", indicatorType="domain")
    answer = await filled("GET", "/events/indicators", datasetIds="all", indicatorType="DOMAIN")
    [indicator] = answer["indicators"]
    assert (indicator["value"], len(indicator["relatedEvents"]), indicator["relatedEventsHasMore"]) == (
        "a.example.com",
        2,
        False,
    )
    assert (await filled("GET", "/events/indicators", datasetIds="all", name="192"))["pagination"]["count"] == 1


async def test_indicators_are_searched_by_value_with_all_their_events(filled: ApiClient) -> None:
    for number in range(3):
        await filled.create_event(event=f"again {number}", indicator="a.example.com", indicatorType="domain")
    search = '[{"field":"value","op":"in","value":["A.example.com","b.example.com"]}]'
    counts = [
        [len(one["relatedEvents"]) for one in answer["indicators"] if one["value"] == "a.example.com"]
        for limit in ("-1", "0", "2")
        for answer in [
            await filled("GET", "/events/indicators", datasetIds="all", search=search, relatedEventsLimit=limit)
        ]
    ]
    assert counts == [[4], [0], [2]]
    wrong = '[{"field":"attacker","op":"equals","value":"x"}]'
    assert "cannot be searched; valid are value" in await filled("GET", "/events/indicators", search=wrong, status=400)


async def test_datasets_are_created_listed_and_read(api: ApiClient) -> None:
    created = await api("POST", "/events/dataset/create", {"name": "Mine", "isPublic": True})
    assert created == {"uuid": created["uuid"], "name": "Mine", "isPublic": True, "isAnalytics": False}
    assert await api("GET", f"/events/dataset/{created['uuid']}") == created
    assert (await api("GET", "/events/dataset"))[1] == {**created, "indicatorWriteMode": "full"}
    assert "is taken" in await api("POST", "/events/dataset/create", {"name": "Mine", "isPublic": True}, status=400)
    assert "is not a dataset" in await api("GET", "/events/dataset/nowhere", status=400)


def query(**fields: object) -> dict[str, Any]:
    flags = {"alert_enabled": False, "alert_rollup_enabled": False, "rule_enabled": False}
    return {"name": "Q", "query_json": "{}", **flags, **fields}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "Taken"}, "name 'Taken' is taken by another query"),
        ({"name": " "}, "name must be a non-empty string"),
        ({"rule_enabled": None}, "rule_enabled is missing"),
        ({"rule_enabled": "yes"}, "rule_enabled must be true or false"),
        ({"query_json": "{oops"}, "query_json is not JSON"),
        ({"query_json": "[]"}, "must be the JSON text of an object"),
        (
            {"query_json": '{"attacker":"x"}'},
            "query_json contains attacker, which lists do not accept; valid are datasetId",
        ),
        ({"query_json": '{"cursor":"x"}'}, "query_json contains cursor"),
        ({"query_json": '{"search":[{"field":"x","op":"equals","value":"x"}]}'}, "query_json cannot be run"),
    ],
)
async def test_a_query_that_cannot_be_run_is_not_saved(api: ApiClient, fields: dict[str, object], message: str) -> None:
    await api("POST", "/events/queries/create", query(name="Taken"))
    assert message in await api("POST", "/events/queries/create", query(**fields), status=400)
    assert len(await api("GET", "/events/queries")) == 1


async def test_an_updated_query_may_keep_its_name_but_not_take_another(api: ApiClient) -> None:
    one = await api("POST", "/events/queries/create", query(name="One"))
    await api("POST", "/events/queries/create", query(name="Two"))
    assert (await api("PATCH", f"/events/queries/{one['id']}", {"name": "One"}))["name"] == "One"
    assert "is taken" in await api("PATCH", f"/events/queries/{one['id']}", {"name": "Two"}, status=400)


@pytest.mark.parametrize("query_id", [99, "1", None, True, 10**30])
async def test_an_alert_needs_an_existing_query(api: ApiClient, query_id: object) -> None:
    await api("POST", "/events/queries/create", query())
    body = {"query_id": query_id}
    assert "is not a saved query" in await api("POST", "/events/queries/alerts/create", body, status=400)


async def test_wrong_fields_and_unknown_ids_of_alerts_are_rejected(api: ApiClient) -> None:
    created = await api("POST", "/events/queries/create", query())
    body = {"query_id": created["id"], "frequency": "hourly"}
    assert "valid are immediate, daily" in await api("POST", "/events/queries/alerts/create", body, status=400)
    alert = await api("POST", "/events/queries/alerts/create", {"query_id": created["id"]})
    path = f"/events/queries/alerts/{alert['id']}"
    assert "query_id cannot be changed" in await api("PATCH", path, {"query_id": 2}, status=400)
    for path in ("/events/queries/alerts/99", "/events/queries/x", f"/events/queries/{'9' * 30}"):
        await api("GET", path, status=404)


async def test_an_update_of_the_indicator_changes_the_first_one(api: ApiClient) -> None:
    both = [{"value": "a.example.com", "indicatorType": "domain"}, {"value": "192.0.2.1", "indicatorType": "ip"}]
    created = await api.create_event(indicators=both)
    path, dataset = f"/events/{created['uuid']}", {"datasetId": created["datasetId"]}
    changed = await api("PATCH", path, {**dataset, "indicator": "b.example.com"})
    assert (changed["indicator"], changed["indicatorType"]) == ("b.example.com", "domain")
    assert await api.search(("indicator", "equals", "a.example.com")) == []
    changed = await api("PATCH", path, {**dataset, "indicator": ""})
    assert (changed["indicator"], changed["indicatorType"]) == ("192.0.2.1", "ip")
    changed = await api("PATCH", path, {**dataset, "indicator": ""})
    assert (changed["indicator"], changed["indicatorTypeId"]) == ("", 0)
    changed = await api("PATCH", path, {**dataset, "indicator": "c.example.com", "indicatorType": "domain"})
    assert (changed["indicator"], changed["indicatorTypeId"]) == ("c.example.com", 5)


async def test_an_event_without_raw_data_receives_it_by_an_update(api: ApiClient) -> None:
    created = await api("POST", "/events/create", event_body(raw={"data": None}))
    body = {"datasetId": created["datasetId"], "raw": {"data": {"late": True}, "tlp": "white"}}
    changed = await api("PATCH", f"/events/{created['uuid']}", body)
    raw = await api("GET", f"/events/{created['uuid']}/raw/{changed['rawId']}")
    assert (raw["data"], raw["tlp"], raw["created"]) == ({"late": True}, "clear", "2026-11-24T12:00:00Z")
