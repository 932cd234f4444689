"""langchain-mcp-adapters over mcp 1, which shows its model the text of an answer."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "langchain_mcp_adapters",
    reason="langchain-mcp-adapters is not installed: it needs its own environment, as .ci/run creates it",
)

from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.sessions import StdioConnection
from langchain_mcp_adapters.tools import load_mcp_tools

from tests.frameworks.conftest import Server
from tests.frameworks.scripts import CONVERSATIONS, DELETED, Call, Conversation, Script, deletion

pytestmark = pytest.mark.anyio


class ScriptedModel(BaseChatModel):
    """A chat model that follows a script."""

    script: Any

    def bind_tools(self, tools: object, **_: object) -> "ScriptedModel":
        return self

    def _generate(self, messages: list[BaseMessage], *_: object, **__: object) -> ChatResult:
        turn = self.script.turn(tool_answer(messages[-1]))
        if isinstance(turn, Call):
            call = {"name": turn.tool, "args": turn.arguments, "id": f"call{len(messages)}", "type": "tool_call"}
            message = AIMessage("", tool_calls=[call])
        else:
            message = AIMessage(turn)
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "scripted"


def tool_answer(message: BaseMessage) -> str | None:
    """The tool's answer as the model receives it; None at the beginning."""
    return message.text if isinstance(message, ToolMessage) else None


def client(server: Server, **environment: str) -> MultiServerMCPClient:
    connection = StdioConnection(
        transport="stdio", command=server.command, args=server.args, env=server.env | environment, cwd=server.cwd
    )
    return MultiServerMCPClient({"cf1": connection})


async def run_conversation(tools: list[BaseTool], conversation: Conversation) -> str:
    agent: Any = create_agent(ScriptedModel(script=Script(conversation())), tools)
    return (await agent.ainvoke({"messages": [HumanMessage("Begin")]}))["messages"][-1].text


async def test_langchain_offers_every_tool_to_its_model(server: Server, published: set[str]) -> None:
    async with client(server).session("cf1") as session:
        tools = await load_mcp_tools(session)
    functions = [convert_to_openai_tool(tool)["function"] for tool in tools]
    assert {function["name"] for function in functions} == published
    assert all(function["parameters"]["type"] == "object" for function in functions)


@CONVERSATIONS
async def test_a_langchain_agent_completes_a_conversation(
    server: Server, conversation: Conversation, expected: str
) -> None:
    async with client(server).session("cf1") as session:
        assert await run_conversation(await load_mcp_tools(session), conversation) == expected


async def test_a_code_is_accepted_by_another_process_with_the_same_key(server: Server, tmp_path: Path) -> None:
    # Without a session the adapter starts a server for every call.
    shared = {"CF1_CONFIRM_KEY": "0123456789abcdef" * 2, "CF1_SANDBOX_DB": str(tmp_path / "sandbox.db")}
    assert await run_conversation(await client(server, **shared).get_tools(), deletion) == DELETED
