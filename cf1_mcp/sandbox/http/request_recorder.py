"""Recording the requests that the sandbox received, so that tests can prove what was sent."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf1_mcp.sandbox.json_values import parse_json

UNANSWERED: Final = 0
"""The recorded status of a request whose connection was dropped before the response started."""


@dataclass(frozen=True)
class RecordedRequest:
    """A request and the status of its response.

    `body` is parsed JSON, or None where there was none. Headers are not recorded, so tokens are not either.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    body: object
    status: int


class RequestRecorder:
    """Middleware that appends every request to `log` before the first byte of its response is sent."""

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
        replayed = False
        recorded = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": content, "more_body": False}

        def record(status: int) -> None:
            nonlocal recorded
            if not recorded:
                recorded = True
                query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
                self._log.append(RecordedRequest(scope["method"], scope["path"], query, _parse_body(content), status))

        async def record_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record(message["status"])
            await send(message)

        try:
            await self._app(scope, replay, record_and_send)
        finally:
            record(UNANSWERED)


def _parse_body(content: bytes) -> object:
    if not content:
        return None
    try:
        return parse_json(content)
    except ValueError:
        return None
