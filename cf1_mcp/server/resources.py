"""Resources: data that can be read by address. Each is the answer of a tool or a part of it, under the tool's rules."""

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
# The facts about a page of an export that go into the metadata of its content.
PAGE_FACTS: Final = ("source", "size", "offset", "next_offset")


@dataclass(frozen=True)
class ResourceCall:
    """The tool call that answers a resource. If `verbatim`, only the `content` of its answer is returned."""

    tool: str
    arguments: Mapping[str, JsonValue]
    mime_type: str = "text/plain"
    verbatim: bool = False


_CALLS: Final = {
    DATASETS_ADDRESS: ResourceCall("list_threat_datasets", {}),
    GUIDE_ADDRESS: ResourceCall("list_threat_vocabulary", {"kind": "search_guide"}, "text/markdown"),
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
        description="A file that export_threat_events wrote, in pages: the _meta of each contains next_offset",
    ),
}
"""By the toolset to which they belong."""


def resolve_address(address: str) -> ResourceCall | None:
    """Return the call that answers an address, None if it is not an address of this server.

    Raises:
        ResourceNotFoundError: the address has this server's scheme, but no such resource exists.
    """
    if address in _CALLS:
        return _CALLS[address]
    named = _EVENT.match(address)
    if named and all(named.values()):
        return ResourceCall("get_threat_event", {name: str(value) for name, value in named.items()})
    if (exported := _EXPORT.match(address)) and exported.get("export_id"):
        page: dict[str, JsonValue] = {name: str(value) for name, value in exported.items() if value}
        return ResourceCall("export_threat_events", page, verbatim=True)
    if address.lower().startswith(SCHEME):
        raise ResourceNotFoundError(
            f"There is no resource '{clean(address, MAX_ADDRESS_LENGTH, value=True)}'. "
            f"Use {choices([DATASETS_ADDRESS, EVENT_ADDRESS, EXPORT_ADDRESS, GUIDE_ADDRESS])}."
        )
    return None


def render_contents(call: ResourceCall, answer: CallToolResult) -> list[ReadResourceContents]:
    """Return the answer of the tool unchanged: the whole of it as text, or only the content of its file."""
    if call.verbatim:
        data: dict[str, JsonValue] = dict(answer.structured_content or {})
        meta = {name: data[name] for name in PAGE_FACTS if name in data}
        return [ReadResourceContents(str(data["content"]), str(data["media_type"]), meta)]
    text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
    return [ReadResourceContents(text, call.mime_type)]


def resource_error(error: ToolError) -> ResourceError:
    """Return the failure of the tool as one of a resource: not found (missing or withheld), or unreadable."""
    if isinstance(error, UnexpectedToolError):
        return UnexpectedResourceError(str(error))
    causes = _causes(error)
    is_unreadable = not causes or any(
        isinstance(cause, ApiError) and not isinstance(cause, NotFound) for cause in causes
    )
    return ResourceError(str(error)) if is_unreadable else ResourceNotFoundError(str(error))


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while error.__cause__ is not None:
        error = error.__cause__
        found.append(error)
    return found
