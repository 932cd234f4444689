"""Waiting out what passes: rate limits, outages, broken connections."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from cf1_mcp.errors import ApiError, RateLimited, ThreatEventsError, Unavailable, UnexpectedAnswer
from cf1_mcp.imports.progress import Progress

T = TypeVar("T")
MAX_BACKOFF_SECONDS: Final = 60.0
DEFAULT_RATE_LIMIT_WAIT: Final = 60.0  # seconds to wait for a rate limit that does not say how long
MAX_UNEXPECTED: Final = 3  # readings of an answer that is not this API's, before it is taken for what it is


class GaveUp(ThreatEventsError):
    """The API did not come back in the time that the import may wait for it."""


class Patience:
    """Holds back all requests of an import while the API cannot take them. `give_up_after` is in seconds."""

    def __init__(self, give_up_after: float, progress: Progress) -> None:
        self._give_up_after = give_up_after
        self._progress = progress
        self._failures = 0
        self._until = 0.0
        self._failing_since: float | None = None

    async def ready(self) -> None:
        """Wait until requests make sense again."""
        while (wait := self._until - anyio.current_time()) > 0:  # noqa: ASYNC110 - a failure meanwhile makes it longer
            await anyio.sleep(wait)

    def worked(self) -> None:
        """A request was answered."""
        self._failures, self._failing_since = 0, None

    def failed(self, error: ApiError) -> None:
        """A request failed in a way that passes: hold the next ones back.

        Raises:
            GaveUp: it has been failing for too long, or asks for too long a wait.
        """
        now = anyio.current_time()
        if now < self._until:
            return  # a request that was on its way when the others were held back already
        self._failing_since = now if self._failing_since is None else self._failing_since
        wait = min(2.0**self._failures, MAX_BACKOFF_SECONDS)
        if isinstance(error, RateLimited):
            wait = DEFAULT_RATE_LIMIT_WAIT if error.retry_after is None else error.retry_after
        self._failures += 1
        if now + wait - self._failing_since > self._give_up_after:
            raise GaveUp(f"{error} It went on for longer than --give-up-after allows.") from error
        reason = "rate limit" if isinstance(error, RateLimited) else "no answer"
        self._progress.say(f"{reason}: waiting {wait:.0f} s")
        self._until = now + wait

    async def reading(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a request that changes nothing returns, asked as often as it takes."""
        unexpected = 0
        while True:
            await self.ready()
            try:
                result = await call()
            except (RateLimited, Unavailable) as error:
                self.failed(error)
            except UnexpectedAnswer as error:
                unexpected += 1
                if unexpected >= MAX_UNEXPECTED:
                    raise
                self.failed(error)
            else:
                self.worked()
                return result
