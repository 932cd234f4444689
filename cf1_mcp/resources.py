"""Resources: what a person can put before a model by its address. Each is the answer of a tool, under all its rules."""

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
from cf1_mcp.text import clean

SCHEME: Final = "cf1://"
DATASETS_ADDRESS: Final = "cf1://datasets"
GUIDE_ADDRESS: Final = "cf1://guide/search"
EVENT_ADDRESS: Final = "cf1://events/{dataset_id}/{event_id}"
LONGEST_ADDRESS: Final = 200
_EVENT: Final = UriTemplate.parse(EVENT_ADDRESS)


@dataclass(frozen=True)
class Call:
    """The call of a tool whose answer a resource is."""

    tool: str
    arguments: Mapping[str, JsonValue]
    mime_type: str = "text/plain"


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
TEMPLATES: Final = (
    ResourceTemplate(
        uri_template=EVENT_ADDRESS,
        name="threat_event",
        title="A threat event",
        description="One event in full, by its dataset (name or uuid) and its uuid",
        mime_type="text/plain",
    ),
)


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
    if address.lower().startswith(SCHEME):
        raise ResourceNotFoundError(
            f"There is no resource '{clean(address, LONGEST_ADDRESS, value=True)}'. "
            f"Use {choices([DATASETS_ADDRESS, EVENT_ADDRESS, GUIDE_ADDRESS])}."
        )
    return None


def contents(call: Call, answer: CallToolResult) -> list[ReadResourceContents]:
    """What the tool answered, word for word."""
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
