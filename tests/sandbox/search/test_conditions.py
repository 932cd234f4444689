"""Search conditions: every field and operator, the spellings of a query string, and the documented limits."""

import json

import pytest

from tests.sandbox.api_client import ApiClient, Json

pytestmark = pytest.mark.anyio


@pytest.fixture
async def filled(api: ApiClient) -> ApiClient:
    """Three events, newest first: heron, otter, plain."""
    first = await api.create_event(
        event="heron 100% loader_x",
        date="2026-11-20T10:00:00Z",
        attacker="Paper Heron",
        attackerCountry="CN",
        targetCountry="US",
        targetIndustry="Agriculture",
        tlp="red",
        category="Phishing",
        tags=["loader", "Beta"],
        indicator="a.example.com",
        indicatorType="domain",
        indicators=[{"value": "192.0.2.7", "indicatorType": "IP"}],
    )
    api.clock.advance(hours=1)
    second = await api.create_event(
        event="otter seen near heron",
        date="2026-11-19T10:00:00Z",
        attacker="Glass Otter",
        attackerCountry="RU",
        targetCountry="DE",
        targetIndustry="Technology",
        tlp="clear",
        category="Command and Control",
        tags=["beta"],
        indicator="b.example.com",
        indicatorType="domain",
    )
    api.clock.advance(hours=1)
    await api.create_event(event="plain", date="2026-11-18T10:00:00Z", category="Campaign")
    link = {
        "datasetId": first["datasetId"],
        "parentId": second["uuid"],
        "childIds": [first["uuid"]],
        "relationshipType": "related_to",
    }
    await api("POST", "/events/relationships/create", link)
    return api


HERON, OTTER, PLAIN = "heron 100% loader_x", "otter seen near heron", "plain"


@pytest.mark.parametrize(
    ("field", "op", "value", "found"),
    [
        ("attacker", "equals", "paper heron", [HERON]),
        ("attacker", "not", "paper heron", [OTTER, PLAIN]),
        ("attacker", "gt", "h", [HERON]),
        ("attacker", "gte", "glass otter", [HERON, OTTER]),
        ("attacker", "lt", "p", [OTTER]),
        ("attacker", "lte", "glass otter", [OTTER]),
        ("attacker", "like", "%o_ter", [OTTER]),
        ("attacker", "contains", "HERON", [HERON]),
        ("attacker", "startsWith", "glass", [OTTER]),
        ("attacker", "endsWith", "otter", [OTTER]),
        ("attacker", "find", "otter glass", [OTTER]),
        ("attacker", "in", ["GLASS OTTER", "nobody"], [OTTER]),
        ("attackerCountry", "equals", "chn", [HERON]),
        ("attackerCountry", "equals", "China", [HERON]),
        ("attackerCountry", "not", "cn", [OTTER, PLAIN]),
        ("attackerCountry", "equals", "Atlantis", []),
        ("targetCountry", "in", ["usa", "Germany"], [HERON, OTTER]),
        ("targetCountry", "contains", "german", [OTTER]),
        ("category", "startsWith", "command", [OTTER]),
        ("createdAt", "gte", "2026-11-24T13:00:00Z", [OTTER, PLAIN]),
        ("createdAt", "lt", "2026-11-24T12:30:00+00:00", [HERON]),
        ("date", "gt", "2026-11-19", [HERON, OTTER]),
        ("date", "equals", "2026-11-18T11:00:00+01:00", [PLAIN]),
        ("date", "startsWith", "2026-11-19T10:00:00Z", [OTTER]),
        ("date", "in", ["2026-11-18T10:00:00Z"], [PLAIN]),
        ("date", "not", "2026-11-18T10:00:00Z", [HERON, OTTER]),
        ("event", "contains", "100% l", [HERON]),
        ("event", "contains", "loader_", [HERON]),
        ("event", "contains", "%", [HERON]),
        ("event", "like", "%loader%", [HERON]),
        ("event", "find", "heron near", [OTTER]),
        ("event", "endsWith", "HERON", [OTTER]),
        ("event", "not", "plain", [HERON, OTTER]),
        ("indicator", "equals", "A.EXAMPLE.COM", [HERON]),
        ("indicator", "equals", "192.0.2.7", [HERON]),
        ("indicator", "in", ["192.0.2.7", "b.example.com"], [HERON, OTTER]),
        ("indicator", "not", "192.0.2.7", [OTTER, PLAIN]),
        ("indicator", "endsWith", ".example.com", [HERON, OTTER]),
        ("indicatorType", "equals", "ip", [HERON]),
        ("indicatorType", "equals", "DOMAIN", [HERON, OTTER]),
        ("indicatorType", "not", "ip", [OTTER, PLAIN]),
        ("mitreAttack", "equals", "t1566", [HERON]),
        ("mitreAttack", "startsWith", "TA0011", [OTTER]),
        ("mitreCapec", "in", ["98"], [HERON]),
        ("mitreCapec", "not", "98", [OTTER, PLAIN]),
        ("tags", "equals", "beta", [HERON, OTTER]),
        ("tags", "not", "loader", [OTTER, PLAIN]),
        ("tags", "in", ["loader", "none"], [HERON]),
        ("targetIndustry", "contains", "tech", [OTTER]),
        ("tlp", "equals", "WHITE", [OTTER]),
        ("tlp", "in", ["TLP:RED", "amber"], [HERON, PLAIN]),
        ("tlp", "not", "red", [OTTER, PLAIN]),
        ("killChain", "equals", 3, [HERON]),
        ("killChain", "equals", "3", [HERON]),
        ("killChain", "gte", 6, [OTTER, PLAIN]),
        ("killChain", "in", [3, "7"], [HERON, PLAIN]),
        ("killChain", "not", 3, [OTTER, PLAIN]),
        ("hasChildren", "equals", True, [OTTER]),
        ("hasChildren", "equals", "false", [HERON, PLAIN]),
        ("hasChildren", "not", True, [HERON, PLAIN]),
        ("hasChildren", "lt", True, [HERON, PLAIN]),
        ("hasChildren", "in", [True, False], [HERON, OTTER, PLAIN]),
    ],
)
async def test_a_condition_finds_the_matching_events(
    filled: ApiClient, field: str, op: str, value: object, found: list[str]
) -> None:
    assert await filled.search((field, op, value)) == found


async def test_a_uuid_is_found_in_any_case(filled: ApiClient) -> None:
    [event] = await filled("GET", "/events", pageSize=1)
    assert await filled.search(("uuid", "in", [event["uuid"].upper()])) == [HERON]
    assert await filled.search(("uuid", "startsWith", event["uuid"][:13].upper())) == [HERON]


async def test_all_conditions_must_match(filled: ApiClient) -> None:
    assert await filled.search(("tags", "equals", "beta"), ("tlp", "equals", "red")) == [HERON]
    assert await filled.search(("tags", "equals", "beta"), ("tlp", "equals", "green")) == []


async def test_the_search_and_one_branch_must_match(filled: ApiClient) -> None:
    branches = [
        [{"field": "attacker", "op": "equals", "value": "Paper Heron"}],
        [
            {"field": "tlp", "op": "equals", "value": "amber"},
            {"field": "killChain", "op": "equals", "value": 7},
        ],
    ]
    assert await filled.search(searchBranches=branches) == [HERON, PLAIN]
    assert await filled.search(("event", "contains", "plain"), searchBranches=branches) == [PLAIN]


async def test_all_spellings_of_a_query_string_are_equivalent(filled: ApiClient) -> None:
    async def found(**query: Json) -> list[str]:
        return [event["event"] for event in await filled("GET", "/events", **query)]

    condition = {"field": "attacker", "op": "equals", "value": "Glass Otter"}
    assert await found(search=json.dumps([condition])) == [OTTER]
    assert await found(search=json.dumps(condition)) == [OTTER]
    assert await found(**{f"search[0][{part}]": value for part, value in condition.items()}) == [OTTER]
    assert await found(**{f"search.{part}": value for part, value in condition.items()}) == [OTTER]
    several = {"search[0][field]": "tlp", "search[0][op]": "in", "search[0][value][]": ["red", "clear"]}
    assert await found(**several) == [HERON, OTTER]
    dots = {"search.field": "killChain", "search.op": "in", "search.value": ["3", "6"]}
    assert await found(**dots) == [HERON, OTTER]


async def test_two_dotted_conditions_are_rejected_as_ambiguous(filled: ApiClient) -> None:
    query = {"search.field": ["attacker", "tlp"], "search.op": ["equals", "equals"], "search.value": ["a", "red"]}
    assert "one JSON text" in await filled("GET", "/events", status=400, **query)


def condition(field: object = "attacker", op: object = "equals", value: object = "x") -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


INVALID_REQUESTS: list[tuple[dict[str, object], str]] = [
    ({"search": [condition()] * 11}, "11 conditions; from 0 to 10"),
    ({"search": [condition(op="in", value=["x"] * 101)]}, "101 values; from 1 to 100"),
    ({"search": [condition(value="x" * 513)]}, "513 characters; from 1 to 512"),
    ({"search": [condition(value="")]}, "0 characters; from 1 to 512"),
    ({"search": [condition(field="insight")]}, "'insight' cannot be searched; valid are attacker, "),
    ({"search": [condition(op="is")]}, "'is' is unknown; valid are equals, not, "),
    ({"search": [condition(field="killChain", op="contains")]}, "does not fit killChain"),
    ({"search": [condition(field="killChain", value="late")]}, "'late' is not a number"),
    ({"search": [condition(field="hasChildren", value="some")]}, "'some' is not a boolean"),
    ({"search": [condition(field="tlp", value="pink")]}, "'pink' is not a TLP marking; valid are clear, "),
    ({"search": [condition(field="date", op="gt", value="soon")]}, "'soon' is not an ISO 8601 date"),
    ({"search": [condition(op="in", value="x")]}, "must be a list for op 'in'"),
    ({"search": [condition(value=["x"])]}, "must be one value for op 'equals'"),
    ({"search": [condition(value=7)]}, "7 must be a string"),
    ({"search": ["attacker"]}, "search[0] must be an object"),
    ({"search": "attacker"}, "search must be a list"),
    ({"searchBranches": [[condition()]] * 9}, "9 branches; at most 8"),
    ({"searchBranches": [[condition()] * 11]}, "searchBranches[0] contains 11 conditions; from 1 to 10"),
    ({"searchBranches": [[]]}, "searchBranches[0] contains 0 conditions"),
    ({"searchBranches": [[condition(field="indicator")]]}, "must not filter by indicator"),
    ({"pageSize": 25_001}, "at most 25,000"),
    ({"pageSize": 0}, "pageSize 0 must be a whole number from 1"),
    ({"page": 1002, "pageSize": 100}, "past record 100,000"),
    ({"orderBy": "tags"}, "'tags' cannot be ordered by; valid are date, "),
    ({"order": "up"}, "valid are asc, desc"),
    ({"datasetId": ["all", "analytics"]}, "'all' is a scope word and must be the only value"),
    ({"datasetId": ["nowhere"]}, "'nowhere' is not a dataset"),
    ({"filter": []}, "filter is unknown; valid are datasetId"),
]


@pytest.mark.parametrize(("body", "message"), INVALID_REQUESTS)
async def test_an_invalid_search_is_rejected_with_the_limit_or_the_valid_values(
    api: ApiClient, body: dict[str, object], message: str
) -> None:
    assert message in await api("POST", "/events", body, status=400)


async def test_searches_at_the_limits_are_accepted(api: ApiClient) -> None:
    many = [condition(value="x" * 512)] * 9 + [condition(op="in", value=["x"] * 100)]
    assert await api("POST", "/events", {"search": many, "searchBranches": [[condition()] * 10] * 8}) == []
    assert await api("POST", "/events", {"pageSize": 25_000, "page": 5}) == []


async def test_branches_are_rejected_on_analytics_datasets(api: ApiClient) -> None:
    api.database.add_dataset("Telemetry", is_analytics=True)
    body = {"datasetId": ["analytics"], "searchBranches": [[condition()]]}
    assert "cannot be used on analytics datasets" in await api("POST", "/events", body, status=400)
