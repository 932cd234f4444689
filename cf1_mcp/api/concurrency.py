"""Several requests at once."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from cf1_mcp.errors import ThreatEventsError

T = TypeVar("T")


async def together(*calls: Callable[[], Awaitable[T]]) -> list[T]:
    """What the calls return, in their order. The first failure stops the others and is raised as it is."""
    results: dict[int, T] = {}
    failures: list[ThreatEventsError] = []

    async def run(place: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            results[place] = await call()
        except ThreatEventsError as error:
            failures.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for place, call in enumerate(calls):
            group.start_soon(run, place, call)
    if failures:
        raise failures[0]
    return [results[place] for place in range(len(calls))]
