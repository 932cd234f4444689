"""Requests and proxies: the token reaches the API, and no proxy on the way reads it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream
from inline_snapshot import snapshot

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.wire.proxies import find_proxy
from cf1_mcp.api.wire.transport import network
from cf1_mcp.errors import SettingsError, Unavailable
from tests.upstreams import ACCOUNT, TOKEN, answer, upstream

pytestmark = pytest.mark.anyio

EVENT = "e0000000-0000-4000-8000-000000000001"
OK = answer({"success": True, "result": {"uuid": EVENT}})
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass
class Proxy:
    """A proxy that opens every tunnel it is asked for, and records what it is sent."""

    reply: bytes
    port: int = 0
    seen: bytes = b""
    connections: int = 0
    heads: list[bytes] = field(default_factory=list[bytes])

    async def handle(self, stream: SocketStream) -> None:
        self.connections += 1
        async with stream:
            head = await stream.receive()
            self.seen += head
            self.heads.append(head.split(b"\r\n")[0])
            await stream.send(self.reply)
            try:
                while True:
                    self.seen += await stream.receive()
                    await stream.send(b"not TLS\r\n")
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return


@asynccontextmanager
async def proxy(reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> AsyncGenerator[Proxy]:
    server = Proxy(reply)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        server.port = listener.extra(SocketAttribute.local_port)
        group.start_soon(listener.serve, server.handle)
        yield server
        group.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def set_proxy(monkeypatch: pytest.MonkeyPatch, address: str, *names: str) -> None:
    for name in names or VARIABLES[:3]:
        monkeypatch.setenv(name, address)
        monkeypatch.setenv(name.upper(), address)


async def test_an_http_proxy_gets_a_tunnel_and_never_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy() as server:
        set_proxy(monkeypatch, f"http://user:pass@127.0.0.1:{server.port}")
        base = "https://api.example/client/v4"
        async with ThreatEventsClient(base, ACCOUNT, TOKEN, lambda: network(base), budget=1.0) as client:
            with pytest.raises(Unavailable):
                await client.read_event("d", EVENT)
    assert set(server.heads) == {b"CONNECT api.example:443 HTTP/1.1"}
    # What follows the opened tunnel is the first message of TLS, with the name of the host only.
    assert b"\x16\x03\x01" in server.seen and b"api.example" in server.seen
    for secret in (TOKEN, ACCOUNT, EVENT, "Authorization: Bearer"):
        assert secret.encode() not in server.seen


async def test_a_proxy_that_refuses_the_tunnel_gets_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as server:
        set_proxy(monkeypatch, f"127.0.0.1:{server.port}")
        base = "https://api.example:8443/client/v4"
        async with ThreatEventsClient(base, ACCOUNT, TOKEN, lambda: network(base), budget=1.0) as client:
            with pytest.raises(Unavailable):
                await client.read_event("d", EVENT)
    assert set(server.heads) == {b"CONNECT api.example:8443 HTTP/1.1"}
    assert TOKEN.encode() not in server.seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
async def test_plain_http_on_this_machine_goes_to_no_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    async with proxy(OK) as between, upstream(OK) as server:
        set_proxy(monkeypatch, f"http://127.0.0.1:{between.port}")
        base = f"http://{host}:{server.port}/client/v4"
        async with ThreatEventsClient(base, ACCOUNT, TOKEN, lambda: network(base)) as client:
            assert (await client.read_event("d", EVENT)).uuid == EVENT
    assert (len(server.requests), between.connections) == (1, 0)


@pytest.mark.parametrize(
    "base", ["http://api.example/v4", "http://10.0.0.1/v4", "https://127.0.0.1/v4", "https://[::1]:8443/v4"]
)
def test_what_is_not_encrypted_and_what_stays_here_has_no_proxy(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    set_proxy(monkeypatch, "http://proxy.example:3128")
    assert find_proxy(httpx.URL(base)) is None


@pytest.mark.parametrize(
    ("listed", "base", "is_exempt"),
    [
        ("*", "https://api.example/", True),
        ("a.example, api.example", "https://api.example/", True),
        ("API.Example", "https://api.example/", True),
        ("example", "https://api.example/", True),
        (".example", "https://api.example/", True),
        ("*.example", "https://api.example/", True),
        ("api.example:443", "https://api.example/", True),
        ("api.example:8443", "https://api.example:8443/", True),
        ("api.example:8443", "https://api.example/", False),
        ("pi.example", "https://api.example/", False),
        ("api.example.org", "https://api.example/", False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("192.0.2.5", "https://192.0.2.5/", True),
        ("2001:db8::/32", "https://[2001:db8::5]/", True),
        ("[2001:db8::5]", "https://[2001:db8::5]/", True),
        ("localhost,,127.0.0.1, ", "https://api.example/", False),
        ("", "https://api.example/", False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_exempts_hosts(
    monkeypatch: pytest.MonkeyPatch, name: str, listed: str, base: str, is_exempt: bool
) -> None:
    set_proxy(monkeypatch, "http://proxy.example:3128", "https_proxy")
    monkeypatch.setenv(name, listed)
    assert find_proxy(httpx.URL(base)) == (None if is_exempt else "http://proxy.example:3128")


def test_only_the_proxy_for_https_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxy(monkeypatch, "http://proxy.example:3128", "http_proxy")
    assert find_proxy(httpx.URL("https://api.example/")) is None


@pytest.mark.parametrize(
    "address", ["socks5://u:secret@proxy.example", "ftp://proxy.example", "http://", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    set_proxy(monkeypatch, address, "https_proxy")
    with pytest.raises(SettingsError) as error:
        find_proxy(httpx.URL("https://api.example/"))
    assert str(error.value) == snapshot(
        "HTTPS_PROXY is not a proxy that can be used. Set it to http://HOST:PORT, or unset it."
    )
