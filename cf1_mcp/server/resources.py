"""Resources: what can be read by its address. Each is the answer of a tool, or a part of it, under all its rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.shared.uri_template import UriTemplate
from mcp.types import CallToolResult, Resource, ResourceTemplate, TextContent
from pydantic import JsonValue

from cf1_mcp.errors import ApiError, NotFound, choices
from cf1_mcp.text.sanitize import clean

SCHEME: Final = "cf1://"
DATASETS_ADDRESS: Final = "cf1://datasets"
GUIDE_ADDRESS: Final = "cf1://guide/search"
EVENT_ADDRESS: Final = "cf1://events/{dataset_id}/{event_id}"
EXPORT_ADDRESS: Final = "cf1://exports/{export_id}{?offset}"
MAX_ADDRESS_LENGTH: Final = 200
_EVENT: Final = UriTemplate.parse(EVENT_ADDRESS)
_EXPORT: Final = UriTemplate.parse(EXPORT_ADDRESS)
# What the tool tells of a page beside its content.
PAGING: Final = ("source", "size", "offset", "next_offset")


@dataclass(frozen=True)
class Call:
    """The call of a tool whose answer a resource is; its `content` alone where that is `verbatim`."""

    tool: str
    arguments: Mapping[str, JsonValue]
    mime_type: str = "text/plain"
    verbatim: bool = False


_CALLS: Final = {
    DATASETS_ADDRESS: Call("list_threat_datasets", {}),
    GUIDE_ADDRESS: Call("list_threat_vocabulary", {"kind": "search_guide"}, "text/markdown"),
}
RESOURCES: Final = (
    Resource(
        uri=DATASETS_ADDRESS,
        name="threat_datasets",
        title="Threat datasets",
        description="The datasets that can be read, with name, uuid and kind",
        mime_type="text/plain",
    ),
    Resource(
        uri=GUIDE_ADDRESS,
        name="search_guide",
        title="How to search threat events",
        description="Filters, fields and operators of search_threat_events, with examples",
        mime_type="text/markdown",
    ),
)
TEMPLATES: Final = {
    "events": ResourceTemplate(
        uri_template=EVENT_ADDRESS,
        name="threat_event",
        title="A threat event",
        description="One event in full, by its dataset (name or uuid) and its uuid",
        mime_type="text/plain",
    ),
    "indicators": ResourceTemplate(
        uri_template=EXPORT_ADDRESS,
        name="threat_export",
        title="An export of threat events",
        description="A file that export_threat_events made, in pages: each tells next_offset in its _meta",
    ),
}
"""By the toolset that they belong to."""


def call_for(address: str) -> Call | None:
    """The call that reads an address of this server's; None for an address of somebody else's.

    Raises:
        ResourceNotFoundError: it is of this server's kind, and there is nothing.
    """
    if address in _CALLS:
        return _CALLS[address]
    named = _EVENT.match(address)
    if named and all(named.values()):
        return Call("get_threat_event", {name: str(value) for name, value in named.items()})
    if (exported := _EXPORT.match(address)) and exported.get("export_id"):
        page: dict[str, JsonValue] = {name: str(value) for name, value in exported.items() if value}
        return Call("export_threat_events", page, verbatim=True)
    if address.lower().startswith(SCHEME):
        raise ResourceNotFoundError(
            f"There is no resource '{clean(address, MAX_ADDRESS_LENGTH, value=True)}'. "
            f"Use {choices([DATASETS_ADDRESS, EVENT_ADDRESS, EXPORT_ADDRESS, GUIDE_ADDRESS])}."
        )
    return None


def contents(call: Call, answer: CallToolResult) -> list[ReadResourceContents]:
    """What the tool answered, word for word: all of it as text, or what it calls the content of a file."""
    if call.verbatim:
        told: dict[str, JsonValue] = dict(answer.structured_content or {})
        about = {name: told[name] for name in PAGING if name in told}
        return [ReadResourceContents(str(told["content"]), str(told["media_type"]), about)]
    text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
    return [ReadResourceContents(text, call.mime_type)]


def failure(error: ToolError) -> ResourceError:
    """The same failure as a resource's: it is missing or withheld, or could not be read."""
    if isinstance(error, UnexpectedToolError):
        return UnexpectedResourceError(str(error))
    causes = _causes(error)
    unreadable = not causes or any(isinstance(cause, ApiError) and not isinstance(cause, NotFound) for cause in causes)
    return ResourceError(str(error)) if unreadable else ResourceNotFoundError(str(error))


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while error.__cause__ is not None:
        error = error.__cause__
        found.append(error)
    return found
