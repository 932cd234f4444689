"""Answers that speak of a route: which of them let another one be tried, and what is remembered of them."""

import httpx
import pytest

from cf1_mcp.api.failures import response_error
from cf1_mcp.api.operations import LIST_EVENTS
from cf1_mcp.api.routes import KnownRoutes, may_try_another
from cf1_mcp.errors import ApiError, DoubtfulRoute, MissingRoute
from cf1_mcp.text.secrets import SecretMask

ASKED = httpx.Request("GET", "https://api.example.org/client/v4/events")


def read(status: int, message: str = "", code: int = 0, location: str = "") -> ApiError:
    error = {"message": message, **({"code": code} if code else {})}
    headers = {"Location": location} if location else {}
    answer = httpx.Response(status, json={"success": False, "errors": [error]}, headers=headers, request=ASKED)
    return response_error(answer, SecretMask([]))


@pytest.mark.parametrize(
    ("error", "is_route"),
    [
        (read(400, "Route not found"), True),
        (read(400, "The endpoint you called was retired in 2026", 1015), True),
        (read(404, "unknown endpoint"), True),
        (read(301, location="/client/v4/v2/events"), True),
        (read(308, location="https://api.example.org/other"), True),
        (read(400, "the value of attacker is not valid"), False),
        (read(404, "Event not found"), False),
        (read(301, location="https://elsewhere.example.org/client/v4/v2/events"), False),
        (read(302, location="/client/v4/v2/events"), False),
        (read(301, location="/client/v4/events/"), False),
    ],
)
def test_words_and_redirects_about_a_route_let_another_be_tried_and_pin_none(error: ApiError, is_route: bool) -> None:
    known, (first, second) = KnownRoutes("PATCH"), LIST_EVENTS.routes
    assert (isinstance(error, DoubtfulRoute), isinstance(error, MissingRoute)) == (is_route, is_route)
    if is_route:
        assert may_try_another(LIST_EVENTS, first, error)
        known.learn(LIST_EVENTS, {first: error}, second)
        assert known.order(LIST_EVENTS, LIST_EVENTS.routes) == [first, second]


def test_a_route_that_is_missing_by_its_code_is_still_passed_over() -> None:
    known, (first, second) = KnownRoutes("PATCH"), LIST_EVENTS.routes
    known.learn(LIST_EVENTS, {first: read(400, "Could not route to /events", 7003)}, second)
    assert known.order(LIST_EVENTS, LIST_EVENTS.routes) == [second, first]
