"""The time from spawning the server to its reply to tools/list, compared with a bare server with one tool."""

import sys

from mcp import Client, StdioServerParameters

from bench.timing import Ratio, time_pairs

ROUNDS = 15
ALLOWED = 1.3


async def measure() -> Ratio:
    """Time both servers over stdio, each in a new process every time."""

    async def ours() -> None:
        await _list_tools(["-m", "cf1_mcp"])

    async def bare() -> None:
        await _list_tools(["-m", "bench.bare_server"])

    return await time_pairs(ours, bare, ROUNDS)


async def _list_tools(args: list[str]) -> None:
    async with Client(StdioServerParameters(command=sys.executable, args=args)) as client:
        await client.list_tools()
