"""Errors for requests that did not succeed. Each message names the cause and the next step."""

from typing import cast

import httpx

from cf1_mcp.api.json_text import parse_json
from cf1_mcp.api.transport import WaitTooLong
from cf1_mcp.errors import (
    ApiError,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.secrets import SecretMask

MAX_REASON_LENGTH = 300
MAX_WAIT_DIGITS = 9
# What a 404 means for alerts.
NO_ALERTS = "This account has no query alerts; not every account does. Use list_saved_queries to see what is watched."


def response_error(response: httpx.Response, secrets: SecretMask) -> ApiError:
    """The error for a response with a status other than 2xx.

    Published errors of this API are `{"errors": [{"message"}], "result": {}, "success": false}`; errors of the
    gateway in front of it also have a `code`, and a proxy may answer in HTML. Every part may be missing.
    """
    status = response.status_code
    said = api_reason(_json(response.content, secrets), secrets)
    match status:
        case 401:
            return Unauthenticated(
                "The API does not accept the token (401). "
                "Ask the operator to check that CLOUDFLARE_API_TOKEN is current and not revoked.",
                status,
                said,
            )
        case 403:
            return Forbidden(
                "The token may not do this (403). Ask the operator whether the account has Cloudforce One and "
                "the token 'Cloudforce One Read', or 'Cloudforce One Write' for changes.",
                status,
                said,
            )
        case 404 | 405:
            return NotFound(
                f"Not found on this account ({status}). "
                "Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.",
                status,
                said,
            )
        case 429:
            wait = retry_after(response.headers)
            when = f"Wait {wait:.0f} s before the next call" if wait is not None else "Wait a few minutes"
            return RateLimited(f"The API's rate limit is reached (429). {when}, and request more per call.", wait, said)
        case _ if status < 400:
            return UnexpectedAnswer(
                f"The API answered {status}, a redirect, which is not followed because the token would go with it. "
                "Ask the operator to check CLOUDFLARE_BASE_URL.",
                status,
            )
        case _ if status >= 500:
            return Unavailable(
                f"The API failed ({status}). If this was a change, check whether it was made before "
                "repeating it; otherwise try again in a minute.",
                status,
                said,
            )
        case _:
            return Refused(
                f"The API refused the request ({status}). Correct what it names and call again."
                if said
                else f"The API refused the request ({status}) and gave no reason. Check the arguments and call again.",
                status,
                said,
            )


def envelope_error(envelope: object, secrets: SecretMask) -> ApiError:
    """The error for `success: false` inside a 200."""
    return Refused(
        "The API answered 200 but reported failure. Nothing may have been done; check before trying again.",
        200,
        api_reason(envelope, secrets),
    )


def api_reason(body: object, secrets: SecretMask) -> str:
    """The API's own message for a failure, cleaned and clipped, or an empty text. Secrets in it are hidden."""
    if not isinstance(body, dict):
        return ""
    errors = cast("dict[str, object]", body).get("errors")
    if not isinstance(errors, list):
        return ""
    found = [
        cast("dict[str, object]", error).get("message")
        for error in cast("list[object]", errors)
        if isinstance(error, dict)
    ]
    messages = [message for message in found if isinstance(message, str) and message]
    return clean(secrets.hide("; ".join(messages)), MAX_REASON_LENGTH).rstrip(". ")


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait by the Retry-After header; None where it is absent, a date or absurd."""
    value = headers.get("Retry-After", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) <= MAX_WAIT_DIGITS else None


def retry_error(error: WaitTooLong, secrets: SecretMask) -> ApiError:
    """The error for a retry that would come after the deadline."""
    if isinstance(error.last, httpx.Response):
        if error.last.status_code == 429:
            # The transport caps its own waits, so the header is read again.
            wait = retry_after(error.last.headers) or error.wait
            return RateLimited(
                f"The API's rate limit is reached (429) and requires a wait of {wait:.0f} s, longer than one call may "
                f"take. Call again after {wait:.0f} s.",
                wait,
            )
        return response_error(error.last, secrets)
    return transport_error(error.last)


def transport_error(error: Exception) -> ApiError:
    """The error for a request that had no answer."""
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError():
            return Unreachable(
                "The API cannot be reached: no connection could be made. Ask the operator to check the network, the "
                "proxy and CLOUDFLARE_BASE_URL."
            )
        case httpx.PoolTimeout() | httpx.ProxyError() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return Unreachable(f"The request could not be sent ({type(error).__name__}). Try again.")
        case httpx.TimeoutException():
            return Unavailable(
                "The API did not answer in time. Request less, for instance a shorter period, or try again."
            )
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError():
            return Unavailable(
                "The connection broke before the answer was complete. If this was a change, check whether it was made "
                "before repeating it; otherwise try again."
            )
        case _:
            return Unavailable(f"The request could not be sent ({type(error).__name__}). Try again.")


def timeout_error(budget: float) -> ApiError:
    """The error for an operation that used up its time."""
    return Unavailable(
        f"The API did not answer within {budget:g} s. Request less, for instance a shorter period or a smaller "
        "limit, or try again."
    )


def invalid_json_error(body: bytes) -> UnexpectedAnswer:
    """The error for a success whose body is not JSON."""
    kind = "an HTML page" if b"<html" in body[:2000].lower() else "incomplete or invalid JSON"
    return UnexpectedAnswer(
        f"The answer was {kind} ({plural(len(body), 'byte')}), not an answer of this API. Something between here and "
        "Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy."
    )


def _json(body: bytes, secrets: SecretMask) -> object:
    try:
        return parse_json(body, secrets)
    except (ValueError, RecursionError):
        return None
