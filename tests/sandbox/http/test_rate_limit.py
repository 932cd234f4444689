"""Rate limits, with a clock that only the test advances."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from inline_snapshot import snapshot
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.http.bearer_auth import BearerAuth
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.http.rate_limit import RateLimiter, parse_rate
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase

pytestmark = pytest.mark.anyio


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def limited(limit: int | None, seconds: float, clock: Clock, address: str = "192.0.2.1") -> httpx.AsyncClient:
    app = RateLimiter(PlainTextResponse("in"), limit, seconds, clock)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://sandbox")


def limits_of(response: httpx.Response) -> list[str]:
    return [response.headers[name] for name in ("Ratelimit", "Ratelimit-Policy")]


async def test_every_response_reports_the_remaining_requests_and_the_reset() -> None:
    clock = Clock()
    async with limited(5, 10, clock) as client:
        first = limits_of(await client.get("/"))
        clock.now += 2.5
        second = limits_of(await client.get("/"))
    assert (first, second) == snapshot(
        (['"default";r=4;t=10', '"default";q=5;w=10'], ['"default";r=3;t=8', '"default";q=5;w=10'])
    )


async def test_a_request_over_the_limit_gets_429_with_retry_after() -> None:
    clock = Clock()
    async with limited(2, 10, clock) as client:
        statuses = [(await client.get("/")).status_code for _ in range(2)]
        clock.now += 0.5
        refused = await client.get("/")
    assert [*statuses, refused.status_code] == [200, 200, 429]
    assert (refused.headers["Retry-After"], limits_of(refused), refused.json()) == snapshot(
        (
            "10",
            ['"default";r=0;t=10', '"default";q=2;w=10'],
            {
                "success": False,
                "errors": [{"message": "More than 2 requests in 10 s; wait 10 s and send it again"}],
                "messages": [],
                "result": {},
            },
        )
    )


async def test_a_request_succeeds_after_retry_after() -> None:
    clock = Clock()
    async with limited(1, 7.5, clock) as client:
        await client.get("/")
        refused = await client.get("/")
        clock.now += int(refused.headers["Retry-After"])
        assert (await client.get("/")).status_code == 200


async def test_without_a_limit_the_documented_quota_is_reported_and_no_request_refused() -> None:
    async with limited(None, 300, Clock()) as client:
        answers = [await client.get("/") for _ in range(1201)]
    assert {answer.status_code for answer in answers} == {200}
    assert [limits_of(answers[place]) for place in (0, 1199, 1200)] == snapshot(
        [
            ['"default";r=1199;t=300', '"default";q=1200;w=300'],
            ['"default";r=0;t=300', '"default";q=1200;w=300'],
            ['"default";r=0;t=300', '"default";q=1200;w=300'],
        ]
    )


async def test_requests_are_counted_by_token_or_by_address_without_a_token() -> None:
    app = RateLimiter(PlainTextResponse("in"), 1, 10, Clock())
    statuses: list[int] = []
    for address, token in [
        ("192.0.2.1", "a"),
        ("192.0.2.1", "b"),
        ("192.0.2.2", "a"),
        ("192.0.2.1", ""),
        ("192.0.2.2", ""),
    ]:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            statuses.append((await client.get("/", headers=headers)).status_code)
    assert statuses == [200, 200, 429, 200, 200]


async def test_errors_of_the_sandbox_report_its_limits() -> None:
    middleware = [
        Middleware(RateLimiter, limit=4, seconds=10.0, clock=Clock()),
        Middleware(BearerAuth, tokens={"reader": "read"}),
        Middleware(FaultInjector, faults=parse_faults("503=1")),
    ]
    database = SandboxDatabase.open(clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))
    transport = httpx.ASGITransport(create_sandbox_app(database, SandboxOptions(middleware=middleware)))
    base = f"http://sandbox/client/v4/accounts/{'a' * 32}/cloudforce-one"
    headers = {"Authorization": "Bearer reader"}
    with closing(database):
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            answers = [await client.get("/events"), await client.delete("/events/queries/1", headers=headers)]
            answers += [await client.get("/events", headers=headers) for _ in range(4)]
    assert [(answer.status_code, limits_of(answer)[0]) for answer in answers] == snapshot(
        [
            (401, '"default";r=3;t=10'),
            (403, '"default";r=3;t=10'),
            (503, '"default";r=2;t=10'),
            (200, '"default";r=1;t=10'),
            (200, '"default";r=0;t=10'),
            (429, '"default";r=0;t=10'),
        ]
    )
    assert {answer.headers["X-Sandbox"] for answer in answers} == {"fictional"}


@pytest.mark.parametrize(("text", "rate"), [("5/1", (5, 1.0)), (" 1200/300 ", (1200, 300.0)), ("1/0.5", (1, 0.5))])
def test_a_rate_consists_of_requests_and_seconds(text: str, rate: tuple[int, float]) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "5", "/", "5/", "/1", "0/1", "-1/1", "5/0", "5/-1", "5/nan", "5/inf", "x/1", "1.5/1", "5/1/1"]
)
def test_other_text_is_not_a_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is not REQUESTS/SECONDS, both above 0, such as 5/1") as refused:
        parse_rate(text)
    assert repr(text) in str(refused.value)
