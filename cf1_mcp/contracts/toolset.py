"""Functions as tools: their names, signatures and docstrings are the contract that a model reads."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from inspect import getdoc
from typing import Final, TypeVar

from mcp.server.mcpserver.tools import Tool

from cf1_mcp.answers.answer import Answer
from cf1_mcp.contracts.effects import ToolEffect, annotations_of
from cf1_mcp.contracts.json_texts import TextKeepingMetadata
from cf1_mcp.contracts.schemas import plain_schema
from cf1_mcp.contracts.tool import ThreatTool
from cf1_mcp.settings import ToolsetName

Function = TypeVar("Function", bound=Callable[..., Awaitable[Answer]])


class ToolDefinition:
    """A function that can become a tool.

    The tool and its schema are built on first use: a host waits for the start, and most servers offer only some of
    the tools.
    """

    def __init__(
        self, toolset: ToolsetName, function: Callable[..., Awaitable[Answer]], title: str, effect: ToolEffect
    ) -> None:
        self.toolset = toolset
        self.name = function.__name__
        self.title = title
        self.effect = effect
        self.description = " ".join((getdoc(function) or "").split())
        self._function = function

    @cached_property
    def tool(self) -> Tool:
        """The tool that a server offers."""
        tool = ThreatTool.from_function(
            self._function,
            title=self.title,
            description=self.description,
            annotations=annotations_of(self.effect),
            # No output schema: it costs tokens in tools/list, and clients that see one may drop the text.
            structured_output=False,
        )
        tool.fn_metadata = TextKeepingMetadata.of(tool.fn_metadata)
        tool.parameters = plain_schema(tool.parameters)
        return tool


@dataclass(frozen=True)
class Toolset:
    """Tools that an operator switches on and off together, by a name in CF1_TOOLSETS."""

    name: ToolsetName
    definitions: list[ToolDefinition] = field(default_factory=list[ToolDefinition])

    def tool(self, title: str, effect: ToolEffect) -> Callable[[Function], Function]:
        """Make the decorated function a tool of this toolset. It stays a plain function."""

        def add(function: Function) -> Function:
            self.definitions.append(ToolDefinition(self.name, function, title, effect))
            return function

        return add


EVENTS: Final = Toolset("events")
INDICATORS: Final = Toolset("indicators")
CURATION: Final = Toolset("curation")
WATCH: Final = Toolset("watch")
CHANGES: Final = Toolset("changes")
