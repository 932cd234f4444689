"""Several requests at once, up to a limit."""

import anyio
import pytest

from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import NotFound, Unavailable

pytestmark = pytest.mark.anyio


async def test_results_are_in_the_order_of_the_calls() -> None:
    async def sleep(seconds: float) -> float:
        await anyio.sleep(seconds)
        return seconds

    assert await gather((lambda: sleep(0.02), lambda: sleep(0.0), lambda: sleep(0.01))) == [0.02, 0.0, 0.01]


async def test_no_more_calls_than_the_limit_run_at_the_same_time() -> None:
    running, most = 0, 0

    async def call() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.001)
        running -= 1

    assert len(await gather([call] * 20, limit=3)) == 20
    assert most == 3


async def test_the_first_failure_cancels_the_other_calls_and_is_raised_unchanged() -> None:
    cancelled = False

    async def fail() -> None:
        raise NotFound("There is no such event.", 404)

    async def wait() -> None:
        nonlocal cancelled
        try:
            await anyio.sleep(10)
            raise Unavailable("It was not cancelled.")
        finally:
            cancelled = True

    with pytest.raises(NotFound, match=r"There is no such event\."):
        await gather([wait, fail])
    assert cancelled


async def test_no_calls_give_no_results() -> None:
    assert await gather([]) == []
