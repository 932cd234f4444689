"""The kinds of calls that are compared. Each returns everything that the client received for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, PromptReference, ResourceTemplateReference
from pydantic import JsonValue

from tests.conversations import column

Arguments = Mapping[str, JsonValue]
Parts = list[object]
MAX_PAGES: Final = 200
MAX_FILE_PAGES: Final = 60


class Call(Protocol):
    """One call, with the calls that follow from its answer, such as those for further pages."""

    def __str__(self) -> str: ...

    async def make(self, client: Client) -> Parts:
        """Return all results and progress messages, in their order."""
        ...


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool. With `pages`, every page to the last one."""

    tool: str
    arguments: Arguments = field(default_factory=dict[str, JsonValue])
    pages: bool = True

    def __str__(self) -> str:
        return f"{self.tool}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    async def make(self, client: Client) -> Parts:
        parts: Parts = []
        arguments = dict(self.arguments)
        for _ in range(MAX_PAGES):
            result = await call_tool(client, self.tool, arguments, parts)
            cursor = data_of(result).get("next_cursor")
            if not self.pages or not cursor:
                return parts
            arguments["cursor"] = cursor
        raise AssertionError(f"{self} has more than {MAX_PAGES} pages")


@dataclass(frozen=True)
class ExportCall:
    """An export, whose files are then read page by page, as a tool and as a resource."""

    arguments: Arguments

    def __str__(self) -> str:
        return f"export_threat_events({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    async def make(self, client: Client) -> Parts:
        parts: Parts = []
        result = await call_tool(client, "export_threat_events", self.arguments, parts)
        data = data_of(result)
        further = data.get("further")
        files: list[JsonValue] = [data, *(further if isinstance(further, list) else [])]
        for file in files:
            if isinstance(file, dict) and "export_id" in file:
                await self._read(client, file["export_id"], parts)
        return parts

    async def _read(self, client: Client, export: JsonValue, parts: Parts) -> None:
        offset: JsonValue = 0
        for _ in range(MAX_FILE_PAGES):
            arguments: Arguments = {"export_id": export, "offset": offset}
            page = await call_tool(client, "export_threat_events", arguments, parts)
            parts += await _received(lambda at=offset: client.read_resource(f"cf1://exports/{export}?offset={at}"))
            offset = data_of(page).get("next_offset")
            if offset is None:
                return
        raise AssertionError(f"{self} has more than {MAX_FILE_PAGES} pages")


@dataclass(frozen=True)
class SelectionCall:
    """A search with a selection, and then calls that take it, none of which changes anything."""

    filters: Arguments
    uses: Sequence[tuple[str, Arguments]]

    def __str__(self) -> str:
        return f"a selection of {dict(self.filters)!r} for {', '.join(tool for tool, _ in self.uses)}"

    async def make(self, client: Client) -> Parts:
        parts: Parts = []
        result = await call_tool(client, "search_threat_events", {**self.filters, "select": True, "limit": 2}, parts)
        if selection := data_of(result).get("selection"):
            for tool, arguments in self.uses:
                await call_tool(client, tool, {**arguments, "selection": selection}, parts)
        return parts


@dataclass(frozen=True)
class EveryChange:
    """The list of changes, and then each of them."""

    limit: int

    def __str__(self) -> str:
        return f"list_changes(limit={self.limit}), and each of them"

    async def make(self, client: Client) -> Parts:
        parts = await ToolCall("list_changes", {"limit": self.limit}).make(client)
        listed = [part for part in parts if isinstance(part, CallToolResult)]
        for result in listed:
            data = data_of(result)
            for change in column(data, "change_id") if "rows" in data else []:
                await call_tool(client, "list_changes", {"change_id": change}, parts)
                await call_tool(client, "undo_change", {"change_id": change}, parts)
        return parts


@dataclass(frozen=True)
class ResourceRead:
    """A resource by its address."""

    address: str

    def __str__(self) -> str:
        return f"resources/read {self.address}"

    async def make(self, client: Client) -> Parts:
        return await _received(lambda: client.read_resource(self.address))


@dataclass(frozen=True)
class CompletionCall:
    """The values that complete an argument of a prompt or of the template of an event's address."""

    reference: PromptReference | ResourceTemplateReference
    argument: str
    typed: str

    def __str__(self) -> str:
        name = self.reference.name if isinstance(self.reference, PromptReference) else self.reference.uri
        return f"completion/complete {name} {self.argument}={self.typed!r}"

    async def make(self, client: Client) -> Parts:
        typed = {"name": self.argument, "value": self.typed}
        return await _received(lambda: client.complete(self.reference, typed))


@dataclass(frozen=True)
class PromptCall:
    """A prompt with its arguments."""

    name: str
    arguments: Mapping[str, str]

    def __str__(self) -> str:
        return f"prompts/get {self.name} {dict(self.arguments)}"

    async def make(self, client: Client) -> Parts:
        return await _received(lambda: client.get_prompt(self.name, dict(self.arguments)))


@dataclass(frozen=True)
class Listings:
    """What a client is told of the server: instructions, tools, prompts, resources and their templates."""

    def __str__(self) -> str:
        return "instructions, tools/list, prompts/list, resources/list, resources/templates/list"

    async def make(self, client: Client) -> Parts:
        lists: Sequence[Callable[[], Awaitable[object]]] = (
            client.list_tools,
            client.list_prompts,
            client.list_resources,
            client.list_resource_templates,
        )
        return [client.instructions or "", *[part for read in lists for part in await _received(read)]]


async def call_tool(client: Client, tool: str, arguments: Arguments, parts: Parts) -> CallToolResult:
    """Call a tool, and add its progress messages and its result to `parts`."""

    async def note(progress: float, total: float | None, message: str | None) -> None:
        parts.append(f"progress: {progress} of {total}: {message}")

    result = await client.call_tool(tool, dict(arguments), progress_callback=note)
    parts.append(result)
    return result


def data_of(result: CallToolResult) -> dict[str, JsonValue]:
    """The structured content, empty for an error."""
    return dict(result.structured_content or {})


async def _received(read: Callable[[], Awaitable[object]]) -> Parts:
    """The answer, or the error with its code and data."""
    try:
        return [await read()]
    except MCPError as error:
        return [f"error {error.error.code}: {error.error.message} {error.error.data}"]
