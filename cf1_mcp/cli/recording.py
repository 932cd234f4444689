"""Recordings: real exchanges with the API in a file, without secrets, account ids and texts.

A recording is a file of JSON Lines. The first line describes it, and each further one is an exchange: a request
(method, path template, ids, query, body) and its response (status, headers that matter, body).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import httpx
from pydantic import JsonValue

from cf1_mcp.api import operations
from cf1_mcp.api.operations import Operation, Route
from cf1_mcp.cli.placeholders import Placeholders
from cf1_mcp.errors import BadFile
from cf1_mcp.text.secrets import SecretMask

FORMAT: Final = "cf1-mcp recording"
VERSION: Final = 1
PRODUCT: Final = "/cloudforce-one"
HEADERS: Final = ("content-type", "retry-after", "ratelimit", "ratelimit-policy", "deprecation", "sunset", "x-sandbox")
MAX_HEADER_LENGTH: Final = 80
# Parameters whose values say how to answer, not what about.
PLAIN_PARAMETERS: Final = frozenset(
    {"page", "pageSize", "limit", "order", "orderBy", "format", "aggregateBy", "groupByDate", "direction", "maxDepth"}
    | {"max_nodes", "includeParent", "includeTags", "relatedEventsLimit", "includeDeleted"}
)
SCHEMA_KEYS: Final = frozenset(
    {"queryType", "types", "kind", "name", "fields", "args", "type", "ofType", "inputFields", "enumValues"}
)
"""The keys of an introspection that are kept: names and types, not descriptions and default values."""
GRAPH: Final = Operation("read_graph", (Route("GET", "/events/graph"),), True)
ACTORS: Final = Operation("list_actors", (Route("GET", "/events/tags/categories/actors"),), True)
SCOPE_WORDS: Final = frozenset({"all", "*", "operational", "analytics"})


@dataclass(frozen=True)
class Exchange:
    """A request and its response, as they were on the wire."""

    method: str
    url: httpx.URL
    body: bytes
    status: int
    headers: httpx.Headers
    answer: bytes


class ExchangeRecorder(httpx.AsyncBaseTransport):
    """A transport that keeps a copy of each exchange."""

    def __init__(self, transport: httpx.AsyncBaseTransport, exchanges: list[Exchange]) -> None:
        self._transport = transport
        self._exchanges = exchanges

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await self._transport.handle_async_request(request)
        try:
            answer = await response.aread()
        finally:
            await response.aclose()
        status, headers = response.status_code, response.headers
        self._exchanges.append(Exchange(request.method, request.url, request.content, status, headers, answer))
        return httpx.Response(status, headers=headers, content=answer)

    async def aclose(self) -> None:
        await self._transport.aclose()


def write_recording(path: Path, exchanges: Sequence[Exchange], secrets: Sequence[str]) -> None:
    """Write a recording.

    Raises:
        BadFile: the file cannot be written, or would contain a secret.
    """
    mask = SecretMask(secrets)
    lines = [json.dumps({"format": FORMAT, "version": VERSION})]
    lines += [json.dumps(exchange) for exchange in redact_exchanges(exchanges, mask)]
    if any(mask.may_be_in(line.encode()) for line in lines):
        raise BadFile("The recording was not written: it would contain the token or the account id. Report this.")
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadFile(f"{path} cannot be written: {error.strerror}. Name another file.") from error


def redact_exchanges(exchanges: Sequence[Exchange], secrets: SecretMask) -> Iterator[dict[str, JsonValue]]:
    """Yield each exchange as a recording has it. Equal values have equal placeholders throughout."""
    texts = Placeholders(secrets)
    for exchange in exchanges:
        path, ids = _find_template(exchange.method, exchange.url.path.partition(PRODUCT)[2])
        yield {
            "request": {
                "method": exchange.method,
                "path": path,
                "ids": {name: texts.text(value, "id") for name, value in ids.items()},
                "query": _redact_query(texts, exchange.url.query.decode("latin-1")),
                "body": _redact_body(texts, exchange.body, path),
            },
            "response": {
                "status": exchange.status,
                "headers": _pick_headers(texts, exchange.headers),
                "body": _redact_body(texts, exchange.answer, path),
            },
        }


def _find_template(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the template of a path, and the ids that it stands for. Segments that no operation has are ids."""
    segments = path.strip("/").split("/")
    known = [one for one in (*vars(operations).values(), GRAPH, ACTORS) if isinstance(one, Operation)]
    routes = [route for one in known for route in one.routes]
    # Routes with fewer ids first, so that an id never stands for a fixed segment.
    for route in sorted(routes, key=lambda one: one.path.count("{")):
        parts = route.path.strip("/").split("/")
        pairs = list(zip(parts, segments, strict=False))
        if route.method == method and len(parts) == len(segments) and all(a == b or a[0] == "{" for a, b in pairs):
            return route.path, {a.strip("{}"): b for a, b in pairs if a[0] == "{"}
    words = {part for route in routes for part in route.path.split("/")}
    names = {place: f"id{place}" for place, segment in enumerate(segments) if segment not in words}
    parts = [f"{{{names[place]}}}" if place in names else segment for place, segment in enumerate(segments)]
    return "/" + "/".join(parts), {name: segments[place] for place, name in names.items()}


def _redact_query(texts: Placeholders, query: str) -> list[JsonValue]:
    pairs: list[JsonValue] = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        is_plain = (
            name in PLAIN_PARAMETERS and len(value) < MAX_HEADER_LENGTH and value.strip("-").replace(",", "").isalnum()
        )
        keeps = is_plain or value in SCOPE_WORDS
        pairs.append([texts.key(name), value if keeps and not texts.is_secret(value) else texts.text(value, name)])
    return pairs


def _redact_body(texts: Placeholders, body: bytes, path: str) -> JsonValue:
    if not body:
        return None
    try:
        value: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        kind = "<html>" if b"<html" in body[:2000].lower() else ""
        return f"not JSON: {kind}{texts.text(body.decode(errors='replace'))}"
    if path.endswith("/graphql"):
        return _redact_graphql(texts, value)
    return texts.replace(value)


def _redact_graphql(texts: Placeholders, value: JsonValue) -> JsonValue:
    """Return the body of a request or an answer of GraphQL. The names of a schema are kept: they are its point."""
    if not isinstance(value, dict):
        return texts.replace(value)
    if isinstance(document := value.get("query"), str):
        # The document is the doctor's own introspection.
        return {"query": document if "__schema" in document and '"' not in document else texts.text(document)}
    inner = value.get("result", value)
    data = inner.get("data") if isinstance(inner, dict) else None
    schema = data.get("__schema") if isinstance(data, dict) else None
    redacted = texts.replace(value)
    if schema is not None and isinstance(redacted, dict):
        place = redacted["result"] if "result" in value else redacted
        if isinstance(place, dict):
            place["data"] = {"__schema": _keep_names(texts, schema)}
    return redacted


def _keep_names(texts: Placeholders, value: JsonValue) -> JsonValue:
    """Return a part of a schema without its descriptions and default values."""
    match value:
        case dict():
            kept = {name: inner for name, inner in value.items() if name in SCHEMA_KEYS}
            return {name: _keep_names(texts, inner) for name, inner in kept.items()}
        case list():
            return [_keep_names(texts, inner) for inner in value]
        case str() if not value.isidentifier() or len(value) > MAX_HEADER_LENGTH:
            return texts.text(value)
        case _:
            return value


def _pick_headers(texts: Placeholders, headers: httpx.Headers) -> dict[str, JsonValue]:
    """Return the headers that matter, each only where it is as short and plain as such headers are."""
    found = {name: headers[name] for name in HEADERS if name in headers}
    return {name: value for name, value in found.items() if _is_plain(value) and not texts.is_secret(value)}


def _is_plain(value: str) -> bool:
    return len(value) <= MAX_HEADER_LENGTH and value.isascii() and "@" not in value
