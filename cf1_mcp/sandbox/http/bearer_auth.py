"""Bearer tokens, and which of them may write."""

import hmac
from collections.abc import Mapping
from typing import Final, Literal

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Invented: the texts of 401 and 403, and 10000 as the code of both. The platform documents the form and this code; this
# service documents neither.

AUTHENTICATION_ERROR: Final = 10000
WRITE_ALONE: Final = "Cloudforce One Write"

Permission = Literal["read", "write"]


class BearerAuth:
    """Lets requests pass that carry a known token; without tokens, every request.

    A read token passes wherever the API reference names the group "Cloudforce One Read", which is every GET and, odd as
    it is, most POSTs; it is refused where the reference names "Cloudforce One Write" alone: PATCH, DELETE and the newer
    GraphQL route.
    """

    def __init__(self, app: ASGIApp, tokens: Mapping[str, Permission]) -> None:
        self._app = app
        self._tokens: dict[bytes, Permission] = {token.encode(): may for token, may in tokens.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._tokens:
            await self._app(scope, receive, send)
            return
        may = self._permission(Headers(scope=scope).get("authorization", ""))
        if may is None:
            await _gateway_error(401, "Authentication error")(scope, receive, send)
        elif may == "read" and _needs_write(scope["method"], scope["path"]):
            message = f"Authentication error: this token only reads, and {scope['method']} here needs {WRITE_ALONE!r}"
            await _gateway_error(403, message)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _permission(self, authorization: str) -> Permission | None:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        # Headers arrive as Latin-1. Every token is compared, so that the time taken tells nothing.
        token = given.strip().encode("latin-1")
        matches: list[Permission] = [may for known, may in self._tokens.items() if hmac.compare_digest(known, token)]
        return matches[0] if matches else None


def _needs_write(method: str, path: str) -> bool:
    if "/cloudforce-one/" not in path:
        return False
    return method in ("PATCH", "DELETE") or (method == "POST" and path.rstrip("/").endswith("/v2/events/graphql"))


def _gateway_error(status: int, message: str) -> JSONResponse:
    """An error in the form of the gateway before the API: with a code, and `result` null."""
    errors = [{"code": AUTHENTICATION_ERROR, "message": message}]
    return JSONResponse({"success": False, "errors": errors, "messages": [], "result": None}, status)
