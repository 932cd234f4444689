"""The border: what every outgoing result and error passes last, whatever tool, resource or prompt it comes from.

Untrusted text is cleaned where an answer is built, and secrets are hidden where a response is read. This is the one
place that holds for all of it, also for the texts of the SDK and for what nobody thought of.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, ErrorData
from pydantic import BaseModel, JsonValue, ValidationError

from cf1_mcp.answers.columns import shorten
from cf1_mcp.answers.fitting import MAX_SIZE, STEPS
from cf1_mcp.models.json_reading import map_texts, replace_surrogates
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import disarm, escape_invisible
from cf1_mcp.text.secrets import SecretMask

# Results whose size depends on what others wrote. Lists of tools are this server's own, playbooks the operator's.
BOUNDED: Final = frozenset({"tools/call", "resources/read", "completion/complete"})
# The data of a result in which nothing fits.
NOTHING_FITS: Final = "The data is too large to show. Request less."
# Reserved for the note on a cut, and for the mark that closes untrusted text.
END_SIZE: Final = 100
_MARK: Final = re.compile(r"^<(/?)untrusted ([0-9a-f]{8})>$", re.MULTILINE)
_log: Final = logging.getLogger(__name__)


class Border:
    """Middleware of the SDK: hides secrets, replaces what cannot be sent, and bounds sizes."""

    def __init__(self, secrets: SecretMask) -> None:
        self._secrets = secrets

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            result = await call_next(ctx)
        except MCPError as error:
            raise MCPError.from_error_data(self._clean_error(error.error)) from error
        except ValidationError:
            raise  # which the SDK answers without its text
        except Exception as error:
            # The outermost edge: the SDK would send the text of the exception.
            _log.exception("%s failed", ctx.method)
            raise MCPError(
                INTERNAL_ERROR,
                f"{ctx.method} failed because of a bug in this server. Report it to the operator: the log has details.",
            ) from error
        if isinstance(result, BaseModel):
            result = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return self._clean_result(result, ctx.method) if result else result

    def _clean_result(self, result: dict[str, Any], method: str) -> dict[str, Any]:
        # One pass over the whole finds out that nothing is to be done, which is nearly always so.
        whole = json.dumps(result, ensure_ascii=False)
        if self._is_unclean(whole):
            result = cast("dict[str, Any]", map_texts(result, self._clean_text))
            whole = json.dumps(result, ensure_ascii=False)
        if result.get("isError"):
            result = result | {"content": [_clean_failure_part(part) for part in result["content"]]}
        return _bound_result(result) if method in BOUNDED and len(whole) > MAX_SIZE else result

    def _clean_error(self, error: ErrorData) -> ErrorData:
        data: JsonValue = map_texts(error.data, self._clean_text)
        if data is not None and len(json.dumps(data)) > MAX_SIZE:
            data = NOTHING_FITS
        return ErrorData(code=error.code, message=_clean_failure(self._clean_text(error.message)), data=data)

    def _is_unclean(self, text: str) -> bool:
        try:
            content = text.encode()
        except UnicodeEncodeError:
            return True
        return b"\\u0000" in content or self._secrets.may_be_in(content)

    def _clean_text(self, text: str) -> str:
        return self._secrets.hide(replace_surrogates(text)).replace("\0", "\ufffd")


def _clean_failure_part(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "text": _clean_failure(part["text"])} if "text" in part else part


def _clean_failure(text: str) -> str:
    """Return the text of a failure without what a renderer would act on: the SDK quotes arguments as they came."""
    lines = _clip(text).split("\n")
    shown = (line if _MARK.match(line) else disarm(escape_invisible(line), links=False) for line in lines)
    return _clip("\n".join(shown))


def _bound_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result whose texts together, and whose data, have at most MAX_SIZE characters."""
    bounded = dict(result)
    for name in ("content", "contents"):
        if isinstance(parts := bounded.get(name), list):
            bounded[name] = _bound_parts(cast("list[dict[str, Any]]", parts))
    if "structuredContent" in bounded:
        bounded["structuredContent"] = _bound_data(bounded["structuredContent"])
    rest: dict[str, JsonValue] = {
        name: value for name, value in bounded.items() if name not in ("content", "contents", "structuredContent")
    }
    return bounded | cast("dict[str, JsonValue]", _bound_data(rest))


def _bound_parts(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    left = MAX_SIZE
    bounded: list[dict[str, Any]] = []
    for part in parts:
        text = part.get("text")
        if isinstance(text, str):
            part = {**part, "text": _clip(text, left)}
            left -= len(part["text"])
        bounded.append(part)
    return bounded


def _bound_data(data: JsonValue) -> JsonValue:
    for step in (None, *STEPS):
        shown = data if step is None else shorten(data, *step)
        if len(json.dumps(shown, ensure_ascii=False)) <= MAX_SIZE:
            return shown
    return {"notes": [NOTHING_FITS]}


def _clip(text: str, most: int = MAX_SIZE) -> str:
    """Return a text of at most `most` characters. A cut inside untrusted text leaves it enclosed."""
    if len(text) <= most:
        return text
    kept = text[: max(most - END_SIZE, 0)]
    kept += f"… (+{plural(len(text) - len(kept), 'character')})"
    marks = _MARK.findall(kept)
    return f"{kept}\n</untrusted {marks[-1][1]}>" if marks and not marks[-1][0] else kept
