"""Sending requests and reading their answers. Every failure is a `ThreatEventsError`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import anyio
import anyio.lowlevel
import httpx

from cf1_mcp.api.failures import (
    envelope_error,
    invalid_json_error,
    is_failure,
    response_error,
    retry_error,
    timeout_error,
    transport_error,
    unknown_account_error,
)
from cf1_mcp.api.operations import LIST_DATASETS, Operation, Route
from cf1_mcp.api.outcomes import require_success, telling_outcomes
from cf1_mcp.api.routes import KnownRoutes, failure_of, is_empty, is_plain_404, may_try_another
from cf1_mcp.api.unwrapping import read_answer
from cf1_mcp.api.wire.json_text import parse_json
from cf1_mcp.api.wire.surrogates import surrogate_path
from cf1_mcp.api.wire.transport import TIMEOUT, WaitTooLong, retries, with_retries
from cf1_mcp.errors import ApiError, BadArgument, DoubtfulRoute, MissingRoute, NotFound
from cf1_mcp.settings import UpdateMethod
from cf1_mcp.text.secrets import SecretMask

T = TypeVar("T")
Query = Mapping[str, str | float | bool | Sequence[str] | None]
Connect = Callable[[], httpx.AsyncBaseTransport]

BUDGET: Final = 25.0
# The header of every answer of a sandbox, so that nothing fictional is mistaken for intelligence.
SANDBOX_MARK: Final = "X-Sandbox"


@dataclass(frozen=True)
class _Asked:
    """What one call sends, by whichever route."""

    query: Query | None = None
    body: Mapping[str, object] | None = None
    ids: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    routes: Sequence[Route] = ()


class ApiConnection:
    """The Threat Events API of one account.

    `connect` creates the transport when the first request needs it. `budget` is the maximum duration of one
    operation in seconds, retries included. `fictional` is true once a sandbox has answered.
    """

    def __init__(
        self,
        base_url: str,
        account_id: str,
        api_token: str | None,
        connect: Connect,
        update_method: UpdateMethod = "PATCH",
        budget: float = BUDGET,
    ) -> None:
        self.fictional = False
        self._base = f"{base_url}/accounts/{account_id}/cloudforce-one"
        # Hidden in everything that comes in, because clipping or defanging would leave parts of them.
        self._secrets = SecretMask([api_token, account_id] if api_token else [])
        self._authorization = {"Authorization": f"Bearer {api_token}"} if api_token else {}
        self._connect = connect
        self._budget = budget
        self._routes = KnownRoutes(update_method)
        self._has_answered = False
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.aclose()

    @telling_outcomes
    async def request(
        self,
        shape: type[T],
        operation: Operation,
        *,
        query: Query | None = None,
        body: Mapping[str, object] | None = None,
        paged: bool = False,
        routes: Sequence[Route] = (),
        **ids: str | int,
    ) -> T:
        """Run one operation and return its answer as `shape`.

        `paged` keeps the paging details next to a list: `shape` then describes `{"result", "result_info"}`. `routes`
        are those of the operation that may be used, the best first, if not all in their order.

        Raises:
            ApiError: the API refused, failed, did not answer within the budget, or answered something else. It is an
                `UnknownOutcome` if that leaves unknown whether a change was made.
            BadArgument: an id cannot be part of a path, or a text cannot be sent.
        """
        try:
            with anyio.fail_after(self._budget):
                answer = await self._try_routes(operation, _Asked(query, body, ids, routes))
                # A large answer takes as long to validate as it took to parse: others have their turn between.
                await anyio.lowlevel.checkpoint()
        except TimeoutError:
            raise timeout_error(self._budget) from None
        except WaitTooLong as error:
            raise retry_error(error, self._secrets) from None
        except httpx.HTTPError as error:
            raise transport_error(error) from None
        require_success(answer, operation, self._secrets)
        return read_answer(shape, operation.name, answer, self._secrets, paged=paged)

    async def _try_routes(self, operation: Operation, asked: _Asked) -> object:
        """Return the answer of the first route that has one.

        After a plain 404, an empty answer of another route says no more than that 404.
        """
        failures: dict[Route, ApiError] = {}
        for route in self._routes.order(operation, asked.routes or operation.routes):
            is_second_look = any(map(is_plain_404, failures.values()))
            if is_second_look and route != operation.routes[0] and self._routes.is_missing(operation, route):
                continue
            response = await self._send(operation, route, asked, is_second_look)
            error, answer = self._read(response)
            if error is None:
                self._has_answered = True
                if is_second_look and operation.is_of_one and is_empty(answer):
                    break
                self._routes.learn(operation, failures, route)
                return answer
            failures[route] = error
            if not may_try_another(operation, route, error):
                break
        self._routes.learn(operation, failures, None)
        raise await self._diagnose(operation, failure_of(operation, [*failures.values()]))

    async def _diagnose(self, operation: Operation, error: ApiError) -> ApiError:
        """Return the error of an operation, or `UnknownAccount` if nothing has answered and the datasets do not either.

        A missing route and a wrong account look alike, and every account has datasets. A 404 in the words of the API is
        about an object, one without words may be of something else.
        """
        is_of_account = isinstance(error, MissingRoute) or not operation.is_of_one or not error.said
        is_about_account = isinstance(error, NotFound) and not isinstance(error, DoubtfulRoute) and is_of_account
        if self._has_answered or not is_about_account:
            return error
        if operation == LIST_DATASETS:
            return unknown_account_error(error)
        try:
            response = await self._send(LIST_DATASETS, LIST_DATASETS.routes[0], _Asked(), is_second_look=True)
            found, _ = self._read(response)
        except (ApiError, httpx.HTTPError, WaitTooLong):
            return error
        self._has_answered = found is None
        return unknown_account_error(found) if isinstance(found, NotFound) else error

    def _read(self, response: httpx.Response) -> tuple[ApiError | None, object]:
        """Return the error of a response, or its answer. A route may be missing inside a 200."""
        if not response.is_success:
            return response_error(response, self._secrets), None
        answer = self._read_json(response.content)
        error = envelope_error(answer, self._secrets) if is_failure(answer) else None
        return (error, None) if isinstance(error, MissingRoute) else (None, answer)

    async def _send(
        self,
        operation: Operation,
        route: Route,
        asked: _Asked,
        is_second_look: bool,
    ) -> httpx.Response:
        http = self._http = self._http or self._open_client()
        ids = asked.ids
        query, body = (None if route.sends == "body" else asked.query), (None if route.sends == "query" else asked.body)
        try:
            path = route.path.format_map({name: _path_segment(name, value) for name, value in ids.items()})
            request = http.build_request(route.method, self._base + path, params=_query_params(query), json=body)
        except UnicodeEncodeError:
            raise BadArgument(
                surrogate_path({**ids, **(query or {}), **(body or {})}) or "the request",
                "it contains half a character (a lone surrogate)",
                "whole characters",
            ) from None
        except httpx.InvalidURL:
            longest = max(_texts_by_name(ids, query), key=lambda pair: len(pair[1]), default=("the request", ""))
            problem = f"it has {len(longest[1]):,} characters, too many for a request"
            raise BadArgument(longest[0], problem, "a shorter one") from None
        except (ValueError, RecursionError):
            valid = "finite numbers, and lists in a few levels"
            raise BadArgument("the request", "it cannot be written as JSON", valid) from None
        is_worth_retrying = operation.is_read and not is_second_look
        request.extensions["retry"] = retries(is_worth_retrying, operation.settled_statuses)
        response = await http.send(request)
        self.fictional = self.fictional or SANDBOX_MARK in response.headers
        return response

    def _open_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=with_retries(self._connect()),
            headers={"Accept": "application/json", **self._authorization},
            timeout=TIMEOUT,
            follow_redirects=False,
        )

    def _read_json(self, content: bytes) -> object:
        if not content.strip():
            return None
        try:
            return parse_json(content, self._secrets)
        except (ValueError, RecursionError):
            raise invalid_json_error(content) from None


def _path_segment(name: str, value: str | int) -> str:
    text = str(value)
    if text in ("", ".", ".."):
        raise BadArgument(name, f"{text!r} is not an id", "an id from an earlier answer")
    return quote(text, safe="")


def _texts_by_name(ids: Mapping[str, str | int], query: Query | None) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in {**ids, **(query or {})}.items()]


def _query_params(query: Query | None) -> httpx.QueryParams:
    """Query parameters as the API takes them: lists repeat the name, booleans are lower case, None is omitted."""
    pairs: list[tuple[str, str]] = []
    for name, value in (query or {}).items():
        match value:
            case None:
                continue
            case bool():
                pairs.append((name, "true" if value else "false"))
            case str() | int() | float():
                pairs.append((name, str(value)))
            case _:
                pairs.extend((name, item) for item in value)
    return httpx.QueryParams(tuple(pairs))


def encoded_length(query: Query) -> int:
    """Return the length of query parameters in a URL. Most characters other than ASCII become nine or twelve there."""
    try:
        return len(str(_query_params(query)))
    except UnicodeEncodeError:
        return 0
