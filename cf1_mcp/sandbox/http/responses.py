"""Answers in both forms: in Cloudflare's envelope, or bare as the published schemas have them."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf1_mcp.sandbox.errors import RequestRejected
from cf1_mcp.sandbox.options import SandboxOptions


def answer(request: Request, result: object, info: Mapping[str, object] | None = None, status: int = 200) -> Response:
    """A success. `info` is the result_info of a list, which a bare answer has no room for."""
    options = request.app.state.options
    if isinstance(options, SandboxOptions) and options.bare:
        return JSONResponse(result, status)
    return enveloped(result, info, status)


def enveloped(result: object, info: Mapping[str, object] | None = None, status: int = 200) -> Response:
    """A success in the envelope whatever the form: tags and references are published that way."""
    body: dict[str, object] = {"success": True, "errors": [], "messages": [], "result": result}
    return JSONResponse(body | ({"result_info": info} if info is not None else {}), status)


def refusal(refused: RequestRejected, status: int | None = None) -> Response:
    """An error, always in the envelope; a code only where a gateway would give one."""
    error: dict[str, object] = {} if refused.code is None else {"code": refused.code}
    body: dict[str, object] = {
        "success": False,
        "errors": [error | {"message": refused.message}],
        "messages": [],
        "result": {},
    }
    return JSONResponse(body, refused.status if status is None else status)
