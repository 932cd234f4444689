"""Reading requests: JSON bodies, and query strings in the spellings that clients use."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import Json, is_array, is_object
from cf1_mcp.sandbox.json_values import parse_json
from cf1_mcp.sandbox.storage.database import SandboxDatabase

_BRACKETS: Final = re.compile(r"search\[(\d+)\]\[(field|op|value)\](\[\d*\])?")
# Far beyond any page or limit, and far below what the database cannot hold.
MAX_NUMBER_SIZE: Final = 1_000_000_000
_PARTS: Final = ("field", "op", "value")


def get_database(request: Request) -> SandboxDatabase:
    """The store that this application serves."""
    store = request.app.state.store
    if not isinstance(store, SandboxDatabase):
        raise TypeError("the application has no store")
    return store


async def read_body(request: Request) -> dict[str, object]:
    """The JSON object sent; BadRequest for anything else."""
    body = await request.body()
    try:
        value = parse_json(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}; send a JSON object") from error
    if not is_object(value):
        raise BadRequest("the body must be a JSON object")
    return value


def texts(body: Json, name: str) -> list[str]:
    """A list of one or more non-blank texts in a body."""
    values = body.get(name)
    if not is_array(values) or not values:
        raise BadRequest(f"{name} must be a list of one or more texts")
    return [_text(value, name) for value in values]


def one_text(body: Json, name: str) -> str:
    """A non-blank text in a body."""
    return _text(body.get(name), name)


def truth(given: Json, name: str, default: bool) -> bool:
    """A boolean, in JSON or as query strings spell it."""
    value = given.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise BadRequest(f"{name} {value!r} is no truth value; send true or false")


def refuse_unserved(given: Json, names: Sequence[str]) -> None:
    """Refuse filters of the live API that the sandbox does not have, since an answer without them would mislead."""
    found = [name for name in given if re.split(r"[.[]", name)[0] in names]
    if found:
        raise BadRequest(f"{', '.join(found)} cannot be served by the sandbox; leave it out")


def whole_number(given: Json, name: str, default: int, least: int = 1) -> int:
    """A whole number of a query string."""
    value = given.get(name)
    if value is None:
        return default
    text = str(value)
    if not text.isdecimal() or not least <= int(text) <= MAX_NUMBER_SIZE:
        raise BadRequest(f"{name} {value!r} must be a whole number from {least} to {MAX_NUMBER_SIZE}")
    return int(text)


def query_of(request: Request, *lists: str) -> dict[str, object]:
    """The query string; those named are lists, repeated or separated by commas, also written with `[]`."""
    found: dict[str, object] = {}
    for name, value in request.query_params.multi_items():
        plain = name.removesuffix("[]")
        if plain in lists:
            known = found.setdefault(plain, [])
            if is_array(known):
                known.extend(part for part in value.split(",") if part)
        else:
            found[name] = value
    return found


def list_query(request: Request, datasets: str = "datasetId") -> dict[str, object]:
    """The query string of a list request, with `search` as the conditions that any of its spellings means."""
    given = query_of(request, datasets)
    items = request.query_params.multi_items()
    plain = {name: value for name, value in given.items() if not name.startswith(("search.", "search["))}
    if isinstance(plain.get("search"), str):
        plain["search"] = _from_json(str(plain["search"]))
    elif any(name.startswith("search.") for name in given):
        plain["search"] = _from_dots(items)
    elif any(name.startswith("search[") for name in given):
        plain["search"] = _from_brackets(items)
    if isinstance(plain.get("searchBranches"), str):
        plain["searchBranches"] = _from_json(str(plain["searchBranches"]))
    return plain


def _from_json(text: str) -> object:
    try:
        return parse_json(text)
    except ValueError as error:
        raise BadRequest(f"search is not JSON: {error}; send a list of {{field, op, value}}") from error


def _from_dots(items: Sequence[tuple[str, str]]) -> list[object]:
    """`search.field=..&search.op=..&search.value=..`, as the official Python client sends one condition."""
    parts = {part: [value for name, value in items if name == f"search.{part}"] for part in _PARTS}
    if any(len(parts[part]) != 1 for part in ("field", "op")) or not parts["value"]:
        raise BadRequest(
            "search.field, search.op and search.value say one condition only; send several as one JSON text in search"
        )
    value = parts["value"] if parts["op"] == ["in"] else parts["value"][-1]
    if parts["op"] != ["in"] and len(parts["value"]) > 1:
        raise BadRequest(f"search.value is there {len(parts['value'])} times; send one, or op in")
    return [{"field": parts["field"][0], "op": parts["op"][0], "value": value}]


def _from_brackets(items: Sequence[tuple[str, str]]) -> list[object]:
    """`search[0][field]=..`; the values of `in` are repeated, with or without `[]`."""
    found: dict[int, dict[str, list[str]]] = {}
    for name, value in items:
        if not name.startswith("search["):
            continue
        match = _BRACKETS.fullmatch(name)
        if match is None:
            raise BadRequest(
                f"{name} is no part of a condition; write search[0][field], search[0][op], search[0][value]"
            )
        found.setdefault(int(match[1]), {}).setdefault(match[2], []).append(value)
    return [_joined(found[place]) for place in sorted(found)]


def _joined(parts: Mapping[str, Sequence[str]]) -> dict[str, object]:
    several = parts.get("op") == ["in"]
    return {part: list(values) if part == "value" and several else values[-1] for part, values in parts.items()}


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{name} must be text that is not empty, not {value!r}")
    return value
