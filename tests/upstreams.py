"""Scripted servers on a real socket that replace the API and fail in every way."""

import json
import socket
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

import anyio
from anyio.abc import SocketAttribute, SocketStream

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.wire.transport import network

ACCOUNT = "b" * 32
TOKEN = "secret-token-of-a-test"


class Act(Enum):
    """What a server does instead of responding."""

    RESET = auto()
    HANG = auto()


@dataclass
class Scripted:
    """A server that answers each request with the next line of its script, and keeps repeating the last one.

    `routes` maps single paths, without the part up to the account, to lines that they always get, or paths with a
    method, as in `GET /events`; requests for them do not move the script on.
    """

    script: Sequence[bytes | Act]
    port: int = 0
    requests: list[str] = field(default_factory=list[str])
    connections: int = 0
    routes: dict[str, bytes | Act] = field(default_factory=dict[str, bytes | Act])
    played: int = 0

    async def handle(self, stream: SocketStream) -> None:
        self.connections += 1
        async with stream:
            while request := await _read_request(stream):
                self.requests.append(request)
                path = request.split("cloudforce-one")[-1].split("?")[0]
                line = self.routes.get(f"{request.split()[0]} {path}", self.routes.get(path))
                if line is None:
                    line = self.script[min(self.played, len(self.script) - 1)]
                    self.played += 1
                match line:
                    case Act.RESET:
                        raw: socket.socket = stream.extra(SocketAttribute.raw_socket)
                        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    case Act.HANG:
                        await anyio.sleep_forever()
                    case bytes():
                        await stream.send(line)
                        if b"Connection: close" in line:
                            return

    def client(self, budget: float = 25.0) -> ThreatEventsClient:
        base = f"http://127.0.0.1:{self.port}/client/v4"
        return ThreatEventsClient(base, ACCOUNT, TOKEN, lambda: network(base), budget=budget)


@asynccontextmanager
async def upstream(*script: bytes | Act) -> AsyncGenerator[Scripted]:
    """A scripted server on a port of this machine."""
    server = Scripted(script)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        server.port = listener.extra(SocketAttribute.local_port)
        group.start_soon(listener.serve, server.handle)
        yield server
        group.cancel_scope.cancel()


def answer(body: object, status: str = "200 OK", headers: str = "", content_type: str = "application/json") -> bytes:
    """Return a whole HTTP response. Bytes and text are sent as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    return head.encode() + content


def failed(status: str, message: str, headers: str = "") -> bytes:
    """Return an error response in the API's form."""
    return answer({"success": False, "errors": [{"message": message}], "result": {}}, status, headers)


async def _read_request(stream: SocketStream) -> str:
    """Return the first line of the next request, or an empty text if the client has closed the connection."""
    head = b""
    try:
        while b"\r\n\r\n" not in head:
            head += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return ""
    length = next(
        (line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b"0"
    )
    missing = int(length) - len(head.split(b"\r\n\r\n", 1)[1])
    while missing > 0:
        missing -= len(await stream.receive())
    return head.split(b" HTTP/1.1\r\n", 1)[0].decode()
