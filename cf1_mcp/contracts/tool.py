"""A tool as this server runs it: strict arguments, a time limit, and failures that name the next step."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import JsonValue, ValidationError

from cf1_mcp.answers.answer import Answer
from cf1_mcp.answers.remarked import add_remarks
from cf1_mcp.api.remarks import Remarks, collecting
from cf1_mcp.changes.guards import NO_REPEAT
from cf1_mcp.context import ServerContext
from cf1_mcp.contracts.call_log import log_answer, log_refusal
from cf1_mcp.contracts.effects import ToolEffect, annotations_of
from cf1_mcp.contracts.empty_values import leave_out_empty
from cf1_mcp.contracts.json_texts import TextKeepingMetadata
from cf1_mcp.contracts.results import failure_text, tool_result
from cf1_mcp.errors import BadArgument, NotApproved, ThreatEventsError, choices, did_you_mean
from cf1_mcp.policy.read_policy import load_read_policy
from cf1_mcp.policy.visible_remarks import visible_remarks
from cf1_mcp.settings import Defang
from cf1_mcp.store.database import StoreError
from cf1_mcp.text.distinct_json import DistinctJson, RepeatedKey
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

WAITING: Final = "confirmation_required"
# Hosts give up after 30 to 60 s, and some never recover.
MAX_CALL_SECONDS: Final = 25.0
MAX_LOCATION_LENGTH: Final = 120
# How the SDK begins its errors about the answer to a question, such as one that was accepted without content.
UNREADABLE_ANSWER: Final = "Resolver "
MAX_PROBLEM_LENGTH: Final = 400
# Arguments that may be any JSON, so that no part of them is invalid. Their size is checked by the tools.
FREE_FORM: Final = frozenset({"raw_data"})
# Of an integer, about 4,200 digits.
MAX_BITS: Final = 14_000
# Invalid parts of the arguments that one failure names.
MAX_PROBLEMS: Final = 20
# Of an object in a list; those of the server's own schemas have fewer than 20.
MAX_KEYS: Final = 40
# Of one list, and of all lists and objects in one argument: each invalid value is described, which holds the server
# up.
MAX_LISTED: Final = 10_000
MAX_VALUES: Final = 25_000


class ThreatTool(Tool):
    """A tool that refuses unknown arguments, stops in time and phrases its failures for a model."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:  # noqa: ANN401 - the SDK's own signature
        try:
            result = await self._answer(arguments, context, convert_result)
        except ToolError:
            with suppress(StoreError):  # the failure says more, and shows nothing
                await log_refusal(context, self.name)
            raise
        if isinstance(result, CallToolResult):
            data: dict[str, JsonValue] = result.structured_content or {}
            # A change that was made is in the journal, and its outcome must be told.
            is_made = self.annotations != annotations_of(ToolEffect.READ) and data.get("status") != WAITING
            try:
                await log_answer(context, self.name, data)
            except StoreError as error:
                if not is_made:
                    raise ToolError(str(error)) from error
        return result

    async def _answer(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool) -> Any:  # noqa: ANN401 - as `run`
        try:
            self._refuse_unknown_arguments(arguments)
            arguments = leave_out_empty(arguments, self.fn_metadata.arg_model, self.parameters)
            for name, value in arguments.items():
                if name not in FREE_FORM:
                    _refuse_long_lists(name, value)
            _refuse_strange_numbers(arguments)
            await self._refuse_strange_objects(arguments)
            with anyio.fail_after(MAX_CALL_SECONDS), collecting() as remarks:
                answer = await super().run(arguments, context)
                if remarks and isinstance(answer, Answer):
                    answer = await _add_remarks(answer, remarks, context.request_context.lifespan_context)
        except BadArgument as error:
            defang = context.request_context.lifespan_context.settings.defang
            raise ToolError(failure_text(error, defang)) from error
        except TimeoutError:
            raise ToolError(
                f"{self.name} took longer than {MAX_CALL_SECONDS:.0f} s and was stopped. Request less: a shorter "
                "period, fewer datasets or a smaller limit."
            ) from None
        except ToolError as error:
            raise self._reword(error, context.request_context.lifespan_context.settings.defang) from error
        if not (convert_result and isinstance(answer, Answer)):
            return answer
        server = context.request_context.lifespan_context
        if self.annotations == annotations_of(ToolEffect.READ):
            for event_id, text in answer.free_texts():
                server.shown_texts.remember(event_id, text)
        return tool_result(answer, server, context.protocol_version)

    def _refuse_unknown_arguments(self, arguments: Mapping[str, object]) -> None:
        """Refuse arguments that do not exist: a misspelt filter that is ignored would match everything."""
        known = sorted(self.parameters["properties"])
        for name in arguments:
            if name not in known:
                hint = did_you_mean(name, known) or "."
                valid = f"Valid arguments: {', '.join(known)}." if known else "It takes none."
                raise ToolError(f"{self.name} has no argument {clean(name, MAX_NAME_LENGTH)!r}{hint} {valid}")

    async def _refuse_strange_objects(self, arguments: Mapping[str, object]) -> None:
        """Refuse JSON texts with a repeated key: parsing them keeps the last value.

        Objects of a list, such as conditions and rows, are refused if they have many more keys than there are, and
        lists if they are much longer than any that is accepted.

        Raises:
            BadArgument: an object names a key more than once, or something has too many parts.
        """
        for name, value in arguments.items():
            if name in FREE_FORM:
                continue
            parsed = value
            if self._is_parsed(name) and isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                try:
                    parsed = await anyio.to_thread.run_sync(DistinctJson().read, value)
                except RepeatedKey as error:
                    raise BadArgument(
                        name, "an object in it names a key more than once", "one value for each key", words=[str(error)]
                    ) from None
                except (ValueError, RecursionError):
                    continue
            _refuse_long_lists(name, parsed)
            for item in cast("list[object]", parsed) if isinstance(parsed, list) else []:
                if isinstance(item, dict) and (count := len(cast("dict[str, object]", item))) > MAX_KEYS:
                    problem = f"an object in it has {count:,} keys"
                    raise BadArgument(name, problem, f"at most {MAX_KEYS} in one object, all of them known")

    def _is_parsed(self, name: str) -> bool:
        metadata = self.fn_metadata
        return not isinstance(metadata, TextKeepingMetadata) or metadata.wants_json(name)

    def _reword(self, error: ToolError, defang: Defang) -> ToolError:
        """Return the failure with the message of its cause instead of the SDK's."""
        cause = error.__cause__
        if isinstance(cause, ThreatEventsError):
            return ToolError(failure_text(cause, defang))
        if isinstance(cause, ToolError) and str(cause).startswith(UNREADABLE_ANSWER):
            return ToolError(str(NotApproved("the client sent no readable answer of the person", NO_REPEAT)))
        if isinstance(cause, ValidationError):
            return ToolError("\n".join(self._describe_invalid_arguments(cause)))
        if isinstance(error, UnexpectedToolError):
            return UnexpectedToolError(
                f"{self.name} failed because of a bug in this server. Report it to the operator: the log has details."
            )
        return error

    def _describe_invalid_arguments(self, error: ValidationError) -> list[str]:
        """Return one line for each invalid argument, with the valid values."""
        lines: list[str] = []
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0]) if problem["loc"] else "arguments"
            schema = self.parameters["properties"].get(name, {})
            allowed = schema.get("enum") or schema.get("items", {}).get("enum")
            hint = f" Use {choices(allowed)}." if allowed else ""
            where = clean(".".join(str(part) for part in problem["loc"]) or name, MAX_LOCATION_LENGTH)
            message = clean(problem["msg"].removeprefix("Value error, "), MAX_PROBLEM_LENGTH).rstrip(".")
            lines.append(f"{where}: {message}.{hint}")
        distinct = list(dict.fromkeys(lines))
        more = [f"There are {len(distinct) - MAX_PROBLEMS} more problems."] if len(distinct) > MAX_PROBLEMS else []
        return distinct[:MAX_PROBLEMS] + more


def _refuse_long_lists(name: str, value: object) -> None:
    """Refuse an argument with more parts than any that is accepted.

    Raises:
        BadArgument: one list in it, or all of its lists and objects together, have too many.
    """
    left, count = [value], 0
    while left:
        part = left.pop()
        if isinstance(part, list):
            values = cast("list[object]", part)
        elif isinstance(part, dict):
            values = [*cast("dict[str, object]", part).values()]
        else:
            continue
        count += len(values)
        if len(values) > MAX_LISTED or count > MAX_VALUES:
            problem = f"it has {'a list of ' if len(values) > MAX_LISTED else ''}{max(len(values), count):,} values"
            raise BadArgument(name, problem, f"at most {MAX_LISTED:,} in one list, and {MAX_VALUES:,} in all")
        left += values


async def _add_remarks(answer: Answer, remarks: Remarks, server: ServerContext) -> Answer:
    """Return the answer with those remarks that may be told."""
    try:
        policy = await load_read_policy(server.vocabulary, server.settings)
    except ThreatEventsError:
        policy = None
    told = visible_remarks(remarks, policy)
    lists = {"not_searched": told.not_searched, "partly_searched": told.partly_searched, "api_messages": told.quotes}
    untrusted: dict[str, JsonValue] = {name: [*values] for name, values in lists.items() if values}
    return add_remarks(answer, told.notes, untrusted, told.not_searched)


def _refuse_strange_numbers(arguments: Mapping[str, object]) -> None:
    """Refuse numbers that JSON does not have, or that Python does not print: they would fail anywhere."""
    left: list[tuple[str, object]] = [*arguments.items()]
    while left:
        name, value = left.pop()
        match value:
            case float() if not math.isfinite(value):
                raise ToolError(f"{name}: {value} is not a number of JSON. Use a finite number.")
            case int() if value.bit_length() > MAX_BITS:
                raise ToolError(f"{name}: the number has thousands of digits. Use a shorter one.")
            case dict():
                left += [(name, item) for item in cast("dict[str, object]", value).values()]
            case list():
                left += [(name, item) for item in cast("list[object]", value)]
            case _:
                pass
