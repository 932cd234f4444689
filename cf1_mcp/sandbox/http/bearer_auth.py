"""Bearer tokens: which requests are let through, and which tokens may write."""

import hmac
from collections.abc import Mapping
from typing import Final, Literal

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.sandbox.http.edge_gateway import gateway_error

# Invented: the texts and the code of 401 and 403; see invented.py.

AUTHENTICATION_ERROR: Final = 10000
WRITE_GROUP: Final = "Cloudforce One Write"

READING: Final = ("GET", "HEAD", "OPTIONS")
# The newer `v2/events/graphql` is not one of them.
READING_POSTS: Final = ("POST events", "POST events/graphql")

Permission = Literal["read", "write"]


class BearerAuth:
    """Middleware that requires a known bearer token; without configured tokens, every request passes.

    A read token only reads: it passes every GET, and the POSTs that search. The API reference lists the permission
    group "Cloudforce One Read" for most other POSTs too, those that create events among them; a sandbox that followed
    it would let a test pass that changes something. The newer GraphQL route needs a write token there, and here.
    """

    def __init__(self, app: ASGIApp, tokens: Mapping[str, Permission]) -> None:
        self._app = app
        self._tokens: dict[bytes, Permission] = {token.encode(): permission for token, permission in tokens.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._tokens:
            await self._app(scope, receive, send)
            return
        permission = self._find_permission(Headers(scope=scope).get("authorization", ""))
        if permission is None:
            await gateway_error(401, AUTHENTICATION_ERROR, "Authentication error")(scope, receive, send)
        elif permission == "read" and _needs_write(scope["method"], scope["path"]):
            message = f"Authentication error: this token only reads, and {scope['method']} here needs {WRITE_GROUP!r}"
            await gateway_error(403, AUTHENTICATION_ERROR, message)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _find_permission(self, authorization: str) -> Permission | None:
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        # Headers are decoded as Latin-1. Every token is compared, so that the time taken reveals nothing.
        token = credentials.strip().encode("latin-1")
        matches: list[Permission] = [
            permission for known, permission in self._tokens.items() if hmac.compare_digest(known, token)
        ]
        return matches[0] if matches else None


def _needs_write(method: str, path: str) -> bool:
    _, found, operation = path.rstrip("/").partition("/cloudforce-one/")
    return bool(found) and method not in READING and f"{method} {operation}" not in READING_POSTS
