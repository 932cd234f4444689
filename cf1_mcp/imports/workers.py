"""Runs the steps of an import in several tasks."""

from collections.abc import Awaitable, Callable

import anyio

from cf1_mcp.errors import ThreatEventsError


async def run_steps(step: Callable[[], Awaitable[bool]], concurrency: int) -> None:
    """Run steps in `concurrency` tasks until one returns False, which means that there are no more.

    After a failure the other tasks finish their current step, because the answers to their requests must be recorded.
    Then the failure is raised.
    """
    failures: list[ThreatEventsError] = []
    finished = False

    async def worker() -> None:
        nonlocal finished
        while not finished and not failures:
            try:
                if not await step():
                    finished = True
            except ThreatEventsError as error:
                failures.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(concurrency):
            group.start_soon(worker)
    if failures:
        raise failures[0]
