"""How a function becomes a tool: its name, signature and docstring are the contract that a model reads."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from inspect import getdoc
from secrets import token_hex
from typing import Any, Final, TypeVar

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, InputRequiredResult, ResourceLink, TextContent, ToolAnnotations
from pydantic import ValidationError

from cf1_mcp.answers.answer import Answer, Link, written
from cf1_mcp.answers.rendering import Style
from cf1_mcp.context import ServerContext
from cf1_mcp.contracts.schemas import plain_schema
from cf1_mcp.errors import ThreatEventsError, choices, nearest
from cf1_mcp.settings import Mode
from cf1_mcp.text.sanitize import clean

Function = TypeVar("Function", bound=Callable[..., Awaitable[Answer]])

# No call may hang: hosts give up after 30 to 60 s, and some never recover.
MAX_CALL_SECONDS: Final = 25.0
MAX_PLACE_LENGTH: Final = 120
# The version of the protocol since when results may hold links; clients of older ones may choke on them.
LINKS_SINCE: Final = "2025-06-18"
FICTIONAL: Final = "sandbox: fictional data, not intelligence"

READ: Final = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
CREATE: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
UPDATE: Final = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True)
DELETE: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
)


def needed_mode(hints: ToolAnnotations | None) -> Mode:
    """The least mode in which a tool with these hints is offered."""
    if hints == READ:
        return "read"
    return "write" if hints in (CREATE, UPDATE) else "full"


class ThreatTool(Tool):
    """A tool with a strict, plain schema and with failures in words."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:  # noqa: ANN401 - the SDK's own signature
        try:
            self._refuse_unknown(arguments)
            with anyio.fail_after(MAX_CALL_SECONDS):
                answer = await super().run(arguments, context)
        except TimeoutError:
            raise ToolError(
                f"{self.name} took longer than {MAX_CALL_SECONDS:.0f} s and was stopped. Ask for less: a shorter "
                "period, fewer datasets or a smaller limit."
            ) from None
        except ToolError as error:
            raise self._worded(error) from error
        if not (convert_result and isinstance(answer, Answer)):
            return answer
        server = context.request_context.lifespan_context
        if self.annotations == READ:
            for event_id, text in answer.free_texts():
                server.shown_texts.remember(event_id, text)
        return _result(answer, server, links=(context.protocol_version or "") >= LINKS_SINCE)

    def _refuse_unknown(self, arguments: Mapping[str, object]) -> None:
        """A misspelt filter that is dropped in silence would search for everything."""
        known = sorted(self.parameters["properties"])
        for name in arguments:
            if name not in known:
                meant = nearest(name, known)
                hint = f" Did you mean {meant}?" if meant else ""
                valid = f"Valid arguments: {', '.join(known)}." if known else "It takes none."
                raise ToolError(f"{self.name} has no argument {clean(name, 60)!r}.{hint} {valid}")

    def _worded(self, error: ToolError) -> ToolError:
        cause = error.__cause__
        if isinstance(cause, ThreatEventsError):
            return ToolError(str(cause))
        if isinstance(cause, ValidationError):
            return ToolError("\n".join(self._problems(cause)))
        if isinstance(error, UnexpectedToolError):
            return UnexpectedToolError(
                f"{self.name} failed through a fault of this server. Report it to the operator: its log says more."
            )
        return error

    def _problems(self, error: ValidationError) -> list[str]:
        """A line for each argument that does not fit, with what would."""
        lines: list[str] = []
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0]) if problem["loc"] else "arguments"
            schema = self.parameters["properties"].get(name, {})
            allowed = schema.get("enum") or schema.get("items", {}).get("enum")
            hint = f" Use {choices(allowed)}." if allowed else ""
            where = clean(".".join(str(part) for part in problem["loc"]) or name, MAX_PLACE_LENGTH)
            lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ').rstrip('.')}.{hint}")
        return list(dict.fromkeys(lines))


class Offer:
    """A function that can become a tool. Its schema is made when it is first asked for: a host waits for the start, and
    most servers offer only some of the tools."""

    def __init__(self, function: Callable[..., Awaitable[Answer]], title: str, hints: ToolAnnotations) -> None:
        self.name = function.__name__
        self.title = title
        self.annotations = hints
        self.description = _docstring(function)
        self._function = function

    @cached_property
    def tool(self) -> Tool:
        tool = ThreatTool.from_function(
            self._function,
            title=self.title,
            description=self.description,
            annotations=self.annotations,
            # No output schema: it costs list tokens, and clients that see one may drop the text.
            structured_output=False,
        )
        tool.parameters = plain_schema(tool.parameters)
        return tool


class Toolset:
    """Tools that an operator switches on and off together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tools: list[Offer] = []

    def tool(self, title: str, hints: ToolAnnotations) -> Callable[[Function], Function]:
        """Make the function below a tool of this set; it stays a plain function."""

        def add(function: Function) -> Function:
            self.tools.append(Offer(function, title, hints))
            return function

        return add


def _docstring(function: Callable[..., object]) -> str:
    return " ".join((getdoc(function) or "").split())


def _result(answer: Answer, server: ServerContext, links: bool) -> CallToolResult | InputRequiredResult:
    """The same facts as text and as data, marked where they are fictional."""
    source = {"source": FICTIONAL} if server.client.fictional else {}
    style = Style(server.settings.defang, token_hex(4))
    whole, text, data = written(answer, style)
    text = "\n".join([*(f"[{mark}]" for mark in source.values()), text])
    return CallToolResult(
        content=[TextContent(type="text", text=text), *(map(_linked, whole.links()) if links else ())],
        structured_content={**source, **data},
    )


def _linked(link: Link) -> ResourceLink:
    return ResourceLink(
        uri=link.uri, name=link.name, description=link.description, mime_type=link.mime_type, size=link.size
    )
