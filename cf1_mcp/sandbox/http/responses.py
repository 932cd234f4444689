"""Responses in both forms: in Cloudflare's envelope, or bare as in the published schemas."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf1_mcp.sandbox.errors import RequestRejected
from cf1_mcp.sandbox.mood import current_mood
from cf1_mcp.sandbox.options import SandboxOptions


def respond(request: Request, result: object, info: Mapping[str, object] | None = None, status: int = 200) -> Response:
    """Return a success in the form that the options choose. `info` is the result_info of a list; a bare response has
    no place for it."""
    options = request.app.state.options
    if isinstance(options, SandboxOptions) and options.bare:
        return JSONResponse(result, status)
    return respond_enveloped(result, info, status)


def respond_enveloped(result: object, info: Mapping[str, object] | None = None, status: int = 200) -> Response:
    """Return a success in the envelope whatever the options: tags and references are published that way."""
    body: dict[str, object] = {"success": True, "errors": [], "messages": [], "result": result}
    return JSONResponse(body | ({"result_info": info} if info is not None else {}), status)


def respond_incompletely(request: Request, result: object, info: Mapping[str, object]) -> Response:
    """Return a list, which in the mood of the live API says whether every dataset has answered."""
    mood = current_mood()
    options = request.app.state.options
    if not mood.like_live or (isinstance(options, SandboxOptions) and options.bare):
        return respond(request, result, info)
    body: dict[str, object] = {"success": True, "errors": [], "messages": build_messages(), "result": result}
    return JSONResponse(body | {"result_info": info, "completeness": build_completeness()})


def build_messages() -> list[dict[str, object]]:
    """Return the `messages` of an answer about several datasets: one for each that did not answer."""
    return [{"message": f"Dataset {uuid} did not answer; its rows are missing"} for uuid in current_mood().failed]


def build_completeness() -> dict[str, object]:
    """Return the `completeness` of an answer about several datasets."""
    failed = current_mood().failed
    warnings = [message["message"] for message in build_messages()]
    return {"complete": not failed, "failedDatasets": [*failed], "failedShards": [], "warnings": warnings}


def respond_error(rejected: RequestRejected, status: int | None = None) -> Response:
    """Return an error, always in the envelope, with a code only where the gateway would send one."""
    error: dict[str, object] = {} if rejected.code is None else {"code": rejected.code}
    body: dict[str, object] = {
        "success": False,
        "errors": [error | {"message": rejected.message}],
        "messages": [],
        "result": {},
    }
    return JSONResponse(body, rejected.status if status is None else status)
