"""GraphQL: wrong arguments, variables and bodies are rejected with the valid values."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.sandbox.search.graphql import execute
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.sandbox.api_client import ApiClient, Json
from tests.sandbox.search.graphql_queries import ROUTES, run_rejected

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("arguments", "fields", "message"),
    [
        (
            "groupBy: []",
            "total",
            snapshot(
                "groupBy must name one or more of attacker, attackerCountry, category, datasetId, indicatorType, killChain, mitreAttack, mitreCapec, tags, targetCountry, targetIndustry, tlp"
            ),
        ),
        (
            "groupBy: mood",
            "total",
            snapshot(
                "Value 'mood' does not exist in 'Column' enum. Valid are attacker, attackerCountry, category, datasetId, indicatorType, killChain, mitreAttack, mitreCapec, tags, targetCountry, targetIndustry, tlp."
            ),
        ),
        (
            'groupBy: ["attacker"]',
            "total",
            snapshot(
                "Enum 'Column' cannot represent non-enum value: \"attacker\". Did you mean the enum value 'attacker'? Valid are attacker, attackerCountry, category, datasetId, indicatorType, killChain, mitreAttack, mitreCapec, tags, targetCountry, targetIndustry, tlp."
            ),
        ),
        (
            "",
            "total",
            snapshot(
                "Argument 'Query.threatEvents(groupBy:)' of type '[Column!]!' is required, but it was not provided."
            ),
        ),
        (
            'groupBy: tlp, datasetIds: ["all", "analytics"]',
            "total",
            snapshot("datasetId 'all' is a scope word and must be the only value; send it or uuids, not both"),
        ),
        (
            'groupBy: tlp, startDate: "soon"',
            "total",
            snapshot("startDate 'soon' is not an ISO 8601 date; use the form 2026-11-01T09:30:00Z"),
        ),
        (
            'groupBy: tlp, endDate: ""',
            "total",
            snapshot("endDate '' is not an ISO 8601 date; use the form 2026-11-01T09:30:00Z"),
        ),
        ("groupBy: tlp, limit: 0", "total", snapshot("limit must be from 1 to 1000, not 0")),
        ("groupBy: tlp, limit: 1001", "total", snapshot("limit must be from 1 to 1000, not 1001")),
        (
            'groupBy: tlp, filter: { field: mood, value: "a" }',
            "total",
            snapshot(
                "Value 'mood' does not exist in 'Field' enum. Valid are attacker, attackerCountry, category, createdAt, date, event, hasChildren, indicator, indicatorType, killChain, mitreAttack, mitreCapec, tags, targetCountry, targetIndustry, tlp, uuid."
            ),
        ),
        (
            'groupBy: tlp, filter: { field: attacker, value: ["a", "b"] }',
            "total",
            snapshot("filter[0].value must be one value for op 'equals'"),
        ),
        (
            'groupBy: tlp, filter: { field: killChain, op: contains, value: "3" }',
            "total",
            snapshot("filter[0].op 'contains' does not fit killChain; valid are equals, gt, gte, lt, lte, not, in"),
        ),
        (
            "groupBy: tlp, filter: { field: killChain, value: 3 }",
            "total",
            snapshot("String cannot represent a non string value: 3"),
        ),
        (
            "groupBy: tlp",
            "groups { actor }",
            snapshot(
                "Cannot query field 'actor' on type 'EventGroup'. Valid are count, date, attacker, attackerCountry, category, datasetId, indicatorType, killChain, mitreAttack, mitreCapec, tags, targetCountry, targetIndustry, tlp."
            ),
        ),
        (
            "groupBy: tlp",
            "groups { count tlp attacker }",
            snapshot("groups selects attacker, which is not in groupBy; add it there or leave it out"),
        ),
        (
            "groupBy: tlp",
            "groups { date }",
            snapshot("groups selects date, which exists only with daily: true; add that or leave date out"),
        ),
        (
            "groupBy: tlp",
            "groups",
            snapshot(
                "Field 'groups' of type '[EventGroup!]!' must have a selection of subfields. Did you mean 'groups { ... }'?"
            ),
        ),
    ],
)
def test_a_wrong_argument_is_rejected_with_the_valid_values(
    sample_database: SandboxDatabase, arguments: str, fields: str, message: str
) -> None:
    query = f"{{ threatEvents({arguments}) {{ {fields} }} }}".replace("()", "")
    assert run_rejected(sample_database, query) == message


def test_the_error_for_an_unknown_dataset_lists_the_existing_ones(sample_database: SandboxDatabase) -> None:
    message = run_rejected(sample_database, '{ threatEvents(groupBy: tlp, datasetIds: "APTs") { total } }')
    assert message.startswith("datasetIds 'APTs' is not a dataset; valid are all, *, analytics, operational, ")
    assert all(f"{dataset.uuid} ({dataset.name})" in message for dataset in sample_database.datasets())


def test_the_error_lists_ten_of_many_datasets_and_the_query_for_all() -> None:
    database = SandboxDatabase.open()
    for number in range(20):
        database.add_dataset(f"Dataset {number}")
    message = run_rejected(database, '{ threatEvents(groupBy: tlp, datasetIds: "APTs") { total } }')
    database.close()
    assert "(Dataset 8)" in message
    assert "(Dataset 9)" not in message
    assert message.endswith(", ... ({ datasets { uuid name } } lists all)")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"limit": "ten"},
            snapshot("Variable '$limit' has invalid value: Int cannot represent non-integer value: 'ten'"),
        ),
        (
            {"limit": None},
            snapshot("Variable '$limit' has invalid value: Expected value of non-null type 'Int!' not to be None."),
        ),
        ({}, snapshot("Variable '$limit' has invalid value: Expected a value of non-null type 'Int!' to be provided.")),
        (
            {"limit": 10**12},
            snapshot(
                "Variable '$limit' has invalid value: Int cannot represent non 32-bit signed integer value: 1000000000000"
            ),
        ),
    ],
)
def test_a_variable_of_the_wrong_type_is_rejected(
    sample_database: SandboxDatabase, variables: dict[str, Json], message: str
) -> None:
    query = "query ($limit: Int!) { threatEvents(groupBy: tlp, limit: $limit) { total } }"
    assert run_rejected(sample_database, query, variables=variables) == message


def test_a_thousand_wrong_values_give_five_errors(sample_database: SandboxDatabase) -> None:
    query = "query ($columns: [Column!]!) { threatEvents(groupBy: $columns) { total } }"
    answer: Json = execute(sample_database, {"query": query, "variables": {"columns": ["mood"] * 1000}})
    assert answer["data"] is None
    assert len(answer["errors"]) == 5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, snapshot("the body must be a JSON object with query, and variables and operationName where needed")),
        (
            ["{ datasets { name } }"],
            snapshot("the body must be a JSON object with query, and variables and operationName where needed"),
        ),
        ({}, snapshot("query must be the text of a GraphQL document, such as '{ datasets { uuid name } }'")),
        (
            {"query": " "},
            snapshot("query must be the text of a GraphQL document, such as '{ datasets { uuid name } }'"),
        ),
        ({"query": 1}, snapshot("query must be the text of a GraphQL document, such as '{ datasets { uuid name } }'")),
        (
            {"query": "{ a }", "variables": "{}"},
            snapshot("variables must be a JSON object with a value for each variable, or be left out"),
        ),
        (
            {"query": "{ a }", "operationName": 1},
            snapshot("operationName must be the name of an operation in query, or be left out"),
        ),
        (
            {"query": "{ a }", "extensions": {}},
            snapshot("'extensions' is not part of a GraphQL request; valid are query, variables, operationName"),
        ),
    ],
)
def test_a_wrong_body_is_rejected_with_the_valid_form(
    sample_database: SandboxDatabase, body: object, message: str
) -> None:
    assert execute(sample_database, body) == {"data": None, "errors": [{"message": message}]}


@pytest.mark.parametrize("route", ROUTES)
async def test_graphql_errors_are_a_200_and_a_body_that_is_not_an_object_is_a_400(
    sample: ApiClient, route: str
) -> None:
    assert await sample("POST", route, {"query": "{"}) == snapshot(
        {"data": None, "errors": [{"message": "Syntax Error: Expected Name, found <EOF>."}]}
    )
    assert await sample("POST", route, ["{ datasets { name } }"], status=400) == snapshot(
        "the body must be a JSON object"
    )
