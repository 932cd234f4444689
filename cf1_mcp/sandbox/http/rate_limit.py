"""Rate limits: reported on every response, and enforced where a limit is set."""

import time
from collections import Counter
from collections.abc import Callable
from math import ceil, isfinite
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf1_mcp.sandbox.errors import RequestRejected
from cf1_mcp.sandbox.http.responses import respond_error

# Invented: the 429 and parts of the headers; see invented.py.

QUOTA: Final = 1200
WINDOW_SECONDS: Final = 300.0
"""The documented limit: 1200 requests in five minutes for each user or account token."""


def parse_rate(text: str) -> tuple[int, float]:
    """Return the requests and seconds of `N/S`, such as `5/1`.

    Raises:
        ValueError: the text does not have that form.
    """
    count, _, seconds = text.strip().partition("/")
    try:
        limit, window = int(count), float(seconds)
    except ValueError:
        limit, window = 0, 0.0
    if limit < 1 or not isfinite(window) or window <= 0:
        raise ValueError(f"rate limit {text!r} is not REQUESTS/SECONDS, both above 0, such as 5/1")
    return limit, window


class RateLimiter:
    """Middleware that counts requests by token, or by address without a token, in windows of `seconds`.

    Responses carry `Ratelimit` (remaining requests, seconds to reset) and `Ratelimit-Policy` (quota, window) as
    documented since September 2025. Above `limit` the response is 429 with `Retry-After`. Without a limit no request is
    refused, and the headers report the documented quota. With `blocks`, a caller who exceeds the limit is refused for a
    whole window from then on, as documented, instead of until the window closes.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit: int | None = None,
        seconds: float = WINDOW_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        blocks: bool = False,
    ) -> None:
        self._app = app
        self._limit = limit
        self._quota = QUOTA if limit is None else limit
        self._seconds = seconds
        self._clock = clock
        self._closes: float | None = None
        self._used: Counter[str] = Counter()
        self._blocks = blocks
        self._blocked: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reset = self._seconds_to_reset()
        caller = _identify_caller(scope)
        self._used[caller] += 1
        remaining = self._quota - self._used[caller]
        if self._blocks:
            if remaining == -1:
                self._blocked.setdefault(caller, self._clock() + self._seconds)
            if blocked := self._seconds_blocked(caller):
                remaining, reset = -1, blocked
        headers = {
            "Ratelimit": f'"default";r={max(remaining, 0)};t={reset}',
            "Ratelimit-Policy": f'"default";q={self._quota};w={ceil(self._seconds)}',
        }
        if self._limit is not None and remaining < 0:
            message = f"More than {self._limit} requests in {self._seconds:g} s; wait {reset} s and send it again"
            refusal = respond_error(RequestRejected(message), 429)
            refusal.headers.update(headers | {"Retry-After": str(reset)})
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _seconds_to_reset(self) -> int:
        """Return the seconds until the window closes, rounded up; opens a new window where the last one has closed."""
        now = self._clock()
        if self._closes is None or now >= self._closes:
            self._closes = now + self._seconds
            self._used.clear()
        return ceil(self._closes - now)

    def _seconds_blocked(self, caller: str) -> int:
        """Return the seconds until a caller who exceeded the limit may call again; 0 for any other."""
        left = self._blocked.get(caller, 0.0) - self._clock()
        if left <= 0:
            self._blocked.pop(caller, None)
        return max(ceil(left), 0)


def _identify_caller(scope: Scope) -> str:
    client = scope.get("client")
    return Headers(scope=scope).get("authorization") or (str(client[0]) if client else "")
