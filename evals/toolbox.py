"""The tools that a model is offered, and what it did with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, TextContent, Tool


@dataclass(frozen=True)
class ToolCall:
    """A call that the model made, and whether it only reads."""

    tool: str
    arguments: dict[str, Any]
    reads: bool


@dataclass
class Toolbox:
    """Tools of a server. A model sees those in `tools`, and every call of one is noted in `calls`."""

    client: Client
    tools: Sequence[Tool]
    calls: list[ToolCall] = field(default_factory=list[ToolCall])

    @classmethod
    async def open(cls, client: Client, names: Sequence[str]) -> "Toolbox":
        """Return the named tools of a server, or all that it offers if none is named."""
        offered = (await client.list_tools()).tools
        if missing := {*names} - {tool.name for tool in offered}:
            raise ValueError(f"the server does not offer {', '.join(sorted(missing))}")
        return cls(client, [tool for tool in offered if not names or tool.name in names])

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool for the model."""
        tool = next((one for one in self.tools if one.name == name), None)
        hints = tool.annotations if tool else None
        self.calls.append(ToolCall(name, arguments, reads=hints is None or hints.read_only_hint is True))
        if tool is None:
            text = f"There is no tool {name!r} here. Use one of {', '.join(one.name for one in self.tools)}."
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
        return await self.client.call_tool(name, arguments)


def text_of(result: CallToolResult) -> str:
    """Return the text of a result, as a model reads it."""
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))
