"""Running GraphQL queries without HTTP."""

from cf1_mcp.sandbox.search.graphql import execute
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from tests.sandbox.api_client import Json

ROUTES = ("/v2/events/graphql", "/events/graphql")


def run_query(database: SandboxDatabase, query: str, **body: object) -> Json:
    """Return the data of an answer, which must have no errors."""
    answer: Json = execute(database, {"query": query, **body})
    assert "errors" not in answer
    return answer["data"]


def run_rejected(database: SandboxDatabase, query: str, **body: object) -> str:
    """Return the first error of an answer, which must have no data."""
    answer: Json = execute(database, {"query": query, **body})
    assert answer["data"] is None
    return answer["errors"][0]["message"]
