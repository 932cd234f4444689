"""A host with strict schemas makes its model fill in every argument: an empty value must act like an omitted one."""

from typing import Any

import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings
from tests.conversations import ask, column

pytestmark = pytest.mark.anyio

EMPTY: dict[str, JsonValue] = {"array": [], "string": "", "integer": 0, "boolean": False}
NEEDED: dict[str, dict[str, JsonValue]] = {
    "aggregate_threat_events": {"columns": ["attacker"]},
    "export_threat_events": {"format": "csv", "since": "7d"},
    "get_threat_event": {"event_id": "newest"},
    "list_duplicate_events": {"dataset_id": "Cloudforce One Threat Events"},
    "list_related_threat_events": {"event_id": "newest"},
    "list_threat_vocabulary": {"kind": "tags"},
    "lookup_indicators": {"indicators": ["198.51.100.43"]},
    "profile_attacker": {"attacker": "COPPER LANTERN"},
    "query_threat_graphql": {"query": "{ __typename }"},
}


def empty_arguments(schema: dict[str, Any]) -> dict[str, JsonValue]:
    """Return for every optional argument its default, or the empty value of its type."""
    rest = {name: one for name, one in schema["properties"].items() if name not in schema.get("required", ())}
    return {name: one.get("default", EMPTY[one["type"]]) for name, one in rest.items()}


@pytest.mark.parametrize("tool", [tool.name for tool in offered_tools(Settings())])
async def test_an_empty_argument_is_treated_as_omitted(client: Client, tool: str) -> None:
    newest = column(await ask(client, "search_threat_events", limit=1), "uuid")[0]
    needed = {name: newest if value == "newest" else value for name, value in NEEDED.get(tool, {}).items()}
    schema = next(one for one in (await client.list_tools()).tools if one.name == tool).input_schema
    omitted, filled = [await ask(client, tool, **{**rest, **needed}) for rest in ({}, empty_arguments(schema))]
    # A cursor depends on the arguments as they were written, and every export has a new id.
    new = {"next_cursor": "", "export_id": "", "resource": ""}
    assert filled | new == omitted | new
