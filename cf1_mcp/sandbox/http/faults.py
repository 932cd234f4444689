"""Injected faults, configured by a specification: failures that a robust client must survive."""

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

import anyio
import httpx
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf1_mcp.sandbox.errors import RequestRejected
from cf1_mcp.sandbox.http.responses import respond_error

RETRY_AFTER: Final = 1
"""Seconds, on every injected 429: the shortest wait that the header can express."""

SLOW_CHUNKS: Final = 10
"""The number of chunks that a slow body is sent in."""

GATEWAY_PAGE: Final = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>sandbox</center></body></html>\n"
)

TIMED: Final = ("latency", "slow")
COUNTED: Final = ("reset", "truncate", "html")
VALID: Final = (
    "latency=SECONDS, slow=SECONDS, reset, truncate, html or a status from 400 to 599, "
    "the last four optionally with =COUNT, and all optionally with @PART_OF_PATH"
)
_FAULT: Final = re.compile(r"(?P<kind>[a-z]+|[45]\d\d)(=(?P<number>[0-9.]+))?(@(?P<path>\S+))?", re.ASCII)

_INVALID_STATUS: Final = 0


@dataclass(frozen=True)
class Fault:
    """One fault.

    `seconds` applies to latency and slow. `count` is the number of requests that receive the fault, infinite for all.
    `path` is a part of the paths that it applies to, empty for every path.
    """

    kind: str
    count: float = inf
    seconds: float = 0.0
    path: str = ""


Faults = Sequence[Fault]


def parse_faults(spec: str) -> Faults:
    """Return the faults of `latency=0.2,429=2,503=1@events/aggregate,reset=1`: KIND[=NUMBER][@PART_OF_PATH], by commas.

    - `latency=SECONDS` waits before each response, `slow=SECONDS` spreads each body over that time;
    - `reset` drops the connection before the response, `truncate` in the middle of the body, `html` is a gateway's
      error page with 502, and a number from 400 to 599 is an error with that status (429 with Retry-After);
    - `=COUNT` limits a fault of the second kind to the first COUNT requests whose path contains PART_OF_PATH; without
      it the fault never ends. A request receives the first such fault that is not used up, and every latency and slow.

    Raises:
        ValueError: a part is wrong; the message names it and what is valid.
    """
    return tuple(_parse_fault(part.strip()) for part in spec.split(",") if part.strip())


def _parse_fault(part: str) -> Fault:
    parsed = _FAULT.fullmatch(part)
    kind = parsed["kind"] if parsed else ""
    known = kind.isdecimal() or kind in (*TIMED, *COUNTED)
    if parsed is None or not known:
        raise ValueError(f"fault {part!r} is unknown; valid are {VALID}")
    number, path = parsed["number"], parsed["path"] or ""
    if kind in TIMED:
        return Fault(kind, seconds=_seconds(part, number), path=path)
    if number is None:
        return Fault(kind, path=path)
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(f"fault {part!r} needs a count of 1 or more after =, such as {kind}=2")
    return Fault(kind, count=int(number), path=path)


def _seconds(part: str, number: str | None) -> float:
    try:
        seconds = float(number or "")
    except ValueError:
        seconds = inf
    if not isfinite(seconds):
        raise ValueError(f"fault {part!r} needs seconds after =, such as latency=0.2")
    return seconds


class FaultInjector:
    """Middleware that injects faults. Each instance counts which of its faults are used up."""

    def __init__(self, app: ASGIApp, faults: Faults, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self._app = app
        self._sleep = sleep
        self._faults = faults
        self._remaining = [fault.count for fault in faults]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        matching = [index for index, fault in enumerate(self._faults) if fault.path in scope["path"]]
        if latency := self._sum_seconds("latency", matching):
            await self._sleep(latency)
        if slow := self._sum_seconds("slow", matching):
            send = self._slow_down(send, slow)
        match self._use_fault(matching):
            case "":
                await self._app(scope, receive, send)
            case "reset":
                await _drop_connection(scope, send)
            case "truncate":
                await _truncate_body(self._app, scope, receive, send)
            case "html":
                await HTMLResponse(GATEWAY_PAGE, 502)(scope, receive, send)
            case status:
                await _build_failure(int(status))(scope, receive, send)

    def _sum_seconds(self, kind: str, matching: Sequence[int]) -> float:
        return sum(self._faults[index].seconds for index in matching if self._faults[index].kind == kind)

    def _use_fault(self, matching: Sequence[int]) -> str:
        """Return the kind of the first fault that is not used up, and count the use; empty where there is none."""
        for index in matching:
            if self._faults[index].kind not in TIMED and self._remaining[index] > 0:
                self._remaining[index] -= 1
                return self._faults[index].kind
        return ""

    def _slow_down(self, send: Send, seconds: float) -> Send:
        async def send_slowly(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or not body:
                await send(message)
                return
            size = -(-len(body) // SLOW_CHUNKS)
            for start in range(0, len(body), size):
                await self._sleep(seconds / SLOW_CHUNKS)
                more = message.get("more_body", False) or start + size < len(body)
                await send({"type": "http.response.body", "body": body[start : start + size], "more_body": more})

        return send_slowly


def _build_failure(status: int) -> Response:
    response = respond_error(RequestRejected("An error occurred."), status)
    if status == 429:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


async def _drop_connection(scope: Scope, send: Send) -> None:
    """End the connection without sending a byte."""
    # ASGI has no message for this. A server that receives nothing sends its own 500; one that receives an invalid
    # status rejects it and can only close the connection.
    with suppress(LookupError, ValueError):
        await send({"type": "http.response.start", "status": _INVALID_STATUS, "headers": []})
    if not _has_server(scope):
        raise httpx.ReadError("connection reset by an injected fault")


async def _truncate_body(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send half of the body, then end the connection. The whole body is buffered first to find its half."""
    chunks: list[bytes] = []

    async def buffer_body(message: Message) -> None:
        if message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))
        else:
            await send(message)

    await app(scope, receive, buffer_body)
    body = b"".join(chunks)
    # A server closes the connection where an application leaves its body unfinished.
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    if not _has_server(scope):
        raise httpx.RemoteProtocolError("body truncated by an injected fault")


def _has_server(scope: Scope) -> bool:
    """Whether a server with a connection made the call: it states its ASGI version. httpx.ASGITransport does not, and
    has no connection to drop, so the client's own exception is raised there instead."""
    return "spec_version" in scope.get("asgi", {})
