"""Counting events with GraphQL."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from graphql import build_schema, get_introspection_query
from graphql.type import GraphQLEnumType
from inline_snapshot import snapshot

from cf1_mcp.models import Aggregates
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.search.aggregation import COLUMNS
from cf1_mcp.sandbox.search.condition_input import FIELDS, OPS
from cf1_mcp.sandbox.search.graphql import MAX_COUNTS, MAX_QUERY_LENGTH, MAX_SELECTIONS, SCHEMA, execute
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from tests.sandbox.talk import HandClock, Json, Talk

pytestmark = pytest.mark.anyio

ROUTES = ("/v2/events/graphql", "/events/graphql")
ACTORS_AND_COUNTRIES = """
query ActorsAndCountries($since: String!, $until: String) {
  threatEvents(groupBy: [attacker, targetCountry], datasetIds: ["all"], startDate: $since, endDate: $until, limit: 5) {
    total
    groups { count attacker targetCountry }
  }
}
"""


@pytest.fixture
async def sample(filled_store: SandboxDatabase) -> AsyncGenerator[Talk]:
    """A conversation with the sample tenant."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_sandbox_app(filled_store))) as http:
        yield Talk(filled_store, HandClock(), http)


def ask(store: SandboxDatabase, query: str, **rest: object) -> Json:
    """The data of an answer that has no errors."""
    answer: Json = execute(store, {"query": query, **rest})
    assert "errors" not in answer
    return answer["data"]


def refused(store: SandboxDatabase, query: str, **rest: object) -> str:
    """The first error of an answer without data."""
    answer: Json = execute(store, {"query": query, **rest})
    assert answer["data"] is None
    return answer["errors"][0]["message"]


# -- what is counted


@pytest.mark.parametrize("route", ROUTES)
async def test_groups_are_those_of_the_aggregate_route(sample: Talk, route: str) -> None:
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
def test_every_column_is_counted_as_by_the_store(filled_store: SandboxDatabase, column: str) -> None:
    query = (
        f'{{ threatEvents(groupBy: {column}, datasetIds: "all", limit: 1000) {{ total groups {{ count {column} }} }} }}'
    )
    answer = ask(filled_store, query)["threatEvents"]
    counted = filled_store.aggregate(
        datasets=["all"], columns=[column], start=None, end=None, daily=False, limit=1000, search=[]
    )
    assert counted.total > 0
    assert answer == {"total": counted.total, "groups": counted.aggregations}


def test_a_date_range_counts_its_days_only_and_the_last_one_whole(filled_store: SandboxDatabase) -> None:
    query = """{
        whole: threatEvents(groupBy: tlp, startDate: "2026-11-20", endDate: "2026-11-21") { total }
        first: threatEvents(groupBy: tlp, startDate: "2026-11-20", endDate: "2026-11-20") { total }
        second: threatEvents(groupBy: tlp, startDate: "2026-11-21T00:00:00Z", endDate: "2026-11-21") { total }
        all: threatEvents(groupBy: tlp) { total }
    }"""
    totals = {name: counted["total"] for name, counted in ask(filled_store, query).items()}
    assert 0 < totals["first"] < totals["whole"] < totals["all"]
    assert totals["whole"] == totals["first"] + totals["second"]


def test_days_are_counted_apart_on_request(filled_store: SandboxDatabase) -> None:
    query = """query ($daily: Boolean!) {
        threatEvents(groupBy: category, startDate: "2026-11-22", limit: 2, daily: $daily) { groups { %s count } }
    }"""
    days = ask(filled_store, query % "date category", variables={"daily": True})["threatEvents"]["groups"]
    assert days == snapshot(
        [
            {"date": "2026-11-22", "category": "Credential Access & Discovery", "count": 6},
            {"date": "2026-11-23", "category": "Credential Access & Discovery", "count": 9},
            {"date": "2026-11-23", "category": "Account Takeover", "count": 9},
            {"date": "2026-11-24", "category": "Credential Access & Discovery", "count": 1},
            {"date": "2026-11-24", "category": "Account Takeover", "count": 6},
        ]
    )
    whole = ask(filled_store, query % "category", variables={"daily": False})["threatEvents"]["groups"]
    assert sum(row["count"] for row in days) == sum(row["count"] for row in whole)


def test_several_datasets_are_counted_together(filled_store: SandboxDatabase) -> None:
    first, second = [dataset.uuid for dataset in filled_store.datasets()][:2]
    query = (
        "query ($ids: [String!]) { threatEvents(groupBy: datasetId, datasetIds: $ids) { groups { datasetId count } } }"
    )

    def counts(*ids: str) -> dict[str, int]:
        rows = ask(filled_store, query, variables={"ids": ids and [*ids]})["threatEvents"]["groups"]
        return {row["datasetId"]: row["count"] for row in rows}

    assert counts(first, second) == counts(first) | counts(second)
    assert counts(first, second).keys() == {first, second}
    assert len(counts("all")) > 2


def test_without_datasets_the_default_one_is_counted(filled_store: SandboxDatabase) -> None:
    default = filled_store.datasets()[0].uuid
    for given in ("", ", datasetIds: null", ", datasetIds: []"):
        query = f"{{ threatEvents(groupBy: [datasetId]{given}) {{ groups {{ datasetId }} }} }}"
        assert ask(filled_store, query)["threatEvents"]["groups"] == [{"datasetId": default}]


def test_datasets_are_listed(filled_store: SandboxDatabase) -> None:
    assert ask(filled_store, "{ datasets { name isPublic isAnalytics } }") == snapshot(
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
    assert ask(filled_store, "{ datasets { uuid } }")["datasets"] == [
        {"uuid": dataset.uuid} for dataset in filled_store.datasets()
    ]


def test_conditions_narrow_what_is_counted(filled_store: SandboxDatabase) -> None:
    query = """{
        us: threatEvents(groupBy: targetCountry, filter: { field: targetCountry, value: "usa" }) { groups { targetCountry count } }
        both: threatEvents(groupBy: targetCountry, filter: [{ field: targetCountry, op: in, value: ["US", "DE"] }]) { groups { targetCountry } }
        late: threatEvents(groupBy: killChain, filter: [{ field: killChain, op: gte, value: "6" }]) { groups { killChain } }
    }"""
    answer = ask(filled_store, query)
    assert [row["targetCountry"] for row in answer["us"]["groups"]] == ["US"]
    assert {row["targetCountry"] for row in answer["both"]["groups"]} == {"US", "DE"}
    assert {row["killChain"] for row in answer["late"]["groups"]} <= {"6", "7"}
    assert answer["late"]["groups"]


def test_fragments_and_named_operations_work(filled_store: SandboxDatabase) -> None:
    query = """
        query Other { datasets { name } }
        query Wanted { threatEvents(groupBy: [tlp, category], limit: 1) { ...Counted } }
        fragment Counted on EventGroups { groups { ...Named count } }
        fragment Named on EventGroup { ... on EventGroup { tlp category } }
    """
    assert ask(filled_store, query, operationName="Wanted") == snapshot(
        {"threatEvents": {"groups": [{"tlp": "green", "category": "Command and Control", "count": 68}]}}
    )
    assert refused(filled_store, query) == snapshot(
        "Must provide operation name if query contains multiple operations."
    )
    assert refused(filled_store, query, operationName="Absent") == snapshot("Unknown operation named 'Absent'.")


# -- the schema


def test_introspection_tells_a_client_the_whole_schema(filled_store: SandboxDatabase) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    types = {kind["name"]: kind for kind in ask(filled_store, query)["__schema"]["types"]}
    assert [field["name"] for field in types["Query"]["fields"]] == ["datasets", "threatEvents"]
    ours = [kind for name, kind in types.items() if not name.startswith("__") and kind["kind"] != "SCALAR"]
    assert [kind["name"] for kind in ours if not kind["description"]] == []


@pytest.mark.parametrize(("enum", "known"), [("Column", [*COLUMNS]), ("Field", [*FIELDS]), ("Operator", [*OPS])])
def test_the_schema_knows_what_the_store_knows(enum: str, known: list[str]) -> None:
    kind = build_schema(SCHEMA.read_text(encoding="utf-8")).type_map[enum]
    assert isinstance(kind, GraphQLEnumType)
    assert sorted(kind.values) == sorted(known)


# -- what is refused


@pytest.mark.parametrize(
    ("arguments", "fields", "says"),
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
            snapshot("datasetId 'all' is a scope word and must stand alone; send it or uuids, not both"),
        ),
        (
            'groupBy: tlp, startDate: "soon"',
            "total",
            snapshot("startDate 'soon' is no ISO 8601 date; write it like 2026-11-01T09:30:00Z"),
        ),
        (
            'groupBy: tlp, endDate: ""',
            "total",
            snapshot("endDate '' is no ISO 8601 date; write it like 2026-11-01T09:30:00Z"),
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
            snapshot("groups select attacker, which is not in groupBy; add it there or leave it out"),
        ),
        (
            "groupBy: tlp",
            "groups { date }",
            snapshot("groups select date, which they have only with daily: true; add that or leave it out"),
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
def test_a_wrong_argument_is_told_what_is_right(
    filled_store: SandboxDatabase, arguments: str, fields: str, says: str
) -> None:
    query = f"{{ threatEvents({arguments}) {{ {fields} }} }}".replace("()", "")
    assert refused(filled_store, query) == says


def test_an_unknown_dataset_is_answered_with_those_there_are(filled_store: SandboxDatabase) -> None:
    message = refused(filled_store, '{ threatEvents(groupBy: tlp, datasetIds: "APTs") { total } }')
    assert message.startswith("datasetIds 'APTs' names no dataset; valid are all, *, analytics, operational, ")
    assert all(f"{dataset.uuid} ({dataset.name})" in message for dataset in filled_store.datasets())


def test_of_many_datasets_an_error_names_a_few_and_says_how_to_list_them() -> None:
    store = SandboxDatabase.open()
    for number in range(20):
        store.add_dataset(f"Dataset {number}")
    message = refused(store, '{ threatEvents(groupBy: tlp, datasetIds: "APTs") { total } }')
    store.close()
    assert "(Dataset 8)" in message
    assert "(Dataset 9)" not in message
    assert message.endswith(", ... as { datasets { uuid name } } lists them")


@pytest.mark.parametrize(
    ("variables", "says"),
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
def test_a_variable_of_the_wrong_type_is_refused(
    filled_store: SandboxDatabase, variables: dict[str, Json], says: str
) -> None:
    query = "query ($limit: Int!) { threatEvents(groupBy: tlp, limit: $limit) { total } }"
    assert refused(filled_store, query, variables=variables) == says


def test_a_thousand_wrong_values_give_a_handful_of_errors(filled_store: SandboxDatabase) -> None:
    query = "query ($columns: [Column!]!) { threatEvents(groupBy: $columns) { total } }"
    answer: Json = execute(filled_store, {"query": query, "variables": {"columns": ["mood"] * 1000}})
    assert answer["data"] is None
    assert len(answer["errors"]) == 5


@pytest.mark.parametrize(
    ("body", "says"),
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
            snapshot("'extensions' is no part of a GraphQL request; valid are query, variables, operationName"),
        ),
    ],
)
def test_a_body_that_is_no_request_is_answered_with_what_one_is(
    filled_store: SandboxDatabase, body: object, says: str
) -> None:
    assert execute(filled_store, body) == {"data": None, "errors": [{"message": says}]}


@pytest.mark.parametrize("route", ROUTES)
async def test_errors_come_as_an_answer_and_other_bodies_as_400(sample: Talk, route: str) -> None:
    assert await sample("POST", route, {"query": "{"}) == snapshot(
        {"data": None, "errors": [{"message": "Syntax Error: Expected Name, found <EOF>."}]}
    )
    assert await sample("POST", route, ["{ datasets { name } }"], status=400) == snapshot(
        "the body must be a JSON object"
    )


# -- bombs: each is refused before anything is validated or counted


class Uncounted:
    """A source that must not be asked."""

    def aggregate(self, **_: object) -> Aggregates:
        raise AssertionError("counted")

    def datasets(self) -> Json:
        raise AssertionError("listed")


def nested(levels: int) -> str:
    return "{ a " * levels + "}" * levels


def doubling(fragments: int) -> str:
    """Fragments that each spread the next twice: 2 ** fragments fields at the end."""
    spreads = "".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(fragments))
    return f"{{ ...f0 }} {spreads} fragment f{fragments} on Query {{ __typename }}"


def aliases(number: int, field: str) -> str:
    return "{" + " ".join(f"a{n}: {field}" for n in range(number)) + "}"


COUNT = "threatEvents(groupBy: tlp) { total }"
BOMBS = {
    "a mutation": "mutation { deleteEvents }",
    "a subscription": "subscription { events }",
    "a mutation beside a query": "query A { __typename } mutation B { deleteEvents }",
    "a long document": "{ __typename } #" + "x" * MAX_QUERY_LENGTH,
    "many tokens": "{" + " a" * 2_100 + "}",
    "a document too deep to parse": nested(1_600),
    "values too deep to parse": "{ a(x: " + "[" * 900 + "]" * 900 + ") }",
    "a deep query": nested(21),
    "a query that fragments make deep": "{ ...f0 }"
    + "".join(f"fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(30))
    + "fragment f30 on Query { __typename }",
    "doubling fragments": doubling(15),
    "many fields": "{ datasets {" + " name" * (MAX_SELECTIONS + 1) + "} }",
    "many aliases": aliases(MAX_SELECTIONS + 1, "__typename"),
    "many fields in an unused fragment": "{ __typename } fragment f on Dataset {"
    + " name" * (MAX_SELECTIONS + 1)
    + "}",
    "many counts": aliases(MAX_COUNTS + 1, COUNT),
    "many counts in a fragment": "{ ...f ...g } fragment f on Query "
    + aliases(MAX_COUNTS, COUNT)
    + "fragment g on Query { "
    + COUNT
    + "}",
    "a fragment within itself": "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
    "introspection in circles": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "no operation": "fragment f on Query { __typename }",
    "a type definition": "type Query { a: Int }",
    "broken syntax": "{ datasets { name }",
}


def test_bombs_are_refused_before_they_are_counted() -> None:
    assert {name: execute(Uncounted(), {"query": bomb})["errors"] for name, bomb in BOMBS.items()} == snapshot(
        {
            "a mutation": [{"message": "a mutation is refused: only query operations run here"}],
            "a subscription": [{"message": "a subscription is refused: only query operations run here"}],
            "a mutation beside a query": [{"message": "a mutation is refused: only query operations run here"}],
            "a long document": [{"message": "query has 10016 characters; at most 10000 are read, so ask for less"}],
            "many tokens": [{"message": "Syntax Error: Document contains more than 2000 tokens. Parsing aborted."}],
            "a document too deep to parse": [
                {"message": "Syntax Error: Document is nested too deeply. Parsing aborted."}
            ],
            "values too deep to parse": [{"message": "Syntax Error: Document is nested too deeply. Parsing aborted."}],
            "a deep query": [
                {"message": "the query is more than 20 levels deep, fragments included; ask for fewer levels"}
            ],
            "a query that fragments make deep": [
                {"message": "the query is more than 20 levels deep, fragments included; ask for fewer levels"}
            ],
            "doubling fragments": [
                {"message": "the query selects more than 300 fields once fragments are expanded; select fewer"}
            ],
            "many fields": [
                {"message": "the query selects more than 300 fields once fragments are expanded; select fewer"}
            ],
            "many aliases": [
                {"message": "the query selects more than 300 fields once fragments are expanded; select fewer"}
            ],
            "many fields in an unused fragment": [
                {"message": "the query selects more than 300 fields once fragments are expanded; select fewer"}
            ],
            "many counts": [{"message": "the query asks for threatEvents more than 20 times; send several queries"}],
            "many counts in a fragment": [
                {"message": "the query asks for threatEvents more than 20 times; send several queries"}
            ],
            "a fragment within itself": [
                {
                    "message": "Cannot spread fragment 'f' within itself via 'g'.",
                    "locations": [{"line": 1, "column": 32}, {"line": 1, "column": 61}],
                }
            ],
            "introspection in circles": [
                {"message": "Maximum introspection depth exceeded", "locations": [{"line": 1, "column": 3}]}
            ],
            "no operation": [{"message": "Fragment 'f' is never used.", "locations": [{"line": 1, "column": 1}]}],
            "a type definition": [
                {"message": "The 'Query' definition is not executable.", "locations": [{"line": 1, "column": 1}]}
            ],
            "broken syntax": [{"message": "Syntax Error: Expected Name, found <EOF>."}],
        }
    )
    assert all(execute(Uncounted(), {"query": bomb})["data"] is None for bomb in BOMBS.values())


def test_a_query_at_the_limits_is_answered(filled_store: SandboxDatabase) -> None:
    assert len(ask(filled_store, aliases(MAX_SELECTIONS, "__typename"))) == MAX_SELECTIONS
    assert len(ask(filled_store, aliases(MAX_COUNTS, COUNT))) == MAX_COUNTS
    assert ask(filled_store, "{ __typename }".ljust(MAX_QUERY_LENGTH)) == {"__typename": "Query"}


def test_a_defect_of_the_store_is_no_answer() -> None:
    with pytest.raises(AssertionError, match="counted"):
        execute(Uncounted(), {"query": f"{{ {COUNT} }}"})
