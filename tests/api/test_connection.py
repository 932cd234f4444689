"""Requests to an upstream that is slow, broken or hostile. Faults come from a real socket."""

import logging
from collections.abc import Awaitable, Callable

import httpx
import pytest
from inline_snapshot import snapshot

from cf1_mcp.api import connection
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.routes import MAX_QUERY_LENGTH
from cf1_mcp.api.wire.transport import TIMEOUT
from cf1_mcp.errors import (
    ApiError,
    BadArgument,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedAnswer,
)
from cf1_mcp.models import Condition, EventSearch, NewEvent, NewRaw, SearchValue
from tests.upstreams import ACCOUNT, TOKEN, Act, answer, failed, upstream

pytestmark = pytest.mark.anyio

EVENT = "e0000000-0000-4000-8000-000000000001"
OK = answer({"success": True, "errors": [], "messages": [], "result": {"uuid": EVENT}})
NEW = NewEvent(category="Phishing", date="2026-11-01T00:00:00Z", event="x", raw=NewRaw(data=None), tlp="green")
BUSY = failed("429 Too Many Requests", "slow down", "Retry-After: 0\r\n")


@pytest.mark.parametrize(
    "fault",
    [BUSY, failed("500 Oops", "x"), failed("503 Busy", "x"), Act.RESET, OK[:-10]],
    ids=["429", "500", "503", "reset", "incomplete"],
)
async def test_a_read_is_retried_after_a_temporary_fault(fault: bytes | Act) -> None:
    # Only a closed connection shows the client that a body is incomplete; otherwise it would wait for the rest.
    script = (fault if isinstance(fault, Act) else _close_connection(fault), OK)
    async with upstream(*script) as server, server.client() as client:
        event = await client.read_event("d", EVENT)
    assert (event.uuid, len(server.requests)) == (EVENT, 2)


@pytest.mark.parametrize("fault", [BUSY, failed("500 Oops", "x"), Act.RESET], ids=["429", "500", "reset"])
async def test_a_write_that_may_have_arrived_is_never_sent_twice(fault: bytes | Act) -> None:
    async with upstream(fault, OK) as server, server.client() as client:
        with pytest.raises(ApiError):
            await client.create_event(NEW)
    assert len(server.requests) == 1


async def test_a_write_that_cannot_have_arrived_reports_an_unreachable_api() -> None:
    async with upstream(OK) as server:
        client = server.client()
    async with client:
        with pytest.raises(Unavailable) as error:
            await client.create_event(NEW)
    assert str(error.value) == snapshot(
        "The API cannot be reached: no connection could be made. Ask the operator to check the network, the proxy and CLOUDFLARE_BASE_URL."
    )
    assert server.requests == []


async def test_a_wait_beyond_the_budget_is_an_error_with_its_duration() -> None:
    async with upstream(failed("429 Too Many", "x", "Retry-After: 120\r\n")) as server, server.client() as client:
        with pytest.raises(RateLimited) as error:
            await client.read_event("d", EVENT)
    assert (str(error.value), error.value.retry_after, len(server.requests)) == snapshot(
        (
            "The API's rate limit is reached (429) and requires a wait of 120 s, longer than one call may take. Call again after 120 s.",
            120.0,
            1,
        )
    )


async def test_a_request_to_a_hanging_server_fails_when_the_budget_is_used_up() -> None:
    async with upstream(Act.HANG) as server, server.client(budget=0.2) as client:
        with pytest.raises(Unavailable) as error:
            await client.read_event("d", EVENT)
    assert str(error.value) == snapshot(
        "The API did not answer within 0.2 s. Request less, for instance a shorter period or a smaller limit, or try again."
    )


@pytest.mark.parametrize(
    ("name", "reply", "kind"),
    [
        ("400", failed("400 Bad", "An error occurred."), Refused),
        ("401", answer({"errors": [{"code": 10000, "message": "Authentication error"}]}, "401 No"), ApiError),
        ("403", failed("403 No", f"token {TOKEN} of {ACCOUNT} lacks\nscope"), Forbidden),
        ("404", failed("404 No", "Event not found"), NotFound),
        ("409", answer({"errors": "nonsense", "result": None}, "409 Conflict"), Refused),
        ("422", answer("<html><body>Bad gateway</body></html>", "422 What", content_type="text/html"), Refused),
        ("success-false", answer({"success": False, "errors": [{"message": "not today"}], "result": {}}), Refused),
        ("html", answer("<html>login here</html>", content_type="text/html"), UnexpectedAnswer),
        ("cut-json", answer('{"success": true, "result": {"uuid": "tru'), UnexpectedAnswer),
        ("wrong-shape", answer({"success": True, "result": {"id": 5}}), UnexpectedAnswer),
        ("wrong-type", answer([1, 2, 3]), UnexpectedAnswer),
        ("binary", answer(b"\xff\xfe\x00"), UnexpectedAnswer),
        ("nested", answer("[" * 100_000), UnexpectedAnswer),
        ("redirect", answer("", "302 Found", "Location: http://192.0.2.1/steal\r\n"), UnexpectedAnswer),
    ],
)
async def test_every_failure_is_one_line_without_secrets(name: str, reply: bytes, kind: type[ApiError]) -> None:
    async with upstream(reply) as server, server.client() as client:
        with pytest.raises(kind) as error:
            await client.read_event("d", EVENT)
    words = str(error.value)
    assert TOKEN not in words and ACCOUNT not in words and "\n" not in words
    assert words == MESSAGES[name]


MESSAGES = snapshot(
    {
        "400": 'The API refused the request (400). Correct what it names and call again. (The API said: "An error occurred")',
        "401": "The API does not accept the token for this account (401, code 10000). Ask the operator to check that CLOUDFLARE_API_TOKEN is current, that CLOUDFLARE_ACCOUNT_ID is the account it belongs to, and that it has 'Cloudforce One Read', or 'Cloudforce One Write' for changes. (The API said: \"Authentication error\")",
        "403": "The token may not do this (403). Ask the operator whether the account has Cloudforce One and the token 'Cloudforce One Read', or 'Cloudforce One Write' for changes. (The API said: \"token [hidden] of [hidden] lacks\\nscope\")",
        "404": 'Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature. (The API said: "Event not found")',
        "409": "The API refused the request (409) and gave no reason. Check the arguments and call again.",
        "422": "The API refused the request (422) and gave no reason. Check the arguments and call again.",
        "success-false": 'The API answered 200 but reported failure. Nothing may have been done; check before trying again. (The API said: "not today")',
        "html": "The answer was an HTML page (23 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
        "cut-json": "The answer was incomplete or invalid JSON (41 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
        "wrong-shape": "The answer to read_event is not what this API returns: uuid: Field required. If this continues, tell the operator: the API may have changed.",
        "wrong-type": "The answer to read_event is not what this API returns: the whole answer: Input should be a valid dictionary or instance of Event. If this continues, tell the operator: the API may have changed.",
        "binary": "The answer was incomplete or invalid JSON (3 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
        "nested": "The answer was incomplete or invalid JSON (100,000 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
        "redirect": "The API answered 302, a redirect, which is not followed because the token would go with it. Ask the operator to check CLOUDFLARE_BASE_URL.",
    }
)


async def test_a_response_of_50_megabytes_is_read_and_a_larger_one_is_refused() -> None:
    fifty = answer({"success": True, "result": {"uuid": EVENT, "event": "x" * 50_000_000}})
    eighty = answer({"success": True, "result": {"uuid": EVENT, "event": "x" * 80_000_000}})
    async with upstream(fifty, eighty) as server, server.client() as client:
        assert len((await client.read_event("d", EVENT)).event) == 50_000_000
        with pytest.raises(UnexpectedAnswer) as error:
            await client.read_event("d", EVENT)
    assert str(error.value) == snapshot(
        "The answer is larger than 64 MB. Request less: a smaller limit or a shorter period."
    )


async def test_requests_share_one_connection() -> None:
    async with upstream(OK) as server, server.client() as client:
        for _ in range(5):
            await client.read_event("d", EVENT)
    assert (len(server.requests), server.connections) == (5, 1)


@pytest.mark.parametrize("event_id", ["", ".", ".."])
async def test_an_id_that_would_change_the_path_is_refused(event_id: str) -> None:
    async with upstream(OK) as server, server.client() as client:
        with pytest.raises(BadArgument):
            await client.read_event("d", event_id)
    assert server.requests == []


async def test_the_token_stays_out_of_logs_and_reprs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with upstream(OK, failed("400 Bad", TOKEN)) as server, server.client() as client:
        await client.read_event("d", EVENT)
        with pytest.raises(Refused):
            await client.read_event("d", EVENT)
        assert TOKEN not in repr(client) + str(vars(client).get("_http"))
    assert caplog.records and TOKEN not in caplog.text


SURROGATE = "half \ud800"
SURROGATE_RAW = {"raw": NewRaw(data={"log": ["\ud800"]})}


def search_for(*values: SearchValue | list[SearchValue]) -> EventSearch:
    return EventSearch(search=[Condition(field="event", op="in", value=value) for value in values])


SURROGATES: list[tuple[str, Callable[[ThreatEventsClient], Awaitable[object]]]] = [
    ("tags.2", lambda client: client.tag_event(EVENT, ["a", "b", SURROGATE])),
    ("event_id", lambda client: client.tag_event(SURROGATE, ["a"])),
    ("datasetId.1", lambda client: client.aggregate_events(["tlp"], ["d", SURROGATE])),
    ("startDate", lambda client: client.aggregate_events(["tlp"], ["all"], start_date=SURROGATE)),
    ("search.1.value", lambda client: client.list_events(search_for("mail", SURROGATE))),
    ("search.0.value.1", lambda client: client.list_events(search_for(["mail", SURROGATE]))),
    ("search.0.value.1", lambda client: client.list_events(search_for(["x" * MAX_QUERY_LENGTH, SURROGATE]))),
    ("search.0.value.1", lambda client: client.list_indicators(["all"], ["mail", SURROGATE])),
    ("data.1.raw.data.log.0", lambda client: client.create_events("d", [NEW, NEW.model_copy(update=SURROGATE_RAW)])),
    ("variables.a", lambda client: client.query_graphql("{ a }", {"a": {SURROGATE: 1}})),
    ("query", lambda client: client.query_graphql(SURROGATE)),
]


def _close_connection(reply: bytes) -> bytes:
    return reply.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


@pytest.mark.parametrize(("argument", "call"), SURROGATES)
async def test_a_lone_surrogate_is_refused_with_its_path_before_anything_is_sent(
    argument: str, call: Callable[[ThreatEventsClient], Awaitable[object]]
) -> None:
    async with upstream(OK) as server, server.client() as client:
        with pytest.raises(BadArgument) as error:
            await call(client)
    assert str(error.value) == f"{argument}: it contains half a character (a lone surrogate). Use whole characters."
    assert error.value.argument == argument
    assert server.requests == []


async def test_a_list_that_is_too_slow_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # The same proportions, twenty times faster.
    monkeypatch.setattr(connection, "TIMEOUT", scaled(TIMEOUT, 0.05))
    async with upstream(Act.HANG) as server, server.client(budget=1.25) as client:
        with pytest.raises(Unavailable) as error:
            await client.list_events(EventSearch())
    assert len(server.requests) == 1
    assert str(error.value) == snapshot(
        "The API did not answer in time. Request less, for instance a shorter period, or try again."
    )


def scaled(timeout: httpx.Timeout, factor: float) -> httpx.Timeout:
    assert (timeout.connect, timeout.read) == (5.0, 20.0) and timeout.read and timeout.read < connection.BUDGET
    return httpx.Timeout(timeout.read * factor)
