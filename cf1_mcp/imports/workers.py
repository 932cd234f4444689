"""A few tasks that take work until there is none."""

from collections.abc import Awaitable, Callable

import anyio

from cf1_mcp.errors import ThreatEventsError


async def work(step: Callable[[], Awaitable[bool]], concurrency: int) -> None:
    """Take steps in so many tasks until one says that there are no more.

    A failure lets the other tasks end the step that they are at, because a request that was sent deserves its answer;
    then it is raised.
    """
    failures: list[ThreatEventsError] = []
    over = False

    async def worker() -> None:
        nonlocal over
        while not over and not failures:
            try:
                if not await step():
                    over = True
            except ThreatEventsError as error:
                failures.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(concurrency):
            group.start_soon(worker)
    if failures:
        raise failures[0]
