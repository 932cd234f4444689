"""Faults on request, by a script: what a careful client must survive."""

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
from cf1_mcp.sandbox.http.responses import refusal

# Invented: every fault is; the live service's failures are not documented beyond 400, 404, 429 and 500.

RETRY_AFTER: Final = 1
"""Seconds, on every injected 429: the least that a client may be told to wait."""

SLOW_PIECES: Final = 10
"""Into so many pieces a slow body falls."""

GATEWAY_PAGE: Final = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>sandbox</center></body></html>\n"
)

TIMED: Final = ("latency", "slow")
COUNTED: Final = ("reset", "truncate", "html")
VALID: Final = (
    "latency=SECONDS, slow=SECONDS, reset, truncate, html or a status from 400 to 599, "
    "the latter four with =COUNT at will, and all with @PART_OF_PATH"
)
_FAULT: Final = re.compile(r"(?P<kind>[a-z]+|[45]\d\d)(=(?P<number>[0-9.]+))?(@(?P<path>\S+))?", re.ASCII)

_NO_STATUS: Final = 0


@dataclass(frozen=True)
class Fault:
    """One fault: `seconds` for latency and slow; `count` is how many requests get it, inf for all; `path` is part of
    the paths it is for, empty for every path."""

    kind: str
    count: float = inf
    seconds: float = 0.0
    path: str = ""


Faults = Sequence[Fault]


def parse_faults(spec: str) -> Faults:
    """Faults out of `latency=0.2,429=2,503=1@events/aggregate,reset=1`: KIND[=NUMBER][@PART_OF_PATH], by commas.

    - `latency=SECONDS` waits before each answer, `slow=SECONDS` stretches each body over that time;
    - `reset` drops the connection before any answer, `truncate` in the middle of the body, `html` is a gateway's page
      with 502, and a number from 400 to 599 is an error with that status (429 with Retry-After);
    - `=COUNT` gives the latter to the first COUNT requests whose path holds PART_OF_PATH, then no more; without it all
      get it. A request gets the first of them that is not used up, and every latency and slow.

    Raises:
        ValueError: one sentence that names the wrong part and what is valid.
    """
    return tuple(_fault(part.strip()) for part in spec.split(",") if part.strip())


def _fault(part: str) -> Fault:
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
    """Plays faults by their script. What is used up is kept here, so each application has a script of its own."""

    def __init__(self, app: ASGIApp, faults: Faults, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self._app = app
        self._sleep = sleep
        self._faults = faults
        self._left = [fault.count for fault in faults]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        matching = [place for place, fault in enumerate(self._faults) if fault.path in scope["path"]]
        if latency := self._total("latency", matching):
            await self._sleep(latency)
        if slow := self._total("slow", matching):
            send = self._slowly(send, slow)
        match self._taken(matching):
            case "":
                await self._app(scope, receive, send)
            case "reset":
                await _drop(scope, send)
            case "truncate":
                await _truncate(self._app, scope, receive, send)
            case "html":
                await HTMLResponse(GATEWAY_PAGE, 502)(scope, receive, send)
            case status:
                await _failure(int(status))(scope, receive, send)

    def _total(self, kind: str, matching: Sequence[int]) -> float:
        return sum(self._faults[place].seconds for place in matching if self._faults[place].kind == kind)

    def _taken(self, matching: Sequence[int]) -> str:
        """The kind of the first fault that is not used up, and one use of it gone; nothing when there is none."""
        for place in matching:
            if self._faults[place].kind not in TIMED and self._left[place] > 0:
                self._left[place] -= 1
                return self._faults[place].kind
        return ""

    def _slowly(self, send: Send, seconds: float) -> Send:
        async def slow(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or not body:
                await send(message)
                return
            size = -(-len(body) // SLOW_PIECES)
            for start in range(0, len(body), size):
                await self._sleep(seconds / SLOW_PIECES)
                more = message.get("more_body", False) or start + size < len(body)
                await send({"type": "http.response.body", "body": body[start : start + size], "more_body": more})

        return slow


def _failure(status: int) -> Response:
    response = refusal(RequestRejected("An error occurred."), status)
    if status == 429:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


async def _drop(scope: Scope, send: Send) -> None:
    """End the connection without a byte."""
    # ASGI has no word for this. A server that hears nothing sends a 500 of its own; one that hears of a status that
    # does not exist refuses it, and has only the connection left to close.
    with suppress(LookupError, ValueError):
        await send({"type": "http.response.start", "status": _NO_STATUS, "headers": []})
    if not _has_server(scope):
        raise httpx.ReadError("connection reset by an injected fault")


async def _truncate(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send half of the body, then end the connection; the whole body is held back to know its half."""
    pieces: list[bytes] = []

    async def held(message: Message) -> None:
        if message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))
        else:
            await send(message)

    await app(scope, receive, held)
    body = b"".join(pieces)
    # A server closes the connection of an application that leaves its body unfinished.
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    if not _has_server(scope):
        raise httpx.RemoteProtocolError("body truncated by an injected fault")


def _has_server(scope: Scope) -> bool:
    """Whether a server with a connection called, which says which ASGI it speaks. httpx.ASGITransport says nothing of
    it and has no connection to drop, so there the client's own exception takes the place of the dropped connection."""
    return "spec_version" in scope.get("asgi", {})
