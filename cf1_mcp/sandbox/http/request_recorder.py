"""What the sandbox was asked, so that tests can prove what was sent."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf1_mcp.sandbox.json_values import parse_json

UNANSWERED: Final = 0
"""The status of an exchange whose connection was dropped before any answer."""


@dataclass(frozen=True)
class RecordedRequest:
    """A request and the status of its answer. `body` is parsed JSON, None where there was none. Headers are not kept,
    so no token is."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: object
    status: int


class RequestRecorder:
    """Appends every request to `log`, before the first byte of its answer leaves."""

    def __init__(self, app: ASGIApp, log: list[RecordedRequest]) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            content = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        handed_on = False
        noted = False

        async def replay() -> Message:
            nonlocal handed_on
            if handed_on:
                return await receive()
            handed_on = True
            return {"type": "http.request", "body": content, "more_body": False}

        def note(status: int) -> None:
            nonlocal noted
            if not noted:
                noted = True
                query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
                self._log.append(RecordedRequest(scope["method"], scope["path"], query, _json(content), status))

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])
            await send(message)

        try:
            await self._app(scope, replay, noting)
        finally:
            note(UNANSWERED)


def _json(content: bytes) -> object:
    if not content:
        return None
    try:
        return parse_json(content)
    except ValueError:
        return None
