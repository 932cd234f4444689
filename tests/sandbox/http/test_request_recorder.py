"""Requests are recorded without their tokens."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from inline_snapshot import snapshot
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.http.request_recorder import UNANSWERED, RecordedRequest, RequestRecorder

pytestmark = pytest.mark.anyio


async def echo(request: Request) -> JSONResponse:
    return JSONResponse({"length": len(await request.body())}, 202)


def recorded(log: list[RecordedRequest], faults: str = "") -> httpx.AsyncClient:
    routes = [Route("/a b", echo, methods=["GET", "POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(FaultInjector, faults=parse_faults(faults))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(RequestRecorder(app, log)), base_url="http://sandbox")


async def test_method_path_query_body_and_status_are_recorded_in_order() -> None:
    log: list[RecordedRequest] = []
    async with recorded(log) as client:
        await client.get("/a%20b", params=[("id", "1"), ("id", "ü&="), ("empty", "")])
        await client.post("/a%20b", json={"tags": ["x"]})
        await client.delete("/nowhere")
    assert log == snapshot(
        [
            RecordedRequest(
                method="GET", path="/a b", query=[("id", "1"), ("id", "ü&="), ("empty", "")], body=None, status=202
            ),
            RecordedRequest(method="POST", path="/a b", query=[], body={"tags": ["x"]}, status=202),
            RecordedRequest(method="DELETE", path="/nowhere", query=[], body=None, status=404),
        ]
    )


async def test_the_body_still_reaches_the_application() -> None:
    log: list[RecordedRequest] = []

    async def pieces() -> AsyncGenerator[bytes]:
        yield b'{"text": "'
        yield b"x" * 1000
        yield b'"}'

    async with recorded(log) as client:
        response = await client.post("/a%20b", content=pieces())
    assert response.json() == {"length": 1012}
    assert log[0].body == {"text": "x" * 1000}


async def test_a_body_that_is_not_json_is_recorded_as_none() -> None:
    log: list[RecordedRequest] = []
    async with recorded(log) as client:
        await client.post("/a%20b", content=b"\xff{")
    assert log[0].body is None


async def test_tokens_are_not_recorded() -> None:
    log: list[RecordedRequest] = []
    async with recorded(log) as client:
        await client.get("/a%20b", headers={"Authorization": "Bearer secret-token"})
    assert len(log) == 1
    assert "secret-token" not in repr(log)


async def test_a_request_whose_connection_was_dropped_is_recorded_as_unanswered() -> None:
    log: list[RecordedRequest] = []
    async with recorded(log, "reset=1") as client:
        with pytest.raises(httpx.ReadError):
            await client.get("/a%20b")
        await client.get("/a%20b")
    assert [request.status for request in log] == [UNANSWERED, 202]


async def test_a_request_is_recorded_before_its_response_is_sent() -> None:
    log: list[RecordedRequest] = []
    seen: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        seen.append(len(log))

    await RequestRecorder(PlainTextResponse("x"), log)(_scope(), receive, send)
    assert seen == [1, 1]


async def test_a_response_is_passed_on_in_chunks() -> None:
    passed: list[bytes] = []

    async def two_pieces(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        assert passed == [b"first"]
        await send({"type": "http.response.body", "body": b"second", "more_body": False})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            passed.append(message["body"])

    await RequestRecorder(two_pieces, [])(_scope(), receive, send)
    assert passed == [b"first", b"second"]


async def test_a_request_that_was_not_sent_completely_is_not_recorded() -> None:
    log: list[RecordedRequest] = []
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await RequestRecorder(PlainTextResponse("x"), log)(_scope(), receive, send)
    assert (log, sent) == ([], [])


def _scope() -> Scope:
    return {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
