"""The time from spawning the server to its reply to tools/list, compared with a bare server with one tool."""

import sys

from mcp import Client, StdioServerParameters

from bench.timing import Ratio, paired

ROUNDS = 15
ALLOWED = 1.3


async def measure() -> Ratio:
    """Both servers over stdio, each in a fresh process every time."""

    async def ours() -> None:
        await _listed(["-m", "cf1_mcp"])

    async def bare() -> None:
        await _listed(["-m", "bench.bare_server"])

    return await paired(ours, bare, ROUNDS)


async def _listed(args: list[str]) -> None:
    async with Client(StdioServerParameters(command=sys.executable, args=args)) as client:
        await client.list_tools()
