"""A lint for input schemas: it names what some clients reject or drop, with its location."""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

Schema = dict[str, JsonValue]

FORBIDDEN: Final = ("$ref", "$defs", "definitions", "anyOf", "oneOf", "allOf", "not", "title", "const", "nullable")
TYPES: Final = ("string", "integer", "number", "boolean", "array", "object")
PROPERTY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_NAME_LENGTH: Final = 40
MAX_DESCRIPTION_LENGTH: Final = 1_000


def walk(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Yield every sub-schema with its location."""
    yield path, schema
    for place, child in _children(schema, path):
        if isinstance(child, dict):
            yield from walk(child, place)


def flaws(schema: Schema, path: str) -> list[str]:
    """Return the flaws of a schema, one line each: the location and the flaw."""
    return [f"{place}: {flaw}" for place, node in walk(schema, path) for flaw in _flaws(node, place)]


def _children(schema: Schema, path: str) -> Iterator[tuple[str, JsonValue]]:
    properties = schema.get("properties")
    for name, child in properties.items() if isinstance(properties, dict) else ():
        yield f"{path}.{name}", child
    if "items" in schema:
        yield f"{path}[]", schema["items"]


def _flaws(node: Schema, place: str) -> Iterator[str]:
    yield from (f"has {key}" for key in FORBIDDEN if key in node)
    yield from (f"{child} is not an object" for child, part in _children(node, place) if not isinstance(part, dict))
    match node.get("type"):
        case str() as kind if kind in TYPES:
            pass
        case None:
            yield "has no type"
        case other:
            yield f"has type {other}"
    if node.get("type") == "array" and "items" not in node:
        yield "is an array of anything"
    if node.get("type") == "object":
        if not isinstance(node.get("properties"), dict):
            yield "names no properties"
        if node.get("additionalProperties") is not False:
            yield "is open"
    if "enum" in node:
        choices = node["enum"]
        if (
            node.get("type") != "string"
            or not isinstance(choices, list)
            or not all(isinstance(c, str) for c in choices)
        ):
            yield "has choices that are not strings"
    properties = node.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if not PROPERTY.fullmatch(name):
            yield f"has a property {name!r}"
    if len(str(node.get("description", ""))) > MAX_DESCRIPTION_LENGTH:
        yield "has a long description"
