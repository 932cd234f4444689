"""How an import sends its requests: with retries for the command, once for a call."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

import anyio

from cf1_mcp.errors import ApiError, RateLimited, ThreatEventsError, Unavailable, UnexpectedAnswer
from cf1_mcp.imports.progress import ImportProgress

T = TypeVar("T")
MAX_BACKOFF_SECONDS: Final = 60.0
DEFAULT_RATE_LIMIT_WAIT: Final = 60.0  # seconds to wait for a rate limit that does not say how long
MAX_UNEXPECTED_ANSWERS: Final = 3  # of one reading request, before the error is raised


class GaveUp(ThreatEventsError):
    """The API did not recover within the time that the import may wait."""


class RequestPolicy(Protocol):
    """Decides when requests are sent, and what follows a failure. With `retries`, failed requests are sent again."""

    retries: bool

    async def wait_until_ready(self) -> None:
        """Wait until requests may be sent."""

    async def record_success(self) -> None:
        """Record that a request was answered."""

    async def record_failure(self, error: ApiError) -> None:
        """Record that a request failed in a way that may be temporary.

        Raises:
            ThreatEventsError: no further request may be sent.
        """

    async def read(self, call: Callable[[], Awaitable[T]], /) -> T:
        """Return the result of a request that changes nothing."""
        ...


class OneAttempt:
    """Sends each request once: the retries of the client are enough while a caller waits."""

    retries = False

    async def wait_until_ready(self) -> None: ...

    async def record_success(self) -> None: ...

    async def record_failure(self, error: ApiError) -> None:
        raise error

    async def read(self, call: Callable[[], Awaitable[T]], /) -> T:
        return await call()


class RetryPolicy:
    """Delays all requests of an import while the API cannot take them. `give_up_after` is in seconds."""

    retries = True

    def __init__(self, give_up_after: float, progress: ImportProgress) -> None:
        self._give_up_after = give_up_after
        self._progress = progress
        self._failures = 0
        self._until = 0.0
        self._failing_since: float | None = None

    async def wait_until_ready(self) -> None:
        """See `RequestPolicy.wait_until_ready`."""
        while (wait := self._until - anyio.current_time()) > 0:  # noqa: ASYNC110 - another failure makes it longer
            await anyio.sleep(wait)

    async def record_success(self) -> None:
        """See `RequestPolicy.record_success`."""
        self._failures, self._failing_since = 0, None

    async def record_failure(self, error: ApiError) -> None:
        """Delay the next requests.

        Raises:
            GaveUp: the API has failed for too long, or requires too long a wait.
        """
        now = anyio.current_time()
        if now < self._until:
            return  # this request was sent before the others were delayed
        self._failing_since = now if self._failing_since is None else self._failing_since
        wait = min(2.0**self._failures, MAX_BACKOFF_SECONDS)
        if isinstance(error, RateLimited):
            wait = DEFAULT_RATE_LIMIT_WAIT if error.retry_after is None else error.retry_after
        self._failures += 1
        if now + wait - self._failing_since > self._give_up_after:
            raise GaveUp(f"{error} It lasted longer than --give-up-after allows.") from error
        self._until = now + wait
        reason = "rate limit" if isinstance(error, RateLimited) else "no answer"
        await self._progress.show_status(f"{reason}: waiting {wait:.0f} s")

    async def read(self, call: Callable[[], Awaitable[T]], /) -> T:
        """Return the result of a request that changes nothing, sent as often as necessary."""
        unexpected = 0
        while True:
            await self.wait_until_ready()
            try:
                result = await call()
            except (RateLimited, Unavailable) as error:
                await self.record_failure(error)
            except UnexpectedAnswer as error:
                unexpected += 1
                if unexpected >= MAX_UNEXPECTED_ANSWERS:
                    raise
                await self.record_failure(error)
            else:
                await self.record_success()
                return result
