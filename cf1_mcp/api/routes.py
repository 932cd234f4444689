"""The routes of an operation: which is tried, what a failure says of it, and what is remembered.

An API that does not know a route says so by 405, 410 or 501, or by code 7000 or 7003 of Cloudflare's gateway under any
status (`MissingRoute`). A 404 without such a code is about an object: nothing is learnt from it. Nor is anything from
words of a refusal that speak of a route, and from a redirect to another path (`DoubtfulRoute`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from cf1_mcp.api.operations import LIST_BY_BODY, LIST_BY_QUERY, LIST_EVENTS, Operation, Route
from cf1_mcp.errors import ApiError, DoubtfulRoute, Forbidden, MissingRoute, NotFound, Refused
from cf1_mcp.models import EventSearch
from cf1_mcp.settings import UpdateMethod

# Longer query strings are sent as a body: proxies and servers begin to refuse URLs near 8 kB.
MAX_QUERY_LENGTH: Final = 4_000
# Query strings up to this length are sent where there is no `POST /events`. The service reads URLs of 16 kB, and the
# address takes its part of them.
MAX_LONG_QUERY_LENGTH: Final = 15_000
# What a refusal says that may be about the form of `search`, which is JSON text in a URL: its name, a type, or nothing.
# The documented texts of this API say nothing.
OF_SEARCH: Final = re.compile(
    r"search|array|json|expected|pars|invalid|valid(ation|ate)|query|param|filter|input|malformed", re.IGNORECASE
)
SAYS_NOTHING: Final = frozenset({"", "an error occurred", "bad request"})


class KnownRoutes:
    """The routes that an account turned out not to have. They are tried last, not never: an account changes.

    So a route that ends is forgotten when it says so, and one that begins to work is found when the others end.
    """

    def __init__(self, update_method: UpdateMethod) -> None:
        self._update_method = update_method
        self._missing: set[tuple[str, Route]] = set()

    def order(self, operation: Operation, routes: Sequence[Route]) -> list[Route]:
        """Return routes of an operation in the order to try them, the preferred ones first."""
        is_update = {route.method for route in routes} == {"PATCH", "POST"}
        return sorted(
            routes,
            key=lambda route: (
                self.is_missing(operation, route),
                is_update and route.method != self._update_method,
            ),
        )

    def is_missing(self, operation: Operation, route: Route) -> bool:
        return (operation.name, route) in self._missing

    def learn(self, operation: Operation, failures: Mapping[Route, ApiError], answered: Route | None) -> None:
        """Remember what one call showed: the routes that failed, and the one that answered, if one did.

        A plain 404 shows nothing about any route of the call. A route that was refused for another reason is passed
        over from now on only if another one answered.
        """
        for route, error in failures.items():
            if isinstance(error, MissingRoute) and not isinstance(error, DoubtfulRoute):
                self._missing.add((operation.name, route))
        if answered and not any(map(is_plain_404, failures.values())):
            self._missing -= {(operation.name, answered)}
            lost = (route for route, error in failures.items() if not isinstance(error, DoubtfulRoute))
            self._missing |= {(operation.name, route) for route in lost}


def routes_for(search: EventSearch, length: int) -> tuple[Route, ...]:
    """Return the routes of a list that can take a search, the best first. `length` is that of its query in a URL."""
    if search.search_branches or length > MAX_LONG_QUERY_LENGTH:
        return (LIST_BY_BODY,)
    return (LIST_BY_BODY, LIST_BY_QUERY) if length > MAX_QUERY_LENGTH else LIST_EVENTS.routes


def is_plain_404(error: ApiError) -> bool:
    """Return whether the API answered that an object does not exist, or did not say what it is that does not."""
    return isinstance(error, NotFound) and not isinstance(error, MissingRoute)


def may_try_another(operation: Operation, route: Route, error: ApiError) -> bool:
    """Return whether another route may be tried after a failure.

    A change that was refused because its route is unknown was not made. Any other refusal of a change, a plain 404
    included, is about what is to be changed, and the same change is not sent in another way.
    """
    if isinstance(error, MissingRoute) or error.status in operation.fallback_statuses:
        return True
    if is_plain_404(error):
        return operation.is_read
    if route != LIST_BY_QUERY:
        return False
    # A firewall may take the JSON in a URL for an attack, and answers in its own words.
    is_blocked = isinstance(error, Forbidden) and not error.said
    return is_blocked or (isinstance(error, Refused) and _may_be_about_search(error.said))


def _may_be_about_search(said: str) -> bool:
    return said.casefold() in SAYS_NOTHING or OF_SEARCH.search(said) is not None


def failure_of(operation: Operation, failures: Sequence[ApiError]) -> ApiError:
    """Return the error for a call that no route answered: the one that says most about what was asked for.

    For one object, that it was not found. For anything else, the first that is about more than a route.
    """
    plain = [error for error in failures if is_plain_404(error)]
    others = [error for error in failures if not isinstance(error, NotFound)]
    ranked = [*plain, *others] if operation.is_of_one else [*others, *plain]
    return (ranked or [*failures])[0]


def is_empty(answer: object) -> bool:
    """Return whether an answer has nothing in it, in an envelope or without."""
    if isinstance(answer, dict) and "result" in answer and "success" in answer:
        return is_empty(cast("dict[str, object]", answer)["result"])
    return answer is None or answer in ([], {})
