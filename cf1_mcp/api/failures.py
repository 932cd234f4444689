"""Errors for requests that did not succeed. Each message names the cause and the next step."""

from typing import cast

import httpx

from cf1_mcp.api.missing_routes import (
    MOVED_STATUSES,
    NO_ROUTE_CODES,
    NO_ROUTE_STATUSES,
    NO_ROUTE_WORDS,
    WORDED_STATUSES,
    doubtful_route_error,
    is_to_other_path,
    missing_route_error,
)
from cf1_mcp.api.wire.json_text import parse_json
from cf1_mcp.api.wire.transport import WaitTooLong
from cf1_mcp.errors import (
    ApiError,
    DoubtfulRoute,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    UnknownAccount,
    Unreachable,
)
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.secrets import SecretMask

MAX_REASON_LENGTH = 300
MAX_WAIT_DIGITS = 9
MAX_CODE_LENGTH = 10
# Codes of Cloudflare's gateway: for headers that it cannot read, which is how it refuses a malformed token; and for a
# token that it does not accept, or not for this account. Which of the two is meant depends on the year of the release.
BAD_HEADER_CODES = frozenset({6003, 6111})
TOKEN_CODES = frozenset({1000, 9106, 9107, 9109, 10000, 10001})
TOKEN_STATUSES = frozenset({400, 401, 403})
# What a missing list means for saved queries and alerts. Neither list takes an argument, so a 400 means the same:
# without the route of alerts, "alerts" is read as the id of a saved query.
NO_QUERIES = "This account has no saved queries; not every account does. Use search_threat_events with filters instead."
NO_ALERTS = "This account has no query alerts; not every account does. Use list_saved_queries to see what is watched."


def response_error(response: httpx.Response, secrets: SecretMask) -> ApiError:
    """The error for a response with a status other than 2xx.

    Published errors of this API are `{"errors": [{"message"}], "result": {}, "success": false}`; errors of the
    gateway in front of it also have a `code`, and a proxy may answer in HTML. Every part may be missing.
    """
    status = response.status_code
    body = _json(response.content, secrets)
    said = api_reason(body, secrets)
    if error := _gateway_error(status, error_codes(body), said):
        return error
    if status in WORDED_STATUSES and NO_ROUTE_WORDS.search(said):
        return doubtful_route_error(status, said)
    if status == 403 and body is None and response.content.strip():
        return _blocked_error(status, response.content)
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
        case 404:
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
            return _redirect_error(response)
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


def _redirect_error(response: httpx.Response) -> ApiError:
    status = response.status_code
    kind = DoubtfulRoute if status in MOVED_STATUSES and is_to_other_path(response) else UnexpectedAnswer
    return kind(
        f"The API answered {status}, a redirect, which is not followed because the token would go with it. "
        "Ask the operator to check CLOUDFLARE_BASE_URL.",
        status,
    )


def _gateway_error(status: int, codes: set[int], said: str) -> ApiError | None:
    """The error for an answer of the gateway in front of the API, None if the API itself has answered."""
    if status in NO_ROUTE_STATUSES or codes & NO_ROUTE_CODES:
        return missing_route_error(status, said)
    if found := codes & BAD_HEADER_CODES:
        return Unauthenticated(
            f"The API cannot read the token ({status}, code {min(found)}): it is malformed. Ask the operator to copy "
            "CLOUDFLARE_API_TOKEN again, whole, without quotes, blanks or the word Bearer.",
            status,
            said,
        )
    if status in TOKEN_STATUSES and (found := codes & TOKEN_CODES):
        # A 403 may be about this part of the API alone.
        kind = Forbidden if status == 403 else Unauthenticated
        return kind(
            f"The API does not accept the token for this account ({status}, code {min(found)}). Ask the operator to "
            "check that CLOUDFLARE_API_TOKEN is current, that CLOUDFLARE_ACCOUNT_ID is the account it belongs to, and "
            "that it has 'Cloudforce One Read', or 'Cloudforce One Write' for changes.",
            status,
            said,
        )
    return None


def _blocked_error(status: int, content: bytes) -> Forbidden:
    """The error for a refusal in another form than those of the API, as a proxy, a firewall or a website sends it."""
    return Forbidden(
        f"The request was refused ({status}) with {_describe_body(content)}, not by this API: something between here "
        "and Cloudflare may have answered. Ask the operator to check the proxy and CLOUDFLARE_BASE_URL (it ends in "
        "/client/v4).",
        status,
    )


def unknown_account_error(error: ApiError) -> UnknownAccount:
    """The error for an account of which no route answers, not even the list of datasets."""
    return UnknownAccount(
        f"The API has no route for this account ({error.status}), not even its list of datasets. Ask the operator to "
        "check CLOUDFLARE_ACCOUNT_ID (the 32 hexadecimal digits of the account that the token belongs to) and "
        "CLOUDFLARE_BASE_URL (it ends in /client/v4).",
        error.status,
        error.said,
    )


def is_failure(answer: object) -> bool:
    """Return whether an answer is an envelope that reports failure. Some results have a `success` of their own."""
    if not isinstance(answer, dict):
        return False
    envelope = cast("dict[str, object]", answer)
    return "result" in envelope and envelope.get("success") is False


def envelope_error(envelope: object, secrets: SecretMask) -> ApiError:
    """The error for `success: false` inside a 200."""
    said = api_reason(envelope, secrets)
    if error_codes(envelope) & NO_ROUTE_CODES:
        return missing_route_error(200, said)
    if NO_ROUTE_WORDS.search(said):
        return doubtful_route_error(200, said)
    return Refused(
        "The API answered 200 but reported failure. Nothing may have been done; check before trying again.", 200, said
    )


def api_reason(body: object, secrets: SecretMask) -> str:
    """The API's own message for a failure, cleaned and clipped, or an empty text. Secrets in it are hidden."""
    found = [part for error in _errors(body) for part in (error.get("message"), _pointer(error))]
    messages = [message for message in found if isinstance(message, str) and message]
    return clean(secrets.hide("; ".join(messages)), MAX_REASON_LENGTH).rstrip(". ")


def error_codes(body: object) -> set[int]:
    """The codes in an answer's errors, as numbers. This API has none; those of the gateway may come as text."""
    codes = [str(error.get("code")).strip() for error in _errors(body)]
    return {int(code) for code in codes if code.isascii() and code.isdecimal() and len(code) < MAX_CODE_LENGTH}


def _pointer(error: dict[str, object]) -> object:
    """What an error is about, as errors of the gateway say it."""
    source = error.get("source")
    return cast("dict[str, object]", source).get("pointer") if isinstance(source, dict) else None


def _errors(body: object) -> list[dict[str, object]]:
    """The errors of an answer. One without a list of them may be an error itself: an object with a code."""
    answer = cast("dict[str, object]", body) if isinstance(body, dict) else {}
    errors = answer.get("errors")
    if not errors and "code" in answer:
        error = answer.get("error")
        errors = {"message": error if isinstance(error, str) else answer.get("message"), "code": answer["code"]}
    listed = cast("list[object]", errors) if isinstance(errors, list) else [errors]
    found = [cast("dict[str, object]", error) for error in listed if isinstance(error, dict)]
    chained = [error.get("error_chain") for error in found]
    causes = [one for chain in chained if isinstance(chain, list) for one in cast("list[object]", chain)]
    return [*found, *(cast("dict[str, object]", one) for one in causes if isinstance(one, dict))]


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
    return UnexpectedAnswer(
        f"The answer was {_describe_body(body)} ({plural(len(body), 'byte')}), not an answer of this API. "
        "Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and "
        "the proxy."
    )


def _describe_body(body: bytes) -> str:
    return "an HTML page" if b"<html" in body[:2000].lower() else "incomplete or invalid JSON"


def _json(body: bytes, secrets: SecretMask) -> object:
    try:
        return parse_json(body, secrets)
    except (ValueError, RecursionError):
        return None
