"""The MCP server: the tools, resources and prompts that it offers, and the context that they share."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    CompleteRequestParams,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    Resource,
    ResourceTemplate,
)
from pydantic import AnyUrl

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.connection import Connect
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.context import Clock, ServerContext, utc_now
from cf1_mcp.contracts.toolset import ToolDefinition
from cf1_mcp.errors import BadArgument, Withheld, did_you_mean
from cf1_mcp.server import resources
from cf1_mcp.server.border import Border
from cf1_mcp.server.completions import completion_handler
from cf1_mcp.server.instructions import render_instructions
from cf1_mcp.server.playbooks import Playbooks
from cf1_mcp.server.unreadable_requests import AnsweredStream
from cf1_mcp.settings import SANDBOX_ACCOUNT, Settings
from cf1_mcp.store.confirmation_codes import ConfirmationCodes
from cf1_mcp.store.sealed_tokens import TokenSealer
from cf1_mcp.store.shown_texts import ShownTexts
from cf1_mcp.store.stores import open_stores
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.secrets import SecretMask
from cf1_mcp.tools import ALL_TOOLS

Lifespan = Callable[[MCPServer[ServerContext]], AbstractAsyncContextManager[ServerContext]]

# The lists change only with the operator's settings.
MAX_LIST_AGE: Final = 3_600_000  # milliseconds


def offered_tools(settings: Settings) -> list[Tool]:
    """Return the tools that the operator's toolsets and mode allow, in the order of tools/list."""
    return [definition.tool for definition in ALL_TOOLS if _withholding_setting(definition, settings) is None]


def _withholding_setting(definition: ToolDefinition, settings: Settings) -> str | None:
    """The name of the setting that withholds a tool, None where it is offered."""
    if definition.toolset not in settings.toolsets:
        return "CF1_TOOLSETS"
    return None if settings.allows(definition.effect.mode) else "CF1_MODE"


def _secrets(settings: Settings) -> SecretMask:
    credentials = settings.credentials
    return SecretMask([credentials.api_token, credentials.account_id] if credentials else [])


class ThreatServer(MCPServer[ServerContext]):
    """An MCP server that names the setting that withholds a tool, so that a model does not look for a way around it."""

    def __init__(self, settings: Settings, lifespan: Lifespan) -> None:
        cached = CacheHint(MAX_LIST_AGE, "private")
        super().__init__(
            "cf1-mcp",
            title="Cloudforce One Threat Events",
            version=version("cf1-mcp"),
            instructions=render_instructions(settings),
            tools=offered_tools(settings),
            lifespan=lifespan,
            middleware=[Border(_secrets(settings))],
            subscriptions=False,
            cache_hints={"tools/list": cached, "resources/list": cached, "resources/templates/list": cached},
            log_level="WARNING",
        )
        withholding = {definition.name: _withholding_setting(definition, settings) for definition in ALL_TOOLS}
        self._withheld = {name: setting for name, setting in withholding.items() if setting}
        self._toolsets = settings.toolsets
        self._playbooks = Playbooks(settings.prompts_dir)
        # The SDK's own decorator does not pass the context to a completion.
        complete = completion_handler(self._playbooks.vocabulary_of)
        self._lowlevel_server.add_request_handler("completion/complete", CompleteRequestParams, complete)

    async def run_stdio_async(self) -> None:
        """Serve over stdin and stdout. What the SDK cannot read is answered with an error."""
        async with stdio_server() as (messages, answers):
            server = self._lowlevel_server
            await server.run(AnsweredStream(messages, answers), answers, server.create_initialization_options())

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[ServerContext, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if setting := self._withheld.get(name):
            withheld = Withheld(name, setting)
            raise ToolError(str(withheld)) from withheld
        if self._tool_manager.get_tool(name) is None:
            names = [tool.name for tool in self._tool_manager.list_tools()]
            hint = did_you_mean(name[:MAX_NAME_LENGTH], names) or "."
            raise ToolError(f"There is no tool {clean(name, MAX_NAME_LENGTH)!r}{hint} tools/list has all of them.")
        return await super().call_tool(name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        return [*(resources.RESOURCES if "events" in self._toolsets else ()), *await super().list_resources()]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        ours = [template for name, template in resources.TEMPLATES.items() if name in self._toolsets]
        return [*ours, *await super().list_resource_templates()]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[ServerContext, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        call = resources.resolve_address(str(uri))
        if call is None:
            return await super().read_resource(uri, context)
        try:
            answer = await self.call_tool(call.tool, dict(call.arguments), context)
        except ToolError as error:
            raise resources.resource_error(error) from error
        return resources.render_contents(call, answer) if isinstance(answer, CallToolResult) else answer

    async def list_prompts(self) -> list[Prompt]:
        return await self._playbooks.list_prompts()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[ServerContext, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        try:
            return await self._playbooks.get(name, arguments or {})
        except BadArgument as error:
            # Any error other than the SDK's own would reach the client as an internal error.
            raise MCPError(INVALID_PARAMS, str(error)) from error


def build_server(
    settings: Settings, connect: Connect, clock: Clock = utc_now, *, is_local: bool = False
) -> MCPServer[ServerContext]:
    """Return the server for the operator's settings. `connect` opens a connection to the API or to a sandbox.

    With `is_local`, its client runs on the same machine, and answers may name files there.
    """

    @asynccontextmanager
    async def lifespan(_: MCPServer[ServerContext]) -> AsyncGenerator[ServerContext]:
        key = settings.confirm_key or ConfirmationCodes.random_key()
        codes = ConfirmationCodes(key, settings.confirm_ttl, clock)
        account = settings.credentials.account_id if settings.credentials else SANDBOX_ACCOUNT
        sealer = TokenSealer(key, [settings.base_url, account])
        async with build_client(settings, connect) as client, open_stores(settings, clock) as stores:
            vocabulary, texts = Vocabulary(client), ShownTexts()
            yield ServerContext(settings, client, vocabulary, clock, stores, codes, texts, sealer, is_local)

    return ThreatServer(settings, lifespan)


def build_client(settings: Settings, connect: Connect) -> ThreatEventsClient:
    """Return a client for the account in the settings."""
    credentials = settings.credentials
    client = ThreatEventsClient(
        settings.base_url,
        credentials.account_id if credentials else SANDBOX_ACCOUNT,
        credentials.api_token if credentials else None,
        connect,
        settings.update_method,
    )
    # Without credentials only the embedded sandbox answers, so even an answer without a request is marked.
    client.fictional = credentials is None
    return client
