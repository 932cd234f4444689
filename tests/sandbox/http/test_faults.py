"""Faults follow their specification, and reach a client as real ones would."""

import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf

import anyio
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from cf1_mcp.sandbox.http.faults import GATEWAY_PAGE, Fault, FaultInjector, parse_faults

pytestmark = pytest.mark.anyio

BODY = {"text": "x" * 100}


async def events(_: Request) -> JSONResponse:
    return JSONResponse(BODY)


async def streamed(_: Request) -> StreamingResponse:
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(10):
            yield b"0123456789"

    return StreamingResponse(pieces())


def app_with(spec: str) -> Starlette:
    return Starlette(
        routes=[Route("/events", events), Route("/events/aggregate", events), Route("/streamed", streamed)],
        middleware=[Middleware(FaultInjector, faults=parse_faults(spec))],
    )


def in_process(spec: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app_with(spec)), base_url="http://sandbox")


@asynccontextmanager
async def served(spec: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a real server on a free port."""
    config = uvicorn.Config(app_with(spec), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            try:
                async with httpx.AsyncClient(base_url=base) as client:
                    yield client
            finally:
                server.should_exit = True


async def statuses(client: httpx.AsyncClient, *paths: str) -> list[int]:
    return [(await client.get(path)).status_code for path in paths]


def test_a_specification_is_parsed_into_faults() -> None:
    assert parse_faults("latency=0.2, 429=2,503@events/aggregate,reset=1,truncate,html=1@raw,slow=3") == (
        Fault("latency", seconds=0.2),
        Fault("429", count=2),
        Fault("503", count=inf, path="events/aggregate"),
        Fault("reset", count=1),
        Fault("truncate"),
        Fault("html", count=1, path="raw"),
        Fault("slow", seconds=3),
    )


def test_an_empty_specification_has_no_faults() -> None:
    assert parse_faults("") == parse_faults(" , ") == ()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("explode=1", "fault 'explode=1' is unknown; valid are latency=SECONDS, slow=SECONDS, reset, truncate, html"),
        ("200=1", "fault '200=1' is unknown"),
        ("600", "fault '600' is unknown"),
        ("429=1,=2", "fault '=2' is unknown"),
        ("reset=", "fault 'reset=' is unknown"),
        ("429=0", "fault '429=0' needs a count of 1 or more after =, such as 429=2"),
        ("reset=1.5", "fault 'reset=1.5' needs a count of 1 or more"),
        ("latency", "fault 'latency' needs seconds after =, such as latency=0.2"),
        ("slow@events", "fault 'slow@events' needs seconds"),
        ("latency=1.2.3", "fault 'latency=1.2.3' needs seconds"),
    ],
)
def test_the_error_for_a_wrong_specification_names_the_wrong_part(spec: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_faults(spec)
    assert str(refused.value).startswith(message)


async def test_after_a_counted_fault_is_used_up_the_next_one_applies() -> None:
    async with in_process("429=2,503=1") as client:
        assert await statuses(client, *["/events"] * 5) == [429, 429, 503, 200, 200]


async def test_a_fault_without_a_count_never_ends() -> None:
    async with in_process("500") as client:
        assert await statuses(client, *["/events"] * 4) == [500] * 4


async def test_a_fault_for_a_path_does_not_affect_other_paths() -> None:
    async with in_process("503=1@events/aggregate") as client:
        assert await statuses(client, "/events", "/events/aggregate", "/events/aggregate") == [200, 503, 200]


async def test_an_injected_error_has_the_form_of_the_api_and_a_429_has_retry_after() -> None:
    async with in_process("429=1,500=1") as client:
        limited, failed = await client.get("/events"), await client.get("/events")
    errors: dict[str, object] = {
        "success": False,
        "errors": [{"message": "An error occurred."}],
        "messages": [],
        "result": {},
    }
    assert limited.json() == failed.json() == errors
    assert (limited.headers["Retry-After"], "Retry-After" in failed.headers) == ("1", False)


async def test_html_is_the_error_page_of_a_gateway() -> None:
    async with in_process("html=1") as client:
        page = await client.get("/events")
    assert (page.status_code, page.headers["Content-Type"], page.text) == (
        502,
        "text/html; charset=utf-8",
        GATEWAY_PAGE,
    )


@pytest.mark.parametrize(("spec", "waits"), [("latency=0.25,latency=0.5@events", [0.75]), ("slow=2", [0.2] * 10)])
async def test_latency_waits_before_the_response_and_slow_between_its_chunks(spec: str, waits: list[float]) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    transport = httpx.ASGITransport(FaultInjector(JSONResponse(BODY), parse_faults(spec), sleep))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        answer = await client.get("/events")
    assert (answer.json(), slept) == (BODY, waits)


async def test_without_a_server_a_reset_and_a_truncation_raise_errors_of_the_client() -> None:
    async with in_process("reset=1,truncate=1") as client:
        with pytest.raises(httpx.ReadError):
            await client.get("/events")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/events")
        assert (await client.get("/events")).json() == BODY


async def test_on_a_server_a_reset_closes_the_connection_before_the_response() -> None:
    async with served("reset=1") as client:
        with pytest.raises(httpx.RemoteProtocolError, match="Server disconnected without sending a response"):
            await client.get("/events")
        assert (await client.get("/events")).json() == BODY


async def test_on_a_server_a_truncation_closes_the_connection_within_the_body() -> None:
    async with served("truncate=1") as client:
        received = b""
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            async with client.stream("GET", "/events") as answer:
                assert answer.status_code == 200
                async for piece in answer.aiter_raw():
                    received += piece
        assert received == b'{"text":"' + b"x" * 46
        assert (await client.get("/events")).json() == BODY


async def test_on_a_server_a_body_without_a_length_is_truncated() -> None:
    async with served("truncate=1") as client:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await client.get("/streamed")
        assert (await client.get("/streamed")).text == "0123456789" * 10


async def test_a_server_that_drops_connections_logs_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with served("reset=1,truncate=1") as client:
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/events")
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in warnings] == ["ASGI callable returned without completing response."] * 2
    assert [record.exc_info for record in warnings] == [None, None]
