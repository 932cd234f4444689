"""GraphQL: documents over a limit are rejected before anything is validated or counted."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Aggregates
from cf1_mcp.sandbox.search.aggregation import AggregateRequest
from cf1_mcp.sandbox.search.graphql import MAX_COUNTS, MAX_QUERY_LENGTH, MAX_SELECTIONS, execute
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.sandbox.api_client import Json
from tests.sandbox.search.graphql_queries import run_query


class UnreadableSource:
    """A source that fails where it is read."""

    def aggregate(self, request: AggregateRequest) -> Aggregates:
        raise AssertionError("counted")

    def datasets(self) -> Json:
        raise AssertionError("listed")


def nested(levels: int) -> str:
    return "{ a " * levels + "}" * levels


def doubling(fragments: int) -> str:
    """Return fragments that each spread the next one twice: 2 ** fragments fields in the end."""
    spreads = "".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(fragments))
    return f"{{ ...f0 }} {spreads} fragment f{fragments} on Query {{ __typename }}"


def aliases(number: int, field: str) -> str:
    return "{" + " ".join(f"a{n}: {field}" for n in range(number)) + "}"


COUNT = "threatEvents(groupBy: tlp) { total }"
BOMBS = {
    "a mutation": "mutation { deleteEvents }",
    "a subscription": "subscription { events }",
    "a mutation next to a query": "query A { __typename } mutation B { deleteEvents }",
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
    "cyclic introspection": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "no operation": "fragment f on Query { __typename }",
    "a type definition": "type Query { a: Int }",
    "broken syntax": "{ datasets { name }",
}


def test_expansion_bombs_are_rejected_before_they_are_counted() -> None:
    assert {name: execute(UnreadableSource(), {"query": bomb})["errors"] for name, bomb in BOMBS.items()} == snapshot(
        {
            "a mutation": [{"message": "a mutation is refused; only query operations are supported"}],
            "a subscription": [{"message": "a subscription is refused; only query operations are supported"}],
            "a mutation next to a query": [{"message": "a mutation is refused; only query operations are supported"}],
            "a long document": [{"message": "query has 10016 characters; at most 10000 are read, so shorten it"}],
            "many tokens": [{"message": "Syntax Error: Document contains more than 2000 tokens. Parsing aborted."}],
            "a document too deep to parse": [
                {"message": "Syntax Error: Document is nested too deeply. Parsing aborted."}
            ],
            "values too deep to parse": [{"message": "Syntax Error: Document is nested too deeply. Parsing aborted."}],
            "a deep query": [
                {"message": "the query is more than 20 levels deep, fragments included; use fewer levels"}
            ],
            "a query that fragments make deep": [
                {"message": "the query is more than 20 levels deep, fragments included; use fewer levels"}
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
            "many counts": [{"message": "the query selects threatEvents more than 20 times; send several queries"}],
            "many counts in a fragment": [
                {"message": "the query selects threatEvents more than 20 times; send several queries"}
            ],
            "a fragment within itself": [
                {
                    "message": "Cannot spread fragment 'f' within itself via 'g'.",
                    "locations": [{"line": 1, "column": 32}, {"line": 1, "column": 61}],
                }
            ],
            "cyclic introspection": [
                {"message": "Maximum introspection depth exceeded", "locations": [{"line": 1, "column": 3}]}
            ],
            "no operation": [{"message": "Fragment 'f' is never used.", "locations": [{"line": 1, "column": 1}]}],
            "a type definition": [
                {"message": "The 'Query' definition is not executable.", "locations": [{"line": 1, "column": 1}]}
            ],
            "broken syntax": [{"message": "Syntax Error: Expected Name, found <EOF>."}],
        }
    )
    assert all(execute(UnreadableSource(), {"query": bomb})["data"] is None for bomb in BOMBS.values())


def test_queries_at_the_limits_are_answered(sample_database: SandboxDatabase) -> None:
    assert len(run_query(sample_database, aliases(MAX_SELECTIONS, "__typename"))) == MAX_SELECTIONS
    assert len(run_query(sample_database, aliases(MAX_COUNTS, COUNT))) == MAX_COUNTS
    assert run_query(sample_database, "{ __typename }".ljust(MAX_QUERY_LENGTH)) == {"__typename": "Query"}


def test_a_defect_of_the_source_is_raised() -> None:
    with pytest.raises(AssertionError, match="counted"):
        execute(UnreadableSource(), {"query": f"{{ {COUNT} }}"})
