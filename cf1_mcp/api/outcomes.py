"""What an answer tells of a change: whether it was made, or that this is unknown.

After a refusal, or without a connection, nothing was changed. Everything else that cannot be read as a success leaves
it unknown: it is an `UnknownOutcome`, or `Unavailable` if there was no answer.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from cf1_mcp.api.failures import api_reason
from cf1_mcp.api.operations import Operation
from cf1_mcp.errors import ApiError, Refused, Unavailable, UnknownOutcome, may_have_been_made
from cf1_mcp.text.secrets import SecretMask

Request = TypeVar("Request", bound=Callable[..., Any])


def telling_outcomes(request: Request) -> Request:
    """Return a `request` that raises `UnknownOutcome` if an answer does not tell whether a change was made."""

    @wraps(request)
    async def request_knowing(self: object, shape: object, operation: Operation, **given: Any) -> object:  # noqa: ANN401
        try:
            return await request(self, shape, operation, **given)
        except ApiError as error:
            is_known = operation.is_read or isinstance(error, Unavailable | UnknownOutcome)
            if is_known or not may_have_been_made(error):
                raise
            sentence = error.sentence
            if isinstance(error, Refused):
                sentence = f"The API answered {error.status}, which does not tell whether the change was made."
            raise UnknownOutcome(sentence, error.status, error.said, asked=operation.name) from error

    return cast("Request", request_knowing)


def require_success(answer: object, operation: Operation, secrets: SecretMask) -> None:
    """Refuse an answer to a change that does not report success where it has a word for it.

    Some results have a `success` of their own, beside what they are about; that is for their readers.

    Raises:
        UnknownOutcome: it reports a failure, or neither. What reports this in a success may have done a part before.
    """
    if operation.is_read or not isinstance(answer, dict):
        return
    envelope = cast("dict[str, object]", answer)
    is_bare = "result" not in envelope and not envelope.keys() <= {"success", "errors", "messages", "message"}
    if "success" not in envelope or is_bare or is_true(envelope["success"]):
        return
    raise UnknownOutcome(
        "The API answered 200 but did not report success.", 200, api_reason(envelope, secrets), asked=operation.name
    )


def is_true(value: object) -> bool:
    """Return whether a value says yes: some published answers have it as text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
