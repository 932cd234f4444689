"""The simplest MCP server to compare with: one tool, the SDK's defaults, the same upstream request."""

import os
from functools import cache
from typing import TYPE_CHECKING

from mcp.server import MCPServer

if TYPE_CHECKING:
    import httpx

server = MCPServer("bare", log_level="WARNING")


@cache
def upstream() -> "httpx.AsyncClient":
    # Imported late, so that the start of this server does not include an HTTP client.
    import httpx

    token = os.environ["BARE_TOKEN"]
    return httpx.AsyncClient(base_url=os.environ["BARE_BASE"], headers={"Authorization": f"Bearer {token}"})


@server.tool()
async def search(path: str) -> str:
    """Search."""
    return (await upstream().get(path)).text


if __name__ == "__main__":
    server.run("stdio")
