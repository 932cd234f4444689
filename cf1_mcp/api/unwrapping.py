"""Reading the JSON of a success: out of its envelope, into a model, with remarks on what it says beside its result."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin

from pydantic import AfterValidator, TypeAdapter, ValidationError, WrapValidator

from cf1_mcp.api.failures import envelope_error
from cf1_mcp.api.remarks import quote, remark_cut, remark_failures, remark_incomplete, remark_unread_rows
from cf1_mcp.errors import UnexpectedAnswer
from cf1_mcp.models import Event, Tag, Text
from cf1_mcp.models.lenient_answers import Losses, keep_readable
from cf1_mcp.models.odd_values import read_flag
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.secrets import SecretMask

T = TypeVar("T")
JsonObject = Mapping[str, object]

MAX_PLACE_LENGTH: Final = 80
# What an envelope has beside its result. Some results have a `success` of their own, so that one key is not enough.
ENVELOPE: Final = frozenset({"success", "errors", "messages", "result_info", "completeness", "warnings"})
TRUNCATED: Final = "The API says that it cut its answer short (truncated): something may be missing."
# Rows that may be those of withheld events, or marked themselves.
JUDGED: Final = (Event, Tag, str)


def read_answer(shape: type[T], name: str, answer: object, secrets: SecretMask, *, paged: bool = False) -> T:
    """Return the answer to an operation as `shape`. `paged` keeps the paging details next to a list.

    Rows of a list that cannot be read are left out, unless that leaves none.

    Raises:
        ApiError: it reports a failure, or is not of this shape.
    """
    result = _unwrap(answer, secrets, paged=paged)
    losses = Losses()
    try:
        found: T = _type_adapter(shape).validate_python(result, context=losses)
    except ValidationError as error:
        whole = cast("JsonObject", result).get("result") if paged and isinstance(result, dict) else result
        if whole is None:
            raise _empty(name) from None
        first = error.errors(include_url=False, include_input=False)[0]
        where = clean(".".join(str(part) for part in first["loc"]), MAX_PLACE_LENGTH) or "the whole answer"
        raise _unexpected(name, f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
    row_type = get_args(shape)[0] if get_origin(shape) is list else None
    if losses.rows and found == [] and row_type is not Event:
        raise _unexpected(name, "none of its rows can be read")
    if losses.rows:
        remark_unread_rows(name, losses.rows, judged=row_type is None or row_type in JUDGED)
    return found


def unreadable_rows_error(name: str, problem: str) -> UnexpectedAnswer:
    """Return the error for an answer of which rows cannot be read."""
    return _unexpected(name, problem)


def _unexpected(name: str, problem: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"The answer to {name} is not what this API returns: {problem}. "
        "If this continues, tell the operator: the API may have changed."
    )


def _empty(name: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"The answer to {name} was empty, although the API reported success. Try again. If this continues, tell the "
        "operator: the API, or something between here and Cloudflare, may have failed."
    )


def _unwrap(answer: object, secrets: SecretMask, *, paged: bool) -> object:
    """Return the result in an answer, which may be bare or in an envelope."""
    if not (isinstance(answer, dict) and "result" in answer and ENVELOPE & cast("JsonObject", answer).keys()):
        _remark_on(answer)  # pyright: ignore[reportUnknownArgumentType]
        return {"result": answer} if paged else answer  # pyright: ignore[reportUnknownVariableType]
    envelope = cast("JsonObject", answer)
    if _is(envelope.get("success"), False):
        raise envelope_error(envelope, secrets)
    result = envelope["result"]
    _remark_on(envelope)
    _remark_on(result)
    for message in _texts(envelope.get("errors")):
        quote(message)
    return envelope if paged else result


def _remark_on(answer: object) -> None:
    """Remark on what an envelope, or a result, says of its own completeness."""
    if not isinstance(answer, dict):
        return
    given = cast("JsonObject", answer)
    for name in ("messages", "warnings"):
        for message in _texts(given.get(name)):
            quote(message)
    infos = [given, *(given.get(name) for name in ("result_info", "pagination"))]
    for info in (cast("JsonObject", one) for one in infos if isinstance(one, dict)):
        if _is(info.get("truncated"), True):
            remark_cut(TRUNCATED)
        _remark_on_completeness(info)
        if isinstance(completeness := info.get("completeness"), dict):
            _remark_on_completeness(cast("JsonObject", completeness))


def _remark_on_completeness(given: JsonObject) -> None:
    if _is(given.get("complete"), False):
        remark_incomplete()
    for name, partly in (("failedDatasets", False), ("failedShards", True)):
        failed = given.get(name)
        if isinstance(failed, int | float) and failed and not isinstance(failed, bool):
            remark_incomplete()
        remark_failures(_dataset_ids(failed), partly=partly)
    if given.keys() & {"complete", "failedDatasets", "failedShards"}:
        for message in _texts(given.get("warnings")):
            quote(message)


def _texts(value: object) -> list[str]:
    """Return the texts of messages: a text, or a list of texts and of objects with a message."""
    found: list[str] = []
    for item in cast("list[object]", value if isinstance(value, list) else [value]):
        if isinstance(item, dict):
            words = cast("JsonObject", item)
            item = next((words[name] for name in ("message", "text", "detail") if name in words), None)
        if isinstance(item, str) and item.strip():
            found.append(item)
    return found


def _dataset_ids(value: object) -> list[str]:
    """Return the datasets in a list of ids, names, or objects that have one."""
    found: list[str] = []
    for item in cast("list[object]", value if isinstance(value, list) else [value]):
        if isinstance(item, dict):
            words = cast("JsonObject", item)
            names = ("datasetId", "dataset_id", "uuid", "id", "dataset", "name")
            item = next((words[name] for name in names if isinstance(words.get(name), str)), None)
        if isinstance(item, str) and item.strip():
            found.append(item.strip())
    return found


def _is(value: object, flag: bool) -> bool:
    try:
        return read_flag(value) is flag
    except ValueError:
        return False


@cache
def _type_adapter(shape: type[T]) -> TypeAdapter[T]:
    if get_origin(shape) is not list:
        return TypeAdapter(shape)
    # An empty list of texts is published as one blank text.
    rows: Any = Annotated[list[Text], AfterValidator(_drop_blanks)] if get_args(shape)[0] is str else shape
    listed: Any = Annotated[rows, WrapValidator(keep_readable)]
    return TypeAdapter(listed)


def _drop_blanks(texts: list[str]) -> list[str]:
    return [text for text in texts if text]
