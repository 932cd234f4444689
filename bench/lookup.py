"""A look-up of 10,000 indicators through the server over stdio, compared with one request each at the same concurrency.

The other side is timed over 1,000 of them and scaled up, because all its requests are alike.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import anyio
import httpx
from mcp import Client, StdioServerParameters
from pydantic import JsonValue

from bench.timing import time_call
from bench.upstream import ACCOUNT, TOKEN, sandbox

EVENTS: Final = 20_000
INDICATORS: Final = 10_000
ONE_BY_ONE: Final = 1_000
AT_ONCE: Final = 4
ROUNDS: Final = 3
ALLOWED: Final = 0.1
# The sandbox's rate limit per token.
QUOTA: Final = 1_200
# A fifth of them exist in the sandbox.
VALUES: Final = [
    f"host-{number}.example.com" if number % 5 == 0 else f"new-{number}.example.net" for number in range(INDICATORS)
]


@dataclass(frozen=True)
class LookupTimes:
    """Milliseconds that both ways take for all indicators, and the number of our requests."""

    ours: float
    other: float
    requests: int

    @property
    def ratio(self) -> float:
        return self.ours / self.other


async def measure() -> LookupTimes:
    """Return the medians of both ways, timed alternately over one sandbox."""
    with sandbox(EVENTS) as base:
        address = f"{base}/accounts/{ACCOUNT}/cloudforce-one"
        environment = {
            "PYTHONPATH": str(Path.cwd()),
            "CLOUDFLARE_BASE_URL": base,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "CLOUDFLARE_API_TOKEN": TOKEN,
        }
        command = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env=environment)
        async with Client(command) as client, httpx.AsyncClient(base_url=address, headers=_token("other")) as http:

            async def ours() -> None:
                arguments: dict[str, JsonValue] = {"indicators": [*VALUES], "only": "known"}
                answer = await client.call_tool("lookup_indicators", arguments)
                data: dict[str, JsonValue] = dict(answer.structured_content or {})
                counts = data["counts"]
                assert isinstance(counts, dict) and counts["unknown"] == INDICATORS * 4 // 5

            async def other() -> None:
                turn = anyio.Semaphore(AT_ONCE)
                async with anyio.create_task_group() as group:
                    for value in VALUES[:ONE_BY_ONE]:
                        group.start_soon(_ask, http, value, turn)

            await ours()
            requests = await _count_requests(address)
            pairs = [(await time_call(ours), await time_call(other)) for _ in range(ROUNDS)]
        share = INDICATORS / ONE_BY_ONE
        return LookupTimes(median(pair[0] for pair in pairs), median(pair[1] for pair in pairs) * share, requests)


async def _ask(http: httpx.AsyncClient, value: str, turn: anyio.Semaphore) -> None:
    search = f'[{{"field":"indicator","op":"equals","value":"{value}"}}]'
    async with turn:
        (await http.get("/events", params={"datasetId": "all", "search": search, "pageSize": 100})).raise_for_status()


async def _count_requests(address: str) -> int:
    """Return how many requests the server has sent, from the remaining quota of its token."""
    async with httpx.AsyncClient(headers=_token(TOKEN)) as http:
        left = (await http.get(f"{address}/events/dataset")).headers["Ratelimit"].split("r=")[1].split(";")[0]
    return QUOTA - int(left) - 1


def _token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
