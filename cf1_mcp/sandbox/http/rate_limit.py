"""Rate limits: told on every answer, and enforced where a limit is set."""

import time
from collections import Counter
from collections.abc import Callable
from math import ceil, isfinite
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf1_mcp.sandbox.errors import RequestRejected
from cf1_mcp.sandbox.http.responses import refusal

# Invented: the body of a 429; the name "default" in both headers; one window for all callers, which opens with the
# first request after the last one closed; and that over the limit a caller is blocked until the window closes, where
# the reference says five minutes.

QUOTA: Final = 1200
SECONDS: Final = 300.0
"""The documented limit: 1200 requests in five minutes for each user or account token."""


def parse_rate(text: str) -> tuple[int, float]:
    """Requests and seconds out of `N/S`, such as `5/1`; ValueError says what is wrong."""
    count, _, seconds = text.strip().partition("/")
    try:
        limit, window = int(count), float(seconds)
    except ValueError:
        limit, window = 0, 0.0
    if limit < 1 or not isfinite(window) or window <= 0:
        raise ValueError(f"rate limit {text!r} is not N/S: write requests and seconds, both above 0, such as 5/1")
    return limit, window


class RateLimit:
    """Counts requests by token, or by address where there is none, in windows of `seconds`.

    Answers carry `Ratelimit` (remaining, seconds to reset) and `Ratelimit-Policy` (quota, window) as documented since
    September 2025. Over `limit` the answer is 429 with `Retry-After`; None refuses nobody and tells the documented
    quota.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit: int | None = None,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._limit = limit
        self._quota = QUOTA if limit is None else limit
        self._seconds = seconds
        self._clock = clock
        self._closes: float | None = None
        self._used: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reset = self._reset()
        caller = _caller(scope)
        self._used[caller] += 1
        remaining = self._quota - self._used[caller]
        told = {
            "Ratelimit": f'"default";r={max(remaining, 0)};t={reset}',
            "Ratelimit-Policy": f'"default";q={self._quota};w={ceil(self._seconds)}',
        }
        if self._limit is not None and remaining < 0:
            message = f"More than {self._limit} requests in {self._seconds:g} s; wait {reset} s and send it again"
            refused = refusal(RequestRejected(message), 429)
            refused.headers.update(told | {"Retry-After": str(reset)})
            await refused(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self._app(scope, receive, telling)

    def _reset(self) -> int:
        """Seconds until the window closes, rounded up; opens a new one when the last has closed."""
        now = self._clock()
        if self._closes is None or now >= self._closes:
            self._closes = now + self._seconds
            self._used.clear()
        return ceil(self._closes - now)


def _caller(scope: Scope) -> str:
    client = scope.get("client")
    return Headers(scope=scope).get("authorization") or (str(client[0]) if client else "")
