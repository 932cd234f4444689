"""An upstream that makes every change, and then answers it in a way that does not tell so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import JsonValue

# Requests with a method that changes something elsewhere, but only read here.
READS: Final = ("/events", "/graphql")


@dataclass(frozen=True)
class OddAnswer:
    """A status and a body, which is sent as it is. With `resets` the connection ends instead."""

    name: str
    body: bytes
    status: int = 200
    resets: bool = False


def as_json(name: str, value: object, status: int = 200) -> OddAnswer:
    return OddAnswer(name, json.dumps(value).encode(), status)


NO: Final[Mapping[str, JsonValue]] = {"errors": [{"message": "internal: timeout waiting for a replica"}], "result": {}}
# Answers that are unreadable for every operation.
UNREADABLE: Final[Sequence[OddAnswer]] = (
    as_json("an empty object", {}),
    as_json("null", None),
    OddAnswer("nothing", b""),
    OddAnswer("204", b"", 204),
    as_json("a text", "ok"),
    OddAnswer("plain words", b"accepted"),
    OddAnswer("a page", b"<html><body>Please log in</body></html>"),
    OddAnswer("cut JSON", b'{"success": true, "result": {"uu'),
    as_json("a list", ["ok"]),
    as_json("true", True),
    as_json("a negative number", -1),
    as_json("an empty result", {"success": True, "result": {}}),
    as_json("no result", {"success": True, "result": None}),
    as_json("a list as result", {"success": True, "result": []}),
    as_json("failure in a 200", {"success": False, **NO}),
    as_json("failure as text", {"success": "false", **NO}),
    as_json("failure as 0", {"success": 0, **NO}),
    as_json("success null", {"success": None, **NO}),
    as_json("a bare failure", {"success": False}),
    as_json("408", {"success": False, **NO}, 408),
    as_json("425", {"success": False, **NO}, 425),
    as_json("423", {"success": False, **NO}, 423),
    as_json("500", {"success": False, **NO}, 500),
    OddAnswer("502", b"<html>Bad gateway</html>", 502),
    OddAnswer("a redirect", b"", 302),
    OddAnswer("a reset", b"", resets=True),
)
# Answers after which nothing was changed.
REFUSALS: Final[Sequence[OddAnswer]] = tuple(
    as_json(str(status), {"success": False, **NO}, status) for status in (400, 401, 403, 404, 405, 409, 422, 429)
)


@dataclass
class OddUpstream(httpx.AsyncBaseTransport):
    """Passes all requests on. Those that change something are `changes`, and get the `odd` answer instead of their own.

    With `refuses` they are not passed on.
    """

    transport: httpx.AsyncBaseTransport
    odd: OddAnswer | None = None
    refuses: bool = False
    changes: list[str] = field(default_factory=list[str])
    looks: list[str] = field(default_factory=list[str])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.split("/cloudforce-one")[-1]
        line = f"{request.method} {path}"
        is_search = request.method == "POST" and path.endswith(READS)
        if self.odd is None or request.method == "GET" or is_search:
            if self.changes:
                self.looks.append(line)
            return await self.transport.handle_async_request(request)
        self.changes.append(line)
        if not self.refuses:
            await (await self.transport.handle_async_request(request)).aread()
        if self.odd.resets:
            raise httpx.ReadError("connection reset by peer")
        return httpx.Response(self.odd.status, headers={"X-Sandbox": "1"}, content=self.odd.body)
