"""Counting events."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Condition
from tests.sandbox.talk import Json, Talk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def counted(talk: Talk) -> Talk:
    heron = {"attacker": "Paper Heron", "targetCountry": "US"}
    await talk.event(**heron, date="2026-11-20T08:00:00Z", tags=["a", "b"])
    await talk.event(**heron, date="2026-11-20T23:59:59Z", category="DDoS", tags=["a"])
    await talk.event(**heron, date="2026-11-21T00:00:00Z", targetIndustry="Media")
    await talk.event(attacker="Glass Otter", date="2026-11-22T12:00:00Z", indicator="192.0.2.1", indicatorType="ip")
    await talk.event(date="2026-11-22T13:00:00Z")
    return talk


async def test_groups_come_highest_first_with_null_for_nothing(counted: Talk) -> None:
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


async def test_days_keep_all_of_each_group_under_the_limit(counted: Talk) -> None:
    answer = await counted("GET", "/events/aggregate", aggregateBy="attacker", groupByDate="true", limit=1)
    assert answer["aggregations"] == snapshot(
        [
            {"attacker": "Paper Heron", "date": "2026-11-20", "count": 2},
            {"attacker": "Paper Heron", "date": "2026-11-21", "count": 1},
        ]
    )
    assert answer["total"] == 5


async def test_an_end_day_is_counted_whole(counted: Talk) -> None:
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
async def test_every_kind_of_column_is_counted(counted: Talk, column: str, rows: list[tuple[str, int]]) -> None:
    answer = await counted("GET", "/events/aggregate", aggregateBy=column)
    assert sorted((row[column] or "", row["count"]) for row in answer["aggregations"]) == sorted(
        (word or "", count) for word, count in rows
    )


async def test_more_than_three_columns_are_counted_too(counted: Talk) -> None:
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


async def test_all_leaves_analytics_datasets_out(counted: Talk) -> None:
    await counted.event(datasetId=counted.store.add_dataset("Telemetry", is_analytics=True).uuid)
    assert (await counted("GET", "/events/aggregate", aggregateBy="tlp", datasetId="all"))["total"] == 5
    assert (await counted("GET", "/events/aggregate", aggregateBy="tlp", datasetId="analytics"))["total"] == 1


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "aggregateBy is missing; name one or more of attacker, "),
        ({"aggregateBy": "mood"}, "'mood' cannot be counted by; valid are attacker, "),
        ({"aggregateBy": "tlp,tlp"}, "names a column twice"),
        ({"aggregateBy": "tlp", "limit": 0}, "limit '0' must be a whole number from 1"),
        ({"aggregateBy": "tlp", "startDate": "soon"}, "startDate 'soon' is no ISO 8601 date"),
        ({"aggregateBy": "tlp", "groupByDate": "maybe"}, "groupByDate 'maybe' is no truth value"),
    ],
)
async def test_a_wrong_request_is_told_what_is_right(talk: Talk, query: dict[str, object], says: str) -> None:
    assert says in await talk("GET", "/events/aggregate", status=400, **query)


async def test_conditions_narrow_what_a_program_counts(counted: Talk) -> None:
    answer = counted.store.aggregate(
        datasets=["all"],
        columns=["attacker"],
        start=None,
        end=None,
        daily=False,
        limit=10,
        search=[Condition(field="targetCountry", op="equals", value="US")],
    )
    assert answer.aggregations == [{"attacker": "Paper Heron", "count": 3}]
