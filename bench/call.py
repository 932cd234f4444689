"""A warm search over stdio, compared with a bare server whose tool returns the same response unchanged."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from mcp import Client, StdioServerParameters

from bench.timing import Ratio, time_pairs
from bench.upstream import ACCOUNT, TOKEN, sandbox

ROUNDS = 300
EVENTS = 3_000
ALLOWED = 1.35
CONDITION = '[{"field":"attacker","op":"equals","value":"ACTOR 03"}]'
SEARCH = f"events?datasetId=all&search={quote(CONDITION)}&orderBy=date&order=desc&pageSize=20"


async def measure() -> Ratio:
    """Time a search for twenty events of one actor through both servers alternately."""
    with sandbox(EVENTS) as base:
        ours = {"CLOUDFLARE_BASE_URL": base, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": TOKEN}
        bare = {"BARE_BASE": f"{base}/accounts/{ACCOUNT}/cloudforce-one/", "BARE_TOKEN": TOKEN}
        async with _client("cf1_mcp", ours) as ours_client, _client("bench.bare_server", bare) as bare_client:

            async def search() -> None:
                answer = await ours_client.call_tool("search_threat_events", {"attacker": ["ACTOR 03"], "limit": 20})
                assert not answer.is_error

            async def bare_search() -> None:
                answer = await bare_client.call_tool("search", {"path": SEARCH})
                assert not answer.is_error

            for _ in range(10):
                await search()
                await bare_search()
            return await time_pairs(search, bare_search, ROUNDS)


@asynccontextmanager
async def _client(module: str, environment: dict[str, str]) -> AsyncGenerator[Client]:
    path = {"PYTHONPATH": str(Path.cwd())}
    async with Client(
        StdioServerParameters(command=sys.executable, args=["-m", module], env=path | environment)
    ) as client:
        yield client
