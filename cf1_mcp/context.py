"""The state of a running server, and the parameters through which tools receive parts of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Resolve

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.settings import Settings
from cf1_mcp.store.confirmation_codes import ConfirmationCodes
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import ChangeOrigin
from cf1_mcp.store.sealed_tokens import TokenSealer
from cf1_mcp.store.shown_texts import ShownTexts
from cf1_mcp.store.stores import Stores
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, from which relative dates count."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class ServerContext:
    """Everything that lives as long as the server. With `is_local`, its client runs on the same machine, over stdio."""

    settings: Settings
    client: ThreatEventsClient
    vocabulary: Vocabulary
    clock: Clock
    stores: Stores
    confirmation_codes: ConfirmationCodes
    shown_texts: ShownTexts
    sealer: TokenSealer
    is_local: bool = False


ToolContext = Context[ServerContext, Any]


async def _client(context: ToolContext) -> ThreatEventsClient:
    return context.request_context.lifespan_context.client


async def _vocabulary(context: ToolContext) -> Vocabulary:
    return context.request_context.lifespan_context.vocabulary


async def _settings(context: ToolContext) -> Settings:
    return context.request_context.lifespan_context.settings


def find_origin(context: ToolContext) -> ChangeOrigin:
    """Return who makes a change by this call, and against which API, as the journal records it."""
    server, asked = context.request_context.lifespan_context, context.request_context.session.client_params
    client = clean(f"{asked.client_info.name} {asked.client_info.version}", MAX_NAME_LENGTH) if asked else ""
    return ChangeOrigin.of(server.settings, client=client, sandbox=server.client.fictional)


async def _origin(context: ToolContext) -> ChangeOrigin:
    return find_origin(context)


async def _journal(context: ToolContext) -> Journal:
    return context.request_context.lifespan_context.stores.journal


async def _now(context: ToolContext) -> datetime:
    return context.request_context.lifespan_context.clock()


# Resolved by the SDK for each call, and absent from the schema that a model sees.
Client = Annotated[ThreatEventsClient, Resolve(_client)]
AccountVocabulary = Annotated[Vocabulary, Resolve(_vocabulary)]
ChangeJournal = Annotated[Journal, Resolve(_journal)]
CurrentOrigin = Annotated[ChangeOrigin, Resolve(_origin)]
OperatorSettings = Annotated[Settings, Resolve(_settings)]
Now = Annotated[datetime, Resolve(_now)]
