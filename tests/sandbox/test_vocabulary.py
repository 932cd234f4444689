"""The neighbours: datasets, words, indicators, and the rules of saved queries."""

from typing import Any

import pytest

from tests.sandbox.talk import Talk, new_event

pytestmark = pytest.mark.anyio


@pytest.fixture
async def worded(talk: Talk) -> Talk:
    other = await talk.dataset("Other")
    await talk.event(attacker="Zinc", targetIndustry="Media", indicator="a.example.com", indicatorType="domain")
    await talk.event(attacker="Argon", tags=["loader", "beacon"], category="DDoS")
    await talk.event(datasetId=other, attacker="Xenon", indicator="192.0.2.1", indicatorType="ip", tags=["proxy"])
    return talk


async def test_words_are_those_of_the_datasets_asked_for(worded: Talk) -> None:
    assert await worded("GET", "/events/attackers") == ["Argon", "Zinc"]
    assert await worded("GET", "/events/attackers", datasetIds="all") == ["Argon", "Xenon", "Zinc"]
    assert await worded("GET", "/events/targetIndustries") == ["Media"]
    assert [category["name"] for category in await worded("GET", "/events/categories")] == ["DDoS", "Phishing"]
    assert await worded("GET", "/events/indicator-types") == ["domain", "ip"]


async def test_catalogs_are_whole(worded: Talk) -> None:
    categories = await worded("GET", "/events/categories/catalog")
    assert {"Phishing", "Domain Resolution"} <= {category["name"] for category in categories}
    assert "Agriculture" in await worded("GET", "/events/targetIndustries/catalog")
    assert {"name": "Germany", "alpha2": "DE", "alpha3": "DEU"} in await worded("GET", "/events/countries")
    [phishing] = [category for category in categories if category["name"] == "Phishing"]
    assert await worded("GET", f"/events/event-categories/by-id/{phishing['uuid']}") == phishing
    assert await worded("GET", f"/events/categories/{phishing['uuid']}") == phishing


async def test_a_category_once_made_can_be_used(talk: Talk) -> None:
    body = {"name": "Weather balloon", "killChain": 1, "mitreAttack": ["T1595"]}
    made = await talk("POST", "/events/categories/create", body)
    assert (made["killChain"], made["mitreAttack"], made["mitreCapec"]) == (1, ["T1595"], [])
    assert (await talk.event(category="weather balloon"))["mitreAttack"] == ["T1595"]
    assert "is taken" in await talk("POST", "/events/categories/create", body, status=400)
    assert "killChain must be a number" in await talk("POST", "/events/categories/create", {"name": "x"}, status=400)


async def test_tags_are_paged_and_searched(worded: Talk) -> None:
    answer = await worded("GET", "/events/tags", page=2, pageSize=2)
    assert [tag["value"] for tag in answer["tags"]] == ["proxy"]
    assert answer["pagination"] == {"page": 2, "pageSize": 2, "totalCount": 3, "totalPages": 2}
    assert [tag["value"] for tag in (await worded("GET", "/events/tags", search="LOAD"))["tags"]] == ["loader"]


async def test_indicators_are_listed_with_their_events(worded: Talk) -> None:
    await worded.event(event="again", indicator="a.example.com", indicatorType="domain")
    answer = await worded("GET", "/events/indicators", datasetIds="all", indicatorType="DOMAIN")
    [indicator] = answer["indicators"]
    assert (indicator["value"], len(indicator["relatedEvents"]), indicator["relatedEventsHasMore"]) == (
        "a.example.com",
        2,
        False,
    )
    assert (await worded("GET", "/events/indicators", datasetIds="all", name="192"))["pagination"]["count"] == 1


async def test_indicators_are_searched_by_value_with_all_their_events(worded: Talk) -> None:
    for number in range(3):
        await worded.event(event=f"again {number}", indicator="a.example.com", indicatorType="domain")
    search = '[{"field":"value","op":"in","value":["A.example.com","b.example.com"]}]'
    counts = [
        [len(one["relatedEvents"]) for one in answer["indicators"] if one["value"] == "a.example.com"]
        for limit in ("-1", "0", "2")
        for answer in [
            await worded("GET", "/events/indicators", datasetIds="all", search=search, relatedEventsLimit=limit)
        ]
    ]
    assert counts == [[4], [0], [2]]
    wrong = '[{"field":"attacker","op":"equals","value":"x"}]'
    assert "cannot be searched here" in await worded("GET", "/events/indicators", search=wrong, status=400)


async def test_datasets_are_created_listed_and_read(talk: Talk) -> None:
    made = await talk("POST", "/events/dataset/create", {"name": "Mine", "isPublic": True})
    assert made == {"uuid": made["uuid"], "name": "Mine", "isPublic": True, "isAnalytics": False}
    assert await talk("GET", f"/events/dataset/{made['uuid']}") == made
    assert (await talk("GET", "/events/dataset"))[1] == {**made, "indicatorWriteMode": "full"}
    assert "is taken" in await talk("POST", "/events/dataset/create", {"name": "Mine", "isPublic": True}, status=400)
    assert "names no dataset" in await talk("GET", "/events/dataset/nowhere", status=400)


def query(**fields: object) -> dict[str, Any]:
    flags = {"alert_enabled": False, "alert_rollup_enabled": False, "rule_enabled": False}
    return {"name": "Q", "query_json": "{}", **flags, **fields}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "Taken"}, "name 'Taken' is taken by another query"),
        ({"name": " "}, "name must not be empty"),
        ({"rule_enabled": None}, "rule_enabled is missing"),
        ({"rule_enabled": "yes"}, "rule_enabled must be true or false"),
        ({"query_json": "{oops"}, "query_json is not JSON"),
        ({"query_json": "[]"}, "must be the JSON text of an object"),
        ({"query_json": '{"attacker":"x"}'}, "query_json names attacker, which lists do not take; valid are datasetId"),
        ({"query_json": '{"cursor":"x"}'}, "query_json names cursor"),
        ({"query_json": '{"search":[{"field":"x","op":"equals","value":"x"}]}'}, "query_json could not be run"),
    ],
)
async def test_a_query_that_could_not_be_run_is_not_saved(talk: Talk, fields: dict[str, object], says: str) -> None:
    await talk("POST", "/events/queries/create", query(name="Taken"))
    assert says in await talk("POST", "/events/queries/create", query(**fields), status=400)
    assert len(await talk("GET", "/events/queries")) == 1


async def test_a_query_keeps_its_own_name_on_an_update(talk: Talk) -> None:
    one = await talk("POST", "/events/queries/create", query(name="One"))
    await talk("POST", "/events/queries/create", query(name="Two"))
    assert (await talk("PATCH", f"/events/queries/{one['id']}", {"name": "One"}))["name"] == "One"
    assert "is taken" in await talk("PATCH", f"/events/queries/{one['id']}", {"name": "Two"}, status=400)


@pytest.mark.parametrize("query_id", [99, "1", None, True, 10**30])
async def test_an_alert_needs_a_query_that_exists(talk: Talk, query_id: object) -> None:
    await talk("POST", "/events/queries/create", query())
    body = {"query_id": query_id}
    assert "is no saved query" in await talk("POST", "/events/queries/alerts/create", body, status=400)


async def test_an_alert_keeps_to_what_is_known(talk: Talk) -> None:
    made = await talk("POST", "/events/queries/create", query())
    body = {"query_id": made["id"], "frequency": "hourly"}
    assert "valid are immediate, daily" in await talk("POST", "/events/queries/alerts/create", body, status=400)
    alert = await talk("POST", "/events/queries/alerts/create", {"query_id": made["id"]})
    path = f"/events/queries/alerts/{alert['id']}"
    assert "query_id cannot be changed" in await talk("PATCH", path, {"query_id": 2}, status=400)
    for path in ("/events/queries/alerts/99", "/events/queries/x", f"/events/queries/{'9' * 30}"):
        await talk("GET", path, status=404)


async def test_the_indicator_of_an_update_is_the_first_one(talk: Talk) -> None:
    both = [{"value": "a.example.com", "indicatorType": "domain"}, {"value": "192.0.2.1", "indicatorType": "ip"}]
    made = await talk.event(indicators=both)
    path, dataset = f"/events/{made['uuid']}", {"datasetId": made["datasetId"]}
    changed = await talk("PATCH", path, {**dataset, "indicator": "b.example.com"})
    assert (changed["indicator"], changed["indicatorType"]) == ("b.example.com", "domain")
    assert await talk.found(("indicator", "equals", "a.example.com")) == []
    changed = await talk("PATCH", path, {**dataset, "indicator": ""})
    assert (changed["indicator"], changed["indicatorType"]) == ("192.0.2.1", "ip")
    changed = await talk("PATCH", path, {**dataset, "indicator": ""})
    assert (changed["indicator"], changed["indicatorTypeId"]) == ("", 0)
    changed = await talk("PATCH", path, {**dataset, "indicator": "c.example.com", "indicatorType": "domain"})
    assert (changed["indicator"], changed["indicatorTypeId"]) == ("c.example.com", 5)


async def test_an_event_made_without_raw_data_gets_it_by_an_update(talk: Talk) -> None:
    made = await talk("POST", "/events/create", new_event(raw={"data": None}))
    body = {"datasetId": made["datasetId"], "raw": {"data": {"late": True}, "tlp": "white"}}
    changed = await talk("PATCH", f"/events/{made['uuid']}", body)
    raw = await talk("GET", f"/events/{made['uuid']}/raw/{changed['rawId']}")
    assert (raw["data"], raw["tlp"], raw["created"]) == ({"late": True}, "clear", "2026-11-24T12:00:00Z")
