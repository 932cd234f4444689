"""Sending requests and reading their answers. Every failure is a `ThreatEventsError`."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import anyio
import anyio.lowlevel
import httpx
from pydantic import TypeAdapter, ValidationError

from cf1_mcp.api.failures import (
    envelope_error,
    invalid_json_error,
    response_error,
    retry_error,
    timeout_error,
    transport_error,
)
from cf1_mcp.api.json_text import parse_json
from cf1_mcp.api.operations import Operation, Route
from cf1_mcp.api.outcomes import require_success, telling_outcomes
from cf1_mcp.api.surrogates import surrogate_path
from cf1_mcp.api.transport import READ_RETRIES, TIMEOUT, WRITE_RETRIES, WaitTooLong, with_retries
from cf1_mcp.errors import ApiError, BadArgument, UnexpectedAnswer
from cf1_mcp.settings import UpdateMethod
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.secrets import SecretMask

T = TypeVar("T")
Query = Mapping[str, str | float | bool | Sequence[str] | None]
Connect = Callable[[], httpx.AsyncBaseTransport]

BUDGET: Final = 25.0
MAX_PLACE_LENGTH: Final = 80
# The header of every answer of a sandbox, so that nothing fictional is mistaken for intelligence.
SANDBOX_MARK: Final = "X-Sandbox"


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
        self._update_method = update_method
        self._budget = budget
        self._working_routes: dict[str, Route] = {}
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
        **ids: str | int,
    ) -> T:
        """Run one operation and return its answer as `shape`.

        `paged` keeps the paging details next to a list: `shape` then describes `{"result", "result_info"}`.

        Raises:
            ApiError: the API refused, failed, did not answer within the budget, or answered something else. It is an
                `UnknownOutcome` if that leaves unknown whether a change was made.
            BadArgument: an id cannot be part of a path, or a text cannot be sent.
        """
        try:
            with anyio.fail_after(self._budget):
                answer = await self._try_routes(operation, query, body, ids)
                # A large answer takes as long to validate as it took to parse: others have their turn between.
                await anyio.lowlevel.checkpoint()
        except TimeoutError:
            raise timeout_error(self._budget) from None
        except WaitTooLong as error:
            raise retry_error(error, self._secrets) from None
        except httpx.HTTPError as error:
            raise transport_error(error) from None
        require_success(answer, operation, self._secrets)
        try:
            return _type_adapter(shape).validate_python(self._unwrap(answer, paged))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = clean(".".join(str(part) for part in first["loc"]), MAX_PLACE_LENGTH) or "the whole answer"
            raise UnexpectedAnswer(
                f"The answer to {operation.name} is not what this API returns: {where}: {first['msg']}. "
                "If this continues, tell the operator: the API may have changed."
            ) from None

    async def _try_routes(
        self, operation: Operation, query: Query | None, body: Mapping[str, object] | None, ids: Mapping[str, str | int]
    ) -> object:
        """Return the answer of the first route, or of a later one if the server does not know the earlier ones."""
        errors: list[ApiError] = []
        for route in self._ordered_routes(operation):
            response = await self._send(operation, route, query, body, ids)
            if response.is_success:
                self._working_routes[operation.name] = route
                return self._read_json(response.content)
            errors.append(response_error(response, self._secrets))
            if response.status_code not in operation.fallback_statuses:
                raise errors[-1]
        raise errors[0]

    def _ordered_routes(self, operation: Operation) -> list[Route]:
        """Return the operation's routes: first the one that worked last, or else the one that the operator prefers."""
        last = self._working_routes.get(operation.name)
        is_update = {route.method for route in operation.routes} == {"PATCH", "POST"}
        return sorted(
            operation.routes,
            key=lambda route: (route != last, is_update and route.method != self._update_method),
        )

    async def _send(
        self,
        operation: Operation,
        route: Route,
        query: Query | None,
        body: Mapping[str, object] | None,
        ids: Mapping[str, str | int],
    ) -> httpx.Response:
        http = self._http = self._http or self._open_client()
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
        request.extensions["retry"] = READ_RETRIES if operation.is_read else WRITE_RETRIES
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

    def _unwrap(self, answer: object, paged: bool) -> object:
        # Some results have a `success` of their own, so an envelope is recognised by `result`.
        if not (isinstance(answer, dict) and "result" in answer and "success" in answer):
            return {"result": answer} if paged else answer  # pyright: ignore[reportUnknownVariableType]
        if answer["success"] is False:
            raise envelope_error(answer, self._secrets)  # pyright: ignore[reportUnknownArgumentType]
        return answer if paged else answer["result"]  # pyright: ignore[reportUnknownVariableType]

    def _read_json(self, content: bytes) -> object:
        if not content:
            return None
        try:
            return parse_json(content, self._secrets)
        except (ValueError, RecursionError):
            raise invalid_json_error(content) from None


@cache
def _type_adapter(shape: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(shape)


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
