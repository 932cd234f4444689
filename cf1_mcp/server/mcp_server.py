"""The server: which tools are offered, and what they are given."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
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
from cf1_mcp.contracts.toolset import Offer, Toolset, needed_mode
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.server import resources
from cf1_mcp.server.completions import completing
from cf1_mcp.server.instructions import instructions
from cf1_mcp.server.playbooks import Playbooks
from cf1_mcp.settings import SANDBOX_ACCOUNT, Mode, Settings
from cf1_mcp.store.confirmation_codes import ConfirmationCodes
from cf1_mcp.store.shown_texts import ShownTexts
from cf1_mcp.store.stores import open_stores
from cf1_mcp.tools.aggregates import aggregates
from cf1_mcp.tools.alert_changes import alert_changes
from cf1_mcp.tools.alerts import alerts
from cf1_mcp.tools.attackers import profiles
from cf1_mcp.tools.changes import changes
from cf1_mcp.tools.creation import creation
from cf1_mcp.tools.datasets import datasets
from cf1_mcp.tools.deletion import deletion
from cf1_mcp.tools.events import events
from cf1_mcp.tools.exports import exports
from cf1_mcp.tools.imports import imports
from cf1_mcp.tools.indicators import lookups
from cf1_mcp.tools.moves import moves
from cf1_mcp.tools.relationships import links
from cf1_mcp.tools.reverts import reverts
from cf1_mcp.tools.saved_queries import queries
from cf1_mcp.tools.saved_query_changes import query_changes
from cf1_mcp.tools.tags import tags
from cf1_mcp.tools.undo import undoing
from cf1_mcp.tools.updates import updates

Lifespan = Callable[[MCPServer[ServerContext]], AbstractAsyncContextManager[ServerContext]]

# In the order in which they are listed.
TOOLS: tuple[Toolset, ...] = (
    events,
    aggregates,
    datasets,
    lookups,
    profiles,
    exports,
    creation,
    imports,
    updates,
    tags,
    links,
    moves,
    deletion,
    reverts,
    queries,
    query_changes,
    alerts,
    alert_changes,
    changes,
    undoing,
)

# What is listed changes only with the operator's settings.
LISTED = CacheHint(3_600_000, "private")
MODES: tuple[Mode, ...] = ("read", "write", "full")


def offered_tools(settings: Settings) -> list[Tool]:
    """The tools that the operator's toolsets and mode let through, in a stable order."""
    return [offer.tool for group in TOOLS for offer in group.tools if _rule_against(group, offer, settings) is None]


def _rule_against(group: Toolset, offer: Offer, settings: Settings) -> str | None:
    if group.name not in settings.toolsets:
        return "CF1_TOOLSETS"
    return "CF1_MODE" if MODES.index(needed_mode(offer.annotations)) > MODES.index(settings.mode) else None


class ThreatServer(MCPServer[ServerContext]):
    """An MCP server that says which rule withholds a tool, so that a model does not hunt for a back door."""

    def __init__(self, settings: Settings, lifespan: Lifespan) -> None:
        super().__init__(
            "cf1-mcp",
            title="Cloudforce One Threat Events",
            version=version("cf1-mcp"),
            instructions=instructions(settings),
            tools=offered_tools(settings),
            lifespan=lifespan,
            subscriptions=False,
            cache_hints={"tools/list": LISTED, "resources/list": LISTED, "resources/templates/list": LISTED},
            log_level="WARNING",
        )
        offers = [(group, offer) for group in TOOLS for offer in group.tools]
        rules = {offer.name: _rule_against(group, offer, settings) for group, offer in offers}
        self._withheld = {name: rule for name, rule in rules.items() if rule}
        self._toolsets = settings.toolsets
        self._playbooks = Playbooks(settings.prompts_dir)
        # The SDK's own decorator gives a completion no context.
        complete = completing(self._playbooks.completed)
        self._lowlevel_server.add_request_handler("completion/complete", CompleteRequestParams, complete)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[ServerContext, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if rule := self._withheld.get(name):
            withheld = Withheld(name, rule)
            raise ToolError(str(withheld)) from withheld
        return await super().call_tool(name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        return [*(resources.RESOURCES if "events" in self._toolsets else ()), *await super().list_resources()]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        ours = [template for name, template in resources.TEMPLATES.items() if name in self._toolsets]
        return [*ours, *await super().list_resource_templates()]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[ServerContext, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        call = resources.call_for(str(uri))
        if call is None:
            return await super().read_resource(uri, context)
        try:
            answer = await self.call_tool(call.tool, dict(call.arguments), context)
        except ToolError as error:
            raise resources.failure(error) from error
        return resources.contents(call, answer) if isinstance(answer, CallToolResult) else answer

    async def list_prompts(self) -> list[Prompt]:
        return await self._playbooks.listed()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[ServerContext, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        try:
            return await self._playbooks.get(name, arguments or {})
        except BadArgument as error:
            # Anything but the SDK's own error would reach the client as an internal one.
            raise MCPError(INVALID_PARAMS, str(error)) from error


def build_server(settings: Settings, connect: Connect, clock: Clock = utc_now) -> MCPServer[ServerContext]:
    """The server by the operator's settings. `connect` opens the way to the API or to a sandbox of it."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[ServerContext]) -> AsyncGenerator[ServerContext]:
        key = settings.confirm_key or ConfirmationCodes.random_key()
        codes = ConfirmationCodes(key, settings.confirm_ttl, clock)
        async with client_for(settings, connect) as client, open_stores(settings, clock) as stores:
            yield ServerContext(settings, client, Vocabulary(client), clock, stores, codes, ShownTexts())

    return ThreatServer(settings, lifespan)


def client_for(settings: Settings, connect: Connect) -> ThreatEventsClient:
    """A client of the account that the settings name."""
    credentials = settings.credentials
    client = ThreatEventsClient(
        settings.base_url,
        credentials.account_id if credentials else SANDBOX_ACCOUNT,
        credentials.api_token if credentials else None,
        connect,
        settings.update_method,
    )
    # Without credentials only the embedded sandbox answers, so even what needs no request is marked.
    client.fictional = credentials is None
    return client
