"""Strange values in every argument of every tool: refused or answered, and never a fault of the server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from pydantic import JsonValue

from cf1_mcp.answers.fitting import MAX_SIZE
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings
from tests.contract.every_tool import CALLS, PlantedTenant, fill_in
from tests.conversations import text_of

pytestmark = pytest.mark.anyio

PARAMETERS = {tool.name: [*tool.parameters["properties"]] for tool in offered_tools(Settings(mode="full"))}


def nested(depth: int) -> JsonValue:
    value: JsonValue = "x"
    for _ in range(depth):
        value = [value]
    return value


STRANGE: dict[str, JsonValue] = {
    "NaN": float("nan"),
    "infinity": float("inf"),
    "5,000 digits": 10**4999,
    "4,000 digits": 10**3999,
    "5,000 digits in a text": "9" * 5000,
    "200 kB": "c" * 200_000,
    "a list with 200 kB": ["c" * 200_000],
    "half a character": "x\ud800",
    "NUL": "\0",
    "nested": nested(120),
    "JSON with 5,000 digits": '{"a": ' + "9" * 5000 + "}",
    "JSON with NaN": '{"a": NaN}',
    "JSON nested deeply": "[" * 100_000,
    "an object": {"a": {"b": 1e308}},
}


@pytest.mark.parametrize("tool", CALLS)
async def test_no_strange_argument_is_a_fault_of_the_server(
    tmp_path: Path, tool: str, record_property: Callable[[str, object], None]
) -> None:
    tenant = PlantedTenant(tmp_path, "Invoice lure", "invoice", "http://kit.example.com/pay")
    calls = 0
    async with tenant.connected() as (client, names):
        names["LAST"] = "c-00000-00000"
        arguments = fill_in(CALLS[tool], names)
        assert isinstance(arguments, dict)
        for parameter in PARAMETERS[tool]:
            for name, value in STRANGE.items():
                calls += 1
                try:
                    answer = await client.call_tool(tool, {**arguments, parameter: value})
                except MCPError as error:
                    text = error.error.message
                else:
                    text = text_of(answer.content)
                assert "bug in this server" not in text, (parameter, name)
                assert len(text) <= MAX_SIZE, (parameter, name)
                text.encode()
    record_property(f"calls of {tool} with strange arguments", calls)
