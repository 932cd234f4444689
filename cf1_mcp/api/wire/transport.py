"""How requests are sent: over pooled connections, with retries where a second request is harmless."""

from collections.abc import Collection, Mapping
from typing import Final

import anyio
import anyio.lowlevel
import httpx
from httpx_retries import Retry, RetryTransport

from cf1_mcp.api.wire.decompression import ACCEPTED, STEP_SIZE, Decoder
from cf1_mcp.api.wire.proxies import find_proxy
from cf1_mcp.errors import UnexpectedAnswer

ANY_METHOD: Final = ("GET", "POST", "PATCH", "DELETE")
# Statuses of temporary failures. Not 501: a server that lacks a method still lacks it a moment later.
RETRYABLE: Final = (429, 500, 502, 503, 504)
# Errors of connecting: nothing can have arrived, so even a write may be sent again.
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# A slow list takes its time: 20 s of the 25 s that a call has. Connecting does not, so it is tried again soon.
TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
# Faults after which a read is sent again. Not a read that timed out: it took most of the call, and the rest is too
# short for another that is as slow.
LOST: Final = (*NOT_SENT, httpx.WriteTimeout, httpx.NetworkError, httpx.RemoteProtocolError)
MAX_ANSWER_SIZE: Final = 64 * 1024 * 1024
MAX_VALUES: Final = 1_000_000
MAX_OBJECTS: Final = 150_000
# What handling a part costs, however small it is, in the bytes that would be decoded meanwhile.
PART_COST: Final = 4_096
ENCODING: Final = (b"content-encoding", b"content-length", b"transfer-encoding")


class DeadlineRetry(Retry):
    """Back-off that honours Retry-After, and gives up at once on a wait beyond the caller's deadline."""

    async def asleep(self, response: httpx.Response | Exception) -> None:
        headers: Mapping[str, str] = response.headers if isinstance(response, httpx.Response) else {}
        wait = self._calculate_sleep(headers)
        if anyio.current_time() + wait >= anyio.current_effective_deadline():
            raise WaitTooLong(wait, response)
        await anyio.sleep(wait)


class WriteRetry(DeadlineRetry):
    """Retries for writes: a response of any status means that the request arrived, so none is retried."""

    def is_retryable_status_code(self, status_code: int) -> bool:
        return False


class WaitTooLong(Exception):
    """The next attempt would come after the deadline. `wait` is in seconds; `last` is the last response or error."""

    def __init__(self, wait: float, last: httpx.Response | Exception) -> None:
        super().__init__(wait)
        self.wait = wait
        self.last = last


READ_RETRIES: Final = DeadlineRetry(
    total=4,
    allowed_methods=ANY_METHOD,
    status_forcelist=RETRYABLE,
    retry_on_exceptions=LOST,
    backoff_factor=0.25,
    max_backoff_wait=600,
)
# For what the API answers with 500 if it does not exist, which a second request would not change.
LACKING_RETRIES: Final = DeadlineRetry(
    total=2,
    allowed_methods=ANY_METHOD,
    status_forcelist=[status for status in RETRYABLE if status != 500],
    backoff_factor=0.25,
    max_backoff_wait=600,
)
WRITE_RETRIES: Final = WriteRetry(
    total=2, allowed_methods=ANY_METHOD, retry_on_exceptions=NOT_SENT, backoff_factor=0.25, max_backoff_wait=600
)


def retries(is_read: bool, settled_statuses: Collection[int]) -> Retry:
    """Return the retries of a request: those of a read, without the statuses that settle it, or those of a write."""
    if not is_read:
        return WRITE_RETRIES
    if not settled_statuses:
        return READ_RETRIES
    return READ_RETRIES.copy_with(status_forcelist=[one for one in RETRYABLE if one not in settled_statuses])


class BufferedTransport(httpx.AsyncBaseTransport):
    """Reads each response to its end, so that a response that breaks off is an error that can be retried."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = ACCEPTED
        response = await self._transport.handle_async_request(request)
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("the transport answers with a stream that is not asynchronous")
        try:
            content = await _read_body(response, response.stream)
        finally:
            await response.aclose()
        # The body is decoded here, so headers that describe its encoding are wrong.
        # As bytes: a header may have letters beyond ASCII, which httpx reads but does not write.
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in ENCODING]
        return httpx.Response(response.status_code, headers=headers, content=content)

    async def aclose(self) -> None:
        await self._transport.aclose()


async def _read_body(response: httpx.Response, stream: httpx.AsyncByteStream) -> bytes:
    """Return the decoded body. Its size is checked while it is decoded, and other calls get their turns meanwhile."""
    decoder = Decoder(response.headers.get_list("content-encoding", split_commas=True))
    parts: list[bytes] = []
    size = received = work = 0
    async for data in stream:
        received += len(data)
        for part in decoder.decode(data):
            size += len(part)
            if max(size, received) > MAX_ANSWER_SIZE:
                raise UnexpectedAnswer(
                    f"The answer is larger than {MAX_ANSWER_SIZE // 1024 // 1024} MB. Request less: a smaller "
                    "limit or a shorter period."
                )
            parts.append(part)
            work += PART_COST + len(part)
            if work > STEP_SIZE:
                work = 0
                await anyio.lowlevel.checkpoint()
    decoder.finish()
    content = b"".join(parts)
    # Parsing cannot be interrupted, and takes its time by the number of values rather than by their size.
    if _has_too_many_values(content) and _has_too_many_values(_drop_texts(content)):
        raise UnexpectedAnswer(
            f"The answer has more than {MAX_VALUES:,} values, or {MAX_OBJECTS:,} objects and lists. Request less: a "
            "smaller limit or a shorter period."
        )
    return content


def _has_too_many_values(content: bytes) -> bool:
    """Return whether a JSON document may have too many values: an upper bound, as texts may contain commas too."""
    return content.count(b",") > MAX_VALUES or content.count(b"[") + content.count(b"{") > MAX_OBJECTS


def _drop_texts(content: bytes) -> bytes:
    """Return a JSON document without its texts, or as it is if it has too many of them for its values."""
    plain = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    # A value and its key have two quotes each.
    return content if plain.count(b'"') > 4 * MAX_VALUES else b"".join(plain.split(b'"')[::2])


def with_retries(transport: httpx.AsyncBaseTransport) -> RetryTransport:
    """A transport that retries by the `retry` extension of a request, and without one as for a write."""
    return RetryTransport(BufferedTransport(transport), retry=WRITE_RETRIES)


def network(base_url: str) -> httpx.AsyncHTTPTransport:
    """Keep-alive connections to the API, through the proxy that the environment names."""
    return httpx.AsyncHTTPTransport(
        proxy=find_proxy(httpx.URL(base_url)),
        limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=60),
    )
