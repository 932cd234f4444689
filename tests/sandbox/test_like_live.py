"""The mood of the live API: what it refuses or answers otherwise than the kind mood."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.middleware import Middleware

from cf1_mcp.sandbox.http.rate_limit import RateLimiter
from cf1_mcp.sandbox.options import SandboxOptions
from tests.sandbox.api_client import ApiClient, Json, open_sandbox

pytestmark = pytest.mark.anyio

LIKE_LIVE = SandboxOptions(like_live=True)


@pytest.fixture
async def live() -> AsyncIterator[ApiClient]:
    """A client of an empty sandbox that answers like the live API."""
    async with open_sandbox(LIKE_LIVE) as client:
        yield client


async def find(api: ApiClient, field: str, op: str, value: object) -> int:
    return len(await api("POST", "/events", {"search": [{"field": field, "op": op, "value": value}]}))


async def graphql(api: ApiClient, query: str) -> Json:
    return (await api.send("POST", "/v2/events/graphql", {"query": query})).json()


# -- the gateway


async def test_an_unknown_route_is_400_with_code_7003(live: ApiClient) -> None:
    answer = await live.send("GET", "/events/a/b/c/d")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 7003)


async def test_a_wrong_account_is_404_with_code_7003(live: ApiClient) -> None:
    answer = await live.http.get("http://sandbox.test/client/v4/accounts/acme/cloudforce-one/events")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 7003)


@pytest.mark.parametrize("token", ["Bearer short", "Bearer " + "x" * 39 + "\xa0", "x" * 40, ""])
async def test_a_malformed_token_is_400_with_code_6003(live: ApiClient, token: str) -> None:
    live.http.headers["Authorization"] = token
    answer = await live.send("GET", "/events")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 6003)


async def test_a_well_formed_token_and_none_pass(live: ApiClient) -> None:
    assert (await live.send("GET", "/events")).status_code == 200
    live.http.headers["Authorization"] = "Bearer " + "x" * 40
    assert (await live.send("GET", "/events")).status_code == 200


@pytest.mark.parametrize("route", ["/events/raw/{dataset}/{event}", "/events/{event}/relationships"])
async def test_routes_that_ended_are_gone(live: ApiClient, route: str) -> None:
    event = await live.create_event()
    path = route.format(dataset=event["datasetId"], event=event["uuid"])
    assert (await live.send("GET", path, datasetId=event["datasetId"])).status_code == 400


async def test_a_url_over_16_kb_is_414(live: ApiClient) -> None:
    assert (await live.send("GET", "/events", search="x" * 17_000)).status_code == 414


async def test_the_limit_of_1200_requests_blocks_for_five_minutes() -> None:
    time = 0.0
    limiter = Middleware(RateLimiter, limit=3, clock=lambda: time, blocks=True)
    async with open_sandbox(replace(LIKE_LIVE, middleware=[limiter])) as api:
        time = 299.0
        statuses = [(await api.send("GET", "/events")).status_code for _ in range(4)]
        time = 310.0
        refused = await api.send("GET", "/events")
        time = 600.0
        again = await api.send("GET", "/events")
    assert statuses == [200, 200, 200, 429]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "289")
    assert again.status_code == 200


async def test_the_headers_tell_the_documented_limit(live: ApiClient) -> None:
    answer = await live.send("GET", "/events")
    assert answer.headers["Ratelimit-Policy"] == '"default";q=1200;w=300'
    assert answer.headers["Ratelimit"].startswith('"default";r=1199;t=')


# -- scope


async def test_analytics_datasets_are_found_by_their_word_and_their_id_alone(live: ApiClient) -> None:
    analytics = live.database.add_dataset("Devices", is_analytics=True).uuid
    await live.create_event(event="a device", datasetId=analytics)
    await live.create_event(event="a mail")
    found = {
        scope: [event["event"] for event in await live("GET", "/events", datasetId=scope)]
        for scope in ("all", "*", "operational", "analytics", analytics)
    }
    assert found == {
        "all": ["a mail"],
        "*": ["a mail"],
        "operational": ["a mail"],
        "analytics": ["a device"],
        analytics: ["a device"],
    }


async def test_attackers_take_no_scope_words(live: ApiClient) -> None:
    event = await live.create_event(attacker="APT1")
    assert "'all' is not a dataset" in await live("GET", "/events/attackers", status=400, datasetIds="all")
    assert await live("GET", "/events/attackers") == ["APT1"]
    assert await live("GET", "/events/attackers", datasetIds=event["datasetId"]) == ["APT1"]


async def test_more_than_50_datasets_are_refused(live: ApiClient) -> None:
    for number in range(50):
        live.database.add_dataset(f"Dataset {number}")
    assert "51 datasets" in await live("GET", "/events", status=400, datasetId="all")


async def test_a_dataset_that_does_not_answer_is_named_beside_the_rows_of_the_others() -> None:
    async with open_sandbox(replace(LIKE_LIVE, failing_datasets=["Slow"])) as api:
        slow = await api.create_dataset("Slow")
        await api.create_event(event="slow", datasetId=slow)
        await api.create_event(event="here")
        answer: Json = (await api.send("GET", "/events", datasetId="all")).json()
        alone: Json = (await api.send("GET", "/events", datasetId=slow)).json()
        indicators = await api("GET", "/events/indicators", datasetIds="all")
    assert [event["event"] for event in answer["result"]] == ["here"]
    assert answer["messages"] == [{"message": f"Dataset {slow} did not answer; its rows are missing"}]
    assert (answer["completeness"]["complete"], answer["completeness"]["failedDatasets"]) == (False, [slow])
    assert ([event["event"] for event in alone["result"]], alone["messages"]) == (["slow"], [])
    assert indicators["completeness"]["failedDatasets"] == [slow]


# -- comparisons and rows


@pytest.mark.parametrize(
    ("op", "value", "other"),
    [
        ("equals", "Red [1]* Fox", "red [1]* fox"),
        ("in", ["Red [1]* Fox"], ["RED [1]* FOX"]),
        ("contains", "d [1]* F", "D [1]* f"),
        ("startsWith", "Red", "red"),
        ("endsWith", "Fox", "fox"),
        ("like", "%[1]*_Fox", "%[1]*_fox"),
        ("find", "Fox Red", "Fox red"),
    ],
)
async def test_text_is_compared_with_regard_to_case(live: ApiClient, op: str, value: object, other: object) -> None:
    await live.create_event(attacker="Red [1]* Fox")
    assert (await find(live, "attacker", op, value), await find(live, "attacker", op, other)) == (1, 0)


async def test_a_tag_is_found_with_in_and_not_with_equals(live: ApiClient) -> None:
    await live.create_event(tags=["x", "y"])
    assert (await find(live, "tags", "in", ["x"]), await find(live, "tags", "equals", "x")) == (1, 0)


async def test_times_are_compared_as_texts_with_milliseconds(live: ApiClient) -> None:
    await live.create_event(date="2026-11-20T08:00:00Z")
    bounds = [("gte", "2026-11-20T08:00:00Z"), ("gte", "2026-11-20T08:00:00.000Z"), ("lte", "2026-11-20T08:00:00Z")]
    assert [await find(live, "date", op, value) for op, value in bounds] == [0, 1, 1]


async def test_a_marking_is_found_in_its_own_spelling_alone(live: ApiClient) -> None:
    await live.create_event(tlp="AMBER")
    assert [await find(live, "tlp", "equals", value) for value in ("amber", "AMBER")] == [1, 0]


async def test_an_indicator_of_a_single_event_is_shown_at_once_and_found_later(live: ApiClient) -> None:
    event = await live.create_event(indicator="a.example", indicatorType="domain")
    assert event["indicator"] == "a.example"
    assert await find(live, "indicator", "equals", "a.example") == 0
    live.clock.advance(seconds=3)
    assert await find(live, "indicator", "equals", "a.example") == 1


async def test_empty_lists_are_a_blank_and_some_counters_are_text_or_null(live: ApiClient) -> None:
    for _ in range(10):
        await live.create_event()
    events = await live("GET", "/events")
    assert {tuple(event["tags"]) for event in events} == {(" ",)}
    assert sorted((event["rawId"], event["numReferences"]) for event in events if event["numReferences"] != 0) == [
        ("raw3", "0"),
        ("raw7", None),
    ]


async def test_an_event_without_raw_evidence_is_404_or_500(live: ApiClient) -> None:
    there = await live.create_dataset("There")
    created = [await live.create_event() for _ in range(20)]
    source = created[0]["datasetId"]
    ids = [event["uuid"] for event in created]
    await live("POST", f"/events/dataset/{source}/move", {"destDatasetId": there, "eventIds": ids})
    moved = [event["uuid"] for event in await live("GET", "/events", datasetId=there)]
    statuses = {
        int(uuid[-1], 16) % 2: (await live.send("GET", f"/events/datasets/{there}/events/{uuid}/raw")).status_code
        for uuid in moved
    }
    assert set(statuses.items()) <= {(0, 404), (1, 500)}
    assert statuses


# -- counting


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"aggregateBy": "tlp"}, "aggregateBy 'tlp' cannot be counted by; valid are attacker, targetIndustry"),
        ({"aggregateBy": "attacker", "limit": 101}, "limit 101 is too large; at most 100 groups are returned"),
        (
            {"aggregateBy": "attacker", "startDate": "2026-11-01T00:00:00Z"},
            "startDate '2026-11-01T00:00:00Z' is not a date in the form 2024-01-01",
        ),
    ],
)
async def test_aggregate_takes_what_the_reference_names(live: ApiClient, query: dict[str, Json], refusal: str) -> None:
    assert await live("GET", "/events/aggregate", status=400, **query) == refusal


async def test_aggregate_counts_the_documented_columns_by_day(live: ApiClient) -> None:
    await live.create_event(attacker="APT1", targetIndustry="Mining")
    counted = await live("GET", "/events/aggregate", aggregateBy="attacker,targetIndustry", startDate="2026-11-01")
    assert counted["aggregations"] == [{"attacker": "APT1", "targetIndustry": "Mining", "count": 1}]


async def test_graphql_has_the_form_of_cloudflares_analytics(live: ApiClient) -> None:
    analytics = live.database.add_dataset("Devices", is_analytics=True).uuid
    await live.create_event(attacker="APT1", tlp="amber")
    await live.create_event(attacker="APT1", tlp="green")
    await live.create_event(attacker="APT2", tlp="green", datasetId=analytics)
    query = "{ viewer { accounts { %s } } }"
    group = "threatEventsAdaptiveGroups(limit: 10%s) { count dimensions { attacker } }"
    asked = {
        "": [("APT1", 2)],
        ', filter: {tlp: "green"}': [("APT1", 1)],
        f', filter: {{datasetId_in: ["{analytics}"]}}': [("APT2", 1)],
        f', filter: {{OR: [{{tlp: "amber"}}, {{datasetId: "{analytics}"}}]}}, orderBy: [attacker_DESC]': [
            ("APT2", 1),
            ("APT1", 1),
        ],
        ', filter: {date_gt: "2026-11-20"}': [],
    }
    for arguments, expected in asked.items():
        answer = await graphql(live, query % group % arguments)
        [account] = answer["data"]["viewer"]["accounts"]
        groups = account["threatEventsAdaptiveGroups"]
        assert [(one["dimensions"]["attacker"], one["count"]) for one in groups] == expected, arguments


async def test_graphql_dimensions_can_be_in_a_fragment_under_another_name(live: ApiClient) -> None:
    await live.create_event(attacker="APT1")
    answer = await graphql(
        live,
        "{ viewer { accounts { threatEventsAdaptiveGroups(limit: 1) { dimensions { ...d } } } } }"
        " fragment d on ThreatEventsDimensions { who: attacker __typename }",
    )
    [account] = answer["data"]["viewer"]["accounts"]
    assert account["threatEventsAdaptiveGroups"] == [
        {"dimensions": {"who": "APT1", "__typename": "ThreatEventsDimensions"}}
    ]


async def test_introspection_shows_the_schema_unless_it_is_off(live: ApiClient) -> None:
    query = "{ __schema { queryType { fields { name } } } }"
    assert (await graphql(live, query))["data"] == {"__schema": {"queryType": {"fields": [{"name": "viewer"}]}}}
    async with open_sandbox(replace(LIKE_LIVE, introspection=False)) as api:
        answer = await graphql(api, query)
    assert answer["data"] is None
    assert "introspection" in answer["errors"][0]["message"]


# -- changes


async def test_a_revert_is_scheduled_and_takes_effect_later(live: ApiClient) -> None:
    before = await live.create_event(event="before")
    live.clock.advance(minutes=10)
    await live.create_event(event="after")
    path = f"/events/{before['datasetId']}/revert-do"
    assert (await live("POST", path, {"minutesAgo": 5}))["status"] == "scheduled"
    assert len(await live("GET", "/events")) == 2
    live.clock.advance(seconds=3)
    assert [event["event"] for event in await live("GET", "/events")] == ["before"]


async def test_the_kind_mood_is_as_before(api: ApiClient) -> None:
    for _ in range(10):
        await api.create_event()
    created = await api.create_event(attacker="APT1", tags=["x"], indicator="a.example")
    assert {(len(event["references"]), event["numReferences"]) for event in await api("GET", "/events")} == {(0, 0)}
    assert await find(api, "indicator", "equals", "a.example") == 1
    assert (
        await api.send("GET", f"/events/{created['uuid']}/relationships", datasetId=created["datasetId"])
    ).is_success
    assert await find(api, "attacker", "equals", "apt1") == 1
    assert await find(api, "tags", "equals", "x") == 1
    assert (await api("GET", "/events/aggregate", aggregateBy="tlp", limit=1000))["total"] == 11
