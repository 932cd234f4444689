"""What the gateway in front of the live API refuses before a request reaches the API."""

import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.sandbox.invented import MALFORMED_TOKEN, MAX_URL_LENGTH

_BEARER: Final = re.compile("Bearer [A-Za-z0-9_-]{40,}", re.IGNORECASE)


class Gateway:
    """Middleware that refuses URLs over 16 kB and tokens that are not formed like one of Cloudflare's.

    `tokens` are accepted whatever their form; a request without a token passes.
    """

    def __init__(self, app: ASGIApp, tokens: Mapping[str, object]) -> None:
        self._app = app
        self._tokens = {f"Bearer {token}" for token in tokens}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            token = Headers(scope=scope).get("authorization")
            if len(scope["path"]) + len(scope["query_string"]) > MAX_URL_LENGTH:
                app = gateway_error(414, None, "URI Too Long")
            elif token is not None and token not in self._tokens and _BEARER.fullmatch(token) is None:
                app = gateway_error(400, MALFORMED_TOKEN, "Invalid request headers")
        await app(scope, receive, send)


def gateway_error(status: int, code: int | None, message: str) -> JSONResponse:
    """Return an error in the form of the gateway: with a code where there is one, and `result` null."""
    error: dict[str, object] = {} if code is None else {"code": code}
    errors = [error | {"message": message}]
    return JSONResponse({"success": False, "errors": errors, "messages": [], "result": None}, status)
