"""Requests that cannot be read, and their answers.

The SDK drops a line that is not a message, so that its sender would wait for ever. Here it gets an error instead.
"""

import contextvars
import re
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, cast

import anyio
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCNotification
from pydantic import ValidationError

NOT_JSON: Final = (
    "The request is not JSON that can be read, so it was not carried out: it is cut off, has half a character (a lone "
    "surrogate), a byte order mark, a number of thousands of digits, or hundreds of levels. Send one message a line."
)
NO_MESSAGE: Final = (
    "The request is not a JSON-RPC 2.0 message, so it was not carried out. Send one object a line, with jsonrpc, "
    "method, an id that is a text or a whole number, and params that are an object."
)
MAX_ID_LENGTH: Final = 200  # characters, quotes included
# A text, a bracket, or what stands between. A text that is not closed ends with the line.
_PART: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}:,]|[^\s"\[\]{}:,]+')
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")
_PLAIN_TEXT: Final = re.compile(r'"[^"\\]*"')


class AnsweredStream(ReadStream[SessionMessage | Exception]):
    """The messages of a stream. For a line that is not one, an error is written and nothing is passed on."""

    def __init__(self, messages: ReadStream[SessionMessage | Exception], answers: WriteStream[SessionMessage]) -> None:
        self._messages = messages
        self._answers = answers

    @property
    def last_context(self) -> contextvars.Context | None:
        """The context of the sender of the last message, which the SDK looks for by this name."""
        return getattr(self._messages, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message."""
        while True:
            message = await self._messages.receive()
            problem = message.message if isinstance(message, SessionMessage) else message
            if not isinstance(problem, Exception | JSONRPCNotification):
                return message
            answer = answer_unreadable(problem)
            if answer is not None:
                # Unless nobody reads answers any more.
                with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                    await self._answers.send(SessionMessage(answer))
            elif isinstance(message, SessionMessage):
                return message

    async def aclose(self) -> None:
        """Close the stream of messages. That of the answers belongs to the server."""
        await self._messages.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def answer_unreadable(problem: Exception | JSONRPCNotification) -> JSONRPCError | None:
    """Return the answer to a line that is not a message; None to one that is empty or needs no answer.

    A request whose id is none (`1.5`, `true`, `null`) is read as a notification, of which there are few.
    """
    if isinstance(problem, JSONRPCNotification):
        return None if problem.method.startswith("notifications/") else _reject(None, INVALID_REQUEST, NO_MESSAGE)
    if not isinstance(problem, ValidationError):
        return _reject(None, PARSE_ERROR, NOT_JSON)
    errors = problem.errors(include_url=False, include_context=False)
    if errors[0]["type"] == "json_invalid":
        line = str(errors[0]["input"])
        return _reject(find_request_id(line), PARSE_ERROR, NOT_JSON) if line.strip() else None
    # The message as a whole is in the errors on what it lacks.
    whole = next((one["input"] for one in errors if one["type"] == "missing" and len(one["loc"]) == 2), None)
    fields = cast("dict[str, object]", whole) if isinstance(whole, dict) else {}
    request_id = fields.get("id") if "method" in fields else None
    is_id = isinstance(request_id, str | int) and not isinstance(request_id, bool)
    return _reject(request_id if is_id else None, INVALID_REQUEST, NO_MESSAGE)


def find_request_id(line: str) -> str | int | None:
    """Return the id of a request that is not JSON, as far as it can be read; None if it has none that is plain.

    The answer to a request of the server has an id as well, which is not one of the sender.
    """
    found: str | int | None = None
    has_method = False
    for name, value in _read_members(line):
        if name == '"method"':
            has_method = True
        elif name == '"id"' and len(value) <= MAX_ID_LENGTH:
            if _NUMBER.fullmatch(value):
                found = int(value)
            elif _PLAIN_TEXT.fullmatch(value):
                found = value[1:-1]
    return found if has_method else None


def _read_members(line: str) -> Iterator[tuple[str, str]]:
    """Yield the names of the first object's members, each with the first part of its value. Its end may be missing."""
    depth, before, name = 0, "", ""
    for found in _PART.finditer(line):
        part = found[0]
        if name:
            yield name, part
            name = ""
        match part:
            case "{" | "[":
                depth += 1
            case "}" | "]" if depth == 1:
                return
            case "}" | "]":
                depth -= 1
            case ":" if depth == 1:
                name = before
            case _:
                pass
        before = part


def _reject(request_id: object, code: int, message: str) -> JSONRPCError:
    answered = request_id if isinstance(request_id, str | int) else None
    return JSONRPCError(jsonrpc="2.0", id=answered, error=ErrorData(code=code, message=message))
