"""Convert the outcome of a tool to an MCP result: an answer to text and the same facts as data, a failure to text."""

from secrets import token_hex
from typing import Final

from mcp.types import CallToolResult, ResourceLink, TextContent

from cf1_mcp.answers.answer import Answer, LinkedResource
from cf1_mcp.answers.fitting import MAX_SIZE, render
from cf1_mcp.answers.rendering import Renderer
from cf1_mcp.context import ServerContext
from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.settings import Defang
from cf1_mcp.text.sanitize import clean

# The first version of the protocol whose results may contain resource links. Clients of older versions may reject them.
LINKS_SINCE: Final = "2025-06-18"
FICTIONAL: Final = "sandbox: fictional data, not intelligence"
# Reserved for FICTIONAL in both forms of an answer.
MARK_SIZE: Final = 80
# Of one untrusted line of a failure, and of how many lines.
MAX_WORDS_LENGTH: Final = 600
MAX_WORDS: Final = 60


def tool_result(answer: Answer, server: ServerContext, protocol_version: str | None) -> CallToolResult:
    """Return the answer as the result of a tool call, marked as fictional where it comes from the sandbox."""
    source = {"source": FICTIONAL} if server.client.fictional else {}
    renderer = Renderer(server.settings.defang, token_hex(4))
    whole, text, data = render(answer, renderer, MAX_SIZE - MARK_SIZE)
    text = "\n".join([*(f"[{mark}]" for mark in source.values()), text])
    links = map(_resource_link, whole.links()) if (protocol_version or "") >= LINKS_SINCE else ()
    return CallToolResult(
        content=[TextContent(type="text", text=text), *links],
        structured_content={**source, **data},
    )


def failure_text(error: ThreatEventsError, setting: Defang) -> str:
    """Return a failure as text: our sentence, and what others wrote below it, between the marks of untrusted text."""
    renderer = Renderer(setting, token_hex(4))
    words = [renderer.render_text(clean(line, MAX_WORDS_LENGTH)) for line in error.words[:MAX_WORDS]]
    words += [f"and {len(error.words) - MAX_WORDS} more"] if len(error.words) > MAX_WORDS else []
    return "\n".join([error.sentence, *renderer.enclose(words)])


def _resource_link(link: LinkedResource) -> ResourceLink:
    return ResourceLink(
        uri=link.uri, name=link.name, description=link.description, mime_type=link.mime_type, size=link.size
    )
