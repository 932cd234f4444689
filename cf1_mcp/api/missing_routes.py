"""Answers that speak of a route and not of what was asked for: how they are recognised, and their errors."""

import re
from typing import Final

import httpx

from cf1_mcp.errors import DoubtfulRoute, MissingRoute, NotFound

# Statuses, and codes of Cloudflare's gateway under any status, for a path or method that is not routed.
NO_ROUTE_STATUSES: Final = frozenset({405, 410, 501})
NO_ROUTE_CODES: Final = frozenset({7000, 7003})
# Invented: the words in which a refusal without such a code speaks of its route. If others are used, it is told as a
# refusal of the request, and no other route is tried.
WORDED_STATUSES: Final = frozenset({400, 404})
NO_ROUTE_WORDS: Final = re.compile(
    r"\b(no|not|unknown|invalid|unsupported) (such |matching )?(route|endpoint)\b|\bcould not route\b"
    r"|\b(route|endpoint|api version)\b.{0,40}\b(removed|retired|discontinued|deprecated|sunset|disabled|gone"
    r"|no longer|not (found|supported|available))\b",
    re.IGNORECASE,
)
# A 302, 303 or 307 may follow a change that was made, or lead to a page for signing in.
MOVED_STATUSES: Final = frozenset({301, 308})


def missing_route_error(status: int, said: str) -> MissingRoute:
    """The error for a path or method that the API does not know."""
    return MissingRoute(
        f"This account, or this version of the API, lacks this part: it has no such route ({status}). Continue without "
        "it, or check the ids: one of a wrong form is answered alike. Ask the operator whether the account should have "
        "it.",
        status,
        said,
    )


def unlisted_error(scope: str) -> NotFound:
    """The error for an event that no list has, on an account without the route that reads one."""
    where = "these lists leave analytics datasets out: name the dataset_id" if scope == "all" else "search without it"
    return NotFound(
        f"Not found: the API lists no event with this id. Check the id, or {where}. It may have been moved or deleted."
    )


def doubtful_route_error(status: int, said: str) -> DoubtfulRoute:
    """The error for a refusal whose words are about a route, without a code that says so."""
    return DoubtfulRoute(
        f"The API refused the request ({status}) as if it had no such route. Correct what it names, or continue "
        "without this part. Ask the operator whether the account should have it.",
        status,
        said,
    )


def body_needed_error(error: MissingRoute, length: int) -> MissingRoute:
    """The error for a search that only `POST /events` could take, of which an account has none."""
    return MissingRoute(
        f"This account's API has no POST /events ({error.status}), which a search needs that has groups of conditions "
        f"or is longer than {length:,} characters. Search for each group on its own, or for fewer values.",
        error.status,
        error.said,
    )


def is_to_other_path(response: httpx.Response) -> bool:
    """Whether a redirect leads to another path of the same server: the route has moved, and others may not have."""
    try:
        asked = response.request.url
        to = asked.join(response.headers.get("Location", ""))
    except (httpx.InvalidURL, RuntimeError):
        return False
    return (to.scheme, to.netloc) == (asked.scheme, asked.netloc) and to.path.rstrip("/") != asked.path.rstrip("/")
