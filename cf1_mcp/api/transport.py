"""How requests travel: pooled, patient where repeating is harmless, never past the budget."""

from collections.abc import Mapping
from typing import Final
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx
from httpx_retries import Retry, RetryTransport

from cf1_mcp.errors import UnexpectedAnswer

ANY_METHOD: Final = ("GET", "POST", "PATCH", "DELETE")
# Statuses that a moment later may be gone. 501 is not one: a server that lacks a method still lacks it.
PASSING: Final = (429, 500, 502, 503, 504)
# Connecting failed: nothing can have arrived, so even a write may be tried again.
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
MAX_ANSWER_SIZE: Final = 64 * 1024 * 1024
ENCODING: Final = ("content-encoding", "content-length", "transfer-encoding")


class Patience(Retry):
    """Back-off that honours Retry-After, and gives up at once on a wait that would outlast the caller's deadline."""

    async def asleep(self, response: httpx.Response | Exception) -> None:
        headers: Mapping[str, str] = response.headers if isinstance(response, httpx.Response) else {}
        wait = self._calculate_sleep(headers)
        if anyio.current_time() + wait >= anyio.current_effective_deadline():
            raise WaitTooLong(wait, response)
        await anyio.sleep(wait)


class NeverTwice(Patience):
    """For writes: an answer of any status means that the request arrived."""

    def is_retryable_status_code(self, status_code: int) -> bool:
        return False


class WaitTooLong(Exception):
    """The next attempt would come after the deadline. `wait` is in seconds; `last` is what came last."""

    def __init__(self, wait: float, last: httpx.Response | Exception) -> None:
        super().__init__(wait)
        self.wait = wait
        self.last = last


READS: Final = Patience(
    total=4, allowed_methods=ANY_METHOD, status_forcelist=PASSING, backoff_factor=0.25, max_backoff_wait=600
)
WRITES: Final = NeverTwice(
    total=2, allowed_methods=ANY_METHOD, retry_on_exceptions=NOT_SENT, backoff_factor=0.25, max_backoff_wait=600
)


class WholeAnswers(httpx.AsyncBaseTransport):
    """Reads an answer to its end before it counts as one, so that one that breaks off can be asked for again."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        parts: list[bytes] = []
        size = 0
        try:
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAX_ANSWER_SIZE:
                    raise UnexpectedAnswer(
                        f"The answer is larger than {MAX_ANSWER_SIZE // 1024 // 1024} MB. Request less: a smaller "
                        "limit or a shorter period."
                    )
                parts.append(part)
        finally:
            await response.aclose()
        # The body is decoded now, so what described its encoding would mislead.
        headers = [pair for pair in response.headers.multi_items() if pair[0] not in ENCODING]
        return httpx.Response(response.status_code, headers=headers, content=b"".join(parts))

    async def aclose(self) -> None:
        await self._transport.aclose()


def retrying(transport: httpx.AsyncBaseTransport) -> RetryTransport:
    """A transport that retries by the policy in a request's `retry` extension, and as a write where there is none."""
    return RetryTransport(WholeAnswers(transport), retry=WRITES)


def network(base_url: str) -> httpx.AsyncHTTPTransport:
    """Connections to the API, kept alive, through the proxy that the environment names."""
    url = httpx.URL(base_url)
    proxy = None if proxy_bypass(url.host) else getproxies().get(url.scheme)
    return httpx.AsyncHTTPTransport(
        proxy=proxy, limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=60)
    )
