"""The fastmcp client."""

import json
from typing import Literal

import pytest

pytest.importorskip("fastmcp", reason="fastmcp is not installed: python3 -m pip install -e '.[frameworks]'")

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from mcp.types import TextContent

from tests.frameworks.conftest import Server
from tests.frameworks.scripts import CONVERSATIONS, Call, Conversation, Script

pytestmark = pytest.mark.anyio

Era = Literal["auto", "legacy"]


def connected(server: Server, mode: Era = "auto") -> "Client[StdioTransport]":
    transport = StdioTransport(server.command, server.args, env=server.env, cwd=server.cwd, keep_alive=False)
    return Client(transport, mode=mode)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_fastmcp_lists_every_tool(server: Server, published: set[str], mode: Era) -> None:
    async with connected(server, mode) as client:
        assert {tool.name for tool in await client.list_tools()} == published


@pytest.mark.parametrize("form", ["text", "data"])
@CONVERSATIONS
async def test_fastmcp_completes_a_conversation(
    server: Server, conversation: Conversation, expected: str, form: str
) -> None:
    script = Script(conversation())
    async with connected(server) as client:
        turn = script.turn(None)
        while isinstance(turn, Call):
            result = await client.call_tool(turn.tool, turn.arguments, raise_on_error=False)
            text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
            data = form == "data" and not result.is_error
            turn = script.turn(json.dumps(result.structured_content) if data else text)
    assert turn == expected
