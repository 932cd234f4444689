"""GraphQL: what is counted, and the schema."""

import pytest
from graphql import build_schema, get_introspection_query
from graphql.type import GraphQLEnumType
from inline_snapshot import snapshot

from cf1_mcp.sandbox.search.aggregation import COLUMNS, AggregateRequest
from cf1_mcp.sandbox.search.condition_input import FIELDS, OPS
from cf1_mcp.sandbox.search.graphql import SCHEMA
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.sandbox.api_client import ApiClient
from tests.sandbox.search.graphql_queries import ROUTES, run_query, run_rejected

pytestmark = pytest.mark.anyio

ACTORS_AND_COUNTRIES = """
query ActorsAndCountries($since: String!, $until: String) {
  threatEvents(groupBy: [attacker, targetCountry], datasetIds: ["all"], startDate: $since, endDate: $until, limit: 5) {
    total
    groups { count attacker targetCountry }
  }
}
"""


@pytest.mark.parametrize("route", ROUTES)
async def test_groups_equal_those_of_the_aggregate_route(sample: ApiClient, route: str) -> None:
    variables = {"since": "2026-11-17"}
    answer = await sample("POST", route, {"query": ACTORS_AND_COUNTRIES, "variables": variables})
    assert answer == snapshot(
        {
            "data": {
                "threatEvents": {
                    "total": 364,
                    "groups": [
                        {"count": 74, "attacker": "COPPER LANTERN", "targetCountry": "AT"},
                        {"count": 72, "attacker": "COPPER LANTERN", "targetCountry": "DE"},
                        {"count": 17, "attacker": "VELOUR CICADA", "targetCountry": "CZ"},
                        {"count": 17, "attacker": "VELOUR CICADA", "targetCountry": "SE"},
                        {"count": 15, "attacker": "VELOUR CICADA", "targetCountry": "DE"},
                    ],
                }
            }
        }
    )
    counted = await sample(
        "GET",
        "/events/aggregate",
        aggregateBy="attacker,targetCountry",
        datasetId="all",
        startDate="2026-11-17",
        limit=5,
    )
    assert answer["data"]["threatEvents"] == {"total": counted["total"], "groups": counted["aggregations"]}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_counted_as_by_aggregate(sample_database: SandboxDatabase, column: str) -> None:
    query = (
        f'{{ threatEvents(groupBy: {column}, datasetIds: "all", limit: 1000) {{ total groups {{ count {column} }} }} }}'
    )
    answer = run_query(sample_database, query)["threatEvents"]
    counted = sample_database.aggregate(AggregateRequest([column], ["all"], limit=1000))
    assert counted.total
    assert answer == {"total": counted.total, "groups": counted.aggregations}


def test_a_date_range_counts_only_its_days_and_includes_the_last_one(sample_database: SandboxDatabase) -> None:
    query = """{
        whole: threatEvents(groupBy: tlp, startDate: "2026-11-20", endDate: "2026-11-21") { total }
        first: threatEvents(groupBy: tlp, startDate: "2026-11-20", endDate: "2026-11-20") { total }
        second: threatEvents(groupBy: tlp, startDate: "2026-11-21T00:00:00Z", endDate: "2026-11-21") { total }
        all: threatEvents(groupBy: tlp) { total }
    }"""
    totals = {name: counted["total"] for name, counted in run_query(sample_database, query).items()}
    assert 0 < totals["first"] < totals["whole"] < totals["all"]
    assert totals["whole"] == totals["first"] + totals["second"]


def test_daily_counts_each_day_separately(sample_database: SandboxDatabase) -> None:
    query = """query ($daily: Boolean!) {
        threatEvents(groupBy: category, startDate: "2026-11-22", limit: 2, daily: $daily) { groups { %s count } }
    }"""
    days = run_query(sample_database, query % "date category", variables={"daily": True})["threatEvents"]["groups"]
    assert days == snapshot(
        [
            {"date": "2026-11-22", "category": "Credential Access & Discovery", "count": 6},
            {"date": "2026-11-23", "category": "Credential Access & Discovery", "count": 9},
            {"date": "2026-11-23", "category": "Account Takeover", "count": 9},
            {"date": "2026-11-24", "category": "Credential Access & Discovery", "count": 1},
            {"date": "2026-11-24", "category": "Account Takeover", "count": 6},
        ]
    )
    whole = run_query(sample_database, query % "category", variables={"daily": False})["threatEvents"]["groups"]
    assert sum(row["count"] for row in days) == sum(row["count"] for row in whole)


def test_several_datasets_are_counted_together(sample_database: SandboxDatabase) -> None:
    first, second = [dataset.uuid for dataset in sample_database.datasets()][:2]
    query = (
        "query ($ids: [String!]) { threatEvents(groupBy: datasetId, datasetIds: $ids) { groups { datasetId count } } }"
    )

    def counts(*ids: str) -> dict[str, int]:
        rows = run_query(sample_database, query, variables={"ids": ids and [*ids]})["threatEvents"]["groups"]
        return {row["datasetId"]: row["count"] for row in rows}

    assert counts(first, second) == counts(first) | counts(second)
    assert counts(first, second).keys() == {first, second}
    assert len(counts("all")) > 2


def test_without_datasets_the_default_dataset_is_counted(sample_database: SandboxDatabase) -> None:
    default = sample_database.datasets()[0].uuid
    for given in ("", ", datasetIds: null", ", datasetIds: []"):
        query = f"{{ threatEvents(groupBy: [datasetId]{given}) {{ groups {{ datasetId }} }} }}"
        assert run_query(sample_database, query)["threatEvents"]["groups"] == [{"datasetId": default}]


def test_datasets_are_listed(sample_database: SandboxDatabase) -> None:
    assert run_query(sample_database, "{ datasets { name isPublic isAnalytics } }") == snapshot(
        {
            "datasets": [
                {"name": "Cloudforce One Threat Events", "isPublic": True, "isAnalytics": False},
                {"name": "Cybercrime", "isPublic": True, "isAnalytics": False},
                {"name": "DDoS Attacks", "isPublic": True, "isAnalytics": False},
                {"name": "Compromised Devices", "isPublic": True, "isAnalytics": True},
                {"name": "ACME Incident Response", "isPublic": False, "isAnalytics": False},
            ]
        }
    )
    assert run_query(sample_database, "{ datasets { uuid } }")["datasets"] == [
        {"uuid": dataset.uuid} for dataset in sample_database.datasets()
    ]


def test_only_events_that_match_the_filter_are_counted(sample_database: SandboxDatabase) -> None:
    query = """{
        us: threatEvents(groupBy: targetCountry, filter: { field: targetCountry, value: "usa" }) { groups { targetCountry count } }
        both: threatEvents(groupBy: targetCountry, filter: [{ field: targetCountry, op: in, value: ["US", "DE"] }]) { groups { targetCountry } }
        late: threatEvents(groupBy: killChain, filter: [{ field: killChain, op: gte, value: "6" }]) { groups { killChain } }
    }"""
    answer = run_query(sample_database, query)
    assert [row["targetCountry"] for row in answer["us"]["groups"]] == ["US"]
    assert {row["targetCountry"] for row in answer["both"]["groups"]} == {"US", "DE"}
    assert {row["killChain"] for row in answer["late"]["groups"]} <= {"6", "7"}
    assert answer["late"]["groups"]


def test_fragments_and_named_operations_work(sample_database: SandboxDatabase) -> None:
    query = """
        query Other { datasets { name } }
        query Wanted { threatEvents(groupBy: [tlp, category], limit: 1) { ...Counted } }
        fragment Counted on EventGroups { groups { ...Named count } }
        fragment Named on EventGroup { ... on EventGroup { tlp category } }
    """
    assert run_query(sample_database, query, operationName="Wanted") == snapshot(
        {"threatEvents": {"groups": [{"tlp": "green", "category": "Command and Control", "count": 68}]}}
    )
    assert run_rejected(sample_database, query) == snapshot(
        "Must provide operation name if query contains multiple operations."
    )
    assert run_rejected(sample_database, query, operationName="Absent") == snapshot("Unknown operation named 'Absent'.")


def test_introspection_returns_the_whole_schema_with_descriptions(sample_database: SandboxDatabase) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    types = {kind["name"]: kind for kind in run_query(sample_database, query)["__schema"]["types"]}
    assert [field["name"] for field in types["Query"]["fields"]] == ["datasets", "threatEvents"]
    own = [kind for name, kind in types.items() if not name.startswith("__") and kind["kind"] != "SCALAR"]
    assert [kind["name"] for kind in own if not kind["description"]] == []


@pytest.mark.parametrize(("enum", "known"), [("Column", [*COLUMNS]), ("Field", [*FIELDS]), ("Operator", [*OPS])])
def test_the_enums_of_the_schema_match_the_code(enum: str, known: list[str]) -> None:
    kind = build_schema(SCHEMA.read_text(encoding="utf-8")).type_map[enum]
    assert isinstance(kind, GraphQLEnumType)
    assert sorted(kind.values) == sorted(known)
