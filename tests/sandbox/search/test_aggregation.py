"""Counting events by columns."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Condition
from cf1_mcp.sandbox.search.aggregation import AggregateRequest
from tests.sandbox.api_client import ApiClient, Json

pytestmark = pytest.mark.anyio


@pytest.fixture
async def counted(api: ApiClient) -> ApiClient:
    """A sandbox with five events of two attackers."""
    heron = {"attacker": "Paper Heron", "targetCountry": "US"}
    await api.create_event(**heron, date="2026-11-20T08:00:00Z", tags=["a", "b"])
    await api.create_event(**heron, date="2026-11-20T23:59:59Z", category="DDoS", tags=["a"])
    await api.create_event(**heron, date="2026-11-21T00:00:00Z", targetIndustry="Media")
    await api.create_event(
        attacker="Glass Otter", date="2026-11-22T12:00:00Z", indicator="192.0.2.1", indicatorType="ip"
    )
    await api.create_event(date="2026-11-22T13:00:00Z")
    return api


async def test_groups_are_ordered_by_count_with_null_for_missing_values(counted: ApiClient) -> None:
    assert await counted("GET", "/events/aggregate", aggregateBy="attacker,targetCountry") == snapshot(
        {
            "aggregateBy": "attacker,targetCountry",
            "aggregations": [
                {"attacker": "Paper Heron", "targetCountry": "US", "count": 3},
                {"attacker": None, "targetCountry": None, "count": 1},
                {"attacker": "Glass Otter", "targetCountry": None, "count": 1},
            ],
            "total": 5,
            "dateRange": {},
        }
    )


async def test_a_daily_limit_keeps_every_day_of_a_group(counted: ApiClient) -> None:
    answer = await counted("GET", "/events/aggregate", aggregateBy="attacker", groupByDate="true", limit=1)
    assert answer["aggregations"] == snapshot(
        [
            {"attacker": "Paper Heron", "date": "2026-11-20", "count": 2},
            {"attacker": "Paper Heron", "date": "2026-11-21", "count": 1},
        ]
    )
    assert answer["total"] == 5


async def test_the_end_day_is_included_to_its_end(counted: ApiClient) -> None:
    dates: dict[str, Json] = {"startDate": "2026-11-20", "endDate": "2026-11-20"}
    answer = await counted("GET", "/events/aggregate", aggregateBy="datasetId", **dates)
    assert (answer["total"], answer["dateRange"]) == (2, dates)
    answer = await counted("GET", "/events/aggregate", aggregateBy="tlp", endDate="2026-11-20T08:00:00Z")
    assert (answer["total"], answer["dateRange"]) == (1, {"endDate": "2026-11-20T08:00:00Z"})


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ("tags", [("a", 2), (None, 3), ("b", 1)]),
        ("killChain", [("3", 4), ("7", 1)]),
        ("mitreAttack", [("T1566", 4), ("T1498", 1), ("T1499", 1)]),
        ("indicatorType", [(None, 4), ("ip", 1)]),
        ("targetIndustry", [(None, 4), ("Media", 1)]),
        ("category", [("Phishing", 4), ("DDoS", 1)]),
    ],
)
async def test_every_kind_of_column_can_be_counted(
    counted: ApiClient, column: str, rows: list[tuple[str, int]]
) -> None:
    answer = await counted("GET", "/events/aggregate", aggregateBy=column)
    assert sorted((row[column] or "", row["count"]) for row in answer["aggregations"]) == sorted(
        (word or "", count) for word, count in rows
    )


async def test_more_than_three_columns_can_be_counted(counted: ApiClient) -> None:
    columns = "attacker,category,tlp,targetCountry,targetIndustry"
    answer = await counted("GET", "/events/aggregate", aggregateBy=columns, groupByDate="true", limit=2)
    assert answer["aggregations"] == snapshot(
        [
            {
                "attacker": None,
                "category": "Phishing",
                "tlp": "amber",
                "targetCountry": None,
                "targetIndustry": None,
                "date": "2026-11-22",
                "count": 1,
            },
            {
                "attacker": "Glass Otter",
                "category": "Phishing",
                "tlp": "amber",
                "targetCountry": None,
                "targetIndustry": None,
                "date": "2026-11-22",
                "count": 1,
            },
        ]
    )


async def test_the_word_all_excludes_analytics_datasets(counted: ApiClient) -> None:
    await counted.create_event(datasetId=counted.database.add_dataset("Telemetry", is_analytics=True).uuid)
    assert (await counted("GET", "/events/aggregate", aggregateBy="tlp", datasetId="all"))["total"] == 5
    assert (await counted("GET", "/events/aggregate", aggregateBy="tlp", datasetId="analytics"))["total"] == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "aggregateBy is missing; name one or more of attacker, "),
        ({"aggregateBy": "mood"}, "'mood' cannot be counted by; valid are attacker, "),
        ({"aggregateBy": "tlp,tlp"}, "contains a column twice"),
        ({"aggregateBy": "tlp", "limit": 0}, "limit '0' must be a whole number from 1"),
        ({"aggregateBy": "tlp", "startDate": "soon"}, "startDate 'soon' is not an ISO 8601 date"),
        ({"aggregateBy": "tlp", "groupByDate": "maybe"}, "groupByDate 'maybe' is not a boolean"),
    ],
)
async def test_a_wrong_request_is_rejected_with_the_valid_values(
    api: ApiClient, query: dict[str, object], message: str
) -> None:
    assert message in await api("GET", "/events/aggregate", status=400, **query)


async def test_only_events_that_match_the_conditions_are_counted(counted: ApiClient) -> None:
    search = [Condition(field="targetCountry", op="equals", value="US")]
    counts = counted.database.aggregate(AggregateRequest(["attacker"], ["all"], search=search))
    assert counts.aggregations == [{"attacker": "Paper Heron", "count": 3}]
