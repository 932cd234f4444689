"""Convert the answer of a tool to an MCP result: the same facts as text and as structured content."""

from secrets import token_hex
from typing import Final

from mcp.types import CallToolResult, ResourceLink, TextContent

from cf1_mcp.answers.answer import Answer, LinkedResource
from cf1_mcp.answers.fitting import render
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.context import ServerContext

# The first version of the protocol whose results may contain resource links. Clients of older versions may reject them.
LINKS_SINCE: Final = "2025-06-18"
FICTIONAL: Final = "sandbox: fictional data, not intelligence"


def tool_result(answer: Answer, server: ServerContext, protocol_version: str | None) -> CallToolResult:
    """Return the answer as the result of a tool call, marked as fictional where it comes from the sandbox."""
    source = {"source": FICTIONAL} if server.client.fictional else {}
    renderer = Renderer(server.settings.defang, token_hex(4))
    whole, text, data = render(answer, renderer)
    text = "\n".join([*(f"[{mark}]" for mark in source.values()), text])
    links = map(_resource_link, whole.links()) if (protocol_version or "") >= LINKS_SINCE else ()
    return CallToolResult(
        content=[TextContent(type="text", text=text), *links],
        structured_content={**source, **data},
    )


def _resource_link(link: LinkedResource) -> ResourceLink:
    return ResourceLink(
        uri=link.uri, name=link.name, description=link.description, mime_type=link.mime_type, size=link.size
    )
