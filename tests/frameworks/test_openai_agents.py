"""The OpenAI Agents SDK, which shows its model the text of an answer and can make our schemas strict."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("agents", reason="openai-agents is not installed: python3 -m pip install -e '.[frameworks]'")

from agents import Agent, FunctionTool, Model, ModelResponse, RunConfig, RunContextWrapper, Runner, Tool, Usage
from agents.mcp import MCPServerStdio, MCPUtil
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from tests.frameworks.conftest import Server
from tests.frameworks.scripts import CONVERSATIONS, Call, Conversation, Script

pytestmark = pytest.mark.anyio
QUIET = RunConfig(tracing_disabled=True)


class ScriptedModel(Model):
    """A model that follows a script. It fills every argument of a strict tool, as a strict model must."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._calls = 0

    async def get_response(
        self,
        system_instructions: str | None,
        input: Any,  # noqa: A002, ANN401 - as the interface has it
        model_settings: object,
        tools: list[Tool],
        *rest: object,
        **more: object,
    ) -> ModelResponse:
        turn = self._script.turn(tool_answer(input))
        self._calls += 1
        if isinstance(turn, Call):
            schemas = {tool.name: tool for tool in tools if isinstance(tool, FunctionTool)}
            arguments = fill_arguments(schemas[turn.tool], turn.arguments)
            item = ResponseFunctionToolCall(
                type="function_call", call_id=f"call{self._calls}", name=turn.tool, arguments=json.dumps(arguments)
            )
        else:
            text = ResponseOutputText(type="output_text", text=turn, annotations=[])
            item = ResponseOutputMessage(
                type="message", id="last", role="assistant", status="completed", content=[text]
            )
        return ModelResponse(output=[item], usage=Usage(), response_id=None)

    def stream_response(self, *_: object, **__: object) -> AsyncIterator[Any]:
        raise NotImplementedError("these tests do not stream")


def tool_answer(sent: Any) -> str | None:  # noqa: ANN401
    """The tool's answer as the model receives it; None at the beginning."""
    if isinstance(sent, str) or sent[-1].get("type") != "function_call_output":
        return None
    output = sent[-1]["output"]
    return output if isinstance(output, str) else "\n".join(part["text"] for part in output)


EMPTY: dict[str, Any] = {"array": [], "string": "", "integer": 0, "boolean": False}


def fill_arguments(tool: FunctionTool, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments; every other required one has its default, or else the empty value of its type."""
    schema = tool.params_json_schema
    if not tool.strict_json_schema:
        return arguments
    rest = {name: schema["properties"][name] for name in schema["required"] if name not in arguments}
    return arguments | {name: one.get("default", EMPTY[one["type"]]) for name, one in rest.items()}


def connected(server: Server) -> MCPServerStdio:
    return MCPServerStdio(
        {"command": server.command, "args": server.args, "env": server.env, "cwd": server.cwd},
        client_session_timeout_seconds=60,
    )


@pytest.mark.parametrize("strict", [False, True])
async def test_openai_agents_converts_every_tool(server: Server, published: set[str], strict: bool) -> None:
    async with connected(server) as cf1:
        tools = await MCPUtil.get_function_tools(cf1, strict, RunContextWrapper(None), Agent("analyst"))
    assert {tool.name for tool in tools} == published
    assert {tool.strict_json_schema for tool in tools if isinstance(tool, FunctionTool)} == {strict}


@pytest.mark.parametrize("strict", [False, True])
@CONVERSATIONS
async def test_an_openai_agent_completes_a_conversation(
    server: Server, conversation: Conversation, expected: str, strict: bool
) -> None:
    async with connected(server) as cf1:
        agent = Agent(
            "analyst",
            model=ScriptedModel(Script(conversation())),
            mcp_servers=[cf1],
            mcp_config={"convert_schemas_to_strict": strict},
        )
        assert (await Runner.run(agent, "Begin", run_config=QUIET)).final_output == expected
