"""Reading requests: JSON bodies, and query strings in each spelling that clients use."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.json_values import JsonMapping, is_array, is_object, parse_json
from cf1_mcp.sandbox.storage.database import SandboxDatabase

_BRACKETS: Final = re.compile(r"search\[(\d+)\]\[(field|op|value)\](\[\d*\])?")
_CONDITION_PARTS: Final = ("field", "op", "value")


def get_database(request: Request) -> SandboxDatabase:
    """Return the database of the application that serves a request."""
    database = request.app.state.database
    if not isinstance(database, SandboxDatabase):
        raise TypeError("the application has no database")
    return database


async def read_body(request: Request) -> dict[str, object]:
    """Return the JSON object of a body, empty for an empty body; BadRequest for anything else."""
    body = await request.body()
    try:
        value = parse_json(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}; send a JSON object") from error
    if not is_object(value):
        raise BadRequest("the body must be a JSON object")
    return value


def reject_unsupported(parameters: JsonMapping, names: Sequence[str]) -> None:
    """Reject filters of the live API that the sandbox does not have, because ignoring them would mislead."""
    found = [name for name in parameters if re.split(r"[.[]", name)[0] in names]
    if found:
        raise BadRequest(f"the sandbox does not support {', '.join(found)}; leave it out")


def parse_query(request: Request, *lists: str) -> dict[str, object]:
    """Return the query string. The parameters named in `lists` are lists: repeated, separated by commas, or with
    `[]`."""
    found: dict[str, object] = {}
    for name, value in request.query_params.multi_items():
        base = name.removesuffix("[]")
        if base in lists:
            values = found.setdefault(base, [])
            if is_array(values):
                values.extend(part for part in value.split(",") if part)
        else:
            found[name] = value
    return found


def parse_list_query(request: Request, datasets: str = "datasetId") -> dict[str, object]:
    """Return the query string of a list request, with `search` parsed into conditions whatever its spelling.

    `datasets` is the parameter that lists the datasets.
    """
    parameters = parse_query(request, datasets)
    items = request.query_params.multi_items()
    parsed = {name: value for name, value in parameters.items() if not name.startswith(("search.", "search["))}
    if isinstance(parsed.get("search"), str):
        parsed["search"] = _parse_json_search(str(parsed["search"]))
    elif any(name.startswith("search.") for name in parameters):
        parsed["search"] = _parse_dotted_search(items)
    elif any(name.startswith("search[") for name in parameters):
        parsed["search"] = _parse_bracketed_search(items)
    if isinstance(parsed.get("searchBranches"), str):
        parsed["searchBranches"] = _parse_json_search(str(parsed["searchBranches"]))
    return parsed


def _parse_json_search(text: str) -> object:
    try:
        return parse_json(text)
    except ValueError as error:
        raise BadRequest(f"search is not JSON: {error}; send a list of {{field, op, value}}") from error


def _parse_dotted_search(items: Sequence[tuple[str, str]]) -> list[object]:
    """Parse `search.field=..&search.op=..&search.value=..`, as the official Python client sends one condition."""
    parts = {part: [value for name, value in items if name == f"search.{part}"] for part in _CONDITION_PARTS}
    if any(len(parts[part]) != 1 for part in ("field", "op")) or not parts["value"]:
        raise BadRequest(
            "search.field, search.op and search.value hold one condition only; send several as one JSON text in search"
        )
    value = parts["value"] if parts["op"] == ["in"] else parts["value"][-1]
    if parts["op"] != ["in"] and len(parts["value"]) > 1:
        raise BadRequest(f"search.value is given {len(parts['value'])} times; send it once, or use op in")
    return [{"field": parts["field"][0], "op": parts["op"][0], "value": value}]


def _parse_bracketed_search(items: Sequence[tuple[str, str]]) -> list[object]:
    """Parse `search[0][field]=..`; the values of `in` are repeated, with or without `[]`."""
    conditions: dict[int, dict[str, list[str]]] = {}
    for name, value in items:
        if not name.startswith("search["):
            continue
        match = _BRACKETS.fullmatch(name)
        if match is None:
            raise BadRequest(
                f"{name} is not part of a condition; use search[0][field], search[0][op] and search[0][value]"
            )
        conditions.setdefault(int(match[1]), {}).setdefault(match[2], []).append(value)
    return [_join_parts(conditions[index]) for index in sorted(conditions)]


def _join_parts(parts: Mapping[str, Sequence[str]]) -> dict[str, object]:
    is_list = parts.get("op") == ["in"]
    return {part: list(values) if part == "value" and is_list else values[-1] for part, values in parts.items()}
