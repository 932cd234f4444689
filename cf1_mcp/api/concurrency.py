"""Several requests at once, up to a limit; work beside the loop."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from cf1_mcp.errors import ThreatEventsError

T = TypeVar("T")
# Well below the connections of the pool, so that concurrent tool calls do not wait for each other.
MAX_CONCURRENT: Final = 8


async def gather(calls: Iterable[Callable[[], Awaitable[T]]], limit: int = MAX_CONCURRENT) -> list[T]:
    """The results of the calls, in their order. At most `limit` calls run at the same time.

    Raises:
        ThreatEventsError: a call failed. The first failure cancels the other calls and is raised unchanged.
    """
    results: dict[int, T] = {}
    failures: list[ThreatEventsError] = []
    limiter = anyio.Semaphore(limit)

    async def run(index: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            async with limiter:
                results[index] = await call()
        except ThreatEventsError as error:
            failures.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index, call in enumerate(calls):
            group.start_soon(run, index, call)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(results))]


async def run_in_thread(work: Callable[[], T]) -> T:
    """Do work that takes time by the size of its data in a thread, so that other calls get their turns meanwhile.

    The time limit of the call ends the wait for it, and its result is then dropped: `work` must change nothing.
    """
    return await to_thread.run_sync(work, abandon_on_cancel=True)
