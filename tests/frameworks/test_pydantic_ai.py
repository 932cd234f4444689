"""pydantic-ai, which shows its model the data of an answer."""

from typing import Literal

import pytest

pytest.importorskip("pydantic_ai.mcp", reason="pydantic-ai is not installed: python3 -m pip install -e '.[frameworks]'")

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from tests.frameworks.conftest import Server
from tests.frameworks.scripts import CONVERSATIONS, Call, Conversation, Script

pytestmark = pytest.mark.anyio


def toolset(server: Server, *, errors: Literal["retry", "failed"] = "retry") -> MCPToolset[object]:
    transport = StdioTransport(server.command, server.args, env=server.env, cwd=server.cwd, keep_alive=False)
    return MCPToolset(transport, tool_error_behavior=errors)


def scripted_model(script: Script) -> FunctionModel:
    def respond(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        turn = script.turn(tool_answer(messages[-1]))
        return ModelResponse([ToolCallPart(turn.tool, turn.arguments) if isinstance(turn, Call) else TextPart(turn)])

    return FunctionModel(respond)


def tool_answer(message: ModelMessage) -> str | None:
    """The tool's answer as the model receives it; None at the beginning."""
    match message.parts[-1]:
        case ToolReturnPart() as part:
            return part.model_response_str()
        case _:
            return None


async def test_pydantic_ai_offers_every_tool_to_its_model(server: Server, published: set[str]) -> None:
    offered: set[str] = set()

    def respond(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered.update(tool.name for tool in info.function_tools)
        return ModelResponse([TextPart("Done")])

    await Agent(FunctionModel(respond), toolsets=[toolset(server)]).run("Begin")
    assert offered == published


@CONVERSATIONS
async def test_a_pydantic_ai_agent_completes_a_conversation(
    server: Server, conversation: Conversation, expected: str
) -> None:
    agent = Agent(scripted_model(Script(conversation())), toolsets=[toolset(server)])
    assert (await agent.run("Begin")).output == expected


async def test_every_tool_answers_arguments_made_from_its_schema(server: Server, published: set[str]) -> None:
    # "failed" shows a refusal to the model as an answer; anything but a refusal or a result would end the run.
    agent = Agent(TestModel(), toolsets=[toolset(server, errors="failed")])
    run = await agent.run("Begin")
    answered = [part for message in run.all_messages() for part in message.parts if isinstance(part, ToolReturnPart)]
    assert {part.tool_name for part in answered} == published
    # The SDK's message for an unexpected failure.
    assert [part.tool_name for part in answered if "Error executing tool" in part.model_response_str()] == []
